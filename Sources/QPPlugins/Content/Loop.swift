// Loop.swift
//
// RFC 5321 §6.3 (loop detection); RFC 3463 §3.5 (X.4.6)

public import QPHooks

/// Refuses messages that go round in circles.
public struct Loop: Plugin {
    public static let name = "loop"

    public static let manual = """
        loop [HOPS]

        Refuses a message that has at least HOPS (100) Received and Delivered-To fields, our own Received included: it
        probably goes round in a circle between servers.

        The server has a limit of its own as well; the lower one counts.
        """

    private let hops: Int

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.count <= 1 else { throw .argument("there is one argument: the number of hops") }
        let word = setup.arguments.first ?? "100"
        guard let hops = UInt16(word), hops > 0 else { throw .argument("'\(word)' is no number of hops (1 to 65535)") }
        self.hops = Int(hops)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.dataPost, self.check)
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        guard let header = session.transaction.message?.header else { return .declined }
        let count = header.count("Received") + header.count("Delivered-To")
        guard count >= self.hops else {
            session.log.debug("pass, \(count) hops")
            return .declined
        }
        session.log.info("fail, \(count) hops")
        return .deny("Too many hops", .routingLoop)
    }
}
