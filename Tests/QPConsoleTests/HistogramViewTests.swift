// HistogramViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct HistogramViewTests {
    /// A server whose plugins took so long, before and now.
    private func server(_ rows: [(plugin: String, hook: String, before: [[Double]], now: [[Double]])]) -> ServerState {
        var server = ServerState(label: "test")
        for isNow in [false, true] {
            server.take(
                .hooks(
                    rows.map { entry in
                        var row = HookRow(
                            HookStatistics(plugin: entry.plugin, hook: entry.hook), configured: true, inFlight: 0)
                        row.histogram = isNow ? entry.now : entry.before
                        row.seconds = 2
                        return row
                    }), at: 0)
        }
        return server
    }

    private func table(_ servers: [ServerState], plugin: String = "", hook: String = "") -> Table {
        var state = ViewState()
        (state.histogramPlugin, state.histogramHook) = (plugin, hook)
        return HistogramView.table(
            ViewInput(snapshot: ConsoleSnapshot(servers: servers), state: state, size: Size(80, 20)))
    }

    /// Bounds as servers tell them: four to a doubling.
    private func bound(_ bucket: Int) -> Double { Double(LatencyScale.upperBound(of: bucket) ?? 0) / 1e9 }

    @Test func fourBucketsAreARow() {
        let now = (1...4).map { [self.bound($0), 10.0] } + [[self.bound(9), 60]]
        let table = self.table([self.server([("a", "mail", [[self.bound(1), 4.0]], now)])])
        #expect(table.rows.map(\.id) == ["bucket:1", "bucket:2", "bucket:3"])
        #expect(table.texts("bound") == ["512ns", "1us", "2us"])
        #expect(table.texts("runs") == ["40", "0", "60"])
        #expect(table.texts("new") == ["36", "0", "60"])
        #expect(table.texts("share") == ["40%", "0%", "60%"])
        #expect(table.texts("cumulative") == ["40%", "40%", "100%"])
        #expect(table.texts("percentiles") == ["", "", "p50 p95 p99"])
    }

    @Test(arguments: 0..<LatencyScale.count)
    func everyBucketHasItsDoubling(_ bucket: Int) throws {
        // The last one has no bound of its own and says that of the one before.
        let bound = LatencyScale.upperBound(of: bucket) ?? LatencyScale.upperBound(of: bucket - 1) ?? 0
        let server = self.server([("a", "mail", [], [[Double(bound) / 1e9, 1]])])
        let histogram = RunHistogram(ConsoleSnapshot(servers: [server]), plugin: "", hook: "")
        let row = try #require(histogram.doublings.first)
        #expect(histogram.doublings.count == 1)
        #expect(row.number == min((bucket + 3) / 4, 34))
        #expect(row.bound >= Double(bound) / 1e9 * 0.999_999)
        #expect(row.bound < Double(bound) / 1e9 * 2)
    }

    @Test(
        arguments: [
            ("", "", "12"), ("a", "", "6"), ("a", "mail", "2"), ("b", "mail", "6"), ("", "mail", "8"), ("c", "", nil),
        ] as [(String, String, String?)])
    func choicesAreSummedUp(_ plugin: String, _ hook: String, _ expected: String?) {
        let one = self.server([
            ("a", "mail", [], [[0.001, 1]]), ("a", "rcpt", [], [[0.001, 2]]), ("b", "mail", [], [[0.001, 3]]),
        ])
        let table = self.table([one, one], plugin: plugin, hook: hook)
        #expect(table.texts("runs").first == expected)
        if expected == nil { #expect(table.empty == "no runs yet") }
    }

    @Test func newRunsNeedALookBefore() {
        var server = self.server([("a", "mail", [], [[0.001, 5]])])
        server.hooksBefore = [:]
        #expect(self.table([server]).texts("new") == ["-"])
        // A new process begins anew.
        let fewer = self.server([("a", "mail", [[0.001, 9]], [[0.001, 5]])])
        #expect(self.table([fewer]).texts("new") == ["0"])
    }

    @Test func captions() {
        let server = self.server([("a", "mail", [], [[0.001, 90], [0.1, 10]]), ("b", "rcpt", [], [])])
        let captions = self.table([server], plugin: "a", hook: "mail").captions.map { $0.map(\.text).joined() }
        #expect(captions[0] == "a at mail:  100 runs  p50 1.0ms  p95 100ms  p99 100ms  mean 20ms")
        #expect(captions[1] == "Tab plugin, Left/Right hook: all [mail]")
        let all = self.table([server]).captions.map { $0.map(\.text).joined() }
        #expect(all[0].hasPrefix("all plugins at all hooks:"))
        #expect(all[1].hasSuffix("[all] mail rcpt"))
    }

    @Test func choices() {
        let choices = HistogramView.choices(Fixture.ordinary.snapshot)
        #expect(choices.map(\.plugin).prefix(4) == ["", "hosts_allow", "relay", "count_unrecognized_commands"])
        #expect(choices.first { $0.plugin == "dnsbl" }?.hooks == ["", "connect", "rcpt"])
        #expect(choices[0].hooks.prefix(4) == ["", "pre-connection", "connect", "mail"])
        let none = HistogramView.choices(ConsoleSnapshot(servers: []))
        #expect(none.map(\.plugin) == [""] && none[0].hooks == [""])
    }

    @Test func barsAreLinear() {
        let server = self.server([("a", "mail", [], [[0.001, 100], [0.1, 50], [1, 1]])])
        let table = self.table([server])
        let bars = table.texts("bar").map(\.count)
        let width = table.width(of: "bar", in: 80)
        #expect(bars.first == width)
        #expect(bars.contains((width + 1) / 2) && bars.last == 1)
        #expect(table.texts("bar").last == "·")
        #expect(table.shown(80).last == "bar")
    }

    @Test func zeroIsHidden() {
        var state = ViewState()
        state.hidesZero = true
        let server = self.server([("a", "mail", [], [[0.001, 100], [1, 1]])])
        let input = ViewInput(snapshot: ConsoleSnapshot(servers: [server]), state: state, size: Size(80, 20))
        #expect(HistogramView.table(input).rows.count == 2)
    }

    @Test func nonsenseIsLeftOut() {
        let server = self.server([
            (
                "a", "mail", [],
                [
                    [], [1], [.nan, 4], [-1, 4], [0, 3], [0.5, -3], [0.5, .nan], [.infinity, 1], [0.25, 1e300],
                    [1, 2, 3],
                ]
            )
        ])
        let histogram = RunHistogram(ConsoleSnapshot(servers: [server]), plugin: "", hook: "")
        #expect(histogram.doublings.first?.runs == .max)
        #expect(histogram.doublings.last?.number == 34)
    }
}
