// StreamTests.swift
//
// Logs and events as they come.

import NIOCore
import QPTelemetry
import Synchronization
import Testing

@testable import QPAdminHTTP

@Suite(.timeLimit(.minutes(2)))
struct StreamTests {
    private static let sse = "Accept: text/event-stream"

    @Test func linesEndByThemselves() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            for _ in 0..<3 {
                fixture.fake.state.withLock { $0.logs = nil }
                let answer = try client.request(
                    "GET", "/api/v1/logs?backlog=5&level=LOGDEBUG&plugin=dnsbl&plugin=a:LOGINFO")
                #expect(answer.fields["content-type"] == "application/x-ndjson")
                let text = try client.chunks()
                #expect(text.hasSuffix("}\n"))
                #expect(text.split(separator: "\n").count == 1)
            }
            let request = fixture.fake.state.withLock { $0.logRequest }
            #expect(request?.backlog == 5)
            #expect(request?.level == "LOGDEBUG")
            #expect(request?.plugins == ["dnsbl"])
            #expect(request?.pluginLevels == ["a": "LOGINFO"])
            #expect(request?.follows == false)
        }
    }

    @Test func eventsInTheirForm() async throws {
        try await AdminFixture.run { fixture in
            let stream = FakeStream(rows: [Samples.log], follows: true)
            fixture.fake.state.withLock { $0.logs = stream }
            let client = try RawClient(port: fixture.port)
            client.send("GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\n\(Self.sse)\r\n\r\n")
            #expect(try client.answer().fields["content-type"] == "text/event-stream")
            let first = try #require(try client.chunk())
            #expect(first.hasPrefix("id: 7\nevent: log\ndata: {"))
            #expect(first.hasSuffix("}\n\n"))
            #expect(first.split(separator: "\n", omittingEmptySubsequences: false).count == 5)
            // The reader may not wait yet when the beat comes.
            Task.detached { while stream.pulled < 2 { stream.beat(); await Task.yield() } }
            #expect(try client.chunk() == ":\n\n")
            stream.offer(Samples.log)
            client.close()
            await stream.ended()
        }
    }

    @Test(arguments: [
        ("", nil, UInt64?.none), ("?after=5", nil, 5), ("?after=5", "Last-Event-ID: 8", 8), ("", "Last-Event-ID: 8", 8),
        ("?after=0", nil, 0),
    ])
    func resumes(_ query: String, _ field: String?, _ expected: UInt64?) async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            let answer = try client.request("GET", "/api/v1/events\(query)", field.map { [$0] } ?? [])
            #expect(answer.status == 200)
            #expect(fixture.fake.state.withLock { $0.eventRequest }?.after == expected)
        }
    }

    @Test(arguments: ["Last-Event-ID: x", "Last-Event-ID: -1", "Last-Event-ID: 99999999999999999999999"])
    func badResumption(_ field: String) async throws {
        try await AdminFixture.run { fixture in
            let answer = try fixture.ask("GET", "/api/v1/logs", [field])
            #expect(answer.status == 400)
        }
    }

    @Test(arguments: [true, false])
    func leavingEndsTheStream(_ isHalf: Bool) async throws {
        try await AdminFixture.run { fixture in
            let stream = FakeStream<LogRow>(rows: [], follows: true)
            fixture.fake.state.withLock { $0.logs = stream }
            let client = try RawClient(path: fixture.path)
            client.send("GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\n\(Self.sse)\r\n\r\n")
            #expect(try client.answer().status == 200)
            if isHalf { client.finish() } else { client.close() }
            await stream.ended()
        }
    }

    @Test func placesAreBoundedAndComeBack() async throws {
        var access = AdminFixture.access()
        access.streamsPerCredential = 2
        try await AdminFixture.run(access: access) { fixture in
            let stream = FakeStream<LogRow>(rows: [], follows: true)
            fixture.fake.state.withLock { $0.logs = stream }
            var watchers: [RawClient] = []
            for _ in 0..<2 {
                let watcher = try RawClient(port: fixture.port)
                watcher.send("GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\n\(Self.sse)\r\n\r\n")
                #expect(try watcher.answer().status == 200)
                watchers.append(watcher)
            }
            let client = try RawClient(port: fixture.port)
            #expect(try client.request("GET", "/api/v1/events", [Self.sse]).status == 429)
            // Another credential has places of its own; a question for the head takes none.
            let other = try RawClient(port: fixture.port)
            #expect(try other.request("HEAD", "/api/v1/logs").status == 200)
            #expect(try other.request("GET", "/api/v1/logs", [Self.sse, AdminFixture.bearer(.viewer)]).status == 200)
            for watcher in watchers { watcher.close() }
            var status = 429
            while status == 429 { status = try client.request("GET", "/api/v1/events?follow=false").status }
            #expect(status == 200)
        }
    }

    /// What is offered arrives or is counted as lost, and a watcher that reads nothing makes nothing grow.
    @Test func stalledWatcher() async throws {
        try await AdminFixture.run { fixture in
            let stream = FakeStream<LogRow>(rows: [], follows: true)
            fixture.fake.state.withLock { $0.logs = stream }
            let client = try RawClient(port: fixture.port, receiveBuffer: 4_096)
            client.send("GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\n\(Self.sse)\r\n\r\n")
            #expect(try client.answer().status == 200)
            let text = String(repeating: "x", count: 1_000)
            for number in 1...100_000 {
                stream.offer(LogRow(sequence: UInt64(number), time: 1, level: "LOGINFO", text: text))
            }
            // What the system's buffers hold, and a little.
            #expect(stream.pulled < 20_000)
            #expect(try fixture.ask("GET", "/livez").status == 200)

            stream.finish()
            let received = try client.chunks()
            var elements = 0
            var lost = 0
            for line in received.split(separator: "\n") {
                if line.hasPrefix("data: {\"lost\":") {
                    lost += Int(line.dropFirst("data: {\"lost\":".count).dropLast()) ?? 0
                } else if line.hasPrefix("data: ") {
                    elements += 1
                }
            }
            #expect(lost > 50_000)
            #expect(elements + lost == 100_000)
        }
    }

    @Test func watchersThatTakeNothingAreLeft() async throws {
        let limits = ConnectionLimits(request: .seconds(60), idle: .seconds(60), stall: .milliseconds(50))
        try await AdminFixture.run(limits: limits) { fixture in
            let stream = FakeStream<LogRow>(rows: [], follows: true)
            fixture.fake.state.withLock { $0.logs = stream }
            let client = try RawClient(port: fixture.port, receiveBuffer: 4_096)
            client.send("GET /api/v1/logs HTTP/1.1\r\nHost: localhost\r\n\(Self.sse)\r\n\r\n")
            #expect(try client.answer().status == 200)
            let text = String(repeating: "x", count: 1_000)
            let feeder = Task.detached {
                while !Task.isCancelled {
                    stream.offer(LogRow(sequence: 1, time: 1, level: "LOGINFO", text: text))
                    await Task.yield()
                }
            }
            await stream.ended()
            feeder.cancel()
            await feeder.value
        }
    }
}
