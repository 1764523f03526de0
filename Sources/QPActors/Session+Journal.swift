// Session+Journal.swift
//
// What a session leaves behind: a record for each mail, one for itself.

import Glibc
package import QPHooks
package import QPTelemetry

/// What a session has to remember for its records; made when there is something.
final class SessionMemory {
    // Exclusivity is not checked at run time: like its session's hot fields (docs/decisions/0015).
    /// The strongest answer of each plugin, by slot; 0: it did not run.
    @exclusivity(unchecked) var marks: [UInt8] = []
    /// Of the last mail.
    @exclusivity(unchecked) var sender: ReversePath?
    @exclusivity(unchecked) var recipients: [Recipient] = []
    @exclusivity(unchecked) var messages: UInt32 = 0
    /// The last refusal that the client was told.
    @exclusivity(unchecked) var code: UInt16 = 0
    @exclusivity(unchecked) var reason = ""
    @exclusivity(unchecked) var decidedBy: String?
    // The mail in hand.
    /// The sender of a MAIL that was refused.
    @exclusivity(unchecked) var refusedSender: ReversePath?
    @exclusivity(unchecked) var refusedRecipients: [(mailbox: Mailbox, code: UInt16)] = []
    @exclusivity(unchecked) var refusedCount: UInt32 = 0
    @exclusivity(unchecked) var outcome = MailOutcome.abandoned
    @exclusivity(unchecked) var outcomeCode: UInt16 = 0
    @exclusivity(unchecked) var outcomeText = ""

    /// Forgets everything but the room for marks.
    func forget() {
        self.forgetMail()
        self.marks.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        self.sender = nil
        self.recipients = []
        self.messages = 0
        self.code = 0
        self.reason = ""
        self.decidedBy = nil
    }

    func forgetMail() {
        if self.refusedSender != nil { self.refusedSender = nil }
        if self.refusedCount > 0 {
            self.refusedRecipients = []
            self.refusedCount = 0
        }
        self.outcome = .abandoned
        self.outcomeCode = 0
        self.outcomeText = ""
    }
}

extension Session {
    /// What is remembered; `nil` without a journal.
    var remembered: SessionMemory? {
        if let memory = self.memory { return memory }
        guard let memory = self.setup.journal?.takeMemory() else { return nil }
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
        self.remembered?.refusedSender = sender
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
        memory.refusedRecipients.append((recipient, memory.code))
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
        guard self.state.transaction.number > 0, let journal = self.setup.journal, let memory = self.remembered
        else { return }
        let now = self.core.loop.wallNow()
        journal.writer.write(
            mailOf: self.state, memory, naughty: self.naughty, trail: self.trail, endedAt: now,
            generation: UInt32(truncatingIfNeeded: self.generation.number), names: self.generation.names)
        journal.wrote(at: now, self.generation)
        self.trail.restart()
        memory.sender = self.state.transaction.sender ?? memory.refusedSender
        memory.recipients = self.state.transaction.recipients
        memory.forgetMail()
    }

    /// The session is over.
    func journalSession() {
        self.core.counters.ended(
            in: self.lastPhase, by: self.shownEnd, nanoseconds: UInt64(clamping: self.core.now &- self.startedAt))
        guard let journal = self.setup.journal, self.remembered != nil else { return }
        // Whoever was never greeted was refused.
        self.write(to: journal, self.lastPhase == .connect ? .refused : .ended, 2)
        if let memory = self.memory {
            self.memory = nil
            journal.giveBack(memory)
        }
        self.trail.restart()
    }

    /// Somebody watches: a session has begun.
    func journalConnected() {
        guard let journal = self.setup.journal, journal.isWatched else { return }
        self.write(to: journal, .live, 3)
    }

    private func write(to journal: LoopJournal, _ kind: SessionKind, _ recordKind: UInt8) {
        let facts = SessionFacts(
            kind: kind, endedAt: self.core.loop.wallNow(), duration: UInt64(clamping: self.core.now &- self.startedAt),
            phase: self.lastPhase, by: self.shownEnd, octets: self.octets,
            generation: UInt32(truncatingIfNeeded: self.generation.number))
        journal.writer.write(
            facts, of: self.state, self.memory, scores: self.scores, naughty: self.naughty, trail: self.trail,
            kind: recordKind, names: self.generation.names)
        journal.wrote(at: facts.endedAt, self.generation)
    }

    /// QUIT is the client's way to go.
    var shownEnd: SessionEnd { self.saidQuit && self.endedBy == .server ? .client : self.endedBy }

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

extension UnsafeRawBufferPointer {
    /// Where the identifier in the first Message-ID field of a header lies, without brackets; no parsing of the rest.
    package var messageID: Range<Int>? {
        guard let base = self.baseAddress else { return nil }
        var start = 0
        while start + 11 <= self.count {
            if self[start] | 0x20 == UInt8(ascii: "m"),
                strncasecmp((base + start).assumingMemoryBound(to: CChar.self), "message-id:", 11) == 0
            {
                return self.identifier(from: start + 11)
            }
            guard let end = memchr(base + start, 0x0A, self.count - start) else { return nil }
            start = UnsafeRawPointer(end) - base + 1
        }
        return nil
    }

    /// RFC 5322 §2.2.3: the value may stand in a continuation line.
    private func identifier(from start: Int) -> Range<Int>? {
        var first = start
        while first < self.count, self[first] <= 0x20 || self[first] == UInt8(ascii: "<") { first += 1 }
        var end = first
        while end < self.count, self[end] > 0x20, self[end] != UInt8(ascii: ">") { end += 1 }
        return end > first ? first..<end : nil
    }
}
