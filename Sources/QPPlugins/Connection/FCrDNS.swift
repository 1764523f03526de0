// FCrDNS.swift
//
// RFC 8601 §2.7.3, §3 (iprev); RFC 1912 §2.1 (PTR and A should agree)

public import QPHooks

/// Looks whether a client's name leads back to its address.
public struct FCrDNS: Plugin {
    public static let name = "fcrdns"

    public static let manual = """
        fcrdns [reject 1|0|naughty] [reject_type temp|perm|disconnect|temp_disconnect] [timeout 5]

        Asks for the names of the client's address and for the addresses of those names: forward-confirmed reverse DNS.
        A client fails that has no name, no fully qualified one, calls itself localhost from elsewhere, or whose names
        all lead to other places; an address of the same /24 (IPv6: /96) is good enough. Clients on this machine pass.
        When the DNS does not answer within `timeout` seconds (12 at most) for each of both steps, nothing is decided.

        reject_type is temp unless given. Many honest servers fail: `reject 0` only logs, `reject naughty` leaves the
        refusal to the naughty plugin. Failing costs one of karma; the very address, and localhost, gain one.
        The result stands in Authentication-Results as iprev. Relay clients and white-listed hosts are not looked at.
        """

    private enum Finding: Sendable {
        case exact(String)
        case near(String)
        case fails(String)
        case unknown(String)
    }

    private static let mostNames = 5
    private let policy: RejectPolicy
    private let timeout: Duration

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["reject", "reject_type", "timeout"])
        self.policy = try RejectPolicy(
            reject: arguments["reject"], type: arguments["reject_type"], defaultKind: .denysoft)
        self.timeout = try arguments.seconds("timeout", default: 5, most: 12)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.check)
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        guard !session.isImmune else { return .declined }
        let client = session.connection.remoteAddress
        guard !session.connection.isLocal else {
            session.adjustKarma(1)
            session.log.info("pass, localhost")
            return .declined
        }
        let finding = await Self.look(client, session.dns, self.timeout)
        self.store(finding, client, session)
        switch finding {
        case .exact(let name):
            session.adjustKarma(1)
            session.log.info("pass, \(name)")
        case .near(let name):
            session.log.info("pass, \(name) is near")
        case .unknown(let why):
            session.log.error("error, \(why)")
        case .fails(let why):
            session.adjustKarma(-1)
            return self.policy.verdict("Your address \(client) \(why)", .reverseDNSFailed, in: session, note: why)
        }
        return .declined
    }

    private static func look(_ client: IPAddress, _ dns: DNS, _ timeout: Duration) async -> Finding {
        let names: [String]
        switch await dns.names(of: client, timeout: timeout) {
        case .failure(let error): return .unknown(error.logText)
        case .success(let found): names = found
        }
        guard !names.isEmpty else { return .fails("has no name (rDNS)") }
        guard !names.contains(where: { $0.lowercased() == "localhost" }) else {
            return .fails("has the name localhost, but is another host")
        }
        let full = names.filter(Self.isFullyQualified).prefix(Self.mostNames)
        guard !full.isEmpty else { return .fails("has no fully qualified name") }
        return await Self.confirm(client, Array(full), dns, timeout)
    }

    private static func confirm(
        _ client: IPAddress, _ names: [String], _ dns: DNS, _ timeout: Duration
    ) async -> Finding {
        await withTaskGroup(of: (String, AddressLookup).self) { group in
            for name in names { group.addTask { (name, await dns.lookup(name, timeout: timeout)) } }
            var best = Finding.fails("has a name that does not lead back to it (FCrDNS)")
            for await (name, lookup) in group {
                switch (lookup, best) {
                case (.found(let addresses), _) where addresses.contains(client):
                    group.cancelAll()
                    return .exact(name)
                case (.found(let addresses), _) where addresses.contains { $0.isNear(client) }: best = .near(name)
                case (.failed(let error), .fails): best = .unknown(error.logText)
                case (.found, _), (.none, _), (.noSuchName, _), (.failed, _): continue
                }
            }
            return best
        }
    }

    /// At least two labels.
    static func isFullyQualified(_ name: String) -> Bool {
        name.contains(".") && DomainName.isValid(name)
    }

    private func store(_ finding: Finding, _ client: IPAddress, _ session: SessionContext) {
        let result =
            switch finding {
            case .exact, .near: "pass"
            case .fails: "fail"
            case .unknown: "temperror"
            }
        // RFC 8601 §2.2: a value with colons is quoted.
        let address = client.isIPv4 ? client.description : "\"\(client)\""
        let key = NoteKey<String>("authentication_results")
        let mine = "iprev=\(result) policy.iprev=\(address)"
        session.notes[key] = session.notes[key].map { "\($0); \(mine)" } ?? mine
    }
}
