// NoopCounter.swift
//
// RFC 5321 §4.1.1.9 (NOOP), §7.8 (resistance to attacks)

public import QPHooks

/// Closes connections of clients that do nothing but NOOP.
public struct NoopCounter: Plugin {
    public static let name = "noop_counter"

    public static let manual = """
        noop_counter [MAX]

        Closes the connection at the MAX-th NOOP in a row (default 3). Any other command that the server knows ends the
        row; one that it does not know does not.
        """

    private static let count = NoteKey<Int>("noop_count")
    private let limit: Int

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard let word = setup.arguments.first else {
            self.limit = 3
            return
        }
        guard setup.arguments.count == 1, let limit = Int(word), limit > 0 else {
            throw .argument("the only argument is a number above 0")
        }
        self.limit = limit
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.noop, self.count)
        hooks.on(.helo) { _, session in Self.reset(session) }
        hooks.on(.ehlo) { _, session in Self.reset(session) }
        hooks.on(.mail) { _, session in Self.reset(session) }
        hooks.on(.rcpt) { _, session in Self.reset(session) }
        hooks.on(.data) { _, session in Self.reset(session) }
        hooks.on(.resetTransaction) { _, session in Self.reset(session) }
        hooks.on(.vrfy) { _, session in Self.reset(session) }
        hooks.on(.help) { _, session in Self.reset(session) }
    }

    @Sendable
    func count(_ command: CommandEvent, in session: SessionContext) -> Verdict<Void> {
        let count = (session.notes[Self.count] ?? 0) &+ 1
        session.notes[Self.count] = count
        guard count >= self.limit else { return .declined }
        session.log.info("fail, \(count) NOOPs in a row")
        return .denyDisconnect("Stop wasting my time, too many consecutive NOOPs", .securityPolicy)
    }

    private static func reset(_ session: SessionContext) -> Verdict<Void> {
        if session.notes[Self.count] ?? 0 != 0 { session.notes[Self.count] = 0 }
        return .declined
    }
}
