// SMTPForward.swift
//
// RFC 5321 §3.6.2, §4.2.1, §4.5.3.2, §6.1; RFC 1870, RFC 6152, RFC 6531, RFC 3461 (what the next hop must offer)

public import QPHooks

/// Hands messages to another SMTP server.
public struct SMTPForward: Plugin {
    public static let name = "queue/smtp-forward"

    public static let manual = """
        queue/smtp-forward HOST [PORT]

        Hands each message to the SMTP server HOST (port 25) while the client waits, and answers what that server
        answers: 250 only after its 250, a refusal with its text, a deferral when it cannot be reached within a minute.

        A message that needs what HOST does not offer (8BITMIME, SMTPUTF8, its SIZE) is refused. When HOST refuses some of
        the recipients, an LMTP client learns each recipient's fate; an SMTP client's message is refused as a whole, since
        one answer has to be true for all. A CR or LF alone leaves as CRLF.

        The flag `xclient` of former versions has no effect.
        """

    private let destination: Destination
    private let me: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        var words = setup.arguments[...]
        guard let host = words.popFirst(), Self.isHost(host) else {
            throw .argument("the first argument is the name or address of the next hop")
        }
        if words.last == "xclient" {
            words.removeLast()
            setup.warn("xclient is not supported and has no effect")
        }
        var port = 25
        if let word = words.popFirst() {
            guard let number = UInt16(word), number > 0 else { throw .argument("'\(word)' is no port") }
            port = Int(number)
        }
        guard words.isEmpty else { throw .argument("too many arguments") }
        self.destination = .tcp(host: host.filter { $0 != "[" && $0 != "]" }, port: port)
        self.me = setup.me
        setup.declareBackend([.eightBitMIME, .smtputf8])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.forward)
    }

    @Sendable
    func forward(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        guard let mail = OutgoingMail(session) else { return .declined }
        do {
            session.log.info("forwarding to \(self.destination)")
            let stream = try await session.connections.connect(to: self.destination, timeout: SMTPClient.limit)
            var client = SMTPClient(stream, clock: session.clock)
            let verdict: Verdict<Delivery>
            do {
                try await client.greet(as: self.me)
                verdict = try await mail.transfer(over: &client, in: session)
            } catch {
                await stream.close()
                throw error
            }
            await client.quit()
            session.log.info("\(verdict.denial == nil ? "pass" : "fail"), \(self.destination): \(verdict.text)")
            return verdict
        } catch {
            session.log.error("error, \(self.destination): \(error)")
            return .denysoft("Next hop is not available, try again later", .badConnection)
        }
    }

    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "-._:[]".utf8.contains(byte)
                }
            }
    }
}
