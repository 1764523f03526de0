// PluginsView.swift
//
// The plugins: what each one decided, how fast, and what operators changed.

import QPTelemetry

/// A row for each plugin line of the configuration.
enum PluginsView {
    /// A plugin of a server.
    private struct Entry {
        let server: Int
        let serverName: String
        let code: String
        let plugin: PluginRow
        let trend: Trend?

        var id: String { "\(self.server):\(self.plugin.name)" }
        var failures: UInt64 { self.plugin.errors &+ self.plugin.timeouts }
        var hasRun: Bool { self.plugin.runs > 0 || self.plugin.shadowRuns > 0 }
    }

    static func table(_ input: ViewInput) -> Table {
        let entries = Self.entries(input)
        let shown = input.state.hidesZero ? entries.filter(\.hasRun) : entries
        var table = Table(
            Self.fields(input), shown.map { (id: $0.id, row: $0) },
            sort: input.state[.plugins].sort)
        table.captions = [Self.caption(input, entries)]
        if input.size.rows >= 18 {
            let list = input.state[.plugins]
            let id = list.selectedID ?? table.row(at: list.selected)?.id
            table.captions.append(Self.detail(input, entries.first { $0.id == id }))
        }
        table.empty = entries.isEmpty ? "no plugins yet" : "no plugin ran yet"
        return table
    }

    private static func entries(_ input: ViewInput) -> [Entry] {
        let codes = PluginCode.codes(for: input.snapshot.pluginNames, length: 3)
        return input.snapshot.rows(\.plugins).map { server, row in
            let state = input.snapshot.servers[server]
            return Entry(
                server: server, serverName: state.name, code: codes[row.name] ?? "", plugin: row,
                trend: state.trends[row.name])
        }
    }

    // MARK: Columns

    private static func fields(_ input: ViewInput) -> [TableField<Entry>] {
        var fields: [TableField<Entry>] = input.snapshot.hasSeveralServers ? [.server(input, \.serverName)] : []
        fields += [
            .text("code", "COD", 3...4, priority: 1) { Span($0.code, .muted) },
            .text("plugin", "PLUGIN", 12...30) { Span($0.plugin.name, .name) }
                .keeping(input.snapshot.hasSeveralServers && input.size.columns < 80 ? 12 : 20),
            .text("mode", "MODE", 7...8, key: { Self.rank(mode: $0.plugin.mode) }) { Self.mode($0, input) },
            .text("breaker", "BRK", 4...5, priority: 3, key: { Self.rank(breaker: $0.plugin.breaker) }, Self.breaker),
        ]
        fields += Self.countFields(input) + Self.timeFields(input) + Self.trendFields(input)
        fields += [
            .count("waiting", "WAIT", 4...6, priority: 5, input) { UInt64(clamped: $0.plugin.inFlight) },
            .text("hooks", "HOOKS", 8...40, priority: 10) { Span($0.plugin.hooks.joined(separator: " "), .muted) }
                .keeping(20),
            .text("file", "FILE", 8...30, priority: 11) { Span($0.plugin.place, .muted) }.keeping(14),
        ]
        return fields
    }

    private static func countFields(_ input: ViewInput) -> [TableField<Entry>] {
        [
            .count("runs", "RUNS", 5...20, priority: 1, input) { $0.plugin.runs },
            .count("ok", "OK", 5...20, priority: 6, input) { $0.plugin.ok },
            .count("deny", "DENY", 5...20, priority: 1, input, style: .bold) { $0.plugin.deny },
            .count("soft", "SOFT", 5...20, priority: 2, input, style: .bold) { $0.plugin.soft },
            .count("declined", "DECL", 5...20, priority: 6, input) { $0.plugin.declined },
            .count("errors", "ERR", 4...20, priority: 2, input, style: .bad, \.failures),
            .number("share", "SHARE", 5...8, priority: 7, key: { .known($0.plugin.decisionShare) }) {
                input.shareSpan($0.plugin.decisionShare)
            },
            .number("difference", "DIFF", 5...20, priority: 9, key: Self.difference) { Self.difference($0, input) },
        ]
    }

    private static func timeFields(_ input: ViewInput) -> [TableField<Entry>] {
        [
            .duration("p50", "P50", 5...10, priority: 8, input, \.plugin.p50),
            .duration("p95", "P95", 5...10, priority: 1, input, \.plugin.p95),
            .duration("p99", "P99", 5...10, priority: 7, input, \.plugin.p99),
        ]
    }

    private static func trendFields(_ input: ViewInput) -> [TableField<Entry>] {
        let change = TableField<Entry>.number(
            "change", "CHG/s", 5...10, priority: 4, key: { .known($0.trend?.change) }
        ) { input.rateSpan($0.trend?.change) }
        return [change]
            + Trend.spans.indices.map { index in
                let average = { (entry: Entry) in Self.average(entry, index) }
                return .number(
                    "average\(Trend.spans[index])", "AVG\(Trend.spans[index])", (5 + index)...10, priority: 9,
                    key: { .known(average($0)) }
                ) { input.rateSpan(average($0)) }
            }
    }

    private static func average(_ entry: Entry, _ index: Int) -> Double? {
        guard let trend = entry.trend, trend.change != nil else { return nil }
        return trend.averages.indices.contains(index) ? trend.averages[index] : nil
    }

    // MARK: Cells

    private static func mode(_ entry: Entry, _ input: ViewInput) -> Span {
        let style: Style =
            switch entry.plugin.mode {
            case "on": .plain
            case "shadow": .warning
            default: .bad
            }
        return Span(entry.plugin.mode + (entry.plugin.changes.isEmpty ? "" : input.glyphs.tag), style)
    }

    private static func rank(mode: String) -> FieldKey {
        .number(mode == "on" ? 0 : mode == "shadow" ? 1 : 2)
    }

    private static func rank(breaker: String) -> FieldKey {
        .number(breaker == "closed" ? 0 : breaker == "half_open" ? 1 : 2)
    }

    private static func breaker(_ entry: Entry) -> Span {
        switch entry.plugin.breaker {
        case "closed": Span("-", .muted)
        case "half_open": Span("half", .warning)
        default: Span(entry.plugin.breaker, .bad)
        }
    }

    private static func difference(_ entry: Entry) -> FieldKey {
        let (differences, runs) = (entry.plugin.shadowDifferences, entry.plugin.shadowRuns)
        return .known(runs > 0 ? .share(differences, of: runs) : nil)
    }

    /// Answers in shadow mode that were not what the chain came to, of all of them.
    private static func difference(_ entry: Entry, _ input: ViewInput) -> Span {
        let (differences, runs) = (entry.plugin.shadowDifferences, entry.plugin.shadowRuns)
        guard runs > 0 else { return Span("-", .muted) }
        return Span("\(input.numbers.count(differences))/\(input.numbers.count(runs))", .warning)
    }

    // MARK: Captions

    private static func caption(_ input: ViewInput, _ entries: [Entry]) -> [Span] {
        var spans = [Span(entries.count == 1 ? "1 plugin" : "\(entries.count) plugins", .muted)]
        func add(_ mode: String, _ style: Style) {
            let count = entries.count { $0.plugin.mode == mode }
            if count > 0 { spans.append(Span(", \(count) \(mode)", style)) }
        }
        add("shadow", .warning)
        add("off", .bad)
        let servers = input.snapshot.shortNames
        let changes = entries.flatMap { entry in
            entry.plugin.changes.map { change in
                let server = servers[entry.server].isEmpty ? "" : servers[entry.server] + " "
                return "\(server)\(entry.plugin.name): \(change.what), by \(change.by)"
            }
        }
        guard !changes.isEmpty else { return spans }
        spans.append(Span("  \(input.glyphs.tag) ", .warning))
        spans.append(Span(changes.joined(separator: "; ")))
        return spans
    }

    /// What there is no column for, of the row that keys act on.
    private static func detail(_ input: ViewInput, _ entry: Entry?) -> [Span] {
        guard let plugin = entry?.plugin else { return [] }
        var spans = [Span(([plugin.name] + plugin.arguments).joined(separator: " "), .name)]
        spans.append(Span("  limit \(input.numbers.duration(plugin.timeLimit))  on error \(plugin.onError)", .muted))
        if let level = plugin.logLevel { spans.append(Span("  log \(level)", .muted)) }
        if plugin.stragglers > 0 {
            spans.append(Span("  \(input.numbers.count(plugin.stragglers)) left behind", .warning))
        }
        for change in plugin.changes {
            let age = input.numbers.duration(max(0, input.snapshot.now - change.at))
            spans.append(Span("  \(input.glyphs.tag) \(change.what), by \(change.by), \(age) ago"))
        }
        return spans
    }
}
