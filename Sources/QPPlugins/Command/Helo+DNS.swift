// Helo+DNS.swift
//
// RFC 5321 §4.1.1.1, §4.1.4: what the DNS knows of a client's name

import QPHooks

extension Helo {
    /// What the policies rfc and strict find with the help of the DNS.
    func dnsProblem(_ host: String, _ session: SessionContext) async -> String? {
        let client = session.connection.remoteAddress
        let (forwardKey, reverseKey) = (NoteKey<Int>("helo_forward_match"), NoteKey<Int>("helo_reverse_match"))
        session.notes[forwardKey] = nil
        session.notes[reverseKey] = nil
        let isLiteral = AddressLiteral(host) != nil
        let dns = session.dns
        let timeout = self.timeout
        async let names = dns.names(of: client, timeout: timeout)

        var isCertain = true
        if !isLiteral {
            switch await dns.lookup(host.hasSuffix(".") ? String(host.dropLast()) : host, timeout: timeout) {
            case .noSuchName: return "HELO hostname does not exist"
            case .none: return "HELO hostname did not resolve"
            case .found(let addresses):
                if Self.match(client, addresses) { session.notes[forwardKey] = 1 }
            case .failed(let error):
                session.log.error("error, \(host): \(error.logText)")
                isCertain = false
            }
        }
        switch await names {
        case .success(let found):
            if found.isEmpty { return "no rDNS for \(client)" }
            if Self.match(host, found) { session.notes[reverseKey] = 1 }
        case .failure(let error):
            session.log.error("error, name of \(client): \(error.logText)")
            isCertain = false
        }
        let matches = (session.notes[forwardKey] ?? 0) + (session.notes[reverseKey] ?? 0)
        if matches == 2 { session.adjustKarma(1) }
        // RFC 5321 §4.1.4 forbids this refusal; the operator asked for it.
        guard self.strictness == .strict, isCertain, matches == 0 else { return nil }
        return "That HELO hostname fails FCrDNS"
    }

    /// Whether an address is among those of a name, or near one of them.
    static func match(_ client: IPAddress, _ addresses: [IPAddress]) -> Bool {
        addresses.contains { $0 == client || $0.isNear(client) }
    }

    /// Whether a name is among those of an address, or of the same domain as one of them.
    static func match(_ host: String, _ names: [String]) -> Bool {
        let name = Self.plain(host)
        return names.contains { Self.plain($0) == name || Self.domain(Self.plain($0)) == Self.domain(name) }
    }

    private static func plain(_ name: String) -> String {
        (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
    }

    /// The last two labels.
    private static func domain(_ name: String) -> String {
        name.split(separator: ".").suffix(2).joined(separator: ".")
    }
}
