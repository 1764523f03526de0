// DiscardMail.swift
//
// RFC 5321 §6.2 (messages that are dropped on purpose)

public import QPHooks

/// Drops messages that another plugin marked.
public struct DiscardMail: Plugin {
    public static let name = "discard_mail"

    public static let manual = """
        discard_mail

        Accepts and drops messages whose transaction has the note `discard_mail`, which a filter sets. All others go on to
        the plugins that deliver: load this one before them.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        setup.declareBackend(.all)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.drop)
    }

    @Sendable
    func drop(_ event: PlainEvent, in session: SessionContext) -> Verdict<Delivery> {
        guard Bool(session.transaction.notes["discard_mail"] ?? .null) ?? false else { return .declined }
        let id = session.transaction.message?.header.first("Message-Id")?.value ?? ""
        session.log.info("pass, dropped a message that was marked", metadata: ["message_id": "\(id)"])
        return .ok(id.isEmpty ? "Queued!" : "Queued! \(id)")
    }
}
