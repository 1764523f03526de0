// RHSBL.swift
//
// RFC 5782 §2.3 (lists of names); RFC 5321 §4.5.5 (null sender)

public import QPHooks

/// Refuses senders whose domain, and clients whose name, DNS lists know.
public struct RHSBL: Plugin {
    public static let name = "rhsbl"

    public static let manual = """
        rhsbl [reject 1|0|naughty] [reject_type perm|temp|disconnect|temp_disconnect]

        Looks the sender's domain and the name that the client gave with HELO up in the lists of config/rhsbl_zones, in
        all at once. The first that knows one of them decides:

            dsn.example.org                       the list's own text (TXT) goes to the client
            bl.example.net  is listed by example  this text does; the list is asked for addresses (A)

        The client is told `Mail from <domain>`, or `Mail from HELO <name>`, `rejected because it <text>`.
        The null sender, relay clients and white-listed hosts and senders pass. A list that does not answer within 8
        seconds counts as one that knows nothing. The single word `disconnect` stands for `reject_type disconnect`.
        """

    private let zones: ConfigTable<[BlockZone]>
    private let policy: RejectPolicy

    public init(_ setup: PluginSetup) throws(PluginError) {
        if setup.arguments == ["disconnect"] {
            self.policy = try RejectPolicy(reject: nil, type: "disconnect")
        } else {
            let arguments = try setup.keyedArguments(["reject", "reject_type"])
            self.policy = try RejectPolicy(reject: arguments["reject"], type: arguments["reject_type"])
        }
        self.zones = try setup.table("rhsbl_zones", Self.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.mail, self.check)
    }

    @Sendable
    func check(_ mail: MailEvent, in session: SessionContext) async -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        guard let mailbox = mail.sender.mailbox else {
            session.log.info("pass, null sender")
            return .declined
        }
        let queries = self.queries(mailbox, session)
        guard !queries.isEmpty else { return .declined }
        let result = await BlockResult.first(of: queries, session.dns, timeout: .seconds(8))
        for failure in result.failures { session.log.error("error, \(failure)") }
        guard let (query, text) = result.listing else {
            session.log.info("pass")
            return .declined
        }
        let reason = text.isEmpty ? "is listed by \(query.zone.zone)" : text
        return self.policy.verdict(
            "Mail from \(query.subject) rejected because it \(reason)", .badSenderSystem, in: session,
            note: "\(query.subject) is known to \(query.zone.zone)")
    }

    private func queries(_ mailbox: Mailbox, _ session: SessionContext) -> [BlockQuery] {
        var names: [(name: String, subject: String)] = []
        if let domain = Self.name(mailbox.domainKey) { names.append((domain, domain)) }
        if let host = session.introduction.flatMap({ Self.name($0.host) }), host != names.first?.name {
            names.append((host, "HELO \(host)"))
        }
        return self.zones.content(in: session).flatMap { zone in
            names.map { BlockQuery(zone: zone, name: $0.name, subject: $0.subject) }
        }
    }

    /// Address literals and single labels are in no list of domains.
    private static func name(_ host: String) -> String? {
        let name = DomainName.toASCII(host.hasSuffix(".") ? String(host.dropLast()) : host)
        return name.flatMap { $0.contains(".") && IPAddress($0) == nil ? $0 : nil }
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> [BlockZone] {
        var zones: [BlockZone] = []
        for line in file.lines {
            let words = line.words
            let text = words.dropFirst().joined(separator: " ")
            guard let zone = BlockZone(words.first ?? "", message: text) else {
                throw line.error("'\(words.first ?? "")' is no zone")
            }
            zones.append(zone)
        }
        return zones
    }
}
