// Session+Message.swift
//
// RFC 5321 §4.1.1.4 (DATA), RFC 3030 §2 (BDAT), and what happens between the final dot and the answer.

import Glibc
import QPHooks
import QPTelemetry

extension Session {
    private var chains: SessionChains { self.generation.chains }

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
    private func refuseMessage(_ denial: Denial, _ hook: HookID, endsMessage: Bool = true) {
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

    // MARK: After the final dot

    private func messageReceived() {
        if let message = self.state.transaction.message {
            self.core.counters.received(octets: message.receivedSize)
        }
        self.ask(.dataPostHeaders, self.chains.dataPostHeaders, PlainEvent()) { session, _, _ in
            session.completeSubmission()
            session.addReceived()
        }
    }

    private func addReceived() {
        let isUTF8 = self.mailOptions.smtputf8
        if self.receivedHead == nil || isUTF8 || self.receivedHeadIsUTF8 {
            self.receivedHead = self.receivedField().head
            self.receivedHeadIsUTF8 = isUTF8
        }
        guard self.chains.receivedLine.isEmpty else { return self.askReceived() }
        var bytes = self.generation.authenticationResults
        bytes.reserveCapacity(320)
        let recipients = self.state.transaction.recipients
        self.receivedHead?.append(
            id: self.replyID, recipient: recipients.count == 1 ? recipients[0].mailbox : nil, date: self.core.date(),
            to: &bytes)
        self.addFields(bytes, hasResults: true)
    }

    private func receivedField() -> ReceivedField {
        let isExtended = self.state.introduction?.isExtended ?? false
        let transmission: ReceivedField.Transmission = self.answersEach ? .lmtp : isExtended ? .esmtp : .smtp
        let recipients = self.state.transaction.recipients
        return ReceivedField(
            helo: self.state.introduction?.host ?? "unknown",
            reverseName: self.state.remoteHost == "Unknown" ? nil : self.state.remoteHost,
            address: self.state.connection.remoteAddress, me: self.settings.me, version: Version.number,
            word: transmission.word(
                tls: self.state.tls != nil, authenticated: self.state.user != nil, utf8: self.mailOptions.smtputf8),
            tls: self.state.tls.map { "\($0.summary) encrypted" }, id: self.replyID,
            recipient: recipients.count == 1 ? recipients[0].mailbox : nil,
            date: self.core.date())
    }

    private func askReceived() {
        let field = self.receivedField()
        let event = ReceivedLineEvent(
            protocolWord: field.word, authComment: self.authComment,
            tlsComment: self.state.tls.map { "(\($0.cipher) encrypted)" } ?? "",
            defaultLine: field.value)
        self.ask(.receivedLine, self.chains.receivedLine, event) { session, event, verdict in
            var bytes: [UInt8] = []
            if let custom = verdict.value {
                let folded = ReceivedField.fold(custom)
                bytes = Array((folded.lowercased().hasPrefix("received:") ? folded : "Received: " + folded).utf8)
                if !bytes.suffix(2).elementsEqual([13, 10]) { bytes += [13, 10] }
            } else {
                bytes = Array("Received: \(event.defaultLine)\r\n".utf8)
            }
            session.addFields(bytes, hasResults: false)
        }
    }

    private var authComment: String {
        guard let user = self.state.user else { return "" }
        return "(smtp-auth username \(user), mechanism \(self.state.mechanism ?? ""))"
    }

    /// Puts the server's own fields on top; with `hasResults` the usual Authentication-Results is among them.
    private func addFields(_ fields: [UInt8], hasResults: Bool) {
        var fields = fields
        if !self.generation.authenticationResults.isEmpty {
            self.demoteForeignResults()
            let isUsual =
                self.state.user == nil && self.failedMechanism == nil
                && self.state.connectionNotes["authentication_results"] == nil
            if hasResults, !isUsual { fields.removeFirst(self.generation.authenticationResults.count) }
            if !isUsual {
                fields = self.ownResults + fields
            } else if !hasResults {
                fields = self.generation.authenticationResults + fields
            }
        }
        self.state.transaction.message?.addTopField(fields)
        self.ask(.dataPost, self.chains.dataPost, PlainEvent()) { session, _, verdict in
            switch verdict {
            case .refused(let denial): session.refuseMessage(denial, .dataPost)
            case .done: break
            case .ok, .okSaying, .declined, .declinedSaying: session.askQueuePre()
            }
        }
    }

    /// What this server found out about the client (RFC 8601 §2.2).
    private var ownResults: [UInt8] {
        var value = "\(self.settings.authservID ?? self.settings.me); \(self.authResult)"
        if let results = self.state.connectionNotes["authentication_results"].flatMap({ String($0) }) {
            value += "; " + results
        }
        return HeaderSection.field("Authentication-Results", value)
    }

    /// RFC 8601 §5: results that came with the message are not ours.
    private func demoteForeignResults() {
        guard let message = self.state.transaction.message,
            message.storage.headerBytes.containsFieldName("authentication-results")
        else { return }
        let header = message.header
        let signed = header.all("DKIM-Signature").contains { $0.value.lowercased().contains("authentication-results") }
        guard !signed else { return }
        let values = header.all("Authentication-Results").map(\.value)
        self.state.transaction.message?.removeHeader("Authentication-Results", index: nil)
        for value in values {
            self.state.transaction.message?.addHeader("Original-Authentication-Results", value, at: nil)
        }
    }

    private func askQueuePre() {
        self.ask(.queuePre, self.chains.queuePre, PlainEvent()) { session, _, verdict in
            switch verdict {
            case .done: break
            case .ok, .okSaying, .declined, .declinedSaying: session.askQueue()
            case .refused:
                session.log(.error, "queue_pre may not refuse; message deferred")
                session.refuseMessage(Denial(.denysoft, "message deferred, try again later", .otherSystem), .data)
            }
        }
    }

    private func askQueue() {
        self.isQueueing = true
        self.ask(.queue, self.chains.queue, PlainEvent()) { session, _, verdict in session.queued(verdict) }
    }

    private func queued(_ verdict: Verdict<Delivery>) {
        let reply = self.queueReply(verdict)
        let each = reply.flatMap { self.replies(to: verdict, $0) }
        if let reply {
            let outcome: MailOutcome = reply.code < 400 ? .queued : reply.code < 500 ? .deferred : .rejected
            self.noteOutcome(outcome, reply.code, reply.text)
        }
        self.summary(verdict.code.name, reply?.text ?? "")
        let text = verdict.text
        let code = verdict.code
        self.resetTransaction(force: true) { session in
            session.isQueueing = false
            if let each {
                for reply in each { session.send(reply, showsID: true) }
            } else if let reply {
                session.send(reply, showsID: true)
            }
            guard code != .done else { return session.afterQueue() }
            session.ask(
                .queuePost, session.chains.queuePost, QueuedEvent(code: code, text: text)
            ) { session, _, verdict in
                if verdict.code != .ok, !verdict.text.isEmpty { session.log(.error, "queue_post: \(verdict.text)") }
                session.afterQueue()
            }
        }
    }

    private func afterQueue() {
        guard let end = self.endAfterQueue else { return }
        self.endAfterQueue = nil
        if self.isConnected, end == .operator {
            self.send(Reply(421, .systemNotAccepting, "session ended by the operator"))
        } else if self.isConnected {
            self.send(Reply(421, .systemNotAccepting, "service shutting down"))
        }
        self.leave(self.isConnected ? end : .client, in: .queue)
    }

    private func queueReply(_ verdict: Verdict<Delivery>) -> Reply? {
        switch verdict {
        case .done:
            return nil
        case .ok(let delivery), .okSaying(let delivery, _):
            if case .perRecipient(let results) = delivery, !results.isEmpty,
                results.allSatisfy({ $0.refusal != nil }), let refusal = Self.mildest(results)
            {
                return ReplyPolicy.reply(to: refusal, at: .queue)
            }
            let text = verdict.text
            return Reply(250, .other, text.isEmpty ? "queued" : text)
        case .refused(let denial):
            return ReplyPolicy.reply(to: denial, at: .queue)
        case .declined, .declinedSaying:
            let text = verdict.text
            return Reply(451, .otherSystem, text.isEmpty ? "no backend took the message, try again later" : text)
        }
    }

    private static func mildest(_ results: [Delivery.RecipientResult]) -> Denial? {
        let refusals = results.compactMap(\.refusal)
        return refusals.first(where: \.kind.isSoft) ?? refusals.first
    }

    /// The one line that says what became of a mail.
    private func summary(_ result: @autoclosure () -> String, _ text: @autoclosure () -> String) {
        guard self.context.seams.log.accepts(.info, plugin: nil) else { return }
        let transaction = self.state.transaction
        self.log(
            .info, "mail \(result()): \(text())",
            fields: [
                ("from", transaction.sender?.description ?? ""),
                ("to", transaction.recipients.prefix(10).map(\.mailbox.description).joined(separator: ",")),
                ("rcpts", String(transaction.recipients.count)),
                ("size", String(transaction.message?.receivedSize ?? 0)),
                ("ip", self.state.connection.remoteAddress.description),
                ("helo", self.state.introduction?.host ?? ""),
            ])
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

extension [UInt8] {
    /// Whether a line of a header begins with a field's name, which is given in lower case; no parsing.
    func containsFieldName(_ name: StaticString) -> Bool {
        self.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            let wanted = UnsafeRawPointer(name.utf8Start)
            let count = name.utf8CodeUnitCount
            var start = 0
            while start + count <= bytes.count {
                if bytes[start] | 0x20 == name.utf8Start[0],
                    strncasecmp(
                        (base + start).assumingMemoryBound(to: CChar.self),
                        wanted.assumingMemoryBound(to: CChar.self), count) == 0
                {
                    return true
                }
                guard let end = memchr(base + start, 0x0A, bytes.count - start) else { return false }
                start = UnsafeRawPointer(end) - base + 1
            }
            return false
        }
    }
}
