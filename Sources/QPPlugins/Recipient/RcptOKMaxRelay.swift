// RcptOKMaxRelay.swift
//
// RFC 5321 §3.6.2 (relaying), §7.8 (resistance to attacks)

public import QPHooks

/// `rcpt_ok` that ends sessions of clients which try to relay again and again.
public struct RcptOKMaxRelay: Plugin {
    public static let name = "rcpt_ok_maxrelay"

    public static let manual = """
        rcpt_ok_maxrelay [MAX_RELAY_ATTEMPTS]

        Does what rcpt_ok does, and closes the connection when a client has been told more than MAX_RELAY_ATTEMPTS times
        (default 5; 0: never) that relaying is denied. It takes the place of rcpt_ok: do not load both, and load it after
        all others that look at recipients.
        """

    private static let attempts = NoteKey<Int>("count_relay_attempts")
    private let parent: RcptOK
    private let limit: Int

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.count < 2 else {
            throw .argument("there is one argument at the most, the number of relaying attempts")
        }
        var limit = 5
        if let word = setup.arguments.first {
            guard let number = Int(word), number >= 0 else { throw .argument("'\(word)' is no number of attempts") }
            limit = number
        }
        self.limit = limit
        self.parent = try RcptOK(from: setup)
    }

    public func register(on hooks: inout HookTable) {
        hooks.wrap(.rcpt, self.parent, self.check)
    }

    @Sendable
    func check(
        _ event: RecipientEvent, in session: SessionContext, next: Handler<RecipientEvent, Void>
    ) throws -> Verdict<Void> {
        let verdict = try next(event, session)
        guard self.limit > 0, verdict.code == .deny else { return verdict }
        let count = (session.notes[Self.attempts] ?? 0) &+ 1
        session.notes[Self.attempts] = count
        guard count > self.limit else { return verdict }
        session.log.info("fail, \(count) attempts to relay")
        return .denyDisconnect("Too many relaying attempts", .notAuthorized)
    }
}
