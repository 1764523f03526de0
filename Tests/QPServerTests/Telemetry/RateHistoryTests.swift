// RateHistoryTests.swift
//
// Counts of the last quarter of an hour.

import QPTelemetry
import Testing

@testable import QPServer

@Suite struct RateHistoryTests {
    /// A history of so many accepted connections in each second.
    private static func history(_ seconds: [UInt64], from start: Int64 = 1000) -> RateHistory {
        let history = RateHistory()
        var counters = ServerCounters()
        for (index, count) in seconds.enumerated() {
            counters.accepted += count
            history.add(RateHistory.values(counters), at: start + Int64(index))
        }
        return history
    }

    /// Connections in each second, and how often that is, a second, over the four windows.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let seconds: [UInt64]
        let rates: [Double]
    }

    static let samples = [
        Sample(testDescription: "nothing", seconds: [], rates: [0, 0, 0, 0]),
        Sample(testDescription: "one second has no beginning", seconds: [5], rates: [0, 0, 0, 0]),
        Sample(testDescription: "two", seconds: [5, 7], rates: [7, 7, 7, 7]),
        Sample(
            testDescription: "eleven", seconds: [100] + Array(repeating: 2, count: 9) + [12], rates: [12, 3, 3, 3]),
        Sample(
            testDescription: "a minute and a bit",
            seconds: Array(repeating: 60, count: 6) + Array(repeating: 0, count: 60),
            rates: [0, 0, 0, 300 / 65]),
        Sample(
            testDescription: "more than is kept",
            seconds: Array(repeating: 9, count: 500) + Array(repeating: 1, count: 900),
            rates: [1, 1, 1, 1]),
    ]

    @Test(arguments: samples)
    func rates(_ sample: Sample) {
        let rates = Self.history(sample.seconds).rates["connections"] ?? Rates()
        #expect([rates.second, rates.tenSeconds, rates.minute, rates.quarterHour] == sample.rates)
    }

    @Test(arguments: [(0, 0), (-5, 0), (3, 3), (4, 4), (1000, 4), (Int.max, 4), (Int.min, 0)])
    func series(_ seconds: Int, _ count: Int) {
        let series = Self.history([9, 1, 2, 3, 4]).series(seconds: seconds)
        #expect(series.series["connections"] == [1, 2, 3, 4].suffix(count))
        #expect(series.series["latency_p95"]?.count == count)
        #expect(series.start == 1004 - Double(count))
        #expect(Set(series.series.keys) == Set(RateHistory.names + ["latency_p95"]))
    }

    @Test func memoryIsBounded() {
        let series = Self.history(Array(repeating: 1, count: 5000)).series(seconds: .max)
        #expect(series.series.allSatisfy { $0.value.count == RateHistory.length })
    }

    /// A loop that is stuck may know less than it did.
    @Test func countersThatFall() {
        let history = RateHistory()
        var counters = ServerCounters()
        for count in [10, 20, 5, 30] as [UInt64] {
            counters.accepted = count
            history.add(RateHistory.values(counters), at: 1)
        }
        #expect(history.series(seconds: 9).series["connections"] == [10, 0, 25])
    }

    /// Runs since the last time tell the latency of the seconds that follow.
    @Test func latencies() {
        let history = RateHistory()
        let values = Array(repeating: UInt64(0), count: RateHistory.names.count)
        var runs = Array(repeating: UInt64(0), count: LatencyScale.count)
        history.add(values, at: 0)
        for bucket in [4, 8] {
            runs[bucket] += 10
            history.learn(runs: runs)
            for _ in 0..<2 { history.add(values, at: 0) }
        }
        let bounds = [4, 4, 8, 8].map { Double(LatencyScale.upperBound(of: $0) ?? 0) / 1e6 }
        let latencies = history.series(seconds: 4).series["latency_p95"] ?? []
        #expect(zip(latencies, bounds).allSatisfy { abs($0 - $1) < 1e-9 } && latencies.count == 4)
    }

    @Test func values() {
        var counters = ServerCounters()
        counters.accepted = 1
        counters.refusedBanned = 2
        counters.queued = 3
        counters.rejected = 4
        counters.deferred = 5
        counters.recipientsAccepted = 6
        counters.recipientsRejected = 7
        counters.recipientsDeferred = 1
        counters.receivedOctets = 9
        counters.replies = [250: 50, 399: 1, 400: 2, 451: 3, 499: 5, 500: 1, 554: 10, 600: 1]
        counters.timedOut = 12
        #expect(RateHistory.values(counters) == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12])
        #expect(RateHistory.names.count == 11)
    }
}
