// Handover.swift
//
// RFC 5321 §4.1.2: envelopes for mail systems on this machine

import QPHooks

/// A mail for a mail system that knows neither internationalized addresses nor control characters in them.
struct Handover: Sendable {
    let message: Message
    let sender: ReversePath
    let recipients: [Mailbox]
    /// What the client and the log call the message.
    let messageID: String

    /// The session's current mail; `nil` if it has none.
    init?(_ session: SessionContext) {
        let transaction = session.transaction
        guard let message = transaction.message, let sender = transaction.sender, !transaction.recipients.isEmpty
        else { return nil }
        self.message = message
        self.sender = sender
        self.recipients = transaction.recipients.map(\.mailbox)
        let field = message.header.all("Message-ID").first?.value.trimmingBlanks ?? ""
        self.messageID = field.isEmpty ? "" : " \(String(field.prefix(200)))"
    }

    /// Why no such system can have it.
    var refusal: Denial? {
        let addresses = [self.sender.address] + self.recipients.map(\.address)
        if addresses.contains(where: { $0.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) {
            return Denial(.deny, "An address cannot be handed on", .badDestinationSyntax)
        }
        if addresses.contains(where: { $0.utf8.contains { $0 >= 0x80 } }) {
            return Denial(.deny, "Internationalized addresses cannot be handed on", .nonASCIIAddressNotSupported)
        }
        return nil
    }
}

extension String {
    fileprivate var trimmingBlanks: String {
        let isBlank = { (character: Character) in character.isWhitespace }
        let start = self.drop(while: isBlank)
        return String(start.reversed().drop(while: isBlank).reversed())
    }

    /// Whether it names a file by its absolute path, with nothing in it that could be taken for something else.
    var isProgramPath: Bool { self.hasPrefix("/") && !self.utf8.contains { $0 < 0x21 || $0 == 0x7F } }
}
