// SmallSeamTests.swift
//
// Chance, memory, threads.

import QPHooks
import Synchronization
import Testing

@testable import QPServer

@Suite struct SmallSeamTests {
    final class Gate: Sendable {
        let isOpen = Atomic<Bool>(false)
    }

    @Test func randomNumbersDoNotRepeatOverBlocks() async {
        let random = SystemRandom()
        let all = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 { group.addTask { (0..<1500).map { _ in random.next(origin: origin()) } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(all).count == 12_000)
        #expect(all.reduce(0, |) == .max)
        #expect(all.reduce(.max, &) == 0)
    }

    @Test func poolRefusesWhatIsTooMuch() async throws {
        let pool = ThreadPool(threads: 1, limit: 2)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask { try await pool.run { while !gate.isOpen.load(ordering: .relaxed) {} } }
            }
            while pool.pending < 2 { await Task.yield() }
            await #expect(throws: EffectError.self) { try await pool.run {} }
            gate.isOpen.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(try await pool.run { 7 } == 7)
        await pool.shutdown()
        await #expect(throws: (any Error).self) { try await pool.run {} }
    }
}

@Suite struct MemoryStoreTests {
    /// A clock that tests move.
    final class Clock: Sendable {
        let nanoseconds = Atomic<Int64>(0)
        func advance(_ seconds: Int64) { self.nanoseconds.wrappingAdd(seconds * 1_000_000_000, ordering: .relaxed) }
    }

    let clock = Clock()
    let store: MemoryStore

    init() {
        let clock = self.clock
        self.store = MemoryStore(maxEntries: 32, maxOctets: 1 << 16) {
            MonotonicTime(nanoseconds: clock.nanoseconds.load(ordering: .relaxed))
        }
    }

    func value(_ key: String, _ namespace: String = "a") async throws -> String? {
        try await self.store.value(of: key, in: namespace, origin: origin()).map { String(decoding: $0, as: UTF8.self) }
    }

    func set(_ key: String, _ value: String?, _ lifetime: Int? = nil, _ namespace: String = "a") async throws {
        try await self.store.set(
            key, to: value.map { Array($0.utf8) }, lifetime: lifetime.map { .seconds($0) }, in: namespace,
            origin: origin())
    }

    @Test func namespacesAreApart() async throws {
        try await self.set("k", "1")
        try await self.set("k", "2", nil, "shadow:a")
        #expect(try await self.value("k") == "1")
        #expect(try await self.value("k", "shadow:a") == "2")
        try await self.set("k", nil)
        #expect(try await self.value("k") == nil)
        #expect(try await self.value("k", "shadow:a") == "2")
    }

    @Test func lifetimesEnd() async throws {
        try await self.set("k", "1", 10)
        self.clock.advance(9)
        #expect(try await self.value("k") == "1")
        self.clock.advance(1)
        #expect(try await self.value("k") == nil)
        #expect(self.store.count == 0)
    }

    @Test(
        arguments: [
            (nil, 5, 5), ("7", -2, 5), ("text", 3, 3), ("9223372036854775807", 1, .max),
            ("-9223372036854775808", -1, .min),
        ] as [(String?, Int64, Int64)])
    func additions(_ before: String?, _ amount: Int64, _ after: Int64) async throws {
        try await self.set("n", before)
        let sum = try await self.store.add(amount, to: "n", lifetime: nil, in: "a", origin: origin())
        #expect(sum == after)
        #expect(try await self.value("n") == "\(after)")
    }

    @Test func expiredGoFirstThenTheOldest() async throws {
        for index in 0..<10 { try await self.set("short\(index)", "x", 1) }
        for index in 0..<20 { try await self.set("long\(index)", "x") }
        self.clock.advance(2)
        for index in 20..<29 { try await self.set("long\(index)", "x") }
        #expect(self.store.count <= 32)
        #expect(try await self.value("long0") == "x")
        try await self.set("long0", "again")
        for index in 30..<60 { try await self.set("long\(index)", "x") }
        #expect(self.store.count <= 32)
        #expect(try await self.value("long1") == nil)
        #expect(try await self.value("long59") == "x")
    }

    @Test func octetsAreBounded() async throws {
        for index in 0..<100 { try await self.set("k\(index % 20)", String(repeating: "x", count: 10_000)) }
        #expect(self.store.count <= 6)
        #expect(try await self.value("k19") != nil)
        await #expect(throws: EffectError.self) { try await self.set("big", String(repeating: "x", count: 2 << 20)) }
    }

    @Test func oneKeyWrittenOftenStaysSmall() async throws {
        for index in 0..<10_000 { try await self.set("k", "\(index)") }
        #expect(try await self.value("k") == "9999")
        #expect(self.store.count == 1)
    }
}
