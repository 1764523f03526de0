// BogusBounce.swift
//
// RFC 5321 §4.5.5 (notifications have the null sender); RFC 3834 §3.3 (Return-Path)

public import QPHooks

/// Refuses messages that pretend to be bounces.
public struct BogusBounce: Plugin {
    public static let name = "bogus_bounce"

    public static let manual = """
        bogus_bounce [log|deny|denysoft] [reject 0|1|naughty] [reject_type perm|temp|disconnect|temp_disconnect]

        Refuses messages from the null sender <> that are no bounces: a bounce goes to one recipient, and has no
        Return-Path field, because that is added at delivery.

            bogus_bounce                   a hit is only logged (log, the default)
            bogus_bounce deny              refused
            bogus_bounce denysoft          deferred
            bogus_bounce reject naughty    left to the naughty plugin

        Relay clients and white-listed ones are left alone.
        """

    private let policy: RejectPolicy

    public init(_ setup: PluginSetup) throws(PluginError) {
        switch setup.arguments {
        case [], ["log"]: self.policy = try RejectPolicy(reject: "0", type: nil)
        case ["deny"]: self.policy = try RejectPolicy(reject: "1", type: "perm")
        case ["denysoft"]: self.policy = try RejectPolicy(reject: "1", type: "temp")
        default:
            let arguments = try setup.keyedArguments(["reject", "reject_type"])
            self.policy = try RejectPolicy(
                reject: arguments["reject"], type: arguments["reject_type"],
                default: arguments["reject_type"] == nil ? .tolerate : .refuse)
        }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.dataPost, self.check)
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        let transaction = session.transaction
        guard transaction.sender == .null else {
            session.log.info("skip, not a null sender")
            return .declined
        }
        guard !session.isImmune else { return .declined }
        if transaction.recipients.count > 1 {
            let text = "fake bounce message: a bounce has one recipient"
            return self.policy.verdict(text, .securityPolicy, in: session, note: "too many recipients")
        }
        if transaction.message?.header.first("Return-Path") != nil {
            let text = "a bounce has no Return-Path field (RFC 3834)"
            return self.policy.verdict(text, .securityPolicy, in: session, note: "Return-Path in a bounce")
        }
        session.log.info("pass")
        return .declined
    }
}
