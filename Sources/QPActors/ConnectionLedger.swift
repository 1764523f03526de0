// ConnectionLedger.swift
//
// Who is connected, as a value.

public import QPHooks

/// Counts connections in all and by address.
public struct ConnectionLedger: Sendable {
    /// Why a client is turned away.
    public enum Refusal: Sendable, Hashable {
        /// Too many sessions in all.
        case total
        /// Too many sessions of its address.
        case address
        /// The server is about to stop.
        case draining
        /// No memory, no disk.
        case resources
        /// The operator banned it.
        case banned
    }

    /// Live sessions.
    public private(set) var count = 0
    private var addresses: [IPAddress: Int] = [:]

    /// An empty ledger.
    public init() {}

    /// Takes a place, or says why there is none.
    public mutating func reserve(_ address: IPAddress, _ limits: Limits) -> Refusal? {
        guard self.count < limits.maxConnections else { return .total }
        let key = address.accountingPrefix
        let mine = self.addresses[key, default: 0]
        guard limits.maxConnectionsPerAddress == 0 || mine < limits.maxConnectionsPerAddress else { return .address }
        self.count += 1
        self.addresses[key] = mine + 1
        return nil
    }

    /// Takes a place whatever the limits are; for a client that is being turned away.
    mutating func force(_ address: IPAddress) {
        self.count += 1
        self.addresses[address.accountingPrefix, default: 0] += 1
    }

    /// Gives a place back.
    public mutating func release(_ address: IPAddress) {
        let key = address.accountingPrefix
        guard let mine = self.addresses[key] else { return }
        self.count -= 1
        self.addresses[key] = mine > 1 ? mine - 1 : nil
    }

    /// Live sessions of an address.
    public func count(of address: IPAddress) -> Int { self.addresses[address.accountingPrefix, default: 0] }

    /// The address of every live session; IPv6 by its /64.
    public var all: [IPAddress] {
        self.addresses.flatMap { Array(repeating: $0.key, count: $0.value) }
    }
}
