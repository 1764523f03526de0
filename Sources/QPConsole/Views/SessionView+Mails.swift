// SessionView+Mails.swift
//
// The mails of a session, and what plugins noted about it.

import QPTelemetry

extension SessionView {
    // MARK: Mails

    static func mails(_ detail: SessionDetail, _ input: ViewInput) -> Table {
        var lines: [[Span]] = []
        for mail in detail.transactions { lines += Self.lines(of: mail, input) }
        if detail.session.isSending { lines += Self.current(detail.session, input) }
        var table = Self.lines(lines)
        table.empty = detail.session.state == .live ? "no mail was begun yet" : "no mail was begun"
        return table
    }

    private static func lines(of mail: TransactionRow, _ input: ViewInput) -> [[Span]] {
        let answer = [mail.code.map { String($0) } ?? "", mail.text].filter { !$0.isEmpty }.joined(separator: " ")
        var lines: [[Span]] = [
            [
                Span(mail.id, .bold), Span("  "), Span(mail.result, mail.resultStyle), Span("  "),
                Span(TimeText.clock(mail.endedAt, zone: input.state.zone), .muted), Span("  "),
                Span(mail.size > 0 ? input.numbers.octets(mail.size) + " octets" : "no message"),
            ]
        ]
        if !answer.isEmpty { lines.append(Self.fact("answer", answer, mail.resultStyle)) }
        lines.append(Self.fact("from", mail.sender.map { "<\($0)>" } ?? "not understood"))
        for recipient in mail.recipients {
            lines.append(Self.fact("to", "<\(recipient.address)>") + [Span("  \(recipient.code)", recipient.style)])
        }
        let more = mail.recipientCount.adding(-mail.recipients.count)
        if more > 0 { lines.append(Self.fact("", "and \(CaptionText.exact(more)) more", .muted)) }
        if let name = mail.messageId { lines.append(Self.fact("message-id", "<\(name)>")) }
        return lines
    }

    /// The mail that is not over yet.
    private static func current(_ row: SessionRow, _ input: ViewInput) -> [[Span]] {
        var lines: [[Span]] = [
            [Span("now", .bold), Span("  "), Span(row.phase.rawValue, .accent)],
            Self.fact("from", row.sender.map { "<\($0)>" } ?? ""),
        ]
        lines += row.recipients.map { Self.fact("to", "<\($0)>") }
        let more = row.recipientCount.adding(-row.recipients.count)
        if more > 0 { lines.append(Self.fact("", "and \(CaptionText.exact(more)) more", .muted)) }
        return lines
    }

    private static func fact(_ caption: String, _ value: String, _ style: Style = .plain) -> [Span] {
        let blanks = String(repeating: " ", count: max(0, 10 - caption.count))
        return [Span("  " + caption + blanks + "  ", .muted), Span(value, style)]
    }

    // MARK: Notes

    static func notes(_ detail: SessionDetail, _ plugins: [PluginRow], _ input: ViewInput) -> Table {
        let row = detail.session
        var rows = row.notes.sorted { $0.key < $1.key }.map { name, value in
            TableRow("note:\(name)", [Span(name, .name), Span(value)])
        }
        // In the order of the configuration; those that it does not have any more behind them.
        let order = plugins.map(\.name).filter { row.marks[$0] != nil }
        var seen: Set<String> = []
        for name in order + row.marks.keys.sorted() where seen.insert(name).inserted {
            guard let mark = row.marks[name] else { continue }
            rows.append(TableRow("mark:\(name)", [Span(name), Span(mark.meaning, mark.style)]))
        }
        rows += Self.counts(detail, input).map { name, value in
            TableRow("count:\(name)", [Span(name, .muted), Span(value)])
        }
        return Table(
            columns: [.text("name", "NAME", 12...32), .text("value", "NOTE, MARK, COUNT", 20...20, isElastic: true)],
            rows: rows)
    }

    private static func counts(_ detail: SessionDetail, _ input: ViewInput) -> [(String, String)] {
        let row = detail.session
        let numbers = input.numbers
        return [
            ("number of session", String(row.number)), ("mails accepted", numbers.count(row.messages)),
            ("mails begun", numbers.count(detail.transactions.count)),
            ("recipients accepted", numbers.count(row.recipientCount)),
            ("octets received", numbers.octets(row.octets)), ("octets a second", numbers.rate(row.rate)),
            ("runs of plugins", CaptionText.exact(detail.trail.count)),
            ("runs not kept", CaptionText.exact(detail.dropped)),
        ]
    }
}

extension TransactionRow {
    var resultStyle: Style {
        switch self.result {
        case "queued": .good
        case "rejected": .bad
        case "deferred": .warning
        default: .muted
        }
    }
}

extension RecipientRow {
    var style: Style { self.code >= 500 ? .bad : self.code >= 400 ? .warning : .good }
}

extension SessionRow {
    /// Whether it is in the middle of a mail.
    var isSending: Bool {
        switch self.phase {
        case .mail, .rcpt, .data, .queue: self.state == .live
        case .connect, .helo, .idle, .leaving: false
        }
    }
}
