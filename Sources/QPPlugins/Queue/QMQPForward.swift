// QMQPForward.swift
//
// QMQP (Bernstein, 1997); RFC 5321 §6.1 (responsibility for a message)

public import QPHooks

/// Hands messages to a QMQP server.
public struct QMQPForward: Plugin {
    public static let name = "queue/qmqp-forward"

    public static let manual = """
        queue/qmqp-forward SERVER [PORT]

        Hands each message to the QMQP server SERVER (port 628) while the client waits, and answers what that server
        answers, for all recipients at once: `Queued! ...` after K, a deferral `Deferred: ...` after Z, a refusal
        `Denied: ...` after D. SERVER is made of letters, digits, _ . and -.

        When the server cannot be reached, the connection breaks or its answer is none, the next queue plugin is asked; if
        there is none, the client gets 451. Every step may take 120 s.

        The message leaves with LF line ends, as QMQP wants it, in blocks: it is never in memory as a whole.
        """

    private static let limit = Duration.seconds(120)
    private let host: String
    private let port: Int

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard let host = setup.arguments.first else {
            throw .argument("No QMQP server specified in qmqp-forward config")
        }
        guard host.utf8.allSatisfy(Self.isHostByte) else { throw .argument("Bad data in qmqp server: \(host)") }
        var port = 628
        if setup.arguments.count > 1 {
            let word = setup.arguments[1]
            guard word.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(word), number > 0 else {
                throw .argument("'\(word)' is no port")
            }
            port = Int(number)
        }
        if setup.arguments.count > 2 { setup.warn("Ignoring additional arguments.") }
        self.host = host
        self.port = port
        setup.declareBackend([.eightBitMIME])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.forward)
    }

    @Sendable
    func forward(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        let transaction = session.transaction
        guard let message = transaction.message, let sender = transaction.sender, !transaction.recipients.isEmpty else {
            return .declined
        }
        let addresses = [sender.address] + transaction.recipients.map(\.mailbox.address)
        guard addresses.allSatisfy(QMQPClient.isAddress) else {
            session.log.error("fail, a control character in an address")
            return .deny("An address cannot be handed to the next hop", .badDestinationSyntax)
        }
        session.log.info("forwarding to \(self.host):\(self.port)")
        let stream: any ByteStream
        do {
            let destination = Destination.tcp(host: self.host, port: self.port)
            stream = try await session.connections.connect(to: destination, timeout: Self.limit)
        } catch {
            session.log.error("error, Failed to connect to \(self.host):\(self.port): \(error)")
            return .declined
        }
        let client = QMQPClient(stream, clock: session.clock, limit: Self.limit)
        let verdict = await self.deliver(message, to: addresses, over: client, in: session)
        await stream.close()
        return verdict
    }

    private func deliver(
        _ message: Message, to addresses: [String], over client: QMQPClient, in session: SessionContext
    ) async -> Verdict<Delivery> {
        do throws(QMQPFailure) {
            try await client.send(message, addresses, in: session)
            let answer = try await client.answer()
            let verdict = answer.verdict
            session.log.info("\(verdict.denial == nil ? "pass" : "fail"), \(verdict.text)")
            return verdict
        } catch {
            session.log.error("error, \(self.host):\(self.port): \(error.text): \(error.cause)")
            return .declinedSaying(error.text)
        }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): true
        default: false
        }
    }
}
