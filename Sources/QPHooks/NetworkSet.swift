// NetworkSet.swift
//
// RFC 4632 §3.1, RFC 4291 §2.3

/// Addresses and networks, asked whether one of them holds an address. The cost does not grow with their number.
public struct NetworkSet: Sendable, Hashable {
    private var firstAddresses: [Int: Set<IPAddress>] = [:]

    /// Holds nothing.
    public init() {}

    /// Reads the first word of each line with `network(_:)`.
    /// - Throws: `PluginError` for a line that is none.
    public init(_ file: ConfigFile) throws(PluginError) {
        for line in file.lines {
            let word = line.words.first ?? ""
            guard let network = Self.network(word) else {
                throw line.error("'\(word)' is no address, no network, and no prefix ending in '.' or ':'")
            }
            self.insert(network)
        }
    }

    /// Whether nothing is in it.
    public var isEmpty: Bool { self.firstAddresses.isEmpty }

    /// Adds a network.
    public mutating func insert(_ network: Network) {
        self.firstAddresses[network.prefixLength, default: []].insert(network.address)
    }

    /// Whether a network of the set holds an address; its first and last addresses belong to a network.
    public func contains(_ address: IPAddress) -> Bool {
        self.firstAddresses.contains { length, addresses in
            Network(address, prefixLength: length).map { addresses.contains($0.address) } ?? false
        }
    }

    /// Reads an address (`192.0.2.1`), a network (`192.0.2.0/24`, `2001:db8::/32`), a prefix that ends in a dot or a
    /// colon (`192.0.2.`, `2001:db8:`), or IPv6 groups of four digits each (`2001:0db8`).
    public static func network(_ text: String) -> Network? {
        if let network = Network(text) { return network }
        return text.utf8.last == UInt8(ascii: ".") ? self.ipv4(text) : self.ipv6(text)
    }

    private static func ipv4(_ prefix: String) -> Network? {
        let parts = prefix.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 3 else { return nil }
        let whole = (parts.map(String.init) + Array(repeating: "0", count: 4 - parts.count)).joined(separator: ".")
        return IPAddress(whole).flatMap { Network($0, prefixLength: parts.count * 8) }
    }

    private static func ipv6(_ prefix: String) -> Network? {
        guard prefix.utf8.last == UInt8(ascii: ":") else { return self.groups(prefix) }
        let parts = prefix.dropLast().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 7, !parts.contains("") else { return nil }
        return IPAddress(prefix + (parts.count == 7 ? "0" : ":")).flatMap {
            Network($0, prefixLength: parts.count * 16)
        }
    }

    /// Only with every group written out: what `2001:db8` stands for nobody can tell.
    private static func groups(_ prefix: String) -> Network? {
        let groups = prefix.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...7).contains(groups.count), groups.allSatisfy({ $0.utf8.count == 4 }) else { return nil }
        return IPAddress(prefix + "::").flatMap { Network($0, prefixLength: groups.count * 16) }
    }
}
