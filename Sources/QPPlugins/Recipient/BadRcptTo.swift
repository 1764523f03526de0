// BadRcptTo.swift
//
// RFC 5321 §4.1.1.3 (RCPT); RFC 3463 §3.2 (X.1.1)

public import QPHooks

/// Refuses envelope recipients that the operator listed.
public struct BadRcptTo: Plugin {
    public static let name = "badrcptto"

    public static let manual = """
        badrcptto

        Refuses recipients that are in config/badrcptto:

            @old.example                            everybody in the domain
            gone@example.org  moved, see the page   one recipient, with a text for the client
            ^list-.*@                               a regular expression

        A line is a regular expression if it has any of / ^ $ * + ! % ? \\ in its first word; it is matched with the
        recipient in small letters. Surrounding slashes are dropped. Each hit costs the client 2 of its karma. Clients
        that may relay, and white-listed ones, pass.
        """

    private let listed: ConfigTable<AddressList>

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        self.listed = try setup.table("badrcptto", AddressList.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.rcpt, self.check)
    }

    @Sendable
    func check(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        let recipient = event.recipient
        guard !recipient.domain.isEmpty,
            let entry = self.listed.content(in: session).entry(for: recipient, in: session), !session.isImmune
        else { return .declined }
        session.adjustKarma(-2)
        session.log.info("fail, listed recipient \(recipient)")
        return .deny(
            entry.text.isEmpty ? "mail to \(recipient) not accepted here" : entry.text, .badDestinationMailbox)
    }
}
