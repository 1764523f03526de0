// OutgoingMail.swift
//
// RFC 5321 §3.3 (a mail transaction); RFC 1870 §6, RFC 6152 §3, RFC 6531 §3.2, RFC 3461 §4, RFC 3030 §3, RFC 8689 §4.2.1

import QPHooks

/// A mail on its way to the next hop.
struct OutgoingMail: Sendable {
    let sender: ReversePath
    private(set) var recipients: [Recipient]
    /// Recipients that have the message from an earlier attempt.
    private(set) var former: [Mailbox] = []
    private let parameters: [ESMTPParameter]
    let message: Message
    let isLMTP: Bool

    /// The session's current mail; `nil` if it has none.
    init?(_ session: SessionContext, isLMTP: Bool) {
        let transaction = session.transaction
        guard let sender = transaction.sender, let message = transaction.message, !transaction.recipients.isEmpty
        else { return nil }
        self.sender = sender
        self.recipients = transaction.recipients
        self.parameters = transaction.parameters
        self.message = message
        self.isLMTP = isLMTP
    }

    /// Leaves recipients out.
    mutating func omit(_ addresses: Set<String>) {
        self.former = self.recipients.map(\.mailbox).filter { addresses.contains($0.address) }
        self.recipients.removeAll { addresses.contains($0.mailbox.address) }
    }

    // MARK: What the next hop must offer

    var isBinary: Bool {
        self.parameters.contains { $0.keyword == "body" && $0.value?.lowercased() == "binarymime" }
    }

    var requiresTLS: Bool { self.parameters.contains { $0.keyword == "requiretls" } }

    private var hasInternationalAddress: Bool {
        self.sender.mailbox?.needsSMTPUTF8 ?? false || self.recipients.contains { $0.mailbox.needsSMTPUTF8 }
    }

    private var isInternational: Bool {
        self.hasInternationalAddress || self.parameters.contains { $0.keyword == "smtputf8" }
    }

    /// RFC 3461 §5.2.2: whoever does not know DSN cannot say that a message arrived.
    private var wantsNotice: Bool {
        self.recipients.contains { recipient in
            recipient.parameters.contains { parameter in
                guard parameter.keyword == "notify", let value = parameter.value?.uppercased() else { return false }
                return value.split(separator: ",").contains("SUCCESS")
            }
        }
    }

    /// Octets that leave: a CR or LF alone becomes two.
    private var size: Int {
        self.isBinary
            ? self.message.wireSize
            : self.message.wireSize + self.message.facts.bareCR + self.message.facts.bareLF
    }

    /// What no next hop could change.
    func refusal(_ options: ForwardOptions) -> Denial? {
        let addresses = [self.sender.description] + self.recipients.map(\.mailbox.description)
        guard addresses.allSatisfy({ !$0.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) else {
            return Denial(.deny, "An address cannot be handed to the next hop", .badDestinationSyntax)
        }
        if self.requiresTLS, options.starttls == .off { return Self.noTLS }
        return nil
    }

    // RFC 8689 §4.2.1: better not at all than without the protection that was asked for.
    private static let noTLS = Denial(.deny, "The next hop cannot be reached with REQUIRETLS", .requireTLSNeeded)

    func refusal(_ client: SMTPClient) -> Denial? {
        if self.requiresTLS, client.security < .verified || !client.offers("REQUIRETLS") { return Self.noTLS }
        if let limit = client.sizeLimit, self.size > limit {
            return Denial(.deny, "Message is too big for the next hop", .tooBig)
        }
        // RFC 3030 §3: without BDAT there is no way for a body that is not lines.
        if self.isBinary, !client.offers("BINARYMIME") || !client.offers("CHUNKING") {
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
        if self.wantsNotice, !client.offers("DSN") {
            return Denial(.deny, "The next hop sends no notices of success", .notCapable)
        }
        // RFC 6152 §3: neither converting nor pretending, so this is final.
        if self.message.isEightBit, !self.isBinary, !client.offers("8BITMIME") {
            return Denial(.deny, "The next hop takes no 8-bit messages", .conversionRequired)
        }
        return nil
    }

    func mailCommand(_ client: SMTPClient) -> String {
        var text = "MAIL FROM:\(self.sender)"
        if client.offers("SIZE") { text += " SIZE=\(self.size)" }
        if self.isBinary {
            text += " BODY=BINARYMIME"
        } else if client.offers("8BITMIME"), self.message.isEightBit {
            text += " BODY=8BITMIME"
        }
        if client.offers("SMTPUTF8"), self.isInternational { text += " SMTPUTF8" }
        if self.requiresTLS { text += " REQUIRETLS" }
        return text + Self.passed(self.parameters, ["ret", "envid"], client)
    }

    func recipientCommand(_ recipient: Recipient, _ client: SMTPClient) -> String {
        "RCPT TO:\(recipient.mailbox)" + Self.passed(recipient.parameters, ["notify", "orcpt"], client)
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
