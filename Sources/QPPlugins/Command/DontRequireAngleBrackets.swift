// DontRequireAngleBrackets.swift
//
// RFC 5321 §4.1.1.2, §4.1.1.3 (paths have angle brackets); §4.1.1 (what to do with clients that leave them out)

public import QPHooks

/// Takes addresses that clients write without angle brackets.
public struct DontRequireAngleBrackets: Plugin {
    public static let name = "dont_require_anglebrackets"

    public static let manual = """
        dont_require_anglebrackets

        Puts the angle brackets around a sender or recipient that a client left out, as in `MAIL FROM:ann@sender.example`,
        which the server refuses by itself. Each time costs the client 2 of its karma.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mailPre, self.mend)
        hooks.on(.rcptPre, self.mend)
    }

    @Sendable
    func mend(_ event: PathEvent, in session: SessionContext) -> Verdict<String> {
        guard !event.path.hasPrefix("<") else { return .declined }
        session.adjustKarma(-2)
        session.log.info("info, angle brackets are missing")
        return .ok("<\(event.path)>")
    }
}
