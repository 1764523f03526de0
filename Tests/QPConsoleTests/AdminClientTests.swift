// AdminClientTests.swift
//
// Requests and answers over real sockets.

import Glibc
import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct AdminClientTests {
    @Test func asksAndOrders() async throws {
        let server = FakeAdmin { request in
            switch (request.method, request.path) {
            case ("GET", "/api/v1/sessions/gone"): .problem(404, "no session with that id is known")
            case ("GET", "/api/v1/sessions"): .problem(400, "unknown field")
            case ("GET", "/api/v1/plugins"): .whole(200, "[]", type: "text/plain")
            case ("DELETE", "/api/v1/sessions/a%2Fb"): .whole(204, "")
            case ("POST", "/api/v1/generations/reload"): .problem(409, #"a: error\nb: error"#)
            case ("PUT", "/api/v1/soft-bounce"): .whole(200, #"{"enabled":true}"#)
            default: FakeReply.usual(request) ?? .problem(404, "nothing")
            }
        }
        let client = try fakeClient(try await server.start(), token: "qps_secret")
        guard case .whoami(let whoami) = try await client.ask(.whoami) else { return }
        #expect(whoami.name == "ann")
        guard case .session("gone", nil) = try await client.ask(.session("gone")) else {
            Issue.record("there is a session")
            return
        }
        guard case .session("", nil) = try await client.ask(.session("")) else { return }
        await #expect(throws: LinkProblem.rejected(400, "unknown field")) {
            try await client.ask(.sessions(SessionsWish()))
        }
        let foreign = await #expect(throws: LinkProblem.self) { try await client.ask(.plugins) }
        #expect(foreign?.text.hasSuffix("/api/v1/plugins: the answer is no JSON") == true)

        #expect(await Self.words(client.perform(.kick("a/b"))) == "ended a/b")
        #expect(await Self.words(client.perform(.kick(""))) == "not: nothing is named")
        #expect(await Self.words(client.perform(.reload)) == "not: a: error; and 1 more")
        #expect(await Self.words(client.perform(.softBounce(true))) == "soft bounce on")

        let requests = server.requests
        #expect(requests.allSatisfy { $0.fields["authorization"] == "Bearer qps_secret" })
        #expect(requests.last?.fields["content-type"] == "application/json")
        #expect(requests.last?.body == #"{"enabled":true}"#)
        #expect(Set(requests.map(\.connection)).count == 1, "connections are used again")
        var text = ""
        dump(client, to: &text)
        #expect(!text.contains("qps_secret"))
        await client.close()
        await server.stop()
    }

    private static func words(_ result: OrderResult) -> String {
        switch result {
        case .done(let text): text
        case .refused(let text): "not: " + text
        case .preview: "preview"
        }
    }

    @Test func localSockets() async throws {
        // Capital letters and what means something in addresses.
        let path = "/tmp/QP console %2F \(getpid()).sock"
        unlink(path)
        let server = FakeAdmin { FakeReply.usual($0) ?? .nothing }
        try await server.start(path: path)
        let client = try AdminClient(.unix(path))
        _ = try await client.ask(.overview)
        #expect(server.requests.first?.fields["host"] == "localhost")
        #expect(server.requests.first?.fields["authorization"] == nil)
        await server.stop()
        unlink(path)
        let problem = await #expect(throws: LinkProblem.self) { try await client.ask(.overview) }
        #expect(problem == .unreachable("unix:\(path): no such file"))
        await client.close()
    }

    @Test func nobodyThere() async throws {
        let server = FakeAdmin { _ in .nothing }
        let port = try await server.start()
        await server.stop()
        let client = try fakeClient(port)
        await #expect(throws: LinkProblem.unreachable("127.0.0.1:\(port): connection refused")) {
            try await client.ask(.whoami)
        }
        await client.close()
    }

    @Test(arguments: ["", "two words", "é", "a\r\nX: y", String(repeating: "a", count: 5000)])
    func noTokens(_ token: String) {
        #expect(throws: AddressProblem.self) { try fakeClient(1, token: token) }
    }

    @Test func noAuthorities() {
        #expect(throws: AddressProblem("/nowhere/ca.pem cannot be read as PEM certificates")) {
            try AdminClient(.network(host: "mx1", port: 1, isSecure: true), authorities: "/nowhere/ca.pem")
        }
    }
}
