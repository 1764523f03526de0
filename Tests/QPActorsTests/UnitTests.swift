// UnitTests.swift
//
// The values of the engine: wheel, ledger, breaker, latency buckets, what EHLO offers.

import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPActors

@Suite struct LoopWheelTests {
    private final class Bell: DeadlineTarget {
        func deadlinePassed() {}
    }

    private static let tick: Int64 = 1 << 26

    /// Turns the wheel as a loop would; gives when the node fired.
    private func fired(_ wheel: inout LoopWheel, _ node: WheelNode, until end: Int64) -> Int64? {
        while let next = wheel.nextTick(), next <= end {
            if wheel.due(at: next).contains(where: { $0 === node }) { return next }
        }
        return nil
    }

    @Test(
        arguments: [
            Row("at once", Int64(0), true), Row("a nanosecond", 1, true), Row("a tick", 1 << 26, true),
            Row("a second", 1_000_000_000, true), Row("nearly a round", 68_000_000_000, true),
            Row("several rounds", 7200 * 1_000_000_000, true), Row("in the past", -5_000_000_000, true),
        ] as [Row<Int64, Bool>])
    func firesOnceAndNeverEarly(_ row: Row<Int64, Bool>) throws {
        let start: Int64 = 123_456_789_012
        var wheel = LoopWheel(now: start)
        let node = WheelNode()
        _ = wheel.set(node, to: start + row.input)
        let time = try #require(self.fired(&wheel, node, until: .max))
        #expect(time >= start + row.input)
        #expect(time <= max(start, start + row.input) + 2 * Self.tick)
        #expect(wheel.isEmpty)
        #expect(wheel.nextTick() == nil)
    }

    @Test func moves() throws {
        var wheel = LoopWheel(now: 0)
        let node = WheelNode()
        _ = wheel.set(node, to: 10_000_000_000)
        _ = wheel.set(node, to: 300_000_000_000)
        #expect(self.fired(&wheel, node, until: 299_999_999_999) == nil)
        _ = wheel.set(node, to: 400_000_000_000)
        _ = wheel.set(node, to: 310_000_000_000)
        let time = try #require(self.fired(&wheel, node, until: .max))
        #expect((310_000_000_000...310_000_000_000 + 2 * Self.tick).contains(time))
    }

    @Test func removes() {
        var wheel = LoopWheel(now: 0)
        let nodes = (0..<10).map { _ in WheelNode() }
        for node in nodes { _ = wheel.set(node, to: 5_000_000_000) }
        for node in nodes[..<9] { wheel.remove(node) }
        wheel.remove(nodes[0])
        #expect(wheel.due(at: 6_000_000_000).count == 1)
        #expect(wheel.isEmpty)
        #expect(nodes[0].deadline == .max)
    }

    /// Against a list that is searched.
    @Test(arguments: [1, 2, 3])
    func manyNodes(_ seed: UInt64) {
        var random = SeededNumbers(seed)
        var wheel = LoopWheel(now: 0)
        var now: Int64 = 0
        let nodes = (0..<50).map { _ in WheelNode() }
        var wanted: [Int: Int64] = [:]
        for _ in 0..<5000 {
            let index = random.below(50)
            switch random.below(4) {
            case 0:
                wheel.remove(nodes[index])
                wanted[index] = nil
            case 1, 2:
                let deadline = now + Int64(random.below(200)) * 1_000_000_000
                _ = wheel.set(nodes[index], to: deadline)
                wanted[index] = deadline
            default:
                now += Int64(random.below(5_000_000_000))
                for node in wheel.due(at: now) {
                    guard let index = nodes.firstIndex(where: { $0 === node }) else { continue }
                    #expect(wanted[index].map { $0 <= now } == true)
                    wanted[index] = nil
                }
                #expect(wanted.values.allSatisfy { $0 + Self.tick >= now })
            }
        }
    }
}

/// Numbers that look random and are the same in every run.
struct SeededNumbers {
    private var state: UInt64

    init(_ seed: UInt64) {
        self.state = seed &* 2 &+ 1
    }

    mutating func below(_ bound: Int) -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((self.state >> 24) % UInt64(bound))
    }
}

@Suite struct ConnectionLedgerTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func countsAndRefuses() throws {
        var limits = Limits()
        limits.maxConnections = 4
        limits.maxConnectionsPerAddress = 2
        var ledger = ConnectionLedger()
        let (one, two) = (try self.address("192.0.2.1"), try self.address("192.0.2.2"))
        #expect(ledger.reserve(one, limits) == nil)
        #expect(ledger.reserve(one, limits) == nil)
        #expect(ledger.reserve(one, limits) == .address)
        #expect(ledger.reserve(two, limits) == nil)
        #expect(ledger.count == 3)
        #expect(ledger.count(of: one) == 2)
        #expect(ledger.all.count == 3)
        // One /64 is one client.
        #expect(ledger.reserve(try self.address("2001:db8::1"), limits) == nil)
        #expect(ledger.count(of: try self.address("2001:db8::ffff:1")) == 1)
        #expect(ledger.count(of: try self.address("2001:db8:0:1::1")) == 0)
        #expect(ledger.reserve(two, limits) == .total)
        ledger.release(one)
        #expect(ledger.reserve(two, limits) == nil)
        #expect(ledger.count == 4)
    }

    @Test func neverBelowZero() throws {
        var ledger = ConnectionLedger()
        let one = try self.address("192.0.2.1")
        ledger.release(one)
        #expect(ledger.count == 0)
        #expect(ledger.reserve(one, Limits()) == nil)
        ledger.release(one)
        ledger.release(one)
        #expect(ledger.count == 0)
        #expect(ledger.all.isEmpty)
    }

    @Test func noLimitPerAddress() throws {
        var limits = Limits()
        limits.maxConnectionsPerAddress = 0
        var ledger = ConnectionLedger()
        let one = try self.address("192.0.2.1")
        for _ in 0..<100 { #expect(ledger.reserve(one, limits) == nil) }
    }
}

@Suite struct BreakerValueTests {
    private let networks = (1...9).map { IPAddress(ipv4: UInt32($0)) }

    @Test(arguments: [
        Row("never with 0", (0, 100, 9), Breaker.State.closed), Row("one network", (3, 100, 1), .closed),
        Row("two networks", (3, 100, 2), .closed), Row("three networks, too few failures", (10, 9, 3), .closed),
        Row("three networks, enough", (10, 10, 3), .open),
        Row("a threshold of 1 needs three networks", (1, 2, 2), .closed),
        Row("many networks", (9, 9, 9), .open),
    ])
    func opens(_ row: Row<(Int, Int, Int), Breaker.State>) {
        let (threshold, failures, networks) = row.input
        var breaker = Breaker(threshold: threshold)
        var openings = 0
        for number in 0..<failures {
            let opened = breaker.failed(from: self.networks[number % networks], at: MonotonicTime(nanoseconds: 0))
            if opened { openings += 1 }
        }
        #expect(breaker.state == row.expected)
        #expect(openings == (row.expected == .open ? 1 : 0))
    }
}

@Suite struct LatencyScaleTests {
    @Test func bucketsAreWithoutGapOrOverlap() throws {
        for bucket in 0..<(LatencyScale.count - 1) {
            let bound = try #require(LatencyScale.upperBound(of: bucket))
            #expect(Int(LatencyScale.bucket(of: bound - 1)) == bucket)
            #expect(Int(LatencyScale.bucket(of: bound)) == bucket + 1)
        }
        #expect(LatencyScale.upperBound(of: LatencyScale.count - 1) == nil)
        #expect(LatencyScale.upperBound(of: -1) == nil)
        #expect(LatencyScale.bucket(of: 0) == 0)
        #expect(Int(LatencyScale.bucket(of: .max)) == LatencyScale.count - 1)
    }

    /// A bucket is at most a quarter wider than it begins; the last but one ends beyond every time limit.
    @Test func precision() throws {
        for bucket in 1..<(LatencyScale.count - 1) {
            let lower = try #require(LatencyScale.upperBound(of: bucket - 1))
            let upper = try #require(LatencyScale.upperBound(of: bucket))
            #expect(Double(upper) / Double(lower) <= 1.26)
        }
        let last = try #require(LatencyScale.upperBound(of: LatencyScale.count - 2))
        #expect(last > 3000 * 1_000_000_000)
    }

    @Test func statisticsAddUp() {
        var one = HookStatistics(plugin: "p", hook: "mail")
        one.verdicts[0] = 2
        one.latencies[3] = 1
        one.timeouts = 1
        var two = one
        two.add(one)
        #expect(two.runs == 4)
        #expect(two.latencies[3] == 2)
        #expect(two.timeouts == 2)
    }
}

@Suite struct OfferTests {
    private func generation(
        _ backends: [BackendCapabilities?], _ change: (inout ServerSettings) -> Void = { _ in }
    ) -> Generation {
        var settings = EngineHarness.quietSettings
        change(&settings)
        let plugins = backends.enumerated().map { index, backend in
            var declarations = PluginDeclarations()
            declarations.backend = backend
            return LoadedPlugin(
                name: "p\(index)", arguments: [], place: "test:\(index)", hooks: [],
                runtime: PluginRuntime(name: "p\(index)", policy: PluginPolicy()),
                instance: ScriptedPlugin { _ in }, declarations: declarations)
        }
        let tables = plugins.indices.map { HookTable(slot: PluginSlot($0)) }
        return Generation(
            number: 1, settings: settings, plugins: plugins, hookTables: tables, tables: .empty)
    }

    private static let base = "PIPELINING SIZE"

    @Test(
        arguments: [
            Row("everything", [.all], "8BITMIME SMTPUTF8 CHUNKING BINARYMIME DSN"),
            Row(
                "plugins without a backend do not count", [nil, .all, nil], "8BITMIME SMTPUTF8 CHUNKING BINARYMIME DSN"),
            Row("no backend: what any can keep", [nil], "8BITMIME CHUNKING"),
            Row("7-bit", [[]], "CHUNKING"),
            Row("8-bit only", [.eightBitMIME], "8BITMIME CHUNKING"),
            Row("the least of two", [.all, [.eightBitMIME, .dsn]], "8BITMIME CHUNKING DSN"),
            Row("SMTPUTF8 needs 8BITMIME", [[.smtputf8]], "CHUNKING"),
            Row("binary", [[.eightBitMIME, .binaryMIME]], "8BITMIME CHUNKING BINARYMIME"),
        ] as [Row<[BackendCapabilities?], String>])
    func offers(_ row: Row<[BackendCapabilities?], String>) {
        let offer = self.generation(row.input).ehloTail.map { String($0.split(separator: " ")[0]) }
        let tail = ["LIMITS", "ENHANCEDSTATUSCODES", "HELP"]
        #expect(offer == (Self.base + " " + row.expected).split(separator: " ").map(String.init) + tail)
    }

    @Test func values() {
        let generation = self.generation([.all]) { settings in
            settings.databytes = 5000
            settings.limits.maxRecipients = 7
            settings.limits.maxTransactions = 8
        }
        #expect(generation.ehloTail.contains("SIZE 5000"))
        #expect(generation.ehloTail.contains("LIMITS RCPTMAX=7 MAILMAX=8"))
    }

    @Test func switchedOff() {
        let generation = self.generation([.all]) { $0.extensions = [.chunking] }
        #expect(generation.ehloTail == ["CHUNKING", "HELP"])
        let without = self.generation([.all]) { $0.extensions.remove(.chunking) }
        #expect(!without.offered.contains(.binaryMIME))
    }

    /// What is not offered is not there.
    @Test func notOffered() {
        let harness = EngineHarness(self.generation([[]]), seams: testSeams())
        let client = harness.connect()
        client.send("EHLO x\r\n")
        #expect(!client.said().contains("8BITMIME"))
        client.send("MAIL FROM:<a@b.example> BODY=8BITMIME\r\nMAIL FROM:<a@b.example> SMTPUTF8\r\n")
        #expect(client.codes() == [555, 555])
        let quiet = EngineHarness(self.generation([.all]) { $0.extensions.remove(.chunking) }, seams: testSeams())
        let other = quiet.connect()
        other.beginMail()
        _ = other.codes()
        other.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        #expect(other.codes() == [502, 250])
    }
}
