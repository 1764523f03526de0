// MetricsPlan.swift
//
// Which plugins and hooks are written, and with how many buckets, so that there is room for all.

import QPTelemetry

/// What is written of plugins and hooks.
package struct MetricsPlan {
    /// A plugin on a hook.
    package struct Pair: Sendable {
        /// As they are written.
        var labels: String
        var statistics: HookStatistics
        var inFlight: Double
    }

    /// A plugin.
    struct Plugin {
        /// As they are written.
        var labels: String
        var state: MetricsSnapshot.PluginState
    }

    private(set) var pairs: [Pair]
    private(set) var plugins: [Plugin]
    /// The buckets of `LatencyScale` whose bounds are written; empty: only sum and count.
    private(set) var buckets: [Int] = []
    /// Series that were left out because there was no room.
    private(set) var dropped = 0

    /// Chooses, so that no more series than there is room for are needed.
    init(_ snapshot: MetricsSnapshot, room: Int) {
        self.pairs = Self.pairs(of: snapshot)
        self.plugins = Self.plugins(of: snapshot)
        self.cutPlugins(room: room / 4)

        let left = room - self.plugins.count * MetricsFamily.seriesPerPlugin
        let (alone, beside) = (MetricsFamily.seriesPerPair + 2, MetricsFamily.seriesPerPair + 3)
        let count = self.pairs.count
        if let buckets = Self.levels.first(where: { count * (beside + $0.count) <= left }) {
            self.buckets = buckets
        } else {
            self.pairs = self.pairs.greatest(left / alone) { Self.activity($0.statistics) }
            self.dropped += (count - self.pairs.count) * alone
        }
    }

    /// Those whose handlers run most stay.
    private mutating func cutPlugins(room: Int) {
        let limit = room / MetricsFamily.seriesPerPlugin
        guard self.plugins.count > limit else { return }
        var runs: [String: UInt64] = [:]
        for pair in self.pairs { runs[pair.statistics.plugin, default: 0] &+= Self.activity(pair.statistics) }
        let all = self.plugins.count
        self.plugins = self.plugins.greatest(limit) { runs[$0.state.name] ?? 0 }
        self.dropped += (all - self.plugins.count) * MetricsFamily.seriesPerPlugin
    }

    private static func activity(_ statistics: HookStatistics) -> UInt64 {
        statistics.runs &+ statistics.shadowRuns
    }

    /// Each pair once, also those that only wait so far.
    private static func pairs(of snapshot: MetricsSnapshot) -> [Pair] {
        var pairs: [Pair] = []
        var places: [String: Int] = [:]
        let labels: [MetricsFamily.Label] = [.plugin, .hook]
        for statistics in snapshot.hooks {
            let text = MetricsWriter.labels(labels, [statistics.plugin, statistics.hook])
            if let place = places[text] {
                let known = pairs[place].statistics
                guard known.verdicts.count == statistics.verdicts.count,
                    known.latencies.count == statistics.latencies.count
                else { continue }
                pairs[place].statistics.add(statistics)
            } else {
                places[text] = pairs.count
                pairs.append(Pair(labels: text, statistics: statistics, inFlight: 0))
            }
        }
        for row in snapshot.hookInFlight where row.labels.count == 2 && row.value.isFinite {
            let text = MetricsWriter.labels(labels, row.labels)
            if let place = places[text] {
                pairs[place].inFlight += row.value
            } else {
                places[text] = pairs.count
                let statistics = HookStatistics(plugin: row.labels[0], hook: row.labels[1])
                pairs.append(Pair(labels: text, statistics: statistics, inFlight: row.value))
            }
        }
        return pairs
    }

    private static func plugins(of snapshot: MetricsSnapshot) -> [Plugin] {
        var seen: Set<String> = []
        return snapshot.plugins.compactMap { state in
            let labels = MetricsWriter.labels([.plugin], [state.name])
            return seen.insert(labels).inserted ? Plugin(labels: labels, state: state) : nil
        }
    }

    /// The choices of buckets, finest first; each holds those that follow, so that a series does not come back.
    private static let levels: [[Int]] = [
        [1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1, 5, 30, 100],
        [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1, 5, 30],
        [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 5],
        [1e-4, 1e-2, 1, 5],
    ].map { $0.map(Self.bucket(nearest:)) }

    /// The bucket whose bound is nearest to a duration in seconds, by ratio.
    private static func bucket(nearest seconds: Double) -> Int {
        let distances = (0..<LatencyScale.count).compactMap { bucket -> (bucket: Int, ratio: Double)? in
            guard let bound = LatencyScale.upperBound(of: bucket) else { return nil }
            let ratio = Double(bound) / 1e9 / seconds
            return (bucket, max(ratio, 1 / ratio))
        }
        return distances.min { $0.ratio < $1.ratio }?.bucket ?? 0
    }
}
