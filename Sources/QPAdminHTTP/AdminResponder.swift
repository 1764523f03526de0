// AdminResponder.swift
//
// From a request to its answer: name, credential, route, role; and what every answer carries.

import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import QPTelemetry

/// Answers the requests of all connections.
final class AdminResponder: Sendable {
    let routes: [AdminRoute]
    private let setup: AdminSetup
    private let credentials = Credentials()
    private let streams = StreamPlaces()
    private let router: RouterResponder<AdminContext>

    init(_ setup: AdminSetup) {
        let routes = AdminRoutes.all
        let router = Router(context: AdminContext.self)
        for route in routes {
            let methods: [HTTPRequest.Method] = route.isWrite ? [route.method] : [.get, .head]
            for method in methods {
                router.on(RouterPath(route.path), method: method) { request, context in
                    try await context.run(route, request)
                }
            }
        }
        self.routes = routes
        self.setup = setup
        self.router = router.buildResponder()
    }

    /// Always answers; an error that nobody expected is told to the log only.
    func respond(to request: Request, over connection: ConnectionFacts) async -> Response {
        var response: Response
        do {
            response = try await self.answer(request, connection)
        } catch let problem as Problem {
            response = problem.response
        } catch let error as ControlError {
            response = Problem(error).response
        } catch {
            self.setup.log(3, "admin endpoint: \(request.method) \(request.uri.path.prefix(100)): \(error)")
            response = Problem(.internalServerError, "this is a bug; the log has more").response
        }
        PagePolicy.secure(&response)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ connection: ConnectionFacts) async throws -> Response {
        let access = self.setup.access()
        try HostRule.check(request, over: connection, hosts: access.hosts)
        for (name, _) in try Arguments.pairs(request.uri.query)
        where Credentials.refusedParameters.contains(name.lowercased()) {
            throw Problem.badRequest("tokens are taken from the Authorization field only")
        }
        let candidates = self.routes(at: request.uri.path)
        var caller: Caller?
        if !candidates.contains(where: { $0.role == nil }) {
            caller = try self.credentials.caller(of: request, over: connection, access: access)
            guard caller != nil else { throw Problem.unauthorized("a token is needed", isWrong: false) }
        }
        guard !candidates.isEmpty else { throw Problem(.notFound, "there is nothing at this address") }
        guard candidates.contains(where: { Self.serves($0, request.method) }) else {
            var problem = Problem(.methodNotAllowed, "this address does not know that method")
            let methods = candidates.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
            problem.headers[.allow] = methods.joined(separator: ", ")
            throw problem
        }
        let context = AdminContext(
            source: AdminContext.Source(
                logger: AdminListener.silence, caller: caller, connection: connection, setup: self.setup,
                streams: self.streams))
        return try await self.router.respond(to: request, context: context)
    }

    /// As the router does it: an address of its own goes before a placeholder.
    private func routes(at path: String) -> [AdminRoute] {
        let all = self.routes.filter { $0.matches(path) }
        let literal = all.filter { $0.placeholder == nil }
        return literal.isEmpty ? all : literal
    }

    private static func serves(_ route: AdminRoute, _ method: HTTPRequest.Method) -> Bool {
        route.method == method || method == .head && route.method == .get
    }
}

/// A request between the router and its route.
struct AdminContext: RequestContext {
    /// What it is made of.
    struct Source: RequestContextSource {
        let logger: Logger
        /// `nil`: somebody whom nobody asked for a name.
        let caller: Caller?
        let connection: ConnectionFacts
        let setup: AdminSetup
        let streams: StreamPlaces
    }

    var coreContext: CoreRequestContextStorage
    private let source: Source

    init(source: Source) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.source = source
    }

    /// Checks what only the route knows, and calls its handler.
    func run(_ route: AdminRoute, _ request: Request) async throws -> Response {
        let caller = self.source.caller ?? Caller(name: "anybody", role: .scrape, source: "", hidesAddresses: true)
        var subject = ""
        if let placeholder = route.placeholder, let text = self.coreContext.parameters.get(placeholder) {
            guard let decoded = PercentText.decode(text) else {
                throw Problem.badRequest("the address is not percent-encoded UTF-8")
            }
            subject = decoded
        }
        if route.isWrite { try HostRule.checkOrigin(request, over: self.source.connection) }
        if let role = route.role, caller.role < role {
            try await self.refuse(route, subject, caller, request, role)
        }
        let call = Call(
            request: request, caller: caller, arguments: try Arguments(request.uri.query, route.parameters),
            subject: subject, setup: self.source.setup, streams: self.source.streams)
        if route.isWrite, route.body == nil { try await call.noBody() }
        return try await route.handler(call)
    }

    private func refuse(
        _ route: AdminRoute, _ subject: String, _ caller: Caller, _ request: Request, _ role: AdminRole
    ) async throws {
        // Who named nobody may still do so.
        let isNamed = self.source.connection.socket.isUnix || request.headers[.authorization] != nil
        guard isNamed else {
            throw Problem.unauthorized("this needs a token with the role \(role.rawValue)", isWrong: false)
        }
        if let action = route.action {
            await self.source.setup.control.refused(action, subject, by: caller)
        }
        throw Problem(.forbidden, "this needs the role \(role.rawValue)")
    }
}
