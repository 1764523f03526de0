// BanList.swift
//
// Networks that may not connect, as a value.

package import QPHooks

/// A network that may not connect.
package struct Ban: Sendable, Hashable {
    package var id: String
    package var network: Network
    package var reason: String
    package var by: String
    /// Nanoseconds since 1970; `nil`: until it is lifted.
    package var createdAt: Int64
    package var expiresAt: Int64?
    /// Connections it turned away.
    package var hits: UInt64 = 0

    package init(id: String, network: Network, reason: String, by: String, createdAt: Int64, expiresAt: Int64?) {
        self.id = id
        self.network = network
        self.reason = reason
        self.by = by
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// The bans in force. Looking an address up costs one look for each prefix length in use.
package struct BanList: Sendable {
    /// The most bans at once.
    package static let limit = 100_000

    private var bans: [Network: Ban] = [:]
    /// How many bans have each prefix length, for IPv4 and IPv6.
    private var lengths: [Bool: [Int: Int]] = [:]

    /// Nobody is banned.
    package init() {}

    package var isEmpty: Bool { self.bans.isEmpty }
    package var count: Int { self.bans.count }
    /// Newest first.
    package var all: [Ban] { self.bans.values.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) } }
    /// Connections turned away by all bans in force.
    package var hits: UInt64 { self.bans.values.reduce(0) { $0 &+ $1.hits } }

    /// Whether an address is banned; counts it if so.
    mutating func hits(_ address: IPAddress) -> Bool {
        guard let network = self.network(of: address) else { return false }
        self.bans[network]?.hits &+= 1
        return true
    }

    /// Whether an address is banned.
    package func holds(_ address: IPAddress) -> Bool { self.network(of: address) != nil }

    private func network(of address: IPAddress) -> Network? {
        for length in self.lengths[address.isIPv4]?.keys ?? [:].keys {
            if let network = Network(address, prefixLength: length), self.bans[network] != nil { return network }
        }
        return nil
    }

    /// Adds a ban, in the place of one for the same network, whose hits it keeps. False: there are too many.
    package mutating func add(_ ban: Ban) -> Bool {
        var ban = ban
        if let old = self.bans[ban.network] {
            ban.hits = old.hits
        } else {
            guard self.bans.count < Self.limit else { return false }
            self.lengths[ban.network.address.isIPv4, default: [:]][ban.network.prefixLength, default: 0] += 1
        }
        self.bans[ban.network] = ban
        return true
    }

    /// Takes a ban away; gives it.
    package mutating func remove(_ id: String) -> Ban? {
        guard let ban = self.bans.values.first(where: { $0.id == id }) else { return nil }
        self.forget(ban)
        return ban
    }

    /// Takes away the bans whose time is over; gives them.
    package mutating func expire(at now: Int64) -> [Ban] {
        let over = self.bans.values.filter { ($0.expiresAt ?? .max) <= now }
        for ban in over { self.forget(ban) }
        return over
    }

    private mutating func forget(_ ban: Ban) {
        self.bans[ban.network] = nil
        let length = ban.network.prefixLength
        let left = (self.lengths[ban.network.address.isIPv4]?[length] ?? 1) - 1
        self.lengths[ban.network.address.isIPv4]?[length] = left > 0 ? left : nil
    }
}
