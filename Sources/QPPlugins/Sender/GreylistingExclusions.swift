// GreylistingExclusions.swift
//
// Who is not greylisted: by lists, by country, by fingerprint.

import QPHooks

/// A list of clients that need no greylisting, in the form that postgrey has: an address or network, a host name, or
/// /a regular expression/ for host names.
struct GreylistingExclusions: Sendable {
    private var addresses = NetworkSet()
    private var hosts: Set<String> = []
    private var patterns: [ListPattern] = []

    @Sendable
    init(_ file: ConfigFile) throws(PluginError) {
        for line in file.lines {
            guard let word = line.words.first else { continue }
            if word.count > 2, word.hasPrefix("/"), word.hasSuffix("/") {
                self.patterns.append(try line.pattern(String(word.dropFirst().dropLast()), ignoringCase: true))
            } else if let network = NetworkSet.network(word) {
                self.addresses.insert(network)
            } else {
                self.hosts.insert(DomainName.toASCII(word) ?? word.lowercased())
            }
        }
    }

    /// What of the list fits a client.
    func match(_ address: IPAddress, host: String, in session: SessionContext) -> String? {
        if self.addresses.contains(address) { return "excluded address" }
        let host = host.lowercased()
        // A name stands for the hosts below it as well, as in postgrey.
        let names = [host] + DomainSet.suffixes(of: host).map { String($0.dropFirst()) }
        if names.contains(where: self.hosts.contains) { return "excluded host" }
        return self.patterns.contains { $0.matches(host, in: session) } ? "excluded host (pattern)" : nil
    }
}

extension GreylistingOptions {
    /// Why a client is not greylisted, by what other plugins found out.
    func exemption(_ session: SessionContext) -> String? {
        if let country = session.notes[NoteKey<String>("geoip_country")]?.uppercased(),
            self.countries.contains(country)
        {
            return "country \(country)"
        }
        guard let wanted = self.fingerprint else { return nil }
        guard case .map(let found)? = session.notes["p0f"] else { return "no fingerprint" }
        return wanted.allSatisfy { Self.fits($0.key, $0.value, found[$0.key]) } ? nil : "no p0f match"
    }

    private static func fits(_ key: String, _ wanted: String, _ found: NoteValue?) -> Bool {
        switch key {
        case "distance": (found.flatMap(Double.init) ?? 0) > (Double(wanted) ?? 0)
        case "uptime": (found.flatMap(Double.init) ?? .infinity) < (Double(wanted) ?? 0)
        default: found.flatMap(String.init)?.lowercased().contains(wanted.lowercased()) ?? false
        }
    }
}
