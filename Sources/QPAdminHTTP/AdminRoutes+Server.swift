// AdminRoutes+Server.swift
//
// What only looks, of plugins, the server, and streams.

import Hummingbird
import HummingbirdCore
import QPTelemetry

extension AdminRoutes {
    static let plugins = [
        AdminRoute(
            method: .get, path: "/api/v1/plugins", role: .viewer, summary: "The plugins of the running configuration.",
            answer: .json(.list(.row("PluginRow")))
        ) { call in
            try .json(await call.source.plugins())
        },
        AdminRoute(
            method: .get, path: "/api/v1/plugins/{name}", role: .viewer,
            summary: "One plugin with its manual. Slashes in its name are %2F or ::.",
            answer: .json(.row("PluginDetail")), refusals: [.notFound]
        ) { call in
            guard let detail = await call.source.plugin(try await call.pluginName()) else {
                throw Problem(.notFound, "there is no such plugin")
            }
            return try .json(detail)
        },
        AdminRoute(
            method: .get, path: "/api/v1/hooks", role: .viewer, summary: "Each plugin on each hook.",
            answer: .json(.list(.row("HookRow")))
        ) { call in
            try .json(await call.source.hooks())
        },
    ]

    static let server = [
        AdminRoute(
            method: .get, path: "/api/v1/bans", role: .viewer, summary: "Networks that may not connect.",
            answer: .json(.list(.row("BanRow")))
        ) { call in
            try .json(await call.source.bans(for: call.caller))
        },
        AdminRoute(
            method: .get, path: "/api/v1/generations", role: .viewer,
            summary: "The configurations that can be gone back to.", answer: .json(.row("Generations"))
        ) { call in
            try .json(await call.source.generations())
        },
        AdminRoute(
            method: .get, path: "/api/v1/generations/diff", role: .viewer,
            summary: "How the files on disk, or of another generation, differ from the running configuration.",
            parameters: [QueryParameter("from", .integer(0...Int(Int32.max), standard: nil), "A generation.")],
            answer: .json(.list(.row("FileDifference"))), refusals: [.notFound, .conflict, .unprocessableContent]
        ) { call in
            try .json(try await call.source.difference(from: call.arguments.integer("from")))
        },
        AdminRoute(
            method: .get, path: "/api/v1/drain", role: .viewer, summary: "Whether new connections are refused.",
            answer: .json(.row("Switch"))
        ) { call in
            try .json(Switch(enabled: await call.source.overview().isDraining))
        },
        AdminRoute(
            method: .get, path: "/api/v1/soft-bounce", role: .viewer,
            summary: "Whether refusals for good leave as deferrals.", answer: .json(.row("Switch"))
        ) { call in
            try .json(Switch(enabled: await call.source.overview().isSoftBouncing))
        },
        AdminRoute(
            method: .get, path: "/api/v1/backends", role: .viewer, summary: "What the server depends on.",
            answer: .json(.list(.row("BackendRow")))
        ) { call in
            try .json(await call.source.backends())
        },
        AdminRoute(
            method: .get, path: "/api/v1/audit", role: .admin, summary: "What operators changed, newest first.",
            parameters: [.limit(100)], answer: .json(.list(.row("AuditRow")))
        ) { call in
            try .json(await call.source.audit(limit: call.arguments.integer("limit") ?? 100))
        },
    ]

    private static let following = [
        QueryParameter("after", .integer(0...9_007_199_254_740_991, standard: nil), "Go on behind this number."),
        .query,
        QueryParameter(
            "follow", .choice(["true", "false"], standard: nil),
            "Whether to wait for more; without it: as text/event-stream, yes; as lines, no."),
    ]

    static let streams = [
        AdminRoute(
            method: .get, path: "/api/v1/logs", role: .viewer, summary: "The log.",
            parameters: Self.following + [
                QueryParameter("backlog", .integer(0...1_000, standard: 100), "How many earlier lines."),
                QueryParameter("level", .text(1...32), "The level up to which lines are wanted: LOGDEBUG or 0...7."),
                QueryParameter(
                    "plugin", .text(1...200),
                    "NAME: only lines of this plugin (and others so named). NAME:LEVEL: another level for this plugin.",
                    isRepeatable: true),
            ],
            answer: .stream(.row("LogRow")), refusals: [.notFound, .unprocessableContent]
        ) { call in
            let form = StreamForm(accept: call.request.headers[.accept])
            let request = try Self.logRequest(call, form)
            return try Self.open(call, form, "log", follows: request.follows) { () throws(ControlError) in
                try call.source.logs(request, for: call.caller)
            }
        },
        AdminRoute(
            method: .get, path: "/api/v1/events", role: .viewer, summary: "What happens to sessions and to the server.",
            parameters: Self.following + [
                QueryParameter("backlog", .integer(0...1_000, standard: 0), "How many earlier events.")
            ],
            answer: .stream(.row("EventRow"))
        ) { call in
            let form = StreamForm(accept: call.request.headers[.accept])
            var request = EventRequest()
            request.query = call.arguments.query
            request.after = try Self.after(call)
            request.backlog = call.arguments.integer("backlog") ?? 0
            request.follows = call.arguments.flag("follow") ?? (form == .events)
            return try Self.open(call, form, "event", follows: request.follows) {
                call.source.events(request, for: call.caller)
            }
        },
    ]

    private static func logRequest(_ call: Call, _ form: StreamForm) throws(Problem) -> LogRequest {
        var request = LogRequest()
        request.level = call.arguments.text("level")
        for text in call.arguments.texts("plugin") {
            let (name, level) = Self.split(text)
            if let level { request.pluginLevels[name] = level } else { request.plugins.append(name) }
        }
        request.query = call.arguments.query
        request.after = try Self.after(call)
        request.backlog = call.arguments.integer("backlog") ?? 100
        request.follows = call.arguments.flag("follow") ?? (form == .events)
        return request
    }

    /// Names have colons themselves (`queue::maildir`, `my_check:0`), so that only a level's name counts as one.
    static func split(_ text: String) -> (name: String, level: String?) {
        guard let colon = text.lastIndex(of: ":") else { return (text, nil) }
        let name = text[..<colon]
        let level = text[text.index(after: colon)...].uppercased()
        let isLevel = level.hasPrefix("LOG") && level.utf8.allSatisfy { (0x41...0x5A).contains($0) }
        guard isLevel, !name.isEmpty, name.last != ":" else { return (text, nil) }
        return (String(name), level)
    }

    /// A browser that comes back says what it had last; that is newer than its address.
    private static func after(_ call: Call) throws(Problem) -> UInt64? {
        guard let field = FieldName("Last-Event-ID").flatMap({ call.request.headers[$0] }) else {
            return call.arguments.integer("after").map { UInt64($0) }
        }
        guard field.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(field) else {
            throw .badRequest("Last-Event-ID is a number")
        }
        return number
    }

    private static func open<Row: SequencedRow>(
        _ call: Call, _ form: StreamForm, _ kind: String, follows: Bool,
        _ rows: () throws(ControlError) -> any TelemetryStream<Row>
    ) throws -> Response {
        if call.request.method == .head {
            return Response(status: .ok, headers: [.contentType: form.contentType])
        }
        guard let place = call.streams.take(call.caller.name, limit: call.setup.access().streamsPerCredential) else {
            throw Problem(.tooManyRequests, "this credential has as many streams open as it may")
        }
        return OpenStream(try rows(), place: place).answer(call.request, form, kind: kind, follows: follows)
    }
}
