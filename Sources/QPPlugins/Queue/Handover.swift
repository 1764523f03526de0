// Handover.swift
//
// RFC 5321 §4.1.2, §6.1: mail for mail systems on this machine

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

    /// Why no such system can have it; logged.
    func refusal(_ session: SessionContext) -> Denial? {
        let refusal = self.refusal
        if let refusal { session.log.info("fail, \(refusal.text)") }
        return refusal
    }

    private var refusal: Denial? {
        let addresses = [self.sender.address] + self.recipients.map(\.address)
        if addresses.contains(where: { $0.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) {
            return Denial(.deny, "An address cannot be handed on", .badDestinationSyntax)
        }
        if addresses.contains(where: { $0.utf8.contains { $0 >= 0x80 } }) {
            return Denial(.deny, "Internationalized addresses cannot be handed on", .nonASCIIAddressNotSupported)
        }
        return nil
    }

    // MARK: Programs

    // It may have the message: nobody else may be asked, and the client is the one to try again (RFC 1047).
    private static let unknown = Verdict<Delivery>.denysoft("Unable to queue message, try again later")

    /// Gives the mail to a program; `answer` says what its end means.
    func hand(
        to feed: ProgramFeed, in session: SessionContext, _ answer: (ProgramResult) -> Verdict<Delivery>
    ) async -> Verdict<Delivery> {
        do throws(EffectError) {
            return answer(try await session.files.feed(feed))
        } catch {
            session.log.error("error, \(error)")
            if case .timedOut = error { return Self.unknown }
            return .declinedSaying("Unable to queue message")
        }
    }

    /// What it means that a program has not said yes.
    func failed(_ program: String, _ result: ProgramResult, in session: SessionContext) -> Verdict<Delivery> {
        session.log.error("error, \(program) ended with status \(result.status)")
        // 128 and a signal's number: it was ended, with the whole message.
        if result.status > 128, result.tookInput { return Self.unknown }
        return .declinedSaying("Unable to queue message (\(result.status))")
    }
}

extension Duration {
    /// Reads a time limit of whole seconds.
    static func limit(_ text: String, upTo most: Int) throws(PluginError) -> Self {
        guard let number = Int(text), (1...most).contains(number) else {
            throw .argument("timeout '\(text)' is no number of seconds (1 to \(most))")
        }
        return .seconds(number)
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
