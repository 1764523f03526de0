// AdminRoutes+Writes.swift
//
// What changes something.

import Hummingbird
import HummingbirdCore
import QPTelemetry

extension AdminRoutes {
    static let writes = Self.sessionWrites + Self.banWrites + Self.configurationWrites + Self.switches

    private static let sessionWrites = [
        AdminRoute(
            method: .delete, path: "/api/v1/sessions/{id}", role: .operator_, summary: "Ends a session with 421.",
            answer: .empty, refusals: [.notFound, .conflict, .unprocessableContent], action: "kick"
        ) { call in
            try await call.control.kick(call.subject, by: call.caller)
            return Response(status: .noContent)
        },
        AdminRoute(
            method: .patch, path: "/api/v1/plugins/{name}", role: .operator_,
            summary: "Switches a plugin; what is not given stays.", body: RowSchema.pluginPatch,
            answer: .json(.row("PluginRow")), refusals: [.notFound, .conflict, .unprocessableContent], action: "plugin"
        ) { call in
            let patch = try await call.body(PluginPatch.self, RowSchema.pluginPatch)
            return try .json(try await call.control.change(try await call.pluginName(), patch, by: call.caller))
        },
    ]

    private static let banWrites = [
        AdminRoute(
            method: .post, path: "/api/v1/bans", role: .operator_, summary: "Bans a network; `force` needs admin.",
            body: RowSchema.banRequest, answer: .json(.row("BanRow"), .created),
            refusals: [.notFound, .conflict, .unprocessableContent], action: "ban"
        ) { call in
            let request = try await call.body(BanRequest.self, RowSchema.banRequest)
            if request.force == true, call.caller.role < .admin {
                await call.control.refused("ban", request.network, by: call.caller)
                throw Problem(.forbidden, "force needs the role admin")
            }
            return try .json(try await call.control.ban(request, by: call.caller), .created)
        },
        AdminRoute(
            method: .post, path: "/api/v1/bans/preview", role: .operator_, summary: "Whom a ban would hit.",
            body: RowSchema.banRequest, answer: .json(.row("BanPreview")),
            refusals: [.notFound, .conflict, .unprocessableContent], action: "ban"
        ) { call in
            let request = try await call.body(BanRequest.self, RowSchema.banRequest)
            return try .json(try await call.control.previewBan(request, for: call.caller))
        },
        AdminRoute(
            method: .delete, path: "/api/v1/bans/{id}", role: .operator_, summary: "Lifts a ban.", answer: .empty,
            refusals: [.notFound, .conflict, .unprocessableContent], action: "unban"
        ) { call in
            try await call.control.liftBan(call.subject, by: call.caller)
            return Response(status: .noContent)
        },
    ]

    private static let configurationWrites = [
        AdminRoute(
            method: .post, path: "/api/v1/generations/reload", role: .operator_,
            summary: "Reads the configuration again; 409 with the problems if it is refused.",
            answer: .json(.row("Generations")), refusals: [.notFound, .conflict, .unprocessableContent],
            action: "reload"
        ) { call in
            try .json(try await call.control.reload(by: call.caller))
        },
        AdminRoute(
            method: .post, path: "/api/v1/generations/go-back", role: .operator_,
            summary: "Runs the configuration before this one.", answer: .json(.row("Generations")),
            refusals: [.notFound, .conflict, .unprocessableContent], action: "go_back"
        ) { call in
            try .json(try await call.control.goBack(by: call.caller))
        },
    ]

    private static let switches = [
        AdminRoute(
            method: .put, path: "/api/v1/drain", role: .operator_, summary: "Refuses new connections.",
            answer: .json(.row("Switch")), action: "drain"
        ) { call in
            await call.control.setDraining(true, by: call.caller)
            return try .json(Switch(enabled: true))
        },
        AdminRoute(
            method: .delete, path: "/api/v1/drain", role: .operator_, summary: "Takes new connections again.",
            answer: .json(.row("Switch")), action: "undrain"
        ) { call in
            await call.control.setDraining(false, by: call.caller)
            return try .json(Switch(enabled: false))
        },
        AdminRoute(
            method: .put, path: "/api/v1/soft-bounce", role: .operator_,
            summary: "Lets refusals for good leave as deferrals, or not.", body: RowSchema.switchRequest,
            answer: .json(.row("Switch")), action: "soft_bounce"
        ) { call in
            let request = try await call.body(Switch.self, RowSchema.switchRequest)
            await call.control.setSoftBounce(request.enabled, by: call.caller)
            return try .json(request)
        },
    ]
}
