// SessionView+Trail.swift
//
// Every run of a session, in order; and what was spoken, while somebody looks.

import QPTelemetry

extension SessionView {
    // MARK: Trail

    static func trail(_ detail: SessionDetail, _ input: ViewInput) -> Table {
        let hasFlags = detail.trail.contains { !$0.flags.isEmpty }
        let hasMails = detail.trail.contains { $0.transaction > 0 }
        let text = min(max(input.size.columns / 4, 12), 60)
        var fields: [TableField<TrailEntry>] = [
            Self.text("decided", "", 2...2) { Span($0.decided ? input.glyphs.arrow : "", $0.shownStyle) },
            Self.number("offset", "AT", 6...7, priority: 4) {
                Span(input.numbers.duration($0.offset.map { $0 / 1e6 }), .muted)
            },
        ]
        if hasMails {
            fields.append(
                Self.number("mail", "#", 2...4, priority: 6) {
                    Span($0.transaction > 0 ? String($0.transaction) : "", .muted)
                })
        }
        fields += [
            Self.text("hook", "HOOK", 9...20, priority: 1) { Span($0.hook) },
            Self.text("plugin", "PLUGIN", 11...28) { Span($0.plugin, .name) },
            Self.text("verdict", "VERDICT", 8...19) { Span($0.verdict, $0.shownStyle) },
            Self.number("took", "TOOK", 6...7, priority: 5) {
                Span(input.numbers.duration($0.microseconds / 1e6), .latency($0.microseconds / 1e6))
            },
        ]
        // A refusal in shadow mode is none: that must be seen on the narrowest screen.
        if hasFlags {
            fields.append(
                Self.text("flags", "FLAGS", 6...20, priority: 2) { Span($0.flags.joined(separator: ","), .warning) })
        }
        fields += [
            Self.text("status", "STATUS", 6...8, priority: 7) { Span($0.status ?? "") },
            Self.text("text", "TEXT", text...text, priority: 3, isElastic: true) { Span($0.text) },
        ]
        var table = Table(
            fields, detail.trail.enumerated().map { (id: "run:\($0.offset)", row: $0.element) }, sort: nil)
        Self.mark(&table, detail)
        if detail.dropped > 0 {
            let text = "\(CaptionText.exact(detail.dropped)) further runs were not kept"
            table.rows.append(.line("dropped", [Span("\(input.glyphs.more) \(text)", .warning)]))
            table.total = table.rows.count
        }
        table.empty = "no plugin has run yet"
        return table
    }

    /// The run that decided what became of it.
    private static func mark(_ table: inout Table, _ detail: SessionDetail) {
        guard let decision = detail.decision else { return }
        let place = detail.trail.lastIndex {
            $0.plugin == decision.plugin && $0.hook == decision.hook && $0.transaction == decision.transaction
        }
        guard let place, table.rows.indices.contains(place) else { return }
        for index in table.rows[place].spans.indices { table.rows[place].spans[index].style.isBold = true }
    }

    private static func text(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, isElastic: Bool = false,
        _ span: @escaping (TrailEntry) -> Span
    ) -> TableField<TrailEntry> {
        TableField(
            column: .text(id, title, range, priority: priority, isElastic: isElastic), key: { .text(span($0).text) },
            span: span)
    }

    private static func number(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0,
        _ span: @escaping (TrailEntry) -> Span
    ) -> TableField<TrailEntry> {
        TableField(
            column: .number(id, title, range, priority: priority), key: { .text(span($0).text) }, span: span)
    }

    // MARK: Dialogue

    static func dialogue(_ detail: SessionDetail, _ tail: LogTail, _ input: ViewInput) -> Table {
        let rows = tail.rows.filter { $0.session == detail.session.id }
        if rows.isEmpty, detail.session.state != .live { return Self.rest(detail, input) }
        var table = Table(
            columns: [
                .number("at", "AT", 7...7), .text("side", "", 2...2),
                .text("text", "DIALOGUE", 20...20, isElastic: true),
            ],
            rows: rows.map { Self.spoken($0, detail.session, input) })
        if tail.lost > 0 {
            let text = "\(CaptionText.exact(tail.lost)) lines were lost: the server had no time to send them"
            table.rows.append(.line("lost", [Span(text, .bad)]))
            table.total = table.rows.count
        }
        table.empty = "the dialogue is seen only while it is looked at; nothing was said since"
        return table
    }

    /// A line of the log: what the client said, what we answered, or what a plugin had to say about it.
    private static func spoken(_ row: LogRow, _ session: SessionRow, _ input: ViewInput) -> TableRow {
        let offset = session.startedAt > 0 ? row.time - session.startedAt : nil
        let at = Span(input.numbers.duration(offset.map { max(0, $0) }), .muted)
        let id = "line:\(row.sequence)"
        if let said = row.text.behind("dispatching ") {
            return TableRow(id, [at, Span("C:", Style(tone: .name, isBold: true)), Span(said, .bold)])
        }
        if let said = row.text.behind("replying ") {
            let style: Style = said.hasPrefix("5") ? .bad : said.hasPrefix("4") ? .warning : .good
            return TableRow(id, [at, Span("S:", Style(tone: style.tone, isBold: true)), Span(said, style)])
        }
        let place = [row.plugin, row.hook].compactMap(\.self).joined(separator: "@")
        let text = (place.isEmpty ? "" : place + ": ") + LogView.text(row)
        return TableRow(
            id, [at, Span(""), Span(text, LogView.isProblem(row.level) ? LogView.style(row.level) : .muted)])
    }

    /// What is left of a dialogue that nobody looked at: the refusals.
    private static func rest(_ detail: SessionDetail, _ input: ViewInput) -> Table {
        var lines = [
            [Span("not kept: a dialogue is seen only while it is looked at; the trail has every run", .muted)]
        ]
        for entry in detail.trail where entry.decided && entry.verdict.hasPrefix("DENY") && !entry.isShadow {
            let at = input.numbers.duration(entry.offset.map { $0 / 1e6 })
            let said = [entry.status ?? "", entry.text].filter { !$0.isEmpty }.joined(separator: " ")
            lines.append([
                Span(CaptionText.padded(at, 7, isRight: true, input.glyphs) + " ", .muted),
                Span("S: ", Style(tone: entry.shownStyle.tone, isBold: true)), Span(said, entry.shownStyle),
                Span("  \(entry.plugin)@\(entry.hook)", .muted),
            ])
        }
        return Self.lines(lines)
    }
}

extension TrailEntry {
    /// Whether its answer counted for nothing.
    var isShadow: Bool { self.flags.contains("shadow") }

    var shownStyle: Style { self.isShadow ? .muted : self.verdict.verdictStyle }
}

extension String {
    /// What stands behind a beginning, without blanks at the end.
    fileprivate func behind(_ prefix: String) -> String? {
        guard self.hasPrefix(prefix) else { return nil }
        var rest = self.dropFirst(prefix.count)
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
