// EximBSMTP.swift
//
// RFC 5321 §4.5.2 (transparency), RFC 2442 (batch SMTP)

public import QPHooks

/// Hands messages to Exim as batch SMTP.
public struct EximBSMTP: Plugin {
    public static let name = "queue/exim-bsmtp"

    public static let manual = """
        queue/exim-bsmtp [exim_path PROGRAM] [timeout SECONDS]

        Hands each message to PROGRAM -bS (/usr/sbin/rsmtp) as batch SMTP, with LF at line ends and dots doubled; a CR or
        LF alone becomes a line end, so that nothing in a message can be taken for its end.

            queue/exim-bsmtp exim_path /usr/sbin/exim4

        A line that begins with 4xx or 5xx in what the program writes is the answer: a deferral or a refusal. If it ends
        otherwise than with status 0, other queue plugins are asked; without them the message is deferred. It is also
        deferred when the program is ended by a signal, or does not end within its time (300 seconds, which are the most),
        which it does not survive: it may have the message by then.
        """

    private let program: String
    private let limit: Duration
    private let me: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["exim_path", "timeout"])
        let program = arguments["exim_path"] ?? "/usr/sbin/rsmtp"
        guard program.isProgramPath else { throw .argument("exim_path '\(program)' is no absolute path") }
        self.program = program
        self.limit = try .limit(arguments["timeout"] ?? "300", upTo: 300)
        self.me = setup.me
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
            [self.program, "-bS"], input: BatchInput(mail, me: self.me), output: .read(limit: 4096),
            timeout: self.limit)
        return await mail.hand(to: feed, in: session) { self.verdict($0, mail, session) }
    }

    private func verdict(_ result: ProgramResult, _ mail: Handover, _ session: SessionContext) -> Verdict<Delivery> {
        if let denial = Self.denial(result.output) {
            session.log.info("fail, \(denial.text)")
            return .refused(denial)
        }
        guard result.status == 0, result.tookInput else { return mail.failed(self.program, result, in: session) }
        session.log.info("pass, queued")
        return .ok("Queued!")
    }

    /// The first line with a code that says no.
    private static func denial(_ output: [UInt8]) -> Denial? {
        for line in output.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard let answer = SMTPAnswer(line: Array(line.prefix(500)), after: nil), answer.code >= 400 else {
                continue
            }
            return answer.denial
        }
        return nil
    }
}

/// A message as batch SMTP. It ends in QUIT behind the final dot: without both, half a message is none.
struct BatchInput: ProgramInput {
    private enum Part: Sendable {
        case envelope([UInt8])
        case message
        case done
    }

    private var part: Part
    private var cursor: MessageCursor
    private var stuffer = DotStuffer(.lf)

    init(_ mail: Handover, me: String) {
        let lines =
            ["HELO \(me)", "MAIL FROM:\(mail.sender)"] + mail.recipients.map { "RCPT TO:\($0)" } + ["DATA", ""]
        self.part = .envelope(Array(lines.joined(separator: "\n").utf8))
        self.cursor = mail.message.cursor
    }

    mutating func next() throws(EffectError) -> [UInt8]? {
        switch self.part {
        case .envelope(let octets):
            self.part = .message
            return octets
        case .message:
            while let piece = try self.cursor.next() {
                let octets = self.stuffer.encode(piece)
                if !octets.isEmpty { return octets }
            }
            self.part = .done
            return self.stuffer.finish() + Array("QUIT\n".utf8)
        case .done:
            return nil
        }
    }
}
