// OutgoingMail.swift
//
// RFC 5321 §3.3 (a mail transaction), §4.1.1.4 (DATA); RFC 1870 §6, RFC 6152 §3, RFC 6531 §3.2, RFC 3461 §4

import QPHooks

/// A mail on its way to the next hop.
struct OutgoingMail {
    private let sender: ReversePath
    private let recipients: [Recipient]
    private let parameters: [ESMTPParameter]
    private let message: Message

    /// The session's current mail; `nil` if it has none.
    init?(_ session: SessionContext) {
        let transaction = session.transaction
        guard let sender = transaction.sender, let message = transaction.message, !transaction.recipients.isEmpty
        else { return nil }
        self.sender = sender
        self.recipients = transaction.recipients
        self.parameters = transaction.parameters
        self.message = message
    }

    /// Envelope and message; the answer is the next hop's.
    func transfer(over client: inout SMTPClient, in session: SessionContext) async throws -> Verdict<Delivery> {
        if let refusal = self.refusal(client) { return .refused(refusal) }
        let mail = try await client.command("MAIL FROM:\(self.sender)\(self.mailParameters(client))")
        if let denial = mail.denial { return .refused(denial) }

        var results: [Delivery.RecipientResult] = []
        for recipient in self.recipients {
            let command = "RCPT TO:\(recipient.mailbox)\(self.parameters(of: recipient, client))"
            results.append(.init(recipient.mailbox, refusal: try await client.command(command).denial))
        }
        let refused = results.filter { $0.refusal != nil }
        if refused.count == results.count || (!refused.isEmpty && !session.answersEachRecipient) {
            return .refused(Self.summary(of: refused))
        }
        let data = try await client.command("DATA", expecting: 300)
        if let denial = data.denial { return .refused(denial) }

        var cursor = self.message.cursor
        var stuffer = DotStuffer()
        while let piece = try await session.read(&cursor) { try await client.send(stuffer.encode(piece)) }
        // RFC 5321 §4.5.3.2.6: the end of a message deserves patience, because giving up makes duplicates.
        let end = try await client.finish(stuffer.finish())
        if let denial = end.denial { return .refused(denial) }
        let text = "queued as \(end.text.split(separator: " ").last ?? "ok")"
        return .okSaying(refused.isEmpty ? .whole : .perRecipient(results), text)
    }

    /// One answer for all: a deferral if anything may yet succeed.
    private static func summary(of refused: [Delivery.RecipientResult]) -> Denial {
        let decisive = refused.first { $0.refusal?.kind.isSoft ?? false } ?? refused.first
        guard let decisive, var denial = decisive.refusal else { return Denial(.denysoft) }
        denial.text = "\(decisive.recipient): \(denial.text)"
        return denial
    }

    // MARK: What the next hop must offer

    private var isAnnouncedBinary: Bool {
        self.parameters.contains { $0.keyword == "body" && $0.value?.lowercased() == "binarymime" }
    }

    private var hasInternationalAddress: Bool {
        self.sender.mailbox?.needsSMTPUTF8 ?? false || self.recipients.contains { $0.mailbox.needsSMTPUTF8 }
    }

    private var isInternational: Bool {
        self.hasInternationalAddress || self.parameters.contains { $0.keyword == "smtputf8" }
    }

    /// Octets that leave: a CR or LF alone becomes two.
    private var size: Int { self.message.wireSize + self.message.facts.bareCR + self.message.facts.bareLF }

    private func refusal(_ client: SMTPClient) -> Denial? {
        if let limit = client.sizeLimit, self.size > limit {
            return Denial(.deny, "Message is too big for the next hop", .tooBig)
        }
        // RFC 3030 §3: without BDAT there is no way for a body that is not lines.
        if self.isAnnouncedBinary {
            return Denial(.deny, "The next hop takes no binary messages", .conversionRequired)
        }
        if !client.offers("SMTPUTF8") {
            if self.hasInternationalAddress {
                let text = "The next hop takes no internationalized addresses"
                return Denial(.deny, text, .nonASCIIAddressNotSupported)
            }
            if self.isInternational, self.message.hasEightBitHeader {
                let text = "The next hop takes no internationalized header"
                return Denial(.deny, text, EnhancedStatus(category: 5, subject: 6, detail: 9))
            }
        }
        // RFC 6152 §3: neither converting nor pretending, so this is final.
        if self.message.isEightBit, !client.offers("8BITMIME") {
            return Denial(.deny, "The next hop takes no 8-bit messages", .conversionRequired)
        }
        return nil
    }

    private func mailParameters(_ client: SMTPClient) -> String {
        var text = ""
        if client.offers("SIZE") { text += " SIZE=\(self.size)" }
        if client.offers("8BITMIME"), self.message.isEightBit { text += " BODY=8BITMIME" }
        if client.offers("SMTPUTF8"), self.isInternational { text += " SMTPUTF8" }
        return text + Self.passed(self.parameters, ["ret", "envid"], client)
    }

    private func parameters(of recipient: Recipient, _ client: SMTPClient) -> String {
        Self.passed(recipient.parameters, ["notify", "orcpt"], client)
    }

    /// RFC 3461 §4: passed on unchanged, to servers that know them.
    private static func passed(
        _ parameters: [ESMTPParameter], _ keywords: Set<String>, _ client: SMTPClient
    ) -> String {
        guard client.offers("DSN") else { return "" }
        return parameters.map { parameter in
            guard keywords.contains(parameter.keyword), let value = parameter.value else { return "" }
            return " \(parameter.keyword.uppercased())=\(value)"
        }.joined()
    }
}
