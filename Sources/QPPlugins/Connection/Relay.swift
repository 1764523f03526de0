// Relay.swift
//
// RFC 5321 §3.6.2 (relaying), §7.9 (whom a server serves); RFC 4632 §3.1, RFC 4291 §2.3 (networks)

public import QPHooks

/// Lets the listed hosts send mail to anywhere.
public struct Relay: Plugin {
    public static let name = "relay"

    public static let manual = """
        relay [only 1]

        Hosts in config/relayclients and config/morerelayclients may relay: mail from them is taken for any recipient.
        A line is an address, a network, or a prefix that ends in a dot or a colon:

            127.0.0.1
            192.0.2.0/24
            198.51.100.
            2001:db8:17:

        Hosts in config/norelayclients may not, whatever else is said. ::1 always may. A loopback address that a proxy
        told (PROXY protocol, XCLIENT) never may. The constant database
        config/morerelayclients.cdb is asked for the address and its prefixes, shorter and shorter.
        With `only 1` nobody else may send mail here at all.
        """

    private let allowed: ConfigTable<NetworkSet>
    private let more: ConfigTable<NetworkSet>
    private let refused: ConfigTable<NetworkSet>
    private let constants: any ConstantTable
    private let isOnly: Bool

    public init(_ setup: PluginSetup) throws(PluginError) {
        let only = try setup.keyedArguments(["only"])["only"] ?? "0"
        self.isOnly = only != "0"
        self.allowed = try setup.table("relayclients", NetworkSet.init)
        self.more = try setup.table("morerelayclients", NetworkSet.init)
        self.refused = try setup.table("norelayclients", NetworkSet.init)
        self.constants = setup.constantTable("morerelayclients")
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.decide)
        if self.isOnly { hooks.on(.rcpt, self.refuseOthers) }
    }

    @Sendable
    func decide(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        let client = session.connection.remoteAddress
        if self.refused.content(in: session).contains(client) {
            session.log.info("skip, \(client) may not relay")
            session.isRelayClient = false
        } else if session.connection.mayBeTrusted, self.mayRelay(client, session) {
            session.log.info("pass, \(client) may relay")
            session.isRelayClient = true
        }
        return .declined
    }

    @Sendable
    func refuseOthers(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
        session.isRelayClient ? .ok : .deny("relaying denied", .notAuthorized)
    }

    private func mayRelay(_ client: IPAddress, _ session: SessionContext) -> Bool {
        if !client.isIPv4, client.isLoopback { return true }
        return self.allowed.content(in: session).contains(client)
            || self.more.content(in: session).contains(client)
            || Self.prefixes(of: client).contains { self.constants.contains($0) }
    }

    /// The address, then what remains of it: number by number, or nibble by nibble of the expanded IPv6 form.
    private static func prefixes(of address: IPAddress) -> [String] {
        if address.isIPv4 {
            let numbers = address.bytes.map(String.init)
            return (1...4).reversed().map { count in
                numbers[..<count].joined(separator: ".") + (count < 4 ? "." : "")
            }
        }
        let nibbles = address.bytes.flatMap { [String($0 >> 4, radix: 16), String($0 & 15, radix: 16)] }
        var prefixes = [address.description]
        var prefix = ""
        for (index, nibble) in nibbles.enumerated() {
            prefix += nibble
            prefixes.append(prefix)
            guard index % 4 == 3, index < nibbles.count - 1 else { continue }
            prefix += ":"
            prefixes.append(prefix)
        }
        return prefixes.reversed()
    }
}
