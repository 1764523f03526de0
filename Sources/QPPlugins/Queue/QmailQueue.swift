// QmailQueue.swift
//
// RFC 5321 §6.1 (responsibility): qmail-queue(8), as qmail-smtpd calls it

public import QPHooks

/// Hands messages to qmail-queue.
public struct QmailQueue: Plugin {
    public static let name = "queue/qmail-queue"

    public static let manual = """
        queue/qmail-queue [PROGRAM] [timeout=SECONDS]

        Hands each message to PROGRAM, the absolute path of qmail-queue (/var/qmail/bin/qmail-queue) or of something that
        behaves like it: it reads the message from descriptor 0, with LF at line ends, and the envelope from descriptor 1.

            queue/qmail-queue /usr/local/qmail/bin/qmail-queue

        Exit status 0 is 250. 11 to 40 mean that qmail-queue will never take the message: it is refused. With any other
        status other queue plugins are asked; without them the message is deferred. It is also deferred when the program is
        ended by a signal, or does not end within its time (300 seconds, which are the most), which it does not survive: it
        may have the message by then. The program gets the envelope only after the whole message, so that it never queues a
        part of one.
        """

    private let program: String
    private let limit: Duration

    public init(_ setup: PluginSetup) throws(PluginError) {
        var words = setup.arguments[...]
        if let word = words.last, word.hasPrefix("timeout=") {
            self.limit = try .limit(String(word.dropFirst(8)), upTo: 300)
            words.removeLast()
        } else {
            self.limit = .seconds(300)
        }
        let program = words.first ?? "/var/qmail/bin/qmail-queue"
        guard program.isProgramPath else { throw .argument("'\(program)' is no absolute path") }
        if words.count > 1 { throw .argument("'\(words[1])' is an argument too many") }
        self.program = program
        setup.declareBackend([.eightBitMIME])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.deliver)
    }

    @Sendable
    func deliver(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        guard let mail = Handover(session) else { return .declined }
        if let refusal = mail.refusal(session) { return .refused(refusal) }
        let feed = ProgramFeed(
            [self.program], input: MessageInput(mail.message, .lf), output: .gives(Self.envelope(mail)),
            timeout: self.limit)
        return await mail.hand(to: feed, in: session) { self.verdict($0, mail, session) }
    }

    private func verdict(_ result: ProgramResult, _ mail: Handover, _ session: SessionContext) -> Verdict<Delivery> {
        switch result.status {
        case 0 where result.tookInput:
            let text = "Queued! \(session.clock.wall / 1_000_000_000) qp\(mail.messageID)"
            session.log.info("pass, \(text)")
            return .ok(text)
        case 11...40:
            session.log.info("fail, status \(result.status)")
            return .deny("Message refused by the mail system (\(result.status))", .notAuthorized)
        default:
            return mail.failed(self.program, result, in: session)
        }
    }

    /// `F`, sender, NUL; for each recipient `T`, address, NUL; NUL.
    private static func envelope(_ mail: Handover) -> [UInt8] {
        var octets = Array("F\(mail.sender.address)\0".utf8)
        for recipient in mail.recipients { octets += Array("T\(recipient.address)\0".utf8) }
        return octets + [0]
    }
}
