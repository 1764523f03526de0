// ConfigView.swift
//
// Configurations: which runs, which can be had, what is wrong with the last one, and how files differ.

import QPTelemetry

/// Configurations of each server, one below the other.
enum ConfigView {
    static func table(_ input: ViewInput) -> Table {
        var rows: [TableRow] = []
        for (index, server) in input.snapshot.servers.enumerated() {
            if index > 0 { rows.append(.line("\(index):gap", [Span("")], isSelectable: false)) }
            var lines = Lines(server: index)
            Self.state(server, &lines, input)
            guard let generations = server.generations else {
                lines.add([Span("  " + (server.link.text ?? "asking"), .muted)])
                rows += lines.rows
                continue
            }
            Self.generations(generations, &lines, input)
            Self.refusal(generations, &lines, input)
            Self.difference(server, generations, &lines, input)
            rows += lines.rows
        }
        return Table(columns: [], rows: rows)
    }

    /// The rows of a server.
    private struct Lines {
        let server: Int
        private(set) var rows: [TableRow] = []

        init(server: Int) { self.server = server }

        mutating func add(_ spans: [Span], id: String? = nil) {
            self.rows.append(.line("\(self.server):" + (id ?? "line:\(self.rows.count)"), spans))
        }

        mutating func heading(_ text: String, _ more: [Span] = []) {
            self.rows.append(
                .line("\(self.server):line:\(self.rows.count)", [Span(text, .heading)] + more, isSelectable: false))
        }
    }

    // MARK: Sections

    private static func state(_ server: ServerState, _ lines: inout Lines, _ input: ViewInput) {
        var spans: [Span] = []
        if input.snapshot.hasSeveralServers || server.overview == nil {
            spans.append(Span(server.name, Style(tone: .name, isBold: true)))
        }
        if let overview = server.overview {
            if !spans.isEmpty { spans.append(Span("  ")) }
            spans.append(Span("configuration \(overview.generation) runs", .bold))
            spans.append(Span("  "))
            spans.append(
                overview.isDraining ? Span("DRAINING: new connections get 421", .warning) : Span("accepting", .good))
            spans.append(Span("  "))
            spans.append(
                overview.isSoftBouncing
                    ? Span("SOFT BOUNCE: every 5xx leaves as 4xx", .warning) : Span("soft bounce off", .muted))
        }
        lines.add(spans)
    }

    private static func generations(_ found: Generations, _ lines: inout Lines, _ input: ViewInput) {
        lines.heading("CONFIGURATIONS", [Span("  Enter compares with the running one, u goes back", .muted)])
        let width = found.generations.map { String($0.number).count }.max() ?? 1
        for row in found.generations {
            let isCompared = input.state.configFrom == row.number
            let number = CaptionText.padded(String(row.number), width, isRight: true, input.glyphs)
            let ago = CaptionText.padded(
                input.numbers.duration(input.ago(row.loadedAt)), 7, isRight: true, input.glyphs)
            let style: Style = row.isCurrent ? .bold : .plain
            var spans = [
                Span(row.isCurrent ? "* " : isCompared ? "= " : "  ", .accent), Span("\(number)  ", style),
                Span("loaded \(ago) ago  ", style),
                Span(TimeText.clock(row.loadedAt, zone: input.state.zone) + "  ", .muted),
                Span(CaptionText.counted(row.plugins, "plugin"), style),
            ]
            if row.isCurrent { spans.append(Span("  runs", .good)) }
            if isCompared { spans.append(Span("  compared", .accent)) }
            if !row.warnings.isEmpty {
                spans.append(Span("  " + CaptionText.counted(row.warnings.count, "warning"), .warning))
            }
            lines.add(spans, id: "gen:\(row.number)")
            // Those of others were read when they were current.
            guard row.isCurrent || isCompared else { continue }
            for warning in row.warnings { lines.add([Span("    " + warning, .warning)]) }
        }
        if found.generations.isEmpty { lines.add([Span("  none is remembered", .muted)]) }
    }

    private static func refusal(_ found: Generations, _ lines: inout Lines, _ input: ViewInput) {
        guard !found.refusal.isEmpty || found.refusedAt != nil else { return }
        let ago = found.refusedAt.map { " \(input.numbers.duration(input.ago($0))) ago" } ?? ""
        lines.heading("LAST RELOAD", [Span("  refused\(ago); the running configuration goes on", .bad)])
        for problem in found.refusal { lines.add([Span("  " + problem, .bad)]) }
    }

    private static func difference(
        _ server: ServerState, _ found: Generations, _ lines: inout Lines, _ input: ViewInput
    ) {
        let other = input.state.configFrom.map { "configuration \($0)" }
        if !found.changedFiles.isEmpty {
            let files = CaptionText.list(found.changedFiles)
            lines.heading("ON DISK", [Span("  not what runs: \(files)", .warning), Span("; ^R reads them", .muted)])
        } else {
            lines.heading("ON DISK", [Span("  what runs", .good)])
        }
        lines.heading(
            "DIFFERENCE",
            [
                Span("  - ", .bad), Span("only \(other.map { "in \($0)" } ?? "on disk")", .muted), Span("  + ", .good),
                Span("only in the running one", .muted),
            ])
        for file in server.difference {
            lines.add([Span("  " + file.file, .bold)])
            for line in file.removed { lines.add([Span("  - " + line, .bad)]) }
            for line in file.added { lines.add([Span("  + " + line, .good)]) }
        }
        if server.difference.isEmpty { lines.add([Span("  none", .muted)]) }
    }
}
