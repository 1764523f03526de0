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

    struct Listed: Sendable {
        var texts: [String: String] = [:]
        var patterns: [(pattern: TextPattern, text: String)] = []
    }

    private static let defaultText = "Your envelope sender is in my badmailfrom list"
    private let listed: ConfigTable<Listed>
    private let policy: RejectPolicy

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["reject", "reject_type"])
        self.policy = try RejectPolicy(reject: arguments["reject"], type: arguments["reject_type"])
        self.listed = try setup.table("badmailfrom", Self.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mail, self.check)
    }

    @Sendable
    func check(_ mail: MailEvent, in session: SessionContext) -> Verdict<Void> {
        // RFC 5321 §4.5.5: notifications have the null sender.
        guard let mailbox = mail.sender.mailbox, !mailbox.domain.isEmpty else { return .declined }
        let listed = self.listed.content(in: session)
        guard let text = Self.text(for: mailbox, in: listed), !session.isImmune else { return .declined }

        session.adjustKarma(-1)
        return self.policy.verdict(text, .badSenderSystem, in: session, note: "listed sender \(mailbox)")
    }

    private static func text(for mailbox: Mailbox, in listed: Listed) -> String? {
        let domain = "@" + mailbox.domainKey
        let address = mailbox.localPart.lowercased() + domain
        if let text = listed.texts[address] ?? listed.texts[domain] { return text }
        return listed.patterns.first { $0.pattern.matches(address) }?.text
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> Listed {
        var listed = Listed()
        for line in file.lines {
            let words = line.words
            guard let entry = words.first else { continue }
            let reason = words.dropFirst().joined(separator: " ")
            let text = reason.isEmpty ? Self.defaultText : reason
            if entry.contains(where: { "/^$*+!%?\\".contains($0) }) {
                do {
                    listed.patterns.append((try TextPattern(Self.withoutSlashes(entry)), text))
                } catch {
                    throw line.error("'\(entry)': \(error)")
                }
            } else {
                listed.texts[Self.key(entry)] = text
            }
        }
        return listed
    }

    private static func withoutSlashes(_ word: String) -> String {
        word.count > 2 && word.hasPrefix("/") && word.hasSuffix("/") ? String(word.dropFirst().dropLast()) : word
    }

    /// Small letters, the domain as it is compared.
    private static func key(_ word: String) -> String {
        guard let at = word.lastIndex(of: "@") else { return word.lowercased() }
        let domain = String(word[word.index(after: at)...])
        return word[..<at].lowercased() + "@" + (DomainName.toASCII(domain) ?? domain.lowercased())
    }
}
