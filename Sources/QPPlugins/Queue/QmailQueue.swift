// QmailQueue.swift
//
// RFC 5321 §6.1 (responsibility): qmail-queue(8), as qmail-smtpd calls it

public import QPHooks

/// Hands messages to qmail-queue.
public struct QmailQueue: Plugin {
    public static let name = "queue/qmail-queue"

    public static let manual = """
        queue/qmail-queue [PROGRAM]

        Hands each message to PROGRAM, the absolute path of qmail-queue (/var/qmail/bin/qmail-queue) or of something that
        behaves like it: it reads the message from descriptor 0, with LF at line ends, and the envelope from descriptor 1.

            queue/qmail-queue /usr/local/qmail/bin/qmail-queue

        Exit status 0 is 250. 11 to 40 mean that qmail-queue will never take the message: it is refused. With any other
        status, and when the program does not end within five minutes, which it does not survive, other queue plugins are
        asked; without them the message is deferred. The program gets the envelope only after the whole message, so that it
        never queues a part of one.
        """

    private static let limit = Duration.seconds(300)

    private let program: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        let program = setup.arguments.first ?? "/var/qmail/bin/qmail-queue"
        guard program.isProgramPath else { throw .argument("'\(program)' is no absolute path") }
        if setup.arguments.count > 1 { throw .argument("'\(setup.arguments[1])' is an argument too many") }
        self.program = program
        setup.declareBackend([.eightBitMIME])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.deliver)
    }

    @Sendable
    func deliver(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        guard let mail = Handover(session) else { return .declined }
        if let refusal = mail.refusal {
            session.log.info("fail, \(refusal.text)")
            return .refused(refusal)
        }
        let feed = ProgramFeed(
            [self.program], input: MessageInput(mail.message, .lf), output: .gives(Self.envelope(mail)),
            timeout: Self.limit)
        do throws(EffectError) {
            let result = try await session.files.feed(feed)
            return self.verdict(result, mail, session)
        } catch {
            session.log.error("error, \(error)")
            return .declinedSaying("Unable to queue message")
        }
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
            session.log.error("error, \(self.program) ended with status \(result.status)")
            return .declinedSaying("Unable to queue message (\(result.status))")
        }
    }

    /// `F`, sender, NUL; for each recipient `T`, address, NUL; NUL.
    private static func envelope(_ mail: Handover) -> [UInt8] {
        var octets = Array("F\(mail.sender.address)\0".utf8)
        for recipient in mail.recipients { octets += Array("T\(recipient.address)\0".utf8) }
        return octets + [0]
    }
}
