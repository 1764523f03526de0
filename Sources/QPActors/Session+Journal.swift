// Session+Journal.swift
//
// What a session leaves behind: a record for each mail, one for itself.

import Glibc
package import QPHooks
package import QPTelemetry

/// What a session has to remember for its records; made when there is something.
final class SessionMemory {
    /// The strongest answer of each plugin, by slot; 0: it did not run.
    var marks: [UInt8] = []
    var sender: String?
    var recipients: [String] = []
    var recipientCount: UInt32 = 0
    var messages: UInt32 = 0
    /// The last refusal that the client was told.
    var code: UInt16 = 0
    var reason = ""
    var decidedBy: String?
    // The mail in hand.
    /// The sender of a MAIL that was refused.
    var refusedSender: String?
    var refusedRecipients: [RecipientRow] = []
    var refusedCount: UInt32 = 0
    var outcome = MailOutcome.abandoned
    var outcomeCode: UInt16 = 0
    var outcomeText = ""

    func forgetMail() {
        self.refusedSender = nil
        if self.refusedCount > 0 { self.refusedRecipients = [] }
        self.refusedCount = 0
        self.outcome = .abandoned
        self.outcomeCode = 0
        self.outcomeText = ""
    }
}

extension Session {
    /// What is remembered; `nil` without a journal.
    var remembered: SessionMemory? {
        if let memory = self.memory { return memory }
        guard self.setup.journal != nil else { return nil }
        let memory = SessionMemory()
        self.memory = memory
        return memory
    }

    /// A refusal leaves.
    func noteRefusal(_ reply: Reply) {
        guard let memory = self.remembered else { return }
        memory.code = UInt16(clamping: reply.code)
        memory.reason = reply.text
    }

    func noteRefusedSender(_ sender: ReversePath) {
        self.remembered?.refusedSender = sender.address
    }

    /// A recipient was refused, with the reply that was sent last.
    func noteRefused(_ recipient: Mailbox, soft: Bool) {
        if soft {
            self.core.counters.server.recipientsDeferred &+= 1
        } else {
            self.core.counters.server.recipientsRejected &+= 1
        }
        guard let memory = self.remembered else { return }
        memory.refusedCount &+= 1
        guard memory.refusedRecipients.count < JournalWriter.recipientLimit else { return }
        memory.refusedRecipients.append(RecipientRow(address: recipient.address, code: Int(memory.code)))
    }

    /// The message was answered.
    func noteOutcome(_ outcome: MailOutcome, _ code: Int, _ text: @autoclosure () -> String) {
        switch outcome {
        case .queued: self.core.counters.server.queued &+= 1
        case .rejected: self.core.counters.server.rejected &+= 1
        case .deferred: self.core.counters.server.deferred &+= 1
        case .abandoned: break
        }
        guard let memory = self.remembered else { return }
        memory.outcome = outcome
        memory.outcomeCode = UInt16(clamping: code)
        memory.outcomeText = text()
        if outcome == .queued { memory.messages &+= 1 }
    }

    // MARK: Records

    /// The mail is over: its record is written, and the trail begins anew.
    func journalTransaction() {
        guard let journal = self.setup.journal, self.state.transaction.number > 0, let memory = self.remembered
        else { return }
        let mail = self.state.transaction
        var recipients: [RecipientRow] = []
        for recipient in mail.recipients.prefix(JournalWriter.recipientLimit) {
            recipients.append(RecipientRow(address: recipient.mailbox.address, code: 250))
        }
        memory.sender = mail.sender?.address ?? memory.refusedSender
        memory.recipients = recipients.map(\.address)
        memory.recipientCount = UInt32(clamping: mail.recipients.count)
        let isAnswered = memory.outcome != .abandoned
        journal.append(
            JournalTransaction(
                session: self.state.id, number: mail.number, endedAt: self.core.loop.wallNow(),
                startedAt: self.state.connection.acceptedAt, peer: self.state.connection.remoteAddress,
                generation: UInt32(truncatingIfNeeded: self.generation.number), sender: memory.sender,
                recipients: recipients + memory.refusedRecipients,
                recipientCount: memory.recipientCount &+ memory.refusedCount,
                messageID: mail.message?.storage.headerBytes.messageID,
                size: UInt64(clamping: mail.message?.receivedSize ?? 0), outcome: memory.outcome,
                code: isAnswered ? memory.outcomeCode : memory.code,
                text: isAnswered ? memory.outcomeText : memory.reason, naughty: self.naughty, trail: self.takeTrail(memory)),
            self.generation)
        memory.forgetMail()
    }

    /// The session is over.
    func journalSession() {
        self.core.counters.ended(
            in: self.lastPhase, by: self.shownEnd, nanoseconds: UInt64(clamping: self.core.now &- self.startedAt))
        guard let journal = self.setup.journal else { return }
        var record = self.journalRecord(wasGreeted ? .ended : .refused)
        if let memory = self.remembered {
            record.trail = self.takeTrail(memory)
            record.marks = memory.marks
            record.decidedBy = memory.decidedBy
        }
        journal.append(record, self.generation)
    }

    /// Somebody watches: a session has begun.
    func journalConnected() {
        guard let journal = self.setup.journal, journal.isWatched else { return }
        journal.appendConnected(self.journalRecord(.live), self.generation)
    }

    private var wasGreeted: Bool { self.lastPhase != .connect }

    /// QUIT is the client's way to go.
    var shownEnd: SessionEnd { self.saidQuit && self.endedBy == .server ? .client : self.endedBy }

    private func journalRecord(_ kind: SessionKind) -> JournalSession {
        let memory = self.memory
        let state = self.state
        return JournalSession(
            session: state.id, number: state.number, kind: kind, endedAt: self.core.loop.wallNow(),
            startedAt: state.connection.acceptedAt, duration: UInt64(clamping: self.core.now &- self.startedAt),
            peer: state.connection.remoteAddress, peerPort: state.connection.remotePort,
            listener: state.connection.listener, helo: state.introduction?.host,
            remoteHost: state.remoteHost == "Unknown" ? nil : state.remoteHost, tls: nil, user: state.user,
            phase: self.lastPhase, by: self.shownEnd, messages: memory?.messages ?? 0, octets: self.octets,
            generation: UInt32(truncatingIfNeeded: self.generation.number), sender: memory?.sender,
            recipients: memory?.recipients ?? [], recipientCount: memory?.recipientCount ?? 0,
            code: memory?.code ?? 0, reason: memory?.reason ?? "", decidedBy: memory?.decidedBy,
            naughty: self.naughty, marks: memory?.marks ?? [], notes: self.scores, trail: .empty)
    }

    /// Takes the runs so far out of the session, and remembers the strongest answers.
    private func takeTrail(_ memory: SessionMemory) -> TrailPart {
        let part = TrailPart(self.trail)
        if memory.marks.isEmpty { memory.marks = Array(repeating: 0, count: self.generation.names.count) }
        for record in part.records {
            let mark = UInt8(truncatingIfNeeded: PluginMark.of(record).strength + 1)
            let slot = Int(record.plugin)
            if slot < memory.marks.count, mark > memory.marks[slot] { memory.marks[slot] = mark }
            if record.flags.contains(.decided), record.verdict.isRefusal {
                memory.decidedBy = self.generation.names[slot]
            }
        }
        self.trail.restart()
        return part
    }

    /// What plugins left for the naughty plugin: `(plugin) text` lines.
    var naughty: String? {
        guard !self.state.connectionNotes.isEmpty else { return nil }
        return self.state.connectionNotes["naughty"].flatMap { String($0) }
    }

    /// Notes that are numbers: karma, spam scores.
    var scores: [String: String] {
        guard !self.state.connectionNotes.isEmpty else { return [:] }
        var scores: [String: String] = [:]
        for (name, value) in self.state.connectionNotes where scores.count < JournalWriter.noteLimit {
            switch value {
            case .int(let number): scores[name] = String(number)
            case .double(let number): scores[name] = String(number)
            case .null, .bool, .string, .bytes, .list, .map: continue
            }
        }
        return scores
    }
}

extension PluginMark {
    /// The mark of one run.
    package static func of(_ record: HookRecord) -> Self {
        if !record.flags.isDisjoint(with: [.threw, .timedOut, .breaker]) { return .failed }
        if record.flags.contains(.shadow) { return .declined }
        switch record.verdict {
        case .deny, .denyDisconnect: return .refused
        case .denysoft, .denysoftDisconnect: return .deferred
        case .ok, .done: return .ok
        case .declined: return .declined
        }
    }

    /// Its place among the marks; higher ones hide lower ones.
    package var strength: Int {
        switch self {
        case .declined: 0
        case .ok: 1
        case .failed: 2
        case .deferred: 3
        case .refused: 4
        }
    }

    /// The mark of a place and one; `nil` for 0.
    package init?(byte: UInt8) {
        guard byte > 0, let mark = Self.allCases.first(where: { $0.strength == Int(byte) - 1 }) else { return nil }
        self = mark
    }
}

extension [UInt8] {
    /// The identifier in the first Message-ID field of a header, without brackets; no parsing of the rest.
    package var messageID: String? {
        self.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var start = 0
            while start + 11 <= bytes.count {
                let end = memchr(base + start, 0x0A, bytes.count - start).map { UnsafeRawPointer($0) - base }
                    ?? bytes.count
                if bytes[start] | 0x20 == UInt8(ascii: "m"),
                    strncasecmp((base + start).assumingMemoryBound(to: CChar.self), "message-id:", 11) == 0
                {
                    // RFC 5322 §2.2.3: the value may stand in a continuation line.
                    return Self.identifier(bytes[(start + 11)...].prefix(1100))
                }
                start = end + 1
            }
            return nil
        }
    }

    private static func identifier(_ rest: Slice<UnsafeRawBufferPointer>) -> String? {
        let value = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let word = value.prefix { $0 > 0x20 && $0 != UInt8(ascii: ">") }.drop { $0 == UInt8(ascii: "<") }
        return word.isEmpty ? nil : String(decoding: word, as: UTF8.self)
    }
}
