// HostsAllow.swift
//
// RFC 5321 §7.8 (resistance to attacks); RFC 4632 §3.1, RFC 4291 §2.3 (networks)

public import QPHooks

/// Turns clients away by address, and by how many connections they have.
public struct HostsAllow: Plugin {
    public static let name = "hosts_allow"

    public static let manual = """
        hosts_allow

        Turns a client away before the greeting when its address has more connections than config/limits allows
        (max_conn_ip): those with a good history (note karma_history above 5) get three more, those with none or a bad
        one get a single one.

        Then the first line of config/hosts_allow whose network holds the address decides:

            192.0.2.0/24      DECLINED
            198.51.100.7      DENYSOFT  Come back tomorrow
            2001:db8::/32     DENY      We know you
        """

    struct Rule: Sendable {
        let network: Network
        let verdict: Verdict<Void>
    }

    private let rules: ConfigTable<[Rule]>

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        self.rules = try setup.table("hosts_allow", Self.parse)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.preConnection, self.check)
    }

    @Sendable
    func check(_ event: ArrivalEvent, in arrival: ArrivalContext) -> Verdict<Void> {
        let client = arrival.connection.remoteAddress
        if let limit = self.limit(event, arrival), event.liveAddresses.count(of: client) >= limit {
            arrival.log.info("fail, too many connections from \(client)")
            return .denysoft("too many connections from \(client), try again later", .systemNotAccepting)
        }
        // A loopback address that a proxy told opens no door.
        let isTrusted = arrival.connection.mayBeTrusted
        let rule = self.rules.content(in: arrival).first { rule in
            rule.network.contains(client) && (isTrusted || rule.verdict.denial != nil)
        }
        guard let rule else { return .declined }
        arrival.log.info("\(rule.verdict.denial == nil ? "pass" : "fail"), \(rule.network) \(rule.verdict.code.name)")
        return rule.verdict
    }

    private func limit(_ event: ArrivalEvent, _ arrival: ArrivalContext) -> Int? {
        guard event.maxConnectionsPerAddress > 0 else { return nil }
        switch arrival.notes[NoteKey<Int>("karma_history")] {
        case nil: return event.maxConnectionsPerAddress
        case .some(let history) where history > 5: return event.maxConnectionsPerAddress.addingSaturated(3)
        case .some(let history): return history <= 0 ? 1 : event.maxConnectionsPerAddress
        }
    }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> [Rule] {
        var rules: [Rule] = []
        for line in file.lines {
            let words = line.text.split(maxSplits: 2, whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            guard let word = words.first, let network = Network(word) else {
                throw line.error("'\(words.first ?? "")' is no address or network")
            }
            guard words.count > 1, let code = ReturnCode(name: words[1]) else {
                throw line.error("after the network stands one of \(ReturnCode.allCases.map(\.name))")
            }
            let text = words.count > 2 ? String(words[2].drop { $0 == " " || $0 == "\t" }) : ""
            rules.append(Rule(network: network, verdict: Verdict(code, text)))
        }
        return rules
    }
}

extension Int {
    fileprivate func addingSaturated(_ other: Int) -> Int {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
