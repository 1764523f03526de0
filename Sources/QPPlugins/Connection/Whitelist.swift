// Whitelist.swift
//
// RFC 5321 §7.8 (resistance to attacks), §4.5.5 (null sender)

public import QPHooks

/// Lets listed clients, senders and recipients past other plugins.
public struct Whitelist: Plugin {
    public static let name = "whitelist"

    public static let manual = """
        whitelist [per_recipient 1 [merge 1]]

        Load it before the plugins that listed clients are to get past: on its hooks it answers OK, and no later plugin
        is asked; filters that honour white lists see the notes it makes.

            whitelisthosts     192.0.2.1, 192.0.2.0/24, 192.0.2. or 2001:db8: : clients by address; they gain 5 karma
            whitelisthelo      mail.example.org, .example.net : clients by the name they give
            whitelistsenders   ann@example.org, example.org, .example.net : envelope senders
            whitelistrcpt      the same : recipients

        Names and senders are what the client says, and easily forged. A recipient in whitelistrcpt is taken at once, of
        whatever domain: list your own only.

        With `per_recipient 1` nothing happens before RCPT; there the four lists are asked, one after the other, and a
        hit is for that recipient alone. A recipient who has lists of the same names (see user_config) is judged by
        those, with `merge 1` by both. Since a hit takes the recipient whatever the domain, users' folders must be told
        apart by domain: user_config with %h or %a.

        Notes: whitelisthost and whitelisthelo (connection), whitelistsender (mail), whitelistrcpt (mail; how many
        recipients).
        """

    private static let rcptNote = NoteKey<Int>("whitelistrcpt")
    let hosts: ConfigTable<NetworkSet>
    let names: ConfigTable<DomainSet>
    let senders: ConfigTable<AddressSet>
    let recipients: ConfigTable<AddressSet>
    private let isPerRecipient: Bool
    let merges: Bool

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["per_recipient", "merge"])
        self.isPerRecipient = (arguments["per_recipient"] ?? "0") != "0"
        self.merges = (arguments["merge"] ?? "0") != "0"
        self.hosts = try setup.table("whitelisthosts", Self.hosts)
        self.names = try setup.table("whitelisthelo", Self.names)
        self.senders = try setup.table("whitelistsenders", AddressSet.init)
        self.recipients = try setup.table("whitelistrcpt", AddressSet.init)
        if self.merges, !self.isPerRecipient { setup.warn("merge has no effect without per_recipient") }
    }

    public func register(on hooks: inout HookTable) {
        guard !self.isPerRecipient else { return hooks.on(.rcpt, self.checkAll) }
        hooks.on(.connect, self.checkHost)
        hooks.on(.helo, self.checkName)
        hooks.on(.ehlo, self.checkName)
        hooks.on(.mail, self.checkSender)
        hooks.on(.rcpt, self.checkRecipient)
    }

    @Sendable
    func checkHost(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        let connection = session.connection
        guard connection.mayBeTrusted, self.hosts.content(in: session).contains(connection.remoteAddress) else {
            return .declined
        }
        session.log.info("pass, listed host")
        session.notes[NoteKey<Int>("whitelisthost")] = 1
        session.adjustKarma(5)
        return .ok
    }

    @Sendable
    func checkName(_ hello: HelloEvent, in session: SessionContext) -> Verdict<Void> {
        guard self.names.content(in: session).contains(Self.key(hello.host)) else { return .declined }
        session.log.info("pass, listed name")
        session.notes[NoteKey<Int>("whitelisthelo")] = 1
        return .ok
    }

    @Sendable
    func checkSender(_ mail: MailEvent, in session: SessionContext) -> Verdict<Void> {
        guard let sender = mail.sender.mailbox, self.senders.content(in: session).contains(sender) else {
            return .declined
        }
        session.log.info("pass, listed sender")
        session.transaction.notes[NoteKey<Int>("whitelistsender")] = 1
        return .ok
    }

    @Sendable
    func checkRecipient(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        guard self.recipients.content(in: session).contains(event.recipient) else { return .declined }
        return Self.accept("listed recipient", in: session)
    }

    static func accept(_ why: String, in session: SessionContext) -> Verdict<Void> {
        session.log.info("pass, \(why)")
        session.transaction.notes[Self.rcptNote] = (session.transaction.notes[Self.rcptNote] ?? 0) + 1
        return .ok
    }

    static func key(_ host: String) -> String { DomainName.toASCII(host) ?? host.lowercased() }

    @Sendable
    static func names(_ file: ConfigFile) throws(PluginError) -> DomainSet { DomainSet(file) }

    /// A prefix of an address may lack its last dot or colon.
    @Sendable
    static func hosts(_ file: ConfigFile) throws(PluginError) -> NetworkSet {
        var hosts = NetworkSet()
        for line in file.lines {
            let word = line.words.first ?? ""
            let tail = word.contains(":") ? ":" : "."
            guard let network = NetworkSet.network(word) ?? NetworkSet.network(word + tail) else {
                throw line.error("'\(word)' is no address, no network and no beginning of one")
            }
            hosts.insert(network)
        }
        return hosts
    }
}
