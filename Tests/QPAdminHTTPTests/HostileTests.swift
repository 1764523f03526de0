// HostileTests.swift
//
// Clients that send what they should not, or nothing.

import Glibc
import NIOCore
import QPTelemetry
import Synchronization
import Testing

@testable import QPAdminHTTP

struct HostileRow: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    /// Statuses that are right; 0: closed without a word.
    let statuses: Set<Int>

    static let field =
        "POST /api/v1/bans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret-operator\r\n"
        + "Content-Type: application/json\r\n"
    static let all: [HostileRow] = [
        .init(testDescription: "garbage", text: "\u{1}\u{2}garbage\r\n\r\n", statuses: [0, 400]),
        .init(testDescription: "TLS hello", text: "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", statuses: [0, 400]),
        .init(testDescription: "SMTP", text: "EHLO x\r\nMAIL FROM:<>\r\n", statuses: [0, 400]),
        .init(
            testDescription: "header of 100 kB",
            text: "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 100_000))\r\n\r\n",
            statuses: [0, 400, 431]),
        .init(
            testDescription: "5,000 headers",
            text: "GET /livez HTTP/1.1\r\nHost: localhost\r\n\(String(repeating: "A: b\r\n", count: 5_000))\r\n",
            statuses: [0, 400, 431]),
        .init(
            testDescription: "address of 100 kB",
            text: "GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\n\r\n",
            statuses: [0, 400, 414, 431]),
        .init(
            testDescription: "announced body of 1 GB", text: Self.field + "Content-Length: 1000000000\r\n\r\n{",
            statuses: [413]),
        .init(
            testDescription: "body of 100 kB",
            text: Self.field + "Content-Length: 100000\r\n\r\n\(String(repeating: "a", count: 100_000))",
            statuses: [413]),
        .init(
            testDescription: "chunked body of 100 kB",
            text: Self.field + "Transfer-Encoding: chunked\r\n\r\n186a0\r\n"
                + String(repeating: "a", count: 100_000) + "\r\n0\r\n\r\n",
            statuses: [413]),
        .init(
            testDescription: "broken chunks", text: Self.field + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
            statuses: [0, 400]),
        .init(
            testDescription: "endless chunk",
            text: Self.field + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n", statuses: [0, 400]),
        .init(
            testDescription: "two lengths", text: Self.field + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            statuses: [0, 400]),
        .init(
            testDescription: "negative length", text: Self.field + "Content-Length: -1\r\n\r\n{}", statuses: [0, 400]),
        .init(
            testDescription: "bad version",
            text: "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", statuses: [0, 400, 505]),
        .init(
            testDescription: "absolute address",
            text: "GET http://localhost/livez HTTP/1.1\r\nHost: evil\r\n\r\n", statuses: [421]),
        .init(
            testDescription: "connect",
            text: "CONNECT localhost:25 HTTP/1.1\r\nHost: localhost\r\n\r\n", statuses: [0, 400, 404, 405]),
    ]
}

struct HostileTests {
    @Test(arguments: HostileRow.all)
    func refused(_ row: HostileRow) async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            client.send(row.text)
            let answer = try? client.answer()
            #expect(row.statuses.contains(answer?.status ?? 0), "\(answer?.status ?? 0)")
            #expect(answer == nil || answer?.fields["content-type"] == "application/problem+json")
            #expect(try fixture.ask("GET", "/livez").status == 200)
        }
    }

    @Test(arguments: [
        ("", 400), ("{", 400), ("[]", 400), ("null", 400), ("{}", 400), (#"{"network":1}"#, 400),
        (#"{"network":"192.0.2.1","netwrok":"x"}"#, 400), (#"{"network":"192.0.2.1","timeToLive":1}"#, 400),
        (#"{"network":"192.0.2.1","time_to_live":"1"}"#, 400), (#"{"network":"192.0.2.1","time_to_live":1e999}"#, 400),
        (#"{"network":"192.0.2.1","kick":null}"#, 201),
        (String(repeating: "[", count: 60_000), 400),
    ])
    func bodies(_ body: String, _ expected: Int) async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            let answer = try client.request("POST", "/api/v1/bans", [AdminFixture.bearer(.operator_)], body: body)
            #expect(answer.status == expected, "\(answer.body)")
        }
    }

    @Test func bodiesAreJSONAndWhereTheyBelong() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            let fields = [AdminFixture.bearer(.operator_), "Content-Type: text/plain", "Content-Length: 0"]
            #expect(try client.request("PUT", "/api/v1/soft-bounce", fields).status == 415)
            let token = [AdminFixture.bearer(.operator_)]
            let other = try RawClient(port: fixture.port)
            #expect(try other.request("PUT", "/api/v1/drain", token, body: "{}").status == 400)
        }
    }

    @Test func slowRequestsEnd() async throws {
        let limits = ConnectionLimits(request: .milliseconds(50), idle: .seconds(60), stall: .seconds(60))
        try await AdminFixture.run(limits: limits) { fixture in
            for text in ["G", "GET /livez HTTP/1.1\r\nHost: loc", HostileRow.field + "Content-Length: 10\r\n\r\n{"] {
                let client = try RawClient(port: fixture.port)
                client.send(text)
                #expect(client.rest().isEmpty)
            }
            // A complete request has all the time, and so has its connection.
            let client = try RawClient(port: fixture.port)
            client.send("GET /api/v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try client.answer().status == 200)
            let slow = try RawClient(port: fixture.port)
            slow.send("G")
            #expect(slow.rest().isEmpty)
            client.send("x")
            #expect(try client.chunk()?.isEmpty == false)
            fixture.fake.state.withLock { $0.events }?.finish()
            #expect(try client.chunk() == nil)
        }
    }

    @Test func idleConnectionsEnd() async throws {
        let limits = ConnectionLimits(request: .seconds(60), idle: .milliseconds(50), stall: .seconds(60))
        try await AdminFixture.run(limits: limits) { fixture in
            let silent = try RawClient(port: fixture.port)
            #expect(silent.rest().isEmpty)
            let client = try RawClient(port: fixture.port)
            #expect(try client.request("GET", "/livez").status == 200)
            #expect(client.rest().isEmpty)
        }
    }

    @Test func severalRequestsInOnePiece() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            client.send(String(repeating: "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 50))
            for _ in 0..<50 { #expect(try client.answer().status == 200) }
        }
    }

    @Test func connectionsAreBounded() async throws {
        var access = AdminFixture.access()
        access.maxConnections = 8
        try await AdminFixture.run(access: access) { fixture in
            var clients: [RawClient] = []
            for _ in 0..<8 {
                let client = try RawClient(port: fixture.port)
                #expect(try client.request("GET", "/livez").status == 200)
                clients.append(client)
            }
            let surplus = try RawClient(port: fixture.port)
            #expect([nil, 503].contains(try? surplus.answer().status))
            #expect(surplus.rest().isEmpty)
            // Others get the places of those who leave.
            for client in clients { client.close() }
            var status: Int?
            while status != 200 { status = try? fixture.ask("GET", "/livez").status }
        }
    }

    @Test func manyAtOnce() async throws {
        try await AdminFixture.run { fixture in
            var clients: [RawClient] = []
            for _ in 0..<300 {
                guard let client = try? RawClient(port: fixture.port) else { continue }
                client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                clients.append(client)
            }
            for client in clients {
                #expect([nil, 200, 503].contains(try? client.answer().status))
                #expect(client.rest().isEmpty)
                client.close()
            }
            var status: Int?
            while status != 200 { status = try? fixture.ask("GET", "/livez").status }
        }
    }

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    /// Nothing of the endpoint runs on the threads that everything else shares.
    @Test func answersWhileOthersAreBusy() async throws {
        try await AdminFixture.run { fixture in
            let flag = Flag()
            await withTaskGroup { tasks in
                for _ in 0..<64 {
                    tasks.addTask { while !flag.isSet.load(ordering: .relaxed) { usleep(100) } }
                }
                let client = try? RawClient(port: fixture.port)
                for path in ["/livez", "/metrics", "/api/v1/overview", "/api/v1/sessions"] {
                    let status = try? client?.request("GET", path).status
                    #expect(status == 200)
                }
                flag.isSet.store(true, ordering: .relaxed)
            }
        }
    }

    @Test func halfClosedClientsAreAnswered() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.finish()
            #expect(try client.answer().body == "ok\n")
            #expect(client.rest().isEmpty)
        }
    }

    @Test func stopsWithClientsConnected() async throws {
        try await AdminFixture.run { fixture in
            let idle = try RawClient(port: fixture.port)
            #expect(try idle.request("GET", "/livez").status == 200)
            let watcher = try RawClient(port: fixture.port)
            watcher.send("GET /api/v1/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try watcher.answer().status == 200)
            await fixture.endpoint.stop()
            #expect(idle.rest().isEmpty)
            _ = watcher.rest()
            #expect(throws: RawClient.Failure.self) { try RawClient(port: fixture.port) }
        }
    }
}
