// Naughty.swift
//
// RFC 5321 §7.8 (resistance to attacks), §7.9 (policy)

public import QPHooks

/// Refuses, at a place of the operator's choice, clients that other plugins found naughty.
public struct Naughty: Plugin {
    public static let name = "naughty"

    public static let manual = """
        naughty [reject connect|helo|mail|rcpt|data|data_post] [reject_type perm|temp|disconnect|temp_disconnect]

        A plugin with `reject naughty` does not refuse a client but leaves its reason in the connection note naughty. This
        plugin refuses at the hook that `reject` names (default rcpt), and at data_post in any case, with all reasons that
        were left. Load it after those plugins.

        How hard it refuses is what the first of them left in the note naughty_reject_type, else `reject_type` (default
        disconnect).
        """

    private static let reasons = NoteKey<String>("naughty")
    private static let type = NoteKey<String>("naughty_reject_type")
    private static let places = ["connect", "helo", "mail", "rcpt", "data", "data_post"]
    private let place: String
    private let kind: Denial.Kind

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["reject", "reject_type"])
        self.place = arguments["reject"] ?? "rcpt"
        guard Self.places.contains(self.place) else {
            throw .argument("reject '\(self.place)' is none of \(Self.places.joined(separator: ", "))")
        }
        self.kind = try RejectPolicy(reject: nil, type: arguments["reject_type"], defaultKind: .denyDisconnect).kind
    }

    public func register(on hooks: inout HookTable) {
        switch self.place {
        case "connect": hooks.on(.connect) { _, session in self.decide(session) }
        case "helo":
            hooks.on(.helo) { _, session in self.decide(session) }
            hooks.on(.ehlo) { _, session in self.decide(session) }
        case "mail": hooks.on(.mail) { _, session in self.decide(session) }
        case "data": hooks.on(.data) { _, session in self.decide(session) }
        case "rcpt": hooks.on(.rcpt) { _, session in self.decide(session) }
        default: break
        }
        hooks.on(.dataPost) { _, session in self.decide(session) }
    }

    private func decide(_ session: SessionContext) -> Verdict<Void> {
        // is_naughty(0) and AUTH leave 0 or false in the note.
        guard let note = session.notes["naughty"], Bool(note) ?? true else { return .declined }
        let text = session.notes[Self.reasons] ?? ""
        session.log.info("fail, naughty")
        return .refused(Denial(self.kind(session), text, .securityPolicy))
    }

    private func kind(_ session: SessionContext) -> Denial.Kind {
        guard let type = session.notes[Self.type],
            let policy = try? RejectPolicy(reject: nil, type: type, defaultKind: self.kind)
        else { return self.kind }
        return policy.kind
    }
}
