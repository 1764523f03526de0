// DNSBL.swift
//
// RFC 5782 §2.1, §2.4 (lists of addresses), RFC 6471; RFC 5321 §4.5.1 (postmaster), RFC 2142 §5 (abuse)

public import QPHooks

/// Refuses clients that DNS lists know.
public struct DNSBL: Plugin {
    public static let name = "dnsbl"

    public static let manual = """
        dnsbl [reject 1|0|naughty] [reject_type perm|temp|disconnect|temp_disconnect] [timeout 30]

        Looks the client's address, IPv4 or IPv6, up in the lists of config/dnsbl_zones, in all at once. The first that
        knows it decides, and the others are not waited for:

            bl.example.org                                  the list's own text (TXT) goes to the client
            dnsbl.example.net:%IP% is listed, see example.net   this text does; the list is asked for addresses (A)

        Answers outside of 127.0.0.0/8 and those in 127.255.255.0/24 are no listings but errors of the list.
        Clients in config/dnsbl_allow (addresses, networks, prefixes that end in a dot or a colon) are not looked up,
        nor are relay clients and white-listed hosts. A list that does not answer within `timeout` seconds (25 at most)
        counts as one that does not know the client.
        With `reject naughty` the refusal is left to the naughty plugin; a recipient postmaster, abuse, mailer-daemon or
        root takes it back for the whole connection. Load dnsbl before naughty.
        A single word stands for reject_type. A hit costs one of karma.
        """

    private static let open: Set<String> = ["postmaster", "abuse", "mailer-daemon", "root"]
    private let zones: ConfigTable<[BlockZone]>
    private let allowed: ConfigTable<NetworkSet>
    private let policy: RejectPolicy
    private let timeout: Duration

    public init(_ setup: PluginSetup) throws(PluginError) {
        if setup.arguments.count == 1 {
            self.policy = try RejectPolicy(reject: nil, type: setup.arguments[0])
            self.timeout = .seconds(25)
        } else {
            let arguments = try setup.keyedArguments(["reject", "reject_type", "timeout"])
            self.policy = try RejectPolicy(reject: arguments["reject"], type: arguments["reject_type"])
            self.timeout = try arguments.seconds("timeout", default: 30, most: 25)
        }
        self.zones = try setup.table("dnsbl_zones", Self.parse)
        self.allowed = try setup.table("dnsbl_allow", NetworkSet.init)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.check)
        if self.policy.mode == .naughty { hooks.on(.rcpt, self.forgive) }
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        let zones = self.zones.content(in: session)
        let client = session.connection.remoteAddress
        guard !zones.isEmpty, !session.isImmune else { return .declined }
        if session.connection.mayBeTrusted, self.allowed.content(in: session).contains(client) {
            session.log.info("skip, \(client) is in dnsbl_allow")
            return .declined
        }
        let labels = client.reversedLabels
        let queries = zones.map { BlockQuery(zone: $0, name: labels, subject: client.description) }
        let result = await BlockResult.first(of: queries, session.dns, timeout: self.timeout)
        for failure in result.failures { session.log.error("error, \(failure)") }
        guard let (query, text) = result.listing else {
            session.log.info("pass")
            return .declined
        }
        session.adjustKarma(-1)
        let answer = text.replacing("%IP%", with: client.description)
        return self.policy.verdict(
            answer.isEmpty ? "\(client) is listed by \(query.zone.zone)" : answer, .notAuthorized, in: session,
            note: query.zone.zone)
    }

    /// RFC 5321 §4.5.1, RFC 2142 §5: whoever is listed by mistake must be able to say so.
    @Sendable
    func forgive(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        let user = event.recipient.localPart.lowercased()
        guard Self.open.contains(user), session.notes["naughty"] != nil else { return .declined }
        session.log.info("skip, mail for \(user)")
        session.notes["naughty"] = nil
        session.notes["naughty_reject_type"] = nil
        return .declined
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> [BlockZone] {
        var zones: [BlockZone] = []
        for line in file.lines {
            let parts = line.text.split(separator: ":", maxSplits: 1).map { $0.trimmed }
            guard let name = parts.first, let zone = BlockZone(name, message: parts.count > 1 ? parts[1] : nil) else {
                throw line.error("'\(line.text)' is neither ZONE nor ZONE:MESSAGE")
            }
            zones.append(zone)
        }
        return zones
    }
}

extension Substring {
    /// Without blanks around it.
    fileprivate var trimmed: String {
        guard let end = self.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[...end].drop { $0.isWhitespace })
    }
}
