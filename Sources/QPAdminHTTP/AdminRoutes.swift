// AdminRoutes.swift
//
// Everything that can be asked for, from the top: health, metrics, page, and what only looks.

import Hummingbird
import HummingbirdCore
import NIOCore
import QPTelemetry

/// The table that the router and the OpenAPI document are made of.
enum AdminRoutes {
    static let all =
        Self.health + Self.general + Self.sessions + Self.plugins + Self.server + Self.streams + Self.writes

    private static let health = [
        AdminRoute(
            method: .get, path: "/livez", role: nil, summary: "Whether the process works.", answer: .text,
            refusals: [.serviceUnavailable]
        ) { call in
            Self.health(await call.source.liveness())
        },
        AdminRoute(
            method: .get, path: "/readyz", role: nil, summary: "Whether mail is taken.", answer: .text,
            refusals: [.serviceUnavailable]
        ) { call in
            Self.health(await call.source.readiness())
        },
    ]

    private static func health(_ reason: String?) -> Response {
        reason.map { .text($0 + "\n", .serviceUnavailable) } ?? .text("ok\n")
    }

    private static let general = [
        AdminRoute(
            method: .get, path: "/metrics", role: .scrape, summary: "All numbers, for Prometheus.", answer: .metrics
        ) { call in
            let format = MetricsText.format(accept: call.request.headers[.accept])
            return .text(MetricsText.render(await call.source.metrics(), as: format), type: format.contentType)
        },
        AdminRoute(method: .get, path: "/", role: nil, summary: "A page for browsers; it holds no data.", answer: .page)
        { _ in
            var response = Response.text(AdminPage.html, type: "text/html; charset=utf-8")
            response.headers[.contentSecurityPolicy] = PagePolicy.page
            return response
        },
        AdminRoute(
            method: .get, path: "/api/v1/openapi.json", role: .viewer, summary: "This document.", answer: .document
        ) { _ in
            try .json(OpenAPIDocument.value)
        },
        AdminRoute(
            method: .get, path: "/api/v1/whoami", role: .viewer, summary: "Who is asking.",
            answer: .json(.row("Whoami"))
        ) { call in
            try .json(
                Whoami(
                    name: call.caller.name, role: call.caller.role, source: call.caller.source,
                    hidesAddresses: call.caller.hidesAddresses))
        },
        AdminRoute(
            method: .get, path: "/api/v1/overview", role: .viewer, summary: "The server in numbers.",
            answer: .json(.row("Overview"))
        ) { call in
            try .json(await call.source.overview())
        },
        AdminRoute(
            method: .get, path: "/api/v1/rates", role: .viewer, summary: "What happened in each of the last seconds.",
            parameters: [QueryParameter("seconds", .integer(1...900, standard: 60), "How many.")],
            answer: .json(.row("RateSeries"))
        ) { call in
            try .json(await call.source.rates(seconds: call.arguments.integer("seconds") ?? 60))
        },
    ]

    private static let sessions = [
        AdminRoute(
            method: .get, path: "/api/v1/sessions", role: .viewer, summary: "Sessions.",
            parameters: [
                .choice("state", SessionKind.self, standard: .live, "Which."), .query,
                .choice("sort", SessionSort.self, standard: .age, "By what."),
                QueryParameter("order", .choice(["asc", "desc"], standard: "desc"), "In which direction."),
                .limit(100),
                QueryParameter("offset", .integer(0...1_000_000, standard: 0), "Rows to pass over."),
            ],
            answer: .json(.row("SessionPage"))
        ) { call in
            try .json(await call.source.sessions(Self.sessionsRequest(call.arguments), for: call.caller))
        },
        AdminRoute(
            method: .get, path: "/api/v1/sessions/{id}", role: .viewer, summary: "All about one session.",
            answer: .json(.row("SessionDetail")), refusals: [.notFound]
        ) { call in
            guard let detail = await call.source.session(call.subject, for: call.caller) else {
                throw Problem(.notFound, "no session with that id is known")
            }
            return try .json(detail)
        },
        AdminRoute(
            method: .get, path: "/api/v1/explain", role: .viewer,
            summary: "What became of a mail: the sessions that carried it, newest first. Exactly one parameter.",
            parameters: [
                QueryParameter("id", .text(0...320), "A session or transaction."),
                QueryParameter("sender", .text(0...320), "An envelope sender; empty for the null sender."),
                QueryParameter("recipient", .text(0...320), "An envelope recipient."),
                QueryParameter("peer", .text(0...320), "A client's address."),
                QueryParameter("message_id", .text(0...998), "A Message-ID, with or without angle brackets."),
            ],
            answer: .json(.list(.row("SessionDetail"))), refusals: [.notFound, .unprocessableContent]
        ) { call in
            var request = ExplainRequest()
            request.id = call.arguments.text("id")
            request.sender = call.arguments.text("sender")
            request.recipient = call.arguments.text("recipient")
            request.peer = call.arguments.text("peer")
            request.messageId = call.arguments.text("message_id")
            let given = [request.id, request.sender, request.recipient, request.peer, request.messageId]
            guard given.count(where: { $0 != nil }) == 1 else {
                throw Problem.badRequest("exactly one of id, sender, recipient, peer, message_id is needed")
            }
            return try .json(try await call.source.explain(request, for: call.caller))
        },
        AdminRoute(
            method: .get, path: "/api/v1/top", role: .viewer, summary: "The most frequent values of a field.",
            parameters: [
                .choice("field", TopField.self, standard: nil, "Of what.", isRequired: true),
                .choice("state", SessionKind.self, standard: .live, "Among which sessions."), .query, .limit(20),
            ],
            answer: .json(.list(.row("TopRow")))
        ) { call in
            var request = Self.sessionsRequest(call.arguments)
            request.limit = call.arguments.integer("limit") ?? 20
            let field = call.arguments.choice("field", TopField.self) ?? .address
            return try .json(await call.source.top(field, request, for: call.caller))
        },
    ]

    private static func sessionsRequest(_ arguments: Arguments) -> SessionsRequest {
        var request = SessionsRequest()
        request.state = arguments.choice("state", SessionKind.self) ?? .live
        request.query = arguments.query
        request.sort = arguments.choice("sort", SessionSort.self) ?? .age
        request.isDescending = arguments.text("order") != "asc"
        request.limit = arguments.integer("limit") ?? 100
        request.offset = arguments.integer("offset") ?? 0
        return request
    }
}

/// Who is asking.
struct Whoami: Codable, Hashable {
    let name: String
    let role: AdminRole
    let source: String
    let hidesAddresses: Bool
}

/// Something that is on or off.
struct Switch: Codable, Hashable {
    let enabled: Bool
}
