// HelpView.swift
//
// Keys and commands, out of the tables that they are read from.

import QPTelemetry

/// Help.
enum HelpView {
    static func table(_ input: ViewInput) -> Table {
        var rows: [TableRow] = []
        func title(_ text: String) {
            if !rows.isEmpty { rows.append(.line("gap \(text)", [Span("")], isSelectable: false)) }
            rows.append(.line("title \(text)", [Span(text, .heading)], isSelectable: false))
        }
        func row(_ left: String, _ right: String) {
            rows.append(TableRow("\(rows.count)", [Span(left, .accent), Span(right)]))
        }

        title("Views")
        for view in ViewName.allCases where view != .help { row(String(view.key), Self.summary(of: view)) }
        title("Keys")
        var seen: Set<Action> = []
        for binding in Keymap.bindings where seen.insert(binding.action).inserted {
            let views = binding.views.count > 5 ? [] : binding.views
            let place = views.isEmpty ? "" : "  (\(views.map(\.rawValue).joined(separator: ", ")))"
            row(binding.keys.map(\.name).joined(separator: " "), binding.action.title + place)
        }
        title("Commands, behind a colon; Tab completes")
        for entry in CommandLine.entries { row(entry.usage, entry.summary) }
        title("Marks of plugins in the rows of sessions")
        for mark in PluginMark.allCases { row(mark.glyph(input.glyphs), mark.meaning) }
        row(">", "runs now")
        return Table(
            columns: [.text("keys", "", 8...36), .text("meaning", "", 20...200, isElastic: true)], rows: rows)
    }

    private static func summary(of view: ViewName) -> String {
        switch view {
        case .overview: "Overview: rates, sessions by phase, verdicts, slowest hooks, alarms"
        case .sessions: "Sessions: a row each, with what every plugin said; Tab: ended and refused ones"
        case .session: "Session: trail, dialogue, mails, notes, explanation of one"
        case .plugins: "Plugins: runs, answers, durations, rates, mode"
        case .matrix: "Matrix: hooks and plugins; v: share of refusals, latency, runs"
        case .log: "Log: as it comes; by level, plugin, query"
        case .top: "Top: the most frequent values of a field (Tab)"
        case .histogram: "Histogram: how long a plugin or hook takes"
        case .bans: "Bans: networks that may not connect"
        case .config: "Config: configurations, differences, reload, go back, soft bounce, drain"
        case .backends: "Backends: next hops, DNS, stores"
        case .help: "Help"
        }
    }
}
