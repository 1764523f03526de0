// QueryNetwork.swift
//
// RFC 4632 §3.1, RFC 4291 §2.3, §2.5.5.2

/// A block of addresses in a query: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`.
package struct QueryNetwork: Sendable, Hashable {
    private let high: UInt64
    private let low: UInt64
    private let highMask: UInt64
    private let lowMask: UInt64
    private let isIPv4: Bool

    /// Reads an address, with or without a prefix length; bits after the prefix are dropped.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, case .address(let high, let low)? = QueryValue.address(of: String(first)) else {
            return nil
        }
        let isIPv4 = high == 0 && low >> 32 == 0xFFFF
        var length = 128
        if parts.count == 2 {
            guard let number = Self.number(parts[1]) else { return nil }
            length = number + (first.utf8.contains(UInt8(ascii: ":")) ? 0 : 96)
        }
        // A shorter prefix would reach from IPv4 into IPv6.
        guard length <= 128, !isIPv4 || length >= 96 else { return nil }
        self.highMask = Self.leading(length)
        self.lowMask = Self.leading(length - 64)
        self.high = high & self.highMask
        self.low = low & self.lowMask
        self.isIPv4 = isIPv4
    }

    /// Whether an address lies in the block; never when one is IPv4 and the other IPv6.
    func contains(high: UInt64, low: UInt64) -> Bool {
        (high == 0 && low >> 32 == 0xFFFF) == self.isIPv4
            && high & self.highMask == self.high && low & self.lowMask == self.low
    }

    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.count <= 3, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    /// A word whose first bits are set.
    private static func leading(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : UInt64.max << UInt64(64 - min(bits, 64))
    }
}
