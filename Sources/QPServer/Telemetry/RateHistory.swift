// RateHistory.swift
//
// Counts of the last quarter of an hour, a sample a second.

import QPTelemetry
import Synchronization

/// What was counted at the end of each of the last 900 seconds. Any thread.
final class RateHistory: Sendable {
    /// The names, in the order of samples' values; those of `Overview.totals`.
    static let names = [
        "connections", "refused", "messages_queued", "messages_rejected", "messages_deferred",
        "recipients_accepted", "recipients_refused", "octets", "replies_4xx", "replies_5xx", "timeouts",
    ]
    /// Seconds that are kept.
    static let length = 900

    private struct State {
        /// One more than seconds, so that the oldest second has a beginning.
        var samples: [[UInt64]] = []
        /// The 95th percentile of hook runs in each second, in milliseconds.
        var latencies: [Double] = []
        var last: Int64 = 0
        var runs: [UInt64] = []
        var latency = 0.0
    }

    private let state = Mutex(State())

    /// The values of a sample.
    static func values(_ counters: ServerCounters) -> [UInt64] {
        let replies = { (range: Range<Int>) in
            counters.replies.reduce(UInt64(0)) { range.contains($1.key) ? $0 &+ $1.value : $0 }
        }
        return [
            counters.accepted, counters.refused, counters.queued, counters.rejected, counters.deferred,
            counters.recipientsAccepted, counters.recipientsRejected &+ counters.recipientsDeferred,
            counters.receivedOctets, replies(400..<500), replies(500..<600), counters.timedOut,
        ]
    }

    /// Hook runs by duration, since the start: what came since the last time tells the latency of the seconds that follow.
    func learn(runs: [UInt64]) {
        self.state.withLock { state in
            let before = state.runs.count == runs.count ? state.runs : Array(repeating: 0, count: runs.count)
            let fresh = zip(runs, before).map { UInt32(truncatingIfNeeded: $0 >= $1 ? $0 - $1 : 0) }
            state.runs = runs
            state.latency = (LatencyScale.percentile(0.95, of: fresh) ?? 0) * 1000
        }
    }

    /// A second is over.
    /// - Parameters:
    ///   - values: in the order of `names`.
    ///   - now: seconds since 1970.
    func add(_ values: [UInt64], at now: Int64) {
        self.state.withLock { state in
            state.latencies.append(state.latency)
            state.samples.append(values)
            state.last = now
            if state.samples.count > Self.length + 1 { state.samples.removeFirst() }
            if state.latencies.count > Self.length { state.latencies.removeFirst() }
        }
    }

    /// How often things happen, a second.
    var rates: [String: Rates] {
        self.state.withLock { state in
            var result: [String: Rates] = [:]
            for (index, name) in Self.names.enumerated() {
                var rates = Rates()
                rates.second = Self.rate(state.samples, index, 1)
                rates.tenSeconds = Self.rate(state.samples, index, 10)
                rates.minute = Self.rate(state.samples, index, 60)
                rates.quarterHour = Self.rate(state.samples, index, 900)
                result[name] = rates
            }
            return result
        }
    }

    private static func rate(_ samples: [[UInt64]], _ index: Int, _ seconds: Int) -> Double {
        let span = min(seconds, samples.count - 1)
        guard span > 0, let last = samples.last?[index] else { return 0 }
        let first = samples[samples.count - 1 - span][index]
        return last >= first ? Double(last - first) / Double(span) : 0
    }

    /// The last seconds, one by one.
    func series(seconds: Int) -> RateSeries {
        self.state.withLock { state in
            let span = max(0, min(seconds, state.samples.count - 1))
            var series: [String: [Double]] = [:]
            let from = state.samples.count - 1 - span
            for (index, name) in Self.names.enumerated() {
                series[name] = (0..<span).map { step in
                    let (before, after) = (state.samples[from + step][index], state.samples[from + step + 1][index])
                    return after >= before ? Double(after - before) : 0
                }
            }
            series["latency_p95"] = Array(state.latencies.suffix(span))
            return RateSeries(start: Double(state.last) - Double(span), series: series)
        }
    }
}
