// RandomError.swift
//
// RFC 5321 §4.5.4.1: clients try again after a 4yz reply, which this puts to the test

public import QPHooks

/// Fails now and then, on purpose.
public struct RandomError: Plugin {
    public static let name = "random_error"

    public static let manual = """
        random_error [PERCENT]

        For tests of clients: that many of a hundred mails (default 1) meet a deferral somewhere, at connect, helo, ehlo,
        mail, rcpt, data or after the message. Two of five such answers close the connection. A negative number turns it
        off. The note random_fail_% of a connection, set by another plugin, takes the place of PERCENT.
        """

    private static let rate = NoteKey<Double>("random_fail_%")
    private let percent: Double

    public init(_ setup: PluginSetup) throws(PluginError) {
        let word = setup.arguments.first ?? "1"
        guard setup.arguments.count <= 1, let percent = Double(word), percent <= 100 else {
            throw .argument("the only argument is a number up to 100")
        }
        self.percent = percent
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect) { (_: PlainEvent, session: SessionContext) in self.fate(session) }
        hooks.on(.helo) { (_: HelloEvent, session: SessionContext) in self.fate(session) }
        hooks.on(.ehlo) { (_: HelloEvent, session: SessionContext) in self.fate(session) }
        hooks.on(.mail) { (_: MailEvent, session: SessionContext) in self.fate(session) }
        hooks.on(.rcpt) { (_: RecipientEvent, session: SessionContext) in self.fate(session) }
        hooks.on(.data) { (_: DataEvent, session: SessionContext) in self.fate(session) }
        hooks.on(.dataPost) { (_: PlainEvent, session: SessionContext) in self.fate(session) }
    }

    private func fate(_ session: SessionContext) -> Verdict<Void> {
        let chance = Self.chance(perHook: session.notes[Self.rate] ?? self.percent)
        guard chance > 0, Double(session.random.below(1 << 53)) < chance * Double(1 << 53) else { return .declined }
        session.log.info("fail, on purpose")
        return session.random.below(5) < 2 ? .denysoftDisconnect("random failure") : .denysoft("random failure")
    }

    /// A mail meets six hooks: 1 - (1 - p)^(1/6).
    static func chance(perHook percent: Double) -> Double {
        guard percent > 0 else { return 0 }
        let survives = 1 - min(percent, 100) / 100
        guard survives > 0 else { return 1 }
        // The cube root of the square root, by Newton's method.
        let square = survives.squareRoot()
        var root = 1.0
        for _ in 0..<100 { root = (2 * root + square / (root * root)) / 3 }
        return 1 - root
    }
}
