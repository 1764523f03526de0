// MetricsBudgetTests.swift
//
// How many series there are, and that histograms add up whatever is left of them.

import QPAdminHTTP
import QPTelemetry
import Testing

@Suite("metrics: budget and histograms")
struct MetricsBudgetTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let pairs: Int
        let bounds: Int
        let isCut: Bool
        var testDescription: String { "\(self.pairs) pairs" }

        init(_ pairs: Int, bounds: Int, isCut: Bool = false) {
            self.pairs = pairs
            self.bounds = bounds
            self.isCut = isCut
        }
    }

    @Test(arguments: [
        Case(10, bounds: 14), Case(100, bounds: 14), Case(180, bounds: 10), Case(200, bounds: 7),
        Case(230, bounds: 4), Case(280, bounds: 0), Case(500, bounds: 0, isCut: true),
        Case(5_000, bounds: 0, isCut: true),
    ])
    func pairs(_ row: Case) throws {
        let snapshot = MetricsSample.plugins(pairs: row.pairs)
        for format in MetricsText.Format.allCases {
            let read = Exposition(MetricsText.render(snapshot, as: format))
            #expect(read.faults == [])
            #expect(read.samples.count <= MetricsText.seriesLimit)
            #expect(read.families["qpserver_hook_duration_seconds"]?.type == (row.bounds > 0 ? "histogram" : "summary"))
            let buckets = read.samples("qpserver_hook_duration_seconds_bucket")
            #expect(Set(buckets.compactMap { $0.label("le") }).count == (row.bounds > 0 ? row.bounds + 1 : 0))

            let kept = read.samples("qpserver_hook_shadow_runs_total")
            #expect((kept.count < row.pairs) == row.isCut)
            if row.isCut { #expect(MetricsText.seriesLimit - read.samples.count < Self.seriesOfPair) }
            // The ones that ran most, in their order.
            let order = kept.map { "\($0.label("plugin") ?? "") \($0.label("hook") ?? "")" }
            #expect(order == snapshot.hooks.suffix(kept.count).map { "\($0.plugin) \($0.hook)" })

            let plugins = read.samples("qpserver_plugin_stragglers").count
            let lost =
                (row.pairs - kept.count) * Self.seriesOfPair + (snapshot.plugins.count - plugins) * Self.seriesOfPlugin
            #expect(read.samples("qpserver_metrics_series_dropped").map(\.value) == [Double(lost)])
        }
    }

    /// Seven verdicts, two kinds of errors, four other numbers, a sum and a count.
    private static let seriesOfPair = 15
    /// Three states, three modes, stragglers.
    private static let seriesOfPlugin = 7

    @Test func nothingElseGrowsWithoutBound() {
        var snapshot = MetricsSample.plugins(pairs: 5_000)
        for number in 0..<2_000 {
            let name = "name\(number)"
            snapshot.plugins.append(.init(name: "\(name)", breaker: "open", mode: "on", stragglers: 1))
            for path in [\MetricsSnapshot.replies, \.loopLag, \.commands, \.watchers, \.certificateExpiry, \.reloads] {
                snapshot[keyPath: path].append(.init([name], Double(number)))
            }
            for path in [\MetricsSnapshot.sessions, \.connections, \.deliveries, \.externalRequests, \.disconnects] {
                snapshot[keyPath: path].append(.init([name, "queued"], Double(number)))
            }
        }
        let bounds = (0..<5_000).map { Double($0) }
        snapshot.messageSizes = Histogram(bounds: bounds, counts: Array(repeating: 1, count: 5_001), sum: 1)
        let read = Exposition(MetricsText.render(snapshot, as: .openMetrics))
        #expect(read.faults == [])
        #expect(read.samples.count <= MetricsText.seriesLimit)
        #expect(read.samples("qpserver_replies_total").contains { $0.label("code") == "name1999" })
        #expect(!read.samples("qpserver_replies_total").contains { $0.label("code") == "name0" })
        #expect(read.samples("qpserver_message_size_bytes_count").first?.value == 5_001)
        Self.checkHistograms(read)
    }

    @Test(arguments: MetricsText.Format.allCases, [3, 170, 195, 220, 300])
    func histogramsAddUp(_ format: MetricsText.Format, pairs: Int) {
        var snapshot = MetricsSample.full
        let more = MetricsSample.plugins(pairs: pairs)
        snapshot.hooks = more.hooks + snapshot.hooks.suffix(1)
        snapshot.plugins += more.plugins
        let read = Exposition(MetricsText.render(snapshot, as: format))
        #expect(read.faults == [])
        Self.checkHistograms(read)
        let pair = { (sample: Exposition.Sample) in [sample.label("plugin"), sample.label("hook")] }
        let counts = Dictionary(grouping: read.samples("qpserver_hook_duration_seconds_count"), by: pair)
        let sums = Dictionary(grouping: read.samples("qpserver_hook_duration_seconds_sum"), by: pair)
        for statistics in snapshot.hooks {
            let pair = [statistics.plugin, statistics.hook]
            #expect(counts[pair]?.map(\.value) == [Double(statistics.runs)])
            #expect(sums[pair]?.map(\.value) == [Double(statistics.nanoseconds) / 1e9])
        }
    }

    /// Bounds ascend, counts do not fall, and the last one is the count of all.
    private static func checkHistograms(_ read: Exposition) {
        for (name, family) in read.families where family.type == "histogram" {
            let key = { (sample: Exposition.Sample) in
                sample.labels.filter { $0.name != "le" }.map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
            }
            let counts = read.samples(name + "_count")
            #expect(read.samples(name + "_sum").map(key) == counts.map(key))
            let buckets = Dictionary(grouping: read.samples(name + "_bucket"), by: key)
            #expect(buckets.count == counts.count)
            for count in counts {
                let rows = buckets[key(count)] ?? []
                let bounds = rows.map { Self.bound($0.label("le") ?? "") }
                #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "\(name) \(bounds)")
                #expect(bounds.last == .infinity)
                #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.value <= $1.value })
                #expect(rows.last?.text == count.text)
            }
        }
    }

    private static func bound(_ text: String) -> Double { Double(text == "+Inf" ? "inf" : text) ?? .nan }

    @Test func buckets() {
        var statistics = HookStatistics(plugin: "p", hook: "h")
        for nanoseconds: UInt64 in [100, 900, 2_000_000, 2_000_000_000, 3_600_000_000_000 * 2] {
            statistics.latencies[Int(LatencyScale.bucket(of: nanoseconds))] += 1
        }
        var snapshot = MetricsSnapshot()
        snapshot.hooks = [statistics]
        snapshot.messageSizes = Histogram(
            bounds: [10, 10, .nan, 1_000_000, 5_000_000], counts: [1, 2, 3, 4, 5, 6, 7], sum: .nan)
        for format in MetricsText.Format.allCases {
            let read = Exposition(MetricsText.render(snapshot, as: format))
            let rows = read.samples("qpserver_hook_duration_seconds_bucket")
            #expect(rows.map(\.text) == ["2", "2", "2", "2", "2", "3", "3", "3", "3", "3", "3", "4", "4", "4", "5"])
            #expect(rows.first?.label("le") == "1.024e-06")
            let sizes = read.samples("qpserver_message_size_bytes_bucket")
            let ten = format == .openMetrics ? "10.0" : "10"
            #expect(sizes.map { $0.label("le") } == [ten, "1e+06", "5e+06", "+Inf"])
            #expect(sizes.map(\.text) == ["1", "10", "15", "28"])
            #expect(read.samples("qpserver_message_size_bytes_sum").map(\.text) == ["0"])
        }
    }
}
