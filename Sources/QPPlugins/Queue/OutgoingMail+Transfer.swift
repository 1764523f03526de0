// OutgoingMail+Transfer.swift
//
// RFC 5321 §3.3, §4.1.1.4 (DATA), RFC 3030 §2 (BDAT), RFC 2033 §4.2 (an answer for each recipient)

import QPHooks

extension OutgoingMail {
    /// Envelope and message; the answer is the next hop's.
    func transfer(over client: inout SMTPClient, in session: SessionContext) async throws -> Verdict<Delivery> {
        let mail = try await self.ask(self.mailCommand(client), &client)
        if let denial = mail.denial { return .refused(denial) }

        var results: [Delivery.RecipientResult] = []
        for recipient in self.recipients {
            let answer = try await self.ask(self.recipientCommand(recipient, client), &client)
            let isFirst = !results.contains { $0.refusal == nil }
            results.append(.init(recipient.mailbox, refusal: isFirst ? answer.denial : answer.furtherRecipientDenial))
        }
        let refused = results.filter { $0.refusal != nil }
        if refused.count == results.count || (!refused.isEmpty && !session.answersEachRecipient) {
            return Self.refusal(results, in: session)
        }
        if let denial = try await self.sendMessage(over: &client, in: session) { return .refused(denial) }
        return try await self.answers(results, &client, in: session)
    }

    /// A command before the message. A server that ends the session then has taken nothing.
    private func ask(
        _ command: String, _ client: inout SMTPClient, expecting: Int = 200
    ) async throws(EffectError) -> SMTPAnswer {
        let answer = try await client.command(command, expecting: expecting)
        guard answer.code != 421 else { throw .closed("answer \(answer)") }
        if !answer.isPositive, answer.code < 400 { client.isBroken = true }
        return answer
    }

    /// The message and its end; a refusal means that it was not taken.
    private func sendMessage(over client: inout SMTPClient, in session: SessionContext) async throws -> Denial? {
        var cursor = self.message.cursor
        if self.isBinary {
            while let piece = try await session.read(&cursor) {
                let answer = try await client.exchange(Array("BDAT \(piece.count)\r\n".utf8) + piece)
                if let denial = answer.denial { return denial }
                client.isInData = true
            }
            client.isInData = true
            try await client.commit(Array("BDAT 0 LAST\r\n".utf8))
            return nil
        }
        let data = try await self.ask("DATA", &client, expecting: 300)
        if let denial = data.denial { return denial }
        client.isInData = true
        var stuffer = DotStuffer()
        while let piece = try await session.read(&cursor) { try await client.send(stuffer.encode(piece)) }
        try await client.commit(stuffer.finish())
        return nil
    }

    /// What became of the message.
    private func answers(
        _ results: [Delivery.RecipientResult], _ client: inout SMTPClient, in session: SessionContext
    ) async throws(EffectError) -> Verdict<Delivery> {
        var results = results
        var text = "queued"
        if self.isLMTP {
            text = await self.lmtpAnswers(&results, &client, in: session)
        } else {
            let end = try await client.finalReply()
            if let denial = end.denial { return .refused(denial) }
            text = "queued as \(end.text.split(separator: " ").last ?? "ok")"
        }
        guard results.contains(where: { $0.refusal != nil }) else { return .okSaying(.whole, text) }
        guard results.contains(where: { $0.refusal == nil }) else { return Self.refusal(results, in: session) }
        return .okSaying(.perRecipient(results), text)
    }

    /// RFC 2033 §4.2: a reply for each recipient that was accepted, in their order. Where one is missing, nobody knows.
    private func lmtpAnswers(
        _ results: inout [Delivery.RecipientResult], _ client: inout SMTPClient, in session: SessionContext
    ) async -> String {
        var text = "queued"
        for index in results.indices where results[index].refusal == nil {
            var denial: Denial? = Denial(.denysoft, "No answer from the next hop", .badConnection)
            if !client.isBroken {
                do throws(EffectError) {
                    let answer = try await client.finalReply()
                    denial = answer.denial
                    if denial == nil { text = answer.text.split(separator: "\n").first.map(String.init) ?? text }
                } catch {
                    session.log.error("error, \(results[index].recipient): \(error)")
                    client.isBroken = true
                }
            }
            results[index] = .init(results[index].recipient, refusal: denial)
        }
        return text
    }

    /// Nobody gets the message.
    private static func refusal(
        _ results: [Delivery.RecipientResult], in session: SessionContext
    ) -> Verdict<Delivery> {
        if session.answersEachRecipient { return .ok(.perRecipient(results)) }
        return .refused(Self.summary(of: results))
    }

    /// One answer for all: a deferral if anything may yet succeed.
    static func summary(of results: [Delivery.RecipientResult]) -> Denial {
        let refused = results.filter { $0.refusal != nil }
        let decisive = refused.first { $0.refusal?.kind.isSoft ?? false } ?? refused.first
        guard let decisive, var denial = decisive.refusal else { return Denial(.denysoft) }
        denial.text = "\(decisive.recipient): \(denial.text)"
        return denial
    }

    // MARK: One answer for different fates

    /// Whether recipients may meet different fates behind one answer (docs/decisions/0031-queue-backends.md), or have met
    /// them: a client that tries again may send to each of them by itself.
    func needsMemory(_ session: SessionContext) -> Bool { self.isLMTP && !session.answersEachRecipient }

    /// What tells this message from others of its sender and size.
    var identity: DeliveryMemory.Identity {
        .init(sender: self.sender.address, size: self.message.receivedSize, message: self.message)
    }

    /// The one answer. Who has the message is remembered, so that another attempt reaches the others only.
    func settle(
        _ verdict: Verdict<Delivery>, _ memory: DeliveryMemory?, in session: SessionContext
    ) async -> Verdict<Delivery> {
        guard let memory, case .perRecipient(let results)? = verdict.value else { return verdict }
        let delivered = results.filter { $0.refusal == nil }.map(\.recipient.address) + self.former.map(\.address)
        await memory.remember(Set(delivered), session)
        var denial = Self.summary(of: results)
        denial.text += "; \(delivered.count) of \(results.count + self.former.count) recipients have the message"
        session.log.info("fail, \(denial.text)")
        return .refused(denial)
    }
}
