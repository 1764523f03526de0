// RoleTests.swift
//
// Every route for everybody.

import Glibc
import QPTelemetry
import Synchronization
import Testing

@testable import QPAdminHTTP

struct RoleRow: CustomTestStringConvertible, Sendable {
    let method: String
    let path: String
    /// `nil`: anybody.
    let role: AdminRole?
    let status: Int
    var body: String?

    init(_ method: String, _ path: String, _ role: AdminRole?, _ status: Int = 200, _ body: String? = nil) {
        self.method = method
        self.path = path
        self.role = role
        self.status = status
        self.body = body
    }

    var testDescription: String { "\(self.method) \(self.path)" }

    static let all: [RoleRow] = [
        .init("GET", "/livez", nil), .init("GET", "/readyz", nil), .init("GET", "/metrics", .scrape),
        .init("GET", "/", nil), .init("GET", "/api/v1/openapi.json", .viewer),
        .init("GET", "/api/v1/whoami", .viewer), .init("GET", "/api/v1/overview", .viewer),
        .init("GET", "/api/v1/rates?seconds=900", .viewer),
        .init("GET", "/api/v1/sessions?state=refused&sort=helo&order=asc&limit=1000&offset=5&query=dnsbl", .viewer),
        .init("GET", "/api/v1/sessions/known", .viewer), .init("GET", "/api/v1/explain?sender=", .viewer),
        .init("GET", "/api/v1/plugins", .viewer), .init("GET", "/api/v1/plugins/dnsbl", .viewer),
        .init("GET", "/api/v1/hooks", .viewer), .init("GET", "/api/v1/bans", .viewer),
        .init("GET", "/api/v1/generations", .viewer), .init("GET", "/api/v1/generations/diff?from=2", .viewer),
        .init("GET", "/api/v1/drain", .viewer), .init("GET", "/api/v1/soft-bounce", .viewer),
        .init("GET", "/api/v1/backends", .viewer), .init("GET", "/api/v1/top?field=helo&limit=3", .viewer),
        .init("GET", "/api/v1/logs", .viewer), .init("GET", "/api/v1/events?backlog=10", .viewer),
        .init("GET", "/api/v1/audit?limit=10", .admin),
        .init("DELETE", "/api/v1/sessions/known", .operator_, 204),
        .init("PATCH", "/api/v1/plugins/dnsbl", .operator_, 200, #"{"mode":"shadow","time_limit":2.5}"#),
        .init("POST", "/api/v1/bans", .operator_, 201, #"{"network":"192.0.2.0/24","time_to_live":60}"#),
        .init("POST", "/api/v1/bans?", .admin, 201, #"{"network":"192.0.2.0/24","force":true}"#),
        .init("POST", "/api/v1/bans/preview", .operator_, 200, #"{"network":"192.0.2.0/24"}"#),
        .init("DELETE", "/api/v1/bans/b1", .operator_, 204),
        .init("POST", "/api/v1/generations/reload", .operator_),
        .init("POST", "/api/v1/generations/go-back", .operator_),
        .init("PUT", "/api/v1/drain", .operator_), .init("DELETE", "/api/v1/drain", .operator_),
        .init("PUT", "/api/v1/soft-bounce", .operator_, 200, #"{"enabled":true}"#),
    ]
}

struct RoleTests {
    private func ask(_ client: RawClient, _ row: RoleRow, _ fields: [String]) throws -> RawAnswer {
        var answer = try client.request(row.method, row.path, fields, body: row.body)
        if answer.fields["transfer-encoding"] == "chunked" { answer.body = try client.chunks() }
        return answer
    }

    @Test(arguments: RoleRow.all)
    func everybody(_ row: RoleRow) async throws {
        try await AdminFixture.run { fixture in
            let tcp = try RawClient(port: fixture.port)
            let open = try RawClient(port: fixture.openPort)
            let unix = try RawClient(path: fixture.path)

            let anonymous = row.role.map { $0 <= .viewer ? row.status : 401 } ?? row.status
            #expect(try self.ask(tcp, row, []).status == anonymous, "loopback, no token")
            #expect(try self.ask(open, row, []).status == (row.role == nil ? row.status : 401), "open, no token")
            let mapped = row.role.map { $0 <= .operator_ ? row.status : 403 } ?? row.status
            #expect(try self.ask(unix, row, []).status == mapped, "unix, operator")

            for role in AdminFixture.roles {
                let expected = row.role.map { $0 <= role ? row.status : 403 } ?? row.status
                for (name, client) in [("loopback", tcp), ("open", open), ("unix", unix)] {
                    let answer = try self.ask(client, row, [AdminFixture.bearer(role)])
                    #expect(answer.status == expected, "\(name), \(role)")
                }
            }
            for (name, client) in [("loopback", tcp), ("open", open), ("unix", unix)] {
                let answer = try self.ask(client, row, ["Authorization: Bearer wrong"])
                #expect(answer.status == (row.role == nil ? row.status : 401), "\(name), wrong token")
                #expect(row.role == nil || answer.fields["www-authenticate"]?.hasPrefix("Bearer") == true)
            }
        }
    }

    @Test func tableIsComplete() {
        for route in AdminRoutes.all {
            let isThere = RoleRow.all.contains { row in
                let path = String(row.path.split(separator: "?").first ?? "")
                return row.method == route.methodName && route.matches(path) && row.status < 300
            }
            #expect(isThere, "\(route.method) \(route.path)")
        }
    }

    @Test func unmappedUserNeedsToken() async throws {
        var access = AdminFixture.access()
        access.users = [:]
        try await AdminFixture.run(access: access) { fixture in
            let client = try RawClient(path: fixture.path)
            #expect(try client.request("GET", "/api/v1/whoami").status == 401)
            #expect(try client.request("GET", "/api/v1/whoami", [AdminFixture.bearer(.viewer)]).status == 200)
        }
    }

    @Test func refusedWritesAreRecorded() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            _ = try client.request("DELETE", "/api/v1/sessions/a%20b", [AdminFixture.bearer(.viewer)])
            _ = try client.request(
                "POST", "/api/v1/bans", [AdminFixture.bearer(.operator_)],
                body: #"{"network":"192.0.2.1","force":true}"#)
            _ = try client.request("GET", "/api/v1/audit", [AdminFixture.bearer(.viewer)])
            let calls = fixture.fake.state.withLock { $0.calls }
            #expect(calls == ["refused kick a b by viewer", "refused ban 192.0.2.1 by operator"])
        }
    }

    @Test func whoIsAsking() async throws {
        try await AdminFixture.run { fixture in
            let tcp = try RawClient(port: fixture.port)
            let anonymous = #"{"hides_addresses":true,"name":"anonymous","role":"viewer","source":"127.0.0.1"}"#
            #expect(try tcp.request("GET", "/api/v1/whoami").body == anonymous)
            let operated = #"{"hides_addresses":false,"name":"operator","role":"operator","source":"127.0.0.1"}"#
            #expect(try tcp.request("GET", "/api/v1/whoami", [AdminFixture.bearer(.operator_)]).body == operated)
            let unix = try RawClient(path: fixture.path)
            let mapped = #"{"hides_addresses":false,"name":"uid \#(getuid())","role":"operator","source":"unix"}"#
            #expect(try unix.request("GET", "/api/v1/whoami").body == mapped)
        }
    }

    @Test(arguments: ["token", "access_token", "Access_Token", "a%75th"])
    func tokensInAddresses(_ name: String) async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            let answer = try client.request("GET", "/api/v1/whoami?\(name)=secret-admin")
            #expect(answer.status == 400)
            #expect(!answer.body.contains("secret"))
        }
    }

    @Test func wrongTokensRunOut() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            var statuses: Set<Int> = []
            for _ in 0..<200 where !statuses.contains(429) {
                statuses.insert(try client.request("GET", "/metrics", ["Authorization: Bearer no"]).status)
            }
            #expect(statuses == [401, 429])
            // Who names no token is not concerned, nor is another source.
            #expect(try client.request("GET", "/metrics").status == 200)
            let unix = try RawClient(path: fixture.path)
            #expect(try unix.request("GET", "/metrics", [AdminFixture.bearer(.scrape)]).status == 200)
        }
    }
}
