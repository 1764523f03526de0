// RcptOK.swift
//
// RFC 5321 §3.6.2 (relaying), §4.5.1 (postmaster), §7.9; RFC 3463 §3.8 (X.7.1); RFC 5891 §5 (comparing domains)

public import QPHooks

/// Takes mail for our own domains, and from relay clients for all.
public struct RcptOK: Plugin {
    public static let name = "rcpt_ok"

    public static let manual = """
        rcpt_ok

        Accepts recipients in the domains of config/rcpthosts and in config/me:

            example.org
            .example.org       every domain below it, not itself

        and those of config/morercpthosts (a text file like the other) or the constant database
        config/morercpthosts.cdb. <postmaster> without a domain is always accepted, and every recipient of a client that
        may relay. All others are refused: load this plugin after all others that look at recipients.
        """

    private let domains: ConfigTable<DomainSet>
    private let more: ConfigTable<DomainSet>
    private let constants: any ConstantTable

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        try self.init(from: setup)
    }

    /// For plugins that wrap this one and have arguments of their own.
    init(from setup: PluginSetup) throws(PluginError) {
        self.domains = try setup.table("rcpthosts") { file in DomainSet(file, with: [file.me]) }
        self.more = try setup.table("morercpthosts") { file in DomainSet(file) }
        self.constants = setup.constantTable("morercpthosts")
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.rcpt, self.check)
    }

    @Sendable
    func check(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        if session.isRelayClient {
            session.log.info("pass, relay client")
            return .ok
        }
        // RFC 5321 §4.5.1: postmaster without a domain is ours.
        if event.recipient.domain.isEmpty {
            session.log.info("pass, postmaster")
            return .ok
        }
        let domain = event.recipient.domainKey
        if self.isOurs(domain, session) {
            session.log.info("pass, \(domain)")
            return .ok
        }
        session.log.info("fail, relaying denied for \(domain)")
        return .deny("Relaying denied", .notAuthorized)
    }

    private func isOurs(_ domain: String, _ session: SessionContext) -> Bool {
        self.domains.content(in: session).contains(domain)
            || self.more.content(in: session).contains(domain)
            || self.constants.contains(domain)
            || DomainSet.suffixes(of: domain).contains { self.constants.contains($0) }
    }
}
