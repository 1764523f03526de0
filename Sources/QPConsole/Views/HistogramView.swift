// HistogramView.swift
//
// How long a plugin takes: runs by duration, a row for each doubling.

import QPTelemetry

/// Runs by duration of one plugin at one hook, or of several together.
enum HistogramView {
    static func table(_ input: ViewInput) -> Table {
        let histogram = RunHistogram(
            input.snapshot, plugin: input.state.histogramPlugin, hook: input.state.histogramHook)
        let rows = histogram.doublings.filter { $0.runs > 0 || !input.state.hidesZero }
        var fields = Self.fields(input, histogram, barWidth: 0)
        let layout = Table(fields, rows.map { (id: "", row: $0) }, sort: nil)
        fields = Self.fields(input, histogram, barWidth: layout.width(of: "bar", in: input.size.columns))
        var table = Table(fields, rows.map { (id: "bucket:\($0.number)", row: $0) }, sort: nil)
        table.captions = Self.captions(input, histogram)
        table.empty = "no runs yet"
        return table
    }

    /// Plugins with the hooks that can be chosen of each, in order. An empty name means all of them.
    static func choices(_ snapshot: ConsoleSnapshot) -> [(plugin: String, hooks: [String])] {
        let rows = snapshot.rows(\.hooks).map(\.row).filter { $0.configured || $0.runs > 0 || !$0.histogram.isEmpty }
        guard !rows.isEmpty else { return [(plugin: "", hooks: [""])] }
        let byPlugin = Dictionary(grouping: rows, by: \.plugin)
        let plugins = snapshot.pluginNames.compactMap { name in
            byPlugin[name].map { (plugin: name, hooks: [""] + HookOrder.sorted($0.map(\.hook))) }
        }
        return [(plugin: "", hooks: [""] + HookOrder.sorted(rows.map(\.hook)))] + plugins
    }

    // MARK: Columns

    private static func fields(
        _ input: ViewInput, _ histogram: RunHistogram, barWidth: Int
    ) -> [TableField<RunHistogram.Doubling>] {
        let most = histogram.doublings.map(\.runs).max() ?? 0
        let mostFresh = histogram.doublings.compactMap(\.fresh).max() ?? 0
        let fields: [TableField<RunHistogram.Doubling>] = [
            .number("bound", "UP TO", 6...10, key: { .number($0.bound) }) { Span(Self.bound($0.bound, input), .name) },
            .count("runs", "RUNS", 6...20, input, style: .bold, \.runs),
            .number("share", "SHARE", 5...8, priority: 1, key: { .count($0.runs) }) {
                Span(input.numbers.share(.share($0.runs, of: histogram.runs)), $0.runs > 0 ? .plain : .muted)
            },
            .number("cumulative", "CUM", 5...8, priority: 3, key: { .number($0.cumulative) }) {
                Span(input.numbers.share($0.cumulative), .muted)
            },
            .text("percentiles", "", 3...11, priority: 2) { Span($0.percentiles.joined(separator: " "), .accent) },
            .number("new", "NEW", 5...20, priority: 2, key: { .count($0.fresh ?? 0) }) {
                guard let fresh = $0.fresh else { return Span("-", .muted) }
                return input.countSpan(fresh, .accent)
            },
            .bar("newbar", width: 8, priority: 4) {
                Span(Bars.bar(.share($0.fresh ?? 0, of: mostFresh), width: 8, input.glyphs), .accent)
            },
            .bar("bar", width: 8, priority: 1, isElastic: true) {
                Span(Bars.bar(.share($0.runs, of: most), width: barWidth, input.glyphs), .latency($0.bound))
            },
        ]
        return fields.map(\.unsorted)
    }

    private static func bound(_ seconds: Double, _ input: ViewInput) -> String {
        // The lowest bounds are less than what durations are told in.
        seconds < 0.000_001 && !input.numbers.isRaw ? "\(Int(seconds * 1e9))ns" : input.numbers.duration(seconds)
    }

    // MARK: Captions

    private static func captions(_ input: ViewInput, _ histogram: RunHistogram) -> [[Span]] {
        let (plugin, hook) = (input.state.histogramPlugin, input.state.histogramHook)
        let what = [
            Span(plugin.isEmpty ? "all plugins" : plugin, .name), Span(" at ", .muted),
            Span(hook.isEmpty ? "all hooks" : hook, .name), Span(":"),
        ]
        func fact(_ name: String, _ seconds: Double?) -> [Span] {
            [Span(name + " ", .muted), input.durationSpan(seconds)]
        }
        let facts = [
            what, [Span(input.numbers.count(histogram.runs), .bold), Span(" runs", .muted)],
            fact("p50", histogram.percentile(0.5)), fact("p95", histogram.percentile(0.95)),
            fact("p99", histogram.percentile(0.99)), fact("mean", histogram.mean),
        ]
        let isASCII = input.state.isASCII
        return Flow.lines(facts, width: input.size.columns, isASCII: isASCII) + [Self.choice(input)]
    }

    /// Which hooks there are, and which keys choose.
    private static func choice(_ input: ViewInput) -> [Span] {
        let chosen = input.state.histogramHook
        let hooks = Self.choices(input.snapshot).first { $0.plugin == input.state.histogramPlugin }?.hooks ?? [""]
        let keys = input.size.columns < 80 ? "Tab, Left/Right: " : "Tab plugin, Left/Right hook: "
        let names = hooks.map { hook in
            let name = hook.isEmpty ? "all" : hook
            return [hook == chosen ? Span("[\(name)]", .accent) : Span(name, .muted)]
        }
        let lines = Flow.lines(
            names, width: input.size.columns - keys.count, gap: 1, isASCII: input.state.isASCII)
        // The line with the chosen one.
        let line = lines.first { $0.contains { $0.style == .accent } } ?? lines.first ?? []
        return [Span(keys, .muted)] + line
    }
}
