// MatrixView.swift
//
// Hooks against plugins: who refuses, who is slow, who is busy, and where.

import QPTelemetry

/// A row for each hook, a column for each plugin.
enum MatrixView {
    /// What is in the cells.
    private struct Content {
        var hooks: [String] = []
        var plugins: [String] = []
        var cells: [[String]: HookTally] = [:]
        /// Sums over hooks, and over plugins.
        var byPlugin: [String: HookTally] = [:]
        var byHook: [String: HookTally] = [:]
        var mostRuns: UInt64 = 0

        init(_ input: ViewInput) {
            let tallies = input.snapshot.hookTallies.filter {
                $0.runs > 0 || $0.isConfigured && !input.state.hidesZero
            }
            for tally in tallies {
                self.cells[[tally.plugin, tally.hook]] = tally
                self.byPlugin[tally.plugin, default: HookTally(plugin: tally.plugin, hook: "")].add(tally)
                self.byHook[tally.hook, default: HookTally(plugin: "", hook: tally.hook)].add(tally)
                self.mostRuns = max(self.mostRuns, tally.runs)
            }
            self.hooks = HookOrder.sorted(tallies.map(\.hook))
            self.plugins = input.snapshot.pluginNames.filter { self.byPlugin[$0] != nil }
        }
    }

    static func table(_ input: ViewInput) -> Table {
        let content = Content(input)
        let codes = PluginCode.codes(for: input.snapshot.pluginNames, length: 3)
        let rows = content.hooks.map { hook in
            TableRow(
                "hook:\(hook)",
                [Span(hook, .name)]
                    + content.plugins.map { Self.cell(content.cells[[$0, hook]], content, input) }
                    + [Self.cell(content.byHook[hook], content, input)])
        }
        var table = Table(columns: Self.columns(content, codes, rows, input), rows: rows)
        let shown = table.layout(input.size.columns).map { table.columns[$0.place].id }
        table.captions = Self.captions(content, shown, codes, input)
        table.empty = "no hook ran yet"
        return table
    }

    /// As wide as what they hold; the busiest plugins stay longest when there is no room for all.
    private static func columns(
        _ content: Content, _ codes: [String: String], _ rows: [TableRow], _ input: ViewInput
    ) -> [Column] {
        let byRuns = content.plugins.enumerated().sorted { left, right in
            let runs = (content.byPlugin[left.element]?.runs ?? 0, content.byPlugin[right.element]?.runs ?? 0)
            return runs.0 != runs.1 ? runs.0 > runs.1 : left.offset < right.offset
        }
        let ranks = Dictionary(
            byRuns.enumerated().map { ($0.element.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        let width = rows.lazy.flatMap { $0.spans.dropFirst().map(\.text.utf8.count) }.reduce(4) { max($0, min($1, 20)) }
        let most = input.size.columns < 80 ? 14 : 20
        let hook = rows.lazy.map { ScreenText.columns(of: $0.spans[0].text) }.reduce(8) { max($0, min($1, most)) }
        return [.text("hook", "HOOK", hook...hook)]
            + content.plugins.map { plugin in
                .number("plugin:\(plugin)", codes[plugin] ?? "", width...width, priority: 2 + (ranks[plugin] ?? 0))
            } + [.number("all", "all", width...width, priority: 1)]
    }

    private static func cell(_ tally: HookTally?, _ content: Content, _ input: ViewInput) -> Span {
        guard let tally else { return Span("") }
        guard tally.runs > 0 else { return Span("-", .muted) }
        switch input.state.matrixFigure {
        case .refusals:
            guard tally.refusals > 0 else { return Span(input.glyphs.dot, .muted) }
            return input.shareSpan(tally.refusalShare)
        case .latency:
            guard tally.p95 != nil else { return Span(input.glyphs.dot, .muted) }
            return input.durationSpan(tally.p95)
        case .runs:
            return input.countSpan(tally.runs, .heat(.share(tally.runs, of: content.mostRuns)))
        }
    }

    // MARK: Captions

    private static func captions(
        _ content: Content, _ shown: [String], _ codes: [String: String], _ input: ViewInput
    ) -> [[Span]] {
        let figures = MatrixFigure.allCases.map { figure in
            figure == input.state.matrixFigure
                ? Span("[\(figure.rawValue)]", .accent) : Span(" \(figure.rawValue) ", .muted)
        }
        let dot = input.glyphs.dot
        let meaning =
            switch input.state.matrixFigure {
            case .refusals: "refused or deferred; \(dot) none, - did not run"
            case .latency: "95th percentile of runs; - did not run"
            case .runs: "since the start; - did not run"
            }
        let legend = Flow.lines(
            content.plugins.filter { shown.contains("plugin:\($0)") }.map { plugin in
                let code = (codes[plugin] ?? "").replacing(" ", with: "")
                return [Span(code + "=", .muted), Span(String(plugin.prefix(40)), .name)]
            }, width: input.size.columns, gap: 1, isASCII: input.state.isASCII)
        // Two lines, and more only where nothing else wants them.
        let spare = input.size.rows - 2 - content.hooks.count
        let lines = input.size.rows < 14 ? 0 : max(input.size.rows < 24 ? 1 : 2, min(spare, 5))
        return [figures + [Span("  " + meaning, .muted)]] + legend.prefix(lines)
    }
}
