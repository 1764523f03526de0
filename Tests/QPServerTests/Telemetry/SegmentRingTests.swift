// SegmentRingTests.swift
//
// The latest records in memory: numbers, bounds, losses, those who wait.

import QPActors
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct SegmentRingTests {
    private static func segment(_ records: Int, octets: Int = 100) -> SegmentRing.Content {
        .segment(
            JournalSegment(
                octets: Array(repeating: 0, count: octets), keys: [], records: records, firstTime: 0, lastTime: 0))
    }

    private static let event = SegmentRing.Content.event(EventRow(sequence: 0, time: 0, kind: "operator"))

    @Test func numbers() {
        let ring = SegmentRing(limit: 1 << 20)
        #expect(ring.next == 1 && ring.entries.isEmpty)
        ring.append([])
        ring.append([Self.segment(5), Self.event, Self.segment(1)])
        #expect(ring.entries.map(\.first) == [1, 6, 7])
        #expect(ring.entries.map(\.count) == [5, 1, 1])
        #expect(ring.next == 8 && ring.dropped == 0)
    }

    /// Of entries that hold the records 1...5, 6, 7...9: what is behind a record.
    @Test(
        arguments: [
            (0, [1, 6, 7]), (1, [1, 6, 7]), (4, [1, 6, 7]), (5, [6, 7]), (6, [7]), (8, [7]), (9, []), (99, []),
        ] as [(UInt64, [UInt64])])
    func after(_ record: UInt64, _ entries: [UInt64]) {
        let ring = SegmentRing(limit: 1 << 20)
        ring.append([Self.segment(5), Self.event, Self.segment(3)])
        let found = ring.after(record)
        #expect(found.entries.map(\.first) == entries)
        #expect(found.lost == 0)
    }

    @Test func bounds() {
        let limit = 64 << 10
        let ring = SegmentRing(limit: limit)
        for _ in 0..<1000 { ring.append([Self.segment(10, octets: 1000), Self.event]) }
        let entries = ring.entries
        let octets = entries.reduce(0) { sum, entry in
            switch entry.content {
            case .segment(let segment): sum + segment.octets.count
            case .event: sum
            }
        }
        #expect(octets <= limit && octets > limit / 4)
        #expect(ring.next == 11_001)
        let first = entries.first?.first ?? 0
        #expect(ring.dropped == first - 1)
        #expect(ring.dropped + entries.reduce(0) { $0 + $1.count } == 11_000)
        #expect(ring.after(0).lost == first - 1)
        #expect(ring.after(first - 1).lost == 0)
        #expect(ring.after(first - 2).lost == 1)
        for (entry, next) in zip(entries, entries.dropFirst()) { #expect(entry.first + entry.count == next.first) }
    }

    /// What is larger than all there is room for is kept until the next comes.
    @Test func giants() {
        let ring = SegmentRing(limit: 1000)
        ring.append([Self.segment(3, octets: 5000)])
        #expect(ring.entries.map(\.first) == [1])
        ring.append([Self.segment(2, octets: 6000)])
        #expect(ring.entries.map(\.first) == [4])
        #expect(ring.dropped == 3)
    }

    @Test func whoWaits() async {
        let ring = SegmentRing(limit: 1000)
        ring.append([Self.event])
        // There is something already.
        await ring.wait(after: 0, ticket: ring.ticket())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { await ring.wait(after: 1, ticket: ring.ticket()) } }
            group.addTask { ring.append([Self.event]) }
        }
        #expect(ring.next == 3)
        let task = Task { await ring.wait(after: 2, ticket: ring.ticket()) }
        task.cancel()
        await task.value
        await withTaskGroup(of: Void.self) { group in
            let ticket = ring.ticket()
            group.addTask { await ring.wait(after: 2, ticket: ticket) }
            group.addTask {
                // Whoever is woken before it waits goes on waiting.
                while !Task.isCancelled {
                    ring.wake(ticket)
                    await Task.yield()
                }
            }
            await group.next()
            group.cancelAll()
        }
    }
}
