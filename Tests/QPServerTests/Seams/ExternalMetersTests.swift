// ExternalMetersTests.swift
//
// Requests to the outside, counted.

import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPServer

@Suite struct ExternalMetersTests {
    private let clock = ManualClock()
    private let meters: ExternalMeters

    init() {
        let clock = self.clock
        self.meters = ExternalMeters(monotonic: { clock.now.nanoseconds }, wall: { clock.wall })
    }

    private func row(_ kind: String, _ name: String) -> BackendRow? {
        self.meters.rows().first { $0.kind == kind && $0.name == name }
    }

    private func count(_ kind: String) -> [UInt64] {
        ["ok", "error", "timeout"].map { result in
            self.meters.counts().first { $0.kind == kind && $0.result == result }?.count ?? .max
        }
    }

    private func inFlight(_ kind: String) -> Int? { self.meters.inFlight().first { $0.kind == kind }?.count }

    @Test func nothingYet() {
        #expect(self.meters.rows().isEmpty)
        #expect(self.meters.counts().count == 12 && self.meters.counts().allSatisfy { $0.count == 0 })
        #expect(self.meters.inFlight().map(\.kind) == ["dns", "connect", "store", "http"])
        _ = MeteredResolver(FakeResolver(), self.meters)
        _ = MeteredStore(TestStore(clock: self.clock), self.meters)
        #expect(
            self.meters.rows().map { [$0.kind, $0.name, $0.state] } == [
                ["dns", "resolver", "unused"], ["store", "store", "unused"],
            ])
    }

    struct Answer: CustomTestStringConvertible {
        let testDescription: String
        let answer: Result<DNSAnswer, DNSError>
        let counts: [UInt64]
        let state: String
    }

    @Test(arguments: [
        Answer(testDescription: "an answer", answer: .success(.texts(["x"])), counts: [1, 0, 0], state: "ok"),
        Answer(testDescription: "no such name", answer: .failure(.noSuchName), counts: [1, 0, 0], state: "ok"),
        Answer(testDescription: "no data", answer: .failure(.noData), counts: [1, 0, 0], state: "ok"),
        Answer(testDescription: "failure", answer: .failure(.temporary("lame")), counts: [0, 1, 0], state: "failing"),
        Answer(testDescription: "silence", answer: .failure(.timedOut), counts: [0, 0, 1], state: "failing"),
    ])
    func resolver(_ row: Answer) async {
        let resolver = MeteredResolver(FakeResolver([.txt("a.example"): row.answer]), self.meters)
        let answer = await Self.result { () async throws(DNSError) in
            try await resolver.resolve(.txt("a.example"), timeout: .seconds(1), origin: origin())
        }
        #expect(answer == row.answer)
        #expect(self.count("dns") == row.counts)
        let backend = self.row("dns", "resolver")
        #expect(backend?.state == row.state && backend?.requests == 1 && backend?.inFlight == 0)
        #expect(backend?.p95 != nil)
        #expect((backend?.lastError != nil) == (row.state == "failing"))
    }

    private static func result<Value, Failure>(
        _ body: () async throws(Failure) -> Value
    ) async -> Result<Value, Failure> {
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }

    @Test func timesAndErrors() {
        self.clock.advance(by: .seconds(5))
        let slow = self.meters.begin(.dns, "resolver")
        self.clock.advance(by: .seconds(2))
        let fast = self.meters.begin(.dns, "resolver")
        self.clock.advance(by: .milliseconds(1))
        var row = self.row("dns", "resolver")
        #expect(row?.inFlight == 2 && row?.oldestWait == 2.001 && row?.p95 == nil)
        #expect(self.meters.rows(now: 8_000_000_000).first?.oldestWait == 3)
        self.meters.end(fast, .ok)
        self.meters.end(slow, .error("gone\r\n\u{1B}[2J" + String(repeating: "x", count: 1000)))
        self.meters.end(slow, .error("twice"))
        row = self.row("dns", "resolver")
        #expect(row?.inFlight == 0 && row?.oldestWait == 0 && row?.requests == 2 && row?.errors == 1)
        #expect(row?.lastError?.hasPrefix("gone\\r\\n\\x1b[2Jxxx") == true && row?.lastError?.count ?? 0 < 220)
        #expect(row?.lastErrorAt == 1_700_000_007.001)
        #expect((2.0...2.5).contains(row?.p95 ?? 0))
        #expect(row?.state == "ok")
    }

    @Test func failingIsNotOneFailure() {
        let states = [true, false, false, false, true].map { isFine in
            self.meters.end(self.meters.begin(.store, "store"), isFine ? .ok : .timeout("slow"))
            return self.row("store", "store")?.state
        }
        #expect(states == ["ok", "ok", "ok", "failing", "ok"])
        #expect(self.count("store") == [2, 0, 3])
    }

    @Test func cancelledRequestsHaveNoResult() async {
        struct Hanging: Resolver {
            func resolve(
                _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
            ) async throws(DNSError) -> DNSAnswer {
                while !Task.isCancelled { await Task.yield() }
                throw .temporary("cancelled")
            }
        }
        let resolver = MeteredResolver(Hanging(), self.meters)
        let task = Task { try? await resolver.resolve(.a("x"), timeout: .seconds(1), origin: origin()) }
        while self.inFlight("dns") == 0 { await Task.yield() }
        task.cancel()
        #expect(await task.value == nil)
        let row = self.row("dns", "resolver")
        #expect(row?.requests == 1 && row?.errors == 0 && row?.inFlight == 0 && row?.p95 == nil)
        #expect(self.count("dns") == [0, 0, 0])
    }

    @Test func store() async throws {
        let store = MeteredStore(TestStore(clock: self.clock), self.meters)
        try await store.set("k", to: [1], lifetime: nil, in: "n", origin: origin())
        #expect(try await store.value(of: "k", in: "n", origin: origin()) == [1])
        #expect(try await store.add(2, to: "c", lifetime: nil, in: "n", origin: origin()) == 2)
        #expect(self.count("store") == [3, 0, 0])
    }

    // MARK: HTTP

    @Test(arguments: [
        ("https://Api.Example:8443/a?b", "api.example:8443"), ("http://user:geheim@a.example?x", "a.example"),
        ("http://[::1]:80#x", "[::1]:80"), ("a.example/x", "other"), ("http:///x", "other"), ("", "other"),
        ("http://a\nb/", "a\\nb"), ("http://" + String(repeating: "a", count: 256), "other"),
    ])
    func hosts(_ url: String, _ expected: String) {
        #expect(MeteredHTTP.host(url) == expected)
    }

    @Test func http() async {
        let fake = FakeHTTP([
            "http://a/ok": .success(HTTPResponse(status: 200, body: [])),
            "http://a/bad": .success(HTTPResponse(status: 503, body: [])), "http://a/slow": .failure(.timedOut("HTTP")),
        ])
        let http = MeteredHTTP(fake, self.meters)
        for path in ["ok", "bad", "slow", "none"] {
            _ = try? await http.fetch(
                HTTPRequest(url: "http://a/\(path)"), limit: 1, timeout: .seconds(1), origin: origin())
        }
        #expect(self.count("http") == [2, 1, 1])
        #expect(self.row("http", "a")?.lastError == "HTTP: timed out")
    }

    @Test func namesAreBounded() {
        for number in 0..<100 { self.meters.end(self.meters.begin(.http, "host\(number)"), .ok) }
        self.meters.end(self.meters.begin(.nextHop, "a:25"), .ok)
        let rows = self.meters.rows().filter { $0.kind == "http" }
        #expect(rows.count == ExternalMeters.maxNames + 1)
        #expect(self.row("http", "other")?.requests == 36)
        #expect(self.row("http", "host0")?.requests == 1)
        #expect(self.count("http") == [100, 0, 0] && self.count("connect") == [1, 0, 0])
    }

    // MARK: Connections

    private func connect(_ connector: MeteredConnector, port: Int = 25) async throws(EffectError) -> any ByteStream {
        try await connector.connect(to: .tcp(host: "A", port: port), timeout: .seconds(1), origin: origin())
    }

    @Test func connections() async throws {
        let (near, far) = MemoryStream.pair()
        let fake = FakeConnector()
        fake.serve(.tcp(host: "A", port: 25)) { () throws(EffectError) in near }
        let connector = MeteredConnector(fake, self.meters)
        let stream = try await self.connect(connector)
        self.clock.advance(by: .seconds(3))
        #expect(self.inFlight("connect") == 1 && self.count("connect") == [0, 0, 0])
        // It is open, but nobody waits.
        #expect(self.row("next_hop", "a:25")?.oldestWait == 0)
        let reader = Task { try await stream.read(atMost: 10, timeout: .seconds(1)) }
        // Its wait is known once it has begun.
        while self.meters.rows(now: .max).first?.oldestWait == 0 { await Task.yield() }
        self.clock.advance(by: .seconds(4))
        #expect(self.row("next_hop", "a:25")?.oldestWait == 4)
        try await far.write([1], timeout: .seconds(1))
        #expect(try await reader.value == [1])
        #expect(self.row("next_hop", "a:25")?.oldestWait == 0)
        await stream.close()
        await stream.close()
        #expect(self.inFlight("connect") == 0 && self.count("connect") == [1, 0, 0])

        await #expect(throws: EffectError.self) { try await self.connect(connector, port: 26) }
        #expect(self.row("next_hop", "a:26")?.state == "failing" && self.count("connect") == [1, 1, 0])
    }

    @Test func aSilentServerFails() async throws {
        struct Silent: ByteStream {
            func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
                throw .timedOut("a")
            }
            func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {}
            func closeOutput() async throws(EffectError) {}
            func close() async {}
        }
        let fake = FakeConnector()
        fake.serve(.tcp(host: "A", port: 25)) { () throws(EffectError) in Silent() }
        let connector = MeteredConnector(fake, self.meters)
        for _ in 0..<3 {
            let stream = try await self.connect(connector)
            try await stream.write([1], timeout: .seconds(1))
            for _ in 0..<2 { _ = try? await stream.read(atMost: 1, timeout: .seconds(1)) }
        }
        // Each counts once, and is over when it is let go.
        let row = self.row("next_hop", "a:25")
        #expect(row?.requests == 3 && row?.errors == 3 && row?.state == "failing" && row?.inFlight == 0)
        #expect(self.count("connect") == [0, 0, 3])
    }
}
