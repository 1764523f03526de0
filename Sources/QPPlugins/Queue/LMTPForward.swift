// LMTPForward.swift
//
// RFC 2033 (LMTP, as its client)

public import QPHooks

/// Hands messages to an LMTP server.
public struct LMTPForward: Plugin {
    public static let name = "queue/lmtp"

    public static let manual = """
        queue/lmtp HOST[:PORT]|unix:PATH[,...] [WORD...]

        Delivers each message by LMTP (port 24), for example to Dovecot, while the client waits.

            queue/lmtp unix:/run/dovecot/lmtp
            queue/lmtp 127.0.0.1:24 xforward

        An LMTP server answers for each recipient. So does this server where its client speaks LMTP. An SMTP client gets
        one answer for all: 250 when everybody has the message. If the LMTP server refuses a recipient before it has seen
        the message, nobody gets it, and the answer is that refusal. If it takes the message for some only, the answer is
        the mildest of the refusals, and those who have the message are remembered for six days: when the client tries
        again, only the others get it.

        \(ForwardOptions.words)
        """

    private let forwarder: Forwarder

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard let list = setup.arguments.first else {
            throw .argument("the first argument is HOST[:PORT] or unix:PATH of the LMTP server")
        }
        let hops = try NextHop.list(list, port: 24)
        let options = try ForwardOptions(setup.arguments.dropFirst(), setup, isLMTP: true)
        self.forwarder = Forwarder(hops, options, me: setup.me, isLMTP: true)
        setup.declareBackend(options.capabilities)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.deliver)
    }

    public func run(_ background: BackgroundContext) async throws {
        await self.forwarder.pool.sweep(background.clock)
    }

    @Sendable
    func deliver(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        await self.forwarder.forward(in: session)
    }
}
