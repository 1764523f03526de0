// TestKitTests.swift
//
// The played outside behaves.

import QPHooks
import QPTestKit
import Testing

@Suite("test kit")
struct TestKitTests {
    @Test func timeMovesByHand() async throws {
        let clock = ManualClock()
        async let late: Void = clock.sleep(for: .seconds(2))
        async let early: Void = clock.sleep(for: .seconds(1))
        await clock.untilSleeping(2)
        clock.advance(by: .seconds(1))
        try await early
        #expect(clock.sleepers == 1)
        clock.advance(by: .seconds(1))
        try await late
        try await clock.sleep(until: MonotonicTime(nanoseconds: 0))
        #expect(clock.wall == 1_700_000_002_000_000_000)
    }

    @Test func sleepersCanBeCancelled() async {
        let clock = ManualClock()
        let task = Task { try await clock.sleep(for: .seconds(1)) }
        await clock.untilSleeping()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.sleepers == 0)
        let cancelled = Task {
            while !Task.isCancelled { await Task.yield() }
            try await clock.sleep(for: .seconds(1))
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }

    @Test func theDNSIsATable() async throws {
        let harness = try PluginHarness(Empty.self)
        harness.resolver[.a("x.example")] = .success(.addresses(["192.0.2.1", "nonsense"]))
        harness.resolver[.mx("x.example")] = .failure(.temporary("servfail"))
        #expect(try await harness.session.dns.a("x.example") == [try #require(IPAddress("192.0.2.1"))])
        await #expect(throws: DNSError.temporary("servfail")) { try await harness.session.dns.mx("x.example") }
        await #expect(throws: DNSError.noSuchName) { try await harness.session.dns.txt("y.example") }
        #expect(harness.resolver.asked == [.a("x.example"), .mx("x.example"), .txt("y.example")])
    }

    @Test func theStoreForgetsInTime() async throws {
        let harness = try PluginHarness(Empty.self)
        let store = harness.session.store
        try await store.set("a", to: [1], lifetime: .seconds(10))
        #expect(try await store.add(5, to: "n") == 5)
        #expect(try await store.add(-7, to: "n") == -2)
        harness.clock.advance(by: .seconds(10))
        #expect(try await store.value(of: "a") == nil)
        #expect(try await store.add(.min, to: "n") == .min)
        #expect(harness.store.content(of: "empty").keys.sorted() == ["n"])
    }

    @Test func aPipeHasTwoEnds() async throws {
        let (near, far) = MemoryStream.pair()
        async let line = far.read(atMost: 3, timeout: .seconds(1))
        try await near.write(Array("hello".utf8), timeout: .seconds(1))
        #expect(try await line == Array("hel".utf8))
        #expect(try await far.read(atMost: 9, timeout: .seconds(1)) == Array("lo".utf8))
        try await near.closeOutput()
        #expect(try await far.read(atMost: 9, timeout: .seconds(1)).isEmpty)
        try await far.write([1], timeout: .seconds(1))
        await far.close()
        #expect(try await near.read(atMost: 9, timeout: .seconds(1)) == [1])
        await #expect(throws: EffectError.self) { try await near.write([1], timeout: .seconds(1)) }
    }

    @Test func shadowsActNowhere() async throws {
        let harness = try PluginHarness(Empty.self)
        harness.session.seams = harness.session.seams.shadowed(pure: false, seed: 1)
        await #expect(throws: EffectError.self) {
            try await harness.session.connections.connect(to: .unix(path: "/x"))
        }
        await #expect(throws: EffectError.self) { try await harness.session.files.append([], to: "/x") }
        #expect(harness.connector.connections.isEmpty)
    }

    @Test func effectsAreNumbered() throws {
        let counter = CallCounter(session: nil, plugin: "p", hook: .rcpt, count: CallCounter.SharedCount())
        #expect((0..<3).map { _ in counter.next().call } == [0, 1, 2])
    }

    @Test func aPrivateCopyIsPrivate() throws {
        let harness = try PluginHarness(Empty.self)
        let copy = harness.session.fork(state: harness.session.state.copy())
        copy.notes["a"] = .int(1)
        copy.isRelayClient = true
        #expect(harness.session.notes["a"] == nil)
        #expect(!harness.session.isRelayClient)
    }

    @Test func HTTPIsATable() async throws {
        let harness = try PluginHarness(Empty.self)
        harness.http["http://x/"] = .success(HTTPResponse(status: 200, body: [1, 2]))
        #expect(try await harness.session.http.fetch(HTTPRequest(url: "http://x/")).body == [1, 2])
        #expect(try await harness.session.http.fetch(HTTPRequest(url: "http://y/")).status == 404)
        await #expect(throws: EffectError.self) {
            try await harness.session.http.fetch(HTTPRequest(url: "http://x/"), limit: 1)
        }
    }

    /// Wants a code before it goes on, and refuses early talkers.
    struct Doorkeeper: Plugin {
        static let name = "doorkeeper"
        static let manual = "doorkeeper"
        init(_ setup: PluginSetup) throws(PluginError) {}

        func register(on hooks: inout HookTable) {
            hooks.on(.connect) { _, session in
                await session.input.arrives(within: .seconds(1)) ? .denyDisconnect("wait for the greeting") : .declined
            }
            hooks.on(.data) { _, session in
                guard let conversation = session.conversation else { return .declined }
                conversation.send(Reply(354, nil, "go ahead"))
                return try await conversation.receiveMessage() > 0 ? .done : .deny("nothing came")
            }
            hooks.on(.unrecognizedCommand) { _, session in
                session.conversation?.send(Reply(334, nil, "code?"))
                return try await session.conversation?.readLine() == Array("1234".utf8) ? .done : .deny("wrong code")
            }
        }
    }

    @Test func pluginsTalkToTheClient() async throws {
        let harness = try PluginHarness(Doorkeeper.self)
        #expect(try await harness.run(.connect) == .declined)
        let command = UnknownCommandEvent(verb: "xcode", argument: nil)
        await #expect(throws: EffectError.timedOut("client")) { try await harness.run(.unrecognizedCommand, command) }
        harness.client.send("1234\r\n")
        #expect(try await harness.run(.unrecognizedCommand, command) == .done)
        #expect(harness.responses.map(\.code) == [334, 334])
        harness.client.send("A: b\r\n\r\n..dot\r\n.\r\n")
        #expect(try await harness.run(.data, DataEvent(isChunked: false)) == .done)
        #expect(try harness.message?.bytes(.lf) == Array("A: b\n\n.dot\n".utf8))
        harness.client.send("HELO early\r\n")
        #expect(try await harness.run(.connect).code == .denyDisconnect)
        harness.connect()
        #expect(try await harness.run(.connect) == .declined)
        harness.client.hasClosed = true
        await #expect(throws: EffectError.closed("client")) { try await harness.run(.unrecognizedCommand, command) }
    }
}
