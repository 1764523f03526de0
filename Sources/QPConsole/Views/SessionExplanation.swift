// SessionExplanation.swift
//
// What became of a session, in sentences that one can read out to whoever asks.

import QPTelemetry

/// A session in plain words.
struct SessionExplanation {
    /// Something that can be said by itself.
    struct Sentence: Hashable {
        var text: String
        var style = Style.plain
    }

    private let detail: SessionDetail
    private let numbers: NumberText
    private let zone: Int

    init(_ detail: SessionDetail, _ input: ViewInput) {
        self.detail = detail
        self.numbers = input.numbers
        self.zone = input.state.zone
    }

    var sentences: [Sentence] {
        [self.client, self.introduction, self.state] + self.decision + self.detail.transactions.flatMap(self.fate)
            + self.ending
    }

    // MARK: Who

    private var row: SessionRow { self.detail.session }

    private var client: Sentence {
        let peer = self.row.peer.isEmpty ? "A client whose address is not shown" : "The client at \(self.row.peer)"
        let host = self.row.remoteHost.map { " (\($0))" } ?? ""
        let listener = self.row.listener.isEmpty ? "" : " to \(self.row.listener)"
        let time = TimeText.clock(self.row.startedAt, zone: self.zone)
        return Sentence(text: "\(peer)\(host) connected\(listener) at \(time).")
    }

    private var introduction: Sentence {
        let name = self.row.helo.map { "It called itself \($0)" } ?? "It has not said its name"
        let tls = self.row.tls.map { "encrypted with \($0)" } ?? "not encrypted"
        let user = self.row.user.map { "logged in as \($0)" } ?? "not logged in"
        return Sentence(text: "\(name); it was \(tls) and \(user).")
    }

    private var state: Sentence {
        let age = self.numbers.duration(self.row.age)
        switch self.row.state {
        case .live:
            guard let plugin = self.row.plugin else {
                return Sentence(text: "It has been connected for \(age) and \(self.row.phase.words).")
            }
            let hook = self.row.hook ?? "a hook that is not known"
            let time = self.numbers.duration(self.row.running)
            return Sentence(
                text: "It has been connected for \(age) and \(self.row.phase.words); now it waits for the plugin "
                    + "\(plugin), which has worked on \(hook) for \(time).", style: .warning)
        case .ended: return Sentence(text: "The session is over; it lasted \(age).")
        case .refused: return Sentence(text: "It was turned away before the greeting, after \(age).")
        }
    }

    // MARK: Why

    private var decision: [Sentence] {
        guard let decision = self.detail.decision else {
            guard self.row.code != nil else {
                return [Sentence(text: "No plugin refused anything, and no message was taken.")]
            }
            return [
                Sentence(
                    text: "The server itself, and no plugin, answered: \(self.row.answer).",
                    style: self.row.outcomeStyle)
            ]
        }
        let mail = decision.transaction > 0 ? " for mail \(decision.transaction)" : ""
        let style = decision.verdict.verdictStyle
        guard decision.isRefusal else {
            let text = decision.text.isEmpty ? "" : " and said: \(decision.text)"
            return [Sentence(text: "The plugin \(decision.plugin) took the message\(mail)\(text).", style: style)]
        }
        let word = decision.isSoft ? "deferred" : "refused"
        var sentences = [
            Sentence(
                text: "The plugin \(decision.plugin) \(word) at \(decision.hook)\(mail) with: "
                    + "\(decision.answer(in: self.detail)).", style: style)
        ]
        if let via = decision.via {
            sentences.append(
                Sentence(text: "\(decision.plugin) left its verdict to the plugin \(via), which carried it out later."))
        }
        sentences.append(Sentence(text: self.meaning(of: decision)))
        return sentences
    }

    private func meaning(of decision: Decision) -> String {
        let close = decision.closes ? " The connection was closed with it." : ""
        return decision.isSoft
            ? "That is for now: the client should try again later.\(close)"
            : "That is final: sending the same again will not help.\(close)"
    }

    // MARK: Mails

    private func fate(of mail: TransactionRow) -> [Sentence] {
        let sender = mail.sender.map { $0.isEmpty ? "<> (a bounce)" : "<\($0)>" } ?? "a sender that was not understood"
        let size = mail.size > 0 ? ", \(self.numbers.octets(mail.size)) octets," : ""
        let what = "Mail \(mail.number) from \(sender) to \(self.recipients(of: mail))\(size)"
        let answer = [mail.code.map { String($0) } ?? "", mail.text].filter { !$0.isEmpty }.joined(separator: " ")
        let said = answer.isEmpty ? "" : ": \(answer)"
        let fate =
            switch mail.result {
            case "queued": "was accepted and queued\(said)."
            case "rejected": "was refused for good\(said)."
            case "deferred": "was put off; the client should try again later\(said)."
            case "abandoned": "came to nothing: the client gave it up\(answer.isEmpty ? "" : " after: \(answer)")."
            default: "ended as \(mail.result)\(said)."
            }
        return [Sentence(text: "\(what) \(fate)", style: mail.resultStyle == .muted ? .plain : mail.resultStyle)]
            + self.refusals(of: mail)
    }

    private func recipients(of mail: TransactionRow) -> String {
        guard let first = mail.recipients.first else { return "nobody yet" }
        let more = max(mail.recipientCount, mail.recipients.count) - 1
        return "<\(first.address)>" + (more > 0 ? " and \(CaptionText.exact(more)) more" : "")
    }

    private func refusals(of mail: TransactionRow) -> [Sentence] {
        let refused = mail.recipients.filter { $0.code >= 400 }
        guard !refused.isEmpty else { return [] }
        let names = refused.prefix(3).map { "<\($0.address)> (\($0.code))" }
        let rest = refused.count > 3 ? ["\(refused.count - 3) more"] : []
        return [
            Sentence(
                text: "Refused of its recipients: \(CaptionText.list(names + rest)).",
                style: refused.contains { $0.code >= 500 } ? .bad : .warning)
        ]
    }

    // MARK: The end

    private var ending: [Sentence] {
        var sentences: [Sentence] = []
        if let hook = self.detail.lastHook { sentences.append(Sentence(text: "The last hook that ran was \(hook).")) }
        if self.row.state != .live { sentences.append(Sentence(text: self.end)) }
        if self.detail.dropped > 0 {
            let count = CaptionText.exact(self.detail.dropped)
            sentences.append(
                Sentence(text: "\(count) runs of plugins were not kept; this may not be all.", style: .warning))
        }
        return sentences
    }

    private var end: String {
        switch self.row.by {
        case "client": "The client ended the connection."
        case "server": "The server ended the connection."
        case "timeout": "The client was silent for too long, so the server ended the connection."
        case "operator": "An operator ended the connection."
        case let by?: "The connection was ended by \(by)."
        case nil: "Who ended the connection is not known."
        }
    }
}

extension SessionPhase {
    /// How far it has come.
    fileprivate var words: String {
        switch self {
        case .connect: "has not been greeted yet"
        case .helo: "has been greeted, but has not said its name yet"
        case .idle: "does nothing now"
        case .mail: "has named a sender"
        case .rcpt: "has named recipients"
        case .data: "is sending a message"
        case .queue: "waits for the answer to its message"
        case .leaving: "is leaving"
        }
    }
}

extension SessionView {
    static func explanation(_ detail: SessionDetail, _ input: ViewInput) -> Table {
        var lines: [[Span]] = []
        for sentence in SessionExplanation(detail, input).sentences {
            let wrapped = Flow.wrap(
                sentence.text, width: max(20, input.size.columns - 3), limit: 8, isASCII: input.state.isASCII)
            for (place, line) in wrapped.enumerated() {
                lines.append([Span(place == 0 ? "" : "  "), Span(line, sentence.style)])
            }
        }
        return Self.lines(lines)
    }
}
