// Session+Queue.swift
//
// RFC 5321 §4.1.1.4, §4.4: a message that is complete: our fields, the last hooks, its queue.

import Glibc
import QPHooks
import QPTelemetry

extension Session {
    func messageReceived() {
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
    func summary(_ result: @autoclosure () -> String, _ text: @autoclosure () -> String) {
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
