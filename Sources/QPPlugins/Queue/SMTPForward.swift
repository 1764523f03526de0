// SMTPForward.swift
//
// RFC 5321 §3.6.2, §4.2.1, §4.5.3.2, §6.1; RFC 1870, RFC 6152, RFC 6531, RFC 3461, RFC 8689 (what the next hop must offer)

public import QPHooks

/// Hands messages to another SMTP server.
public struct SMTPForward: Plugin {
    public static let name = "queue/smtp-forward"

    public static let manual = """
        queue/smtp-forward HOST[:PORT][,HOST[:PORT]...] [PORT] [WORD...]

        Hands each message to the SMTP server HOST (port 25) while the client waits, and answers what that server
        answers: 250 only after its 250, a refusal with its text, a deferral when none can be reached. IPv6 addresses
        that have a port stand in brackets.

            queue/smtp-forward 127.0.0.1 10025
            queue/smtp-forward mx1.example.net,mx2.example.net starttls=verify order=roundrobin auth=relay_login

        \(ForwardOptions.words)
        xclient                        the next hop takes the client's facts for its own, if it offers XCLIENT

        A message that needs what none of the next hops offers (8BITMIME, SMTPUTF8, its SIZE, BINARYMIME, a notice of
        success) is refused. One with REQUIRETLS goes only to a next hop that offers it and has proved who it is, whatever
        starttls says; starttls=off refuses it. When some of the recipients are refused, an LMTP client learns each
        recipient's fate; an SMTP client's message is refused as a whole, since one answer has to be true for all. A CR or
        LF alone leaves as CRLF, but in a binary message.

        Another next hop, or a fresh connection in place of one that has gone stale, is tried only before any of them has
        said yes to the message.
        """

    private let forwarder: Forwarder

    public init(_ setup: PluginSetup) throws(PluginError) {
        var words = setup.arguments[...]
        guard let list = words.popFirst() else {
            throw .argument("the first argument is the name or address of the next hop")
        }
        var port = 25
        if let word = words.first, word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            guard let number = NextHop.port(word) else { throw .argument("'\(word)' is no port") }
            port = number
            words.removeFirst()
        }
        let hops = try NextHop.list(list, port: port)
        let options = try ForwardOptions(words, setup, isLMTP: false)
        self.forwarder = Forwarder(hops, options, me: setup.me, isLMTP: false)
        setup.declareBackend(options.capabilities)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.forward)
    }

    public func run(_ background: BackgroundContext) async throws {
        await self.forwarder.pool.sweep(background.clock)
    }

    @Sendable
    func forward(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        await self.forwarder.forward(in: session)
    }
}
