// Discard.swift
//
// RFC 5321 §6.2 (messages that are dropped on purpose)

public import QPHooks

/// Says yes to every message and forgets it.
public struct Discard: Plugin {
    public static let name = "queue/discard"

    public static let manual = """
        queue/discard

        Accepts every message and drops it: for tests and measurements, and for hosts that only want to listen.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.isEmpty else { throw .argument("there are no arguments") }
        setup.declareBackend(.all)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.drop)
    }

    @Sendable
    func drop(_ event: PlainEvent, in session: SessionContext) -> Verdict<Delivery> {
        session.log.info("dropped a message of \(session.transaction.message?.wireSize ?? 0) octets")
        return .ok("Queued")
    }
}
