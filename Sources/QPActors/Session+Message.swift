// Session+Message.swift
//
// RFC 5321 §4.1.1.4 (DATA), RFC 3030 §2 (BDAT), and what happens between the final dot and the answer.

import QPHooks
import QPTelemetry

extension Session {
    /// What bare line ends mean for this client.
    var bareNewlinePolicy: BareNewlinePolicy {
        let settings = self.settings
        guard settings.bareNewline != .pass, !settings.bareNewlineExempt.isEmpty, self.state.connection.mayBeTrusted
        else { return settings.bareNewline }
        let address = self.state.connection.remoteAddress
        return settings.bareNewlineExempt.contains { $0.contains(address) } ? .pass : settings.bareNewline
    }

    func newReceiver(_ framing: MessageReceiver.Framing) -> MessageReceiver {
        MessageReceiver(
            framing: framing, limit: self.settings.databytes,
            threshold: self.settings.sizeThreshold ?? self.settings.limits.messageMemory, spool: self.spool,
            policy: self.bareNewlinePolicy)
    }

    // MARK: DATA

    func heardData(_ line: ClientLine) {
        guard line.argument.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else {
            return self.object(Reply(501, .invalidArguments, "no parameters allowed"))
        }
        if let objection = self.machine.objectionToData() { return self.object(objection) }
        if let shortage = self.shortage() { return self.send(shortage) }
        self.ask(.data, self.chains.data, DataEvent(isChunked: false)) { session, _, verdict in
            session.decidedData(verdict)
        }
    }

    private func decidedData(_ verdict: Verdict<Void>) {
        switch verdict {
        case .refused(let denial):
            self.refuseMessage(denial, .data, endsMessage: self.state.transaction.message != nil)
        case .done:
            // The plugin has received the message itself, and may want it queued.
            let isWanted = self.state.queuesMessage
            self.state.queuesMessage = false
            if isWanted, self.state.transaction.message != nil { self.messageReceived() }
        case .ok, .okSaying, .declined, .declinedSaying:
            self.send(StaticReply("354 end with <CRLF>.<CRLF>\r\n"), 354)
            self.receiver = self.newReceiver(.dot(DotFramer(policy: self.bareNewlinePolicy)))
            self.phase = .data
            self.startDataTimer()
        }
    }

    /// What the client was told last; 0 and empty if nobody remembers.
    private var refusalCode: Int { Int(self.memory?.code ?? 0) }
    private var refusalText: String { self.memory?.reason ?? "" }

    /// A refusal after which the mail is forgotten.
    func refuseMessage(_ denial: Denial, _ hook: HookID, endsMessage: Bool = true) {
        self.summary(denial.kind.code.name, denial.text)
        self.refuse(denial, hook, each: endsMessage)
        self.noteOutcome(denial.kind.isSoft ? .deferred : .rejected, self.refusalCode, self.refusalText)
        if denial.kind.disconnects {
            self.leave(.server)
        } else {
            self.resetTransaction(force: true) { _ in }
        }
    }

    // MARK: BDAT

    func heardChunk(_ line: ClientLine) {
        let words = line.argument.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = words.first, first.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let size = UInt64(first), size <= UInt64(Int64.max), words.count <= 2,
            words.count == 1 || words[1].uppercased() == "LAST"
        else { return self.misunderstoodChunk() }
        let isLast = words.count == 2

        guard self.generation.offered.contains(.chunking) else {
            return self.swallow(size, Reply(502, .invalidCommand, "BDAT not available"))
        }
        if let objection = self.machine.objectionToChunk() { return self.swallow(size, objection) }
        if self.machine.isReceivingChunks { return self.takeChunk(size, isLast) }
        if let shortage = self.shortage() { return self.swallow(size, shortage, isLast: isLast) }
        self.ask(.data, self.chains.data, DataEvent(isChunked: true)) { session, _, verdict in
            session.decidedChunk(verdict, size, isLast)
        }
    }

    /// RFC 3030 §2: a message with a chunk that was refused has failed, and so have the chunks behind it. Taken all the
    /// same, it would be delivered with a hole.
    private func misunderstoodChunk() {
        self.object(Reply(501, .invalidArguments, "BDAT needs a size, then perhaps LAST"))
        if self.machine.isInTransaction { self.resetTransaction(force: true) { _ in } }
    }

    private func decidedChunk(_ verdict: Verdict<Void>, _ size: UInt64, _ isLast: Bool) {
        switch verdict {
        case .refused(let denial):
            self.swallow(size, nil, denial, isLast: isLast)
        case .done:
            self.swallow(size, nil)
        case .ok, .okSaying, .declined, .declinedSaying:
            self.machine.chunkAccepted()
            self.receiver = self.newReceiver(.chunk(ChunkFramer(size: 0, policy: .pass, binary: true), isLast: isLast))
            self.takeChunk(size, isLast)
        }
    }

    private func takeChunk(_ size: UInt64, _ isLast: Bool) {
        guard self.receiver != nil else { return self.swallow(size, Reply(503, .invalidCommand, "MAIL first")) }
        self.receiver?.beginChunk(size: size, isLast: isLast, isBinary: self.mailOptions.body == .binary)
        self.phase = .chunk
        self.startDataTimer()
        if size == 0 { _ = self.receive(UnsafeRawBufferPointer(start: nil, count: 0), from: 0) }
    }

    /// Reads a refused chunk by its length (RFC 3030 §2: the octets come whatever we think of them), then answers.
    private func swallow(_ size: UInt64, _ reply: Reply?, _ denial: Denial? = nil, isLast: Bool = false) {
        let receiver = self.newReceiver(
            .chunk(ChunkFramer(size: size, policy: .pass, binary: true), isLast: false))
        receiver.fail(reply ?? Reply(250, .other, ""))
        self.receiver = receiver
        self.swallowed = SwallowedChunk(reply: reply, denial: denial, isLast: isLast)
        self.phase = .chunk
        self.startDataTimer()
        if size == 0 { _ = self.receive(UnsafeRawBufferPointer(start: nil, count: 0), from: 0) }
    }

    // MARK: Octets

    /// Takes message octets; gives where the next input begins.
    func receive(_ input: UnsafeRawBufferPointer, from offset: Int) -> Int {
        self.startSilenceTimer()
        guard let outcome = self.receiver?.consume(input, from: offset) else { return input.count }
        let isEnd: Bool
        let next: Int
        switch outcome {
        case .more:
            isEnd = false
            next = input.count
        case .end(let end):
            isEnd = true
            next = end
        }
        if self.swallowed != nil {
            if isEnd { self.chunkSwallowed() }
            return next
        }
        let isWhole = isEnd && (self.receiver?.isLastChunk ?? true)
        if !self.chains.dataHeadersEnd.isEmpty, let receiver = self.receiver, receiver.failure == nil,
            !receiver.headerWasShown, receiver.hasHeader || isWhole
        {
            self.receiver?.headerWasShown = true
            self.inHand = input.count &- next
            self.state.transaction.message = Message(receiver.headerOnly())
            self.ask(.dataHeadersEnd, self.chains.dataHeadersEnd, PlainEvent()) { session, _, verdict in
                session.decidedHeader(verdict, isEnd)
            }
        } else if isEnd {
            self.framingEnded()
        }
        return next
    }

    private func decidedHeader(_ verdict: Verdict<Void>, _ isEnd: Bool) {
        if case .refused(let denial) = verdict, denial.kind.disconnects {
            self.summary(denial.kind.code.name, denial.text)
            self.refuse(denial, .dataHeadersEnd, each: isEnd && self.receiver?.isLastChunk ?? true)
            self.noteOutcome(denial.kind.isSoft ? .deferred : .rejected, self.refusalCode, self.refusalText)
            self.leave(.server)
        } else if isEnd {
            self.framingEnded()
        }
    }

    private func chunkSwallowed() {
        let swallowed = self.swallowed
        self.swallowed = nil
        self.receiver = nil
        self.phase = .command
        if let denial = swallowed?.denial {
            self.refuseMessage(denial, .data, endsMessage: swallowed?.isLast ?? true)
        } else if let reply = swallowed?.reply {
            if reply.code == 452 { self.sendToEach(reply, swallowed?.isLast ?? true) } else { self.object(reply) }
            if self.machine.isReceivingChunks || reply.code == 452 { self.resetTransaction(force: true) { _ in } }
        }
    }

    /// A chunk or the whole message is there.
    private func framingEnded() {
        self.phase = .command
        self.startCommandTimer()
        guard let receiver = self.receiver else { return }
        let isWhole = receiver.isLastChunk
        if receiver.failure == nil, isWhole { self.checkNewlines(receiver) }
        if let failure = receiver.failure {
            if let shortage = receiver.shortage { self.log(.error, "message not kept: \(shortage)") }
            self.receiver = nil
            self.noteOutcome(failure.code < 500 ? .deferred : .rejected, failure.code, failure.text)
            self.summary("refused", failure.lines.joined(separator: " "))
            self.sendToEach(failure, isWhole)
            return self.resetTransaction(force: true) { _ in }
        }
        guard isWhole else {
            // RFC 3030 §2
            return self.send(Reply(250, .other, "chunk OK"))
        }
        self.machine.chunksEnded()
        let wasShown = receiver.headerWasShown
        let storage = receiver.finish()
        self.receiver = nil
        guard let storage else {
            self.noteOutcome(.deferred, 452, "insufficient system storage")
            self.sendToEach(Reply(452, .systemFull, "insufficient system storage"))
            return self.resetTransaction(force: true) { _ in }
        }
        // What data_headers_end changed stays changed.
        let early = wasShown ? self.state.transaction.message : nil
        self.state.transaction.message = early?.moved(to: storage) ?? Message(storage)
        self.messageReceived()
    }

    /// RFC 5321 §2.3.8, §4.1.1.4: bare CR and bare LF have no place in mail.
    func checkNewlines(_ receiver: MessageReceiver) {
        guard receiver.bareLF > 0 || receiver.bareCR > 0 else { return }
        switch receiver.policy {
        case .refuse:
            receiver.fail(Reply(554, .otherMedia, "message has bare CR or LF line ends"))
        case .warn:
            self.core.counters.server.bareNewlineWarnings &+= 1
            self.log(.warning, "message has \(receiver.bareLF) bare LF and \(receiver.bareCR) bare CR")
        case .fold, .pass:
            break
        }
    }
}

/// A chunk that is read and forgotten, and what to say then.
final class SwallowedChunk: Sendable {
    let reply: Reply?
    let denial: Denial?
    /// Whether it would have been the message's last.
    let isLast: Bool

    init(reply: Reply?, denial: Denial?, isLast: Bool) {
        self.reply = reply
        self.denial = denial
        self.isLast = isLast
    }
}
