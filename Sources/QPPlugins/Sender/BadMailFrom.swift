// BadMailFrom.swift
//
// RFC 5321 §4.1.1.2 (MAIL), §4.5.5 (null sender); RFC 3463 §3.2 (X.1.8)

public import QPHooks

/// Refuses envelope senders that the operator listed.
public struct BadMailFrom: Plugin {
    public static let name = "badmailfrom"

    public static let manual = """
        badmailfrom [reject 0|1|naughty] [reject_type perm|temp|disconnect|temp_disconnect]

        Refuses mail whose envelope sender is in config/badmailfrom:

            @spam.example                        everybody in the domain
            bulk@example.net  please stop this   one sender, with a text for the client
            ^[0-9]{9,}@                          a regular expression

        A line is a regular expression if it has any of / ^ $ * + ! % ? \\ in its first word; it is matched with the
        sender in small letters. Surrounding slashes are dropped.
        The null sender <> always passes, so that bounces arrive; so do relay clients and white-listed hosts.
        With `reject 0` a hit is only logged.
        """

    private static let defaultText = "Your envelope sender is in my badmailfrom list"
    private let listed: ConfigTable<AddressList>
    private let policy: RejectPolicy

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["reject", "reject_type"])
        self.policy = try RejectPolicy(reject: arguments["reject"], type: arguments["reject_type"])
        self.listed = try setup.table("badmailfrom", AddressList.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mail, self.check)
    }

    @Sendable
    func check(_ mail: MailEvent, in session: SessionContext) -> Verdict<Void> {
        // RFC 5321 §4.5.5: notifications have the null sender.
        guard let mailbox = mail.sender.mailbox, !mailbox.domain.isEmpty else { return .declined }
        guard let entry = self.listed.content(in: session).entry(for: mailbox, in: session), !session.isImmune else {
            return .declined
        }
        session.adjustKarma(-1)
        let text = entry.text.isEmpty ? Self.defaultText : entry.text
        return self.policy.verdict(text, .badSenderSystem, in: session, note: "listed sender \(mailbox)")
    }
}
