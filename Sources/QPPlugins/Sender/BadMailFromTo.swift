// BadMailFromTo.swift
//
// RFC 5321 §4.1.1.3 (RCPT); RFC 3463 §3.8 (X.7.1)

public import QPHooks

/// Refuses mail of certain senders to certain recipients.
public struct BadMailFromTo: Plugin {
    public static let name = "badmailfromto"

    public static let manual = """
        badmailfromto

        Refuses recipients of senders as pairs in config/badmailfromto say:

            bulk@example.net      ann@example.org
            @spam.example         ann@example.org     every sender of the domain

        The sender is an address or a domain, the recipient an address; case does not matter. Relay clients and
        white-listed hosts pass, and so does the null sender.
        """

    private static let noted = NoteKey<String>("badmailfromto")
    private let pairs: ConfigTable<[String: Set<String>]>

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        self.pairs = try setup.table("badmailfromto", Self.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mail, self.note)
        hooks.on(.rcpt, self.check)
    }

    @Sendable
    func note(_ mail: MailEvent, in session: SessionContext) -> Verdict<Void> {
        guard let sender = mail.sender.mailbox, !sender.domain.isEmpty else { return .declined }
        let pairs = self.pairs.content(in: session)
        let domain = "@" + sender.domainKey
        let address = sender.localPart.lowercased() + domain
        guard let key = [address, domain].first(where: { pairs[$0] != nil }), !session.isImmune else {
            return .declined
        }
        session.transaction.notes[Self.noted] = address
        session.log.info("info, \(key) is listed")
        return .declined
    }

    @Sendable
    func check(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        guard let sender = session.transaction.notes[Self.noted], !event.recipient.domain.isEmpty else {
            return .declined
        }
        let pairs = self.pairs.content(in: session)
        let recipient = event.recipient.localPart.lowercased() + "@" + event.recipient.domainKey
        let domain = sender.lastIndex(of: "@").map { String(sender[$0...]) } ?? ""
        guard pairs[sender]?.contains(recipient) == true || pairs[domain]?.contains(recipient) == true else {
            return .declined
        }
        session.log.info("fail, \(sender) to \(recipient)")
        return .deny("mail to \(event.recipient) not accepted here", .notAuthorized)
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> [String: Set<String>] {
        var pairs: [String: Set<String>] = [:]
        for line in file.lines {
            let words = line.words
            guard words.count == 2 else { throw line.error("a line is SENDER RECIPIENT") }
            pairs[AddressList.key(words[0]), default: []].insert(AddressList.key(words[1]))
        }
        return pairs
    }
}
