// SessionView.swift
//
// One session: what every plugin said to it, what was spoken, its mails, its notes, and all of it in plain words.

import QPTelemetry

/// Everything about a session.
enum SessionView {
    static func table(_ input: ViewInput) -> Table {
        guard let place = input.state.session, input.snapshot.servers.indices.contains(place.server) else {
            return Self.nothing("choose one in the sessions view (2) with Enter")
        }
        let server = input.snapshot.servers[place.server]
        guard server.detailID == place.id else { return Self.nothing("asking for \(place.id)") }
        guard let detail = server.detail else { return Self.nothing("no session \(place.id) is known any more") }
        var table =
            switch input.state.sessionPart {
            case .trail: Self.trail(detail, input)
            case .dialogue: Self.dialogue(detail, server.dialogue, input)
            case .mails: Self.mails(detail, input)
            case .notes: Self.notes(detail, server.plugins, input)
            case .explain: Self.explanation(detail, input)
            }
        table.captions = Self.captions(detail, server, input)
        return table
    }

    private static func nothing(_ text: String) -> Table {
        var table = Table(columns: [], rows: [])
        table.empty = text
        return table
    }

    /// A table of lines; each can be stood on, so that one can walk to the last.
    static func lines(_ lines: [[Span]]) -> Table {
        Table(columns: [], rows: lines.enumerated().map { .line("line:\($0.offset)", $0.element) })
    }

    // MARK: Captions

    private static func captions(_ detail: SessionDetail, _ server: ServerState, _ input: ViewInput) -> [[Span]] {
        let width = input.size.columns
        // Where there is little room, rows matter more than facts.
        let most = input.size.rows < 20 ? 3 : 6
        var lines = Flow.lines(
            Self.facts(detail.session, server, input), width: width, isASCII: input.state.isASCII)
        lines = Array(lines.prefix(most))
        if let decision = Self.decision(detail) { lines.append(decision) }
        lines.append(Self.parts(detail, input))
        return lines
    }

    private static func facts(_ row: SessionRow, _ server: ServerState, _ input: ViewInput) -> [[Span]] {
        let numbers = input.numbers
        var facts = [[Span(row.id, .bold)], [Self.state(row, input)]]
        func add(_ caption: String, _ value: String?, _ style: Style = .plain) {
            guard let value, !value.isEmpty else { return }
            facts.append([Span(caption + " ", .muted), Span(value, style)])
        }
        add("from", row.peerText, .name)
        add("host", row.remoteHost)
        if let plugin = row.plugin {
            add("running", "\(plugin)@\(row.hook ?? "?") \(numbers.duration(row.running))", .warning)
        }
        add("helo", row.helo)
        add("tls", row.tls)
        add("user", row.user)
        if row.messages != 0 { add("accepted", CaptionText.counted(row.messages, "mail")) }
        add("octets", numbers.octets(row.octets))
        add("began", TimeText.clock(row.startedAt, zone: input.state.zone))
        add("gen", String(row.generation))
        add("on", row.listener)
        if input.snapshot.hasSeveralServers { add("server", server.name, .name) }
        return facts
    }

    private static func state(_ row: SessionRow, _ input: ViewInput) -> Span {
        let age = input.numbers.duration(row.age)
        return switch row.state {
        case .live: Span("live, \(row.phase.rawValue), \(age)", .good)
        case .ended: Span("ended\(row.by.map { " by \($0)" } ?? "") after \(age)")
        case .refused: Span("refused before the greeting", .warning)
        }
    }

    /// What decided, in a line.
    private static func decision(_ detail: SessionDetail) -> [Span]? {
        guard let decision = detail.decision else {
            guard detail.session.code != nil else { return nil }
            return [Span("refused by the server: \(detail.session.answer)", detail.session.outcomeStyle)]
        }
        let style = decision.verdict.verdictStyle
        let via = decision.via.map { ", carried out by \($0)" } ?? ""
        let place = " by \(decision.plugin) at \(decision.hook)\(via)"
        guard decision.isRefusal else {
            return [Span("taken" + place, style), Span(decision.text.isEmpty ? "" : ": \(decision.text)")]
        }
        let word = decision.isSoft ? "deferred" : "refused"
        return [Span(word + place, style), Span(": " + decision.answer(in: detail))]
    }

    private static func parts(_ detail: SessionDetail, _ input: ViewInput) -> [Span] {
        var spans: [Span] = []
        for part in SessionPart.allCases {
            let isShown = part == input.state.sessionPart
            var text = part.rawValue
            switch part {
            case .trail: text += " \(input.numbers.count(detail.trail.count))"
            case .mails: text += " \(input.numbers.count(detail.transactions.count))"
            case .dialogue, .notes, .explain: break
            }
            spans.append(Span(isShown ? "[\(text)]" : " \(text) ", isShown ? .bold : .muted))
        }
        return spans
    }
}

extension String {
    /// How a verdict looks.
    var verdictStyle: Style {
        switch self {
        case _ where self.hasPrefix("DENYSOFT"): .warning
        case _ where self.hasPrefix("DENY"): .bad
        case "OK", "DONE": .good
        default: .muted
        }
    }
}

extension SessionRow {
    /// The peer's address, with its port behind it; empty if it is not shown.
    var peerText: String {
        guard !self.peer.isEmpty, self.peerPort > 0 else { return self.peer }
        return self.peer.contains(":") ? "[\(self.peer)]:\(self.peerPort)" : "\(self.peer):\(self.peerPort)"
    }

    /// The last refusal as the client read it.
    var answer: String {
        [self.code.map { String($0) }, self.reason].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " ")
    }
}

extension Decision {
    var isRefusal: Bool { self.verdict.hasPrefix("DENY") }
    /// Whether the client may try again.
    var isSoft: Bool { self.verdict.hasPrefix("DENYSOFT") }
    /// Whether the connection was closed with it.
    var closes: Bool { self.verdict.hasSuffix("DISCONNECT") }

    /// What the client read: `550 5.7.1 Relaying denied`. The code is that of its mail, or of the session's last
    /// refusal if it is this one.
    func answer(in detail: SessionDetail) -> String {
        let mail = detail.transactions.first { $0.number == self.transaction && $0.text == self.text && $0.code != nil }
        var code = mail?.code
        if code == nil, detail.session.reason == self.text { code = detail.session.code }
        return [code.map { String($0) }, self.status, self.text].compactMap(\.self).filter { !$0.isEmpty }
            .joined(separator: " ")
    }
}
