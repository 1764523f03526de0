// Network.swift
//
// RFC 4632 §3.1, RFC 4291 §2.3

/// A block of addresses: `192.0.2.0/24`, `2001:db8::/32`.
public struct Network: Sendable, Hashable, CustomStringConvertible {
    /// The first address of the block.
    public let address: IPAddress
    /// Bits that all addresses of the block share: 0 to 32, or 0 to 128.
    public let prefixLength: Int

    /// The block of that many leading bits around an address; nil if there are not so many bits.
    public init?(_ address: IPAddress, prefixLength: Int) {
        guard prefixLength >= 0, prefixLength <= address.bitWidth else { return nil }
        self.address = Self.masked(address, prefixLength)
        self.prefixLength = prefixLength
    }

    /// Reads an address with a prefix length, or a lone address, which is a block of one.
    ///
    /// Bits after the prefix are dropped. A mapped IPv4 address has the prefix length of the IPv6 address it is written as.
    public init?(_ cidr: String) {
        guard let slash = cidr.utf8.firstIndex(of: UInt8(ascii: "/")) else {
            guard let address = IPAddress(cidr) else { return nil }
            self.init(address, prefixLength: address.bitWidth)
            return
        }
        guard let address = IPAddress(String(cidr[..<slash])),
            var length = Self.number(cidr[cidr.utf8.index(after: slash)...])
        else { return nil }
        if address.isIPv4, cidr[..<slash].utf8.contains(UInt8(ascii: ":")) { length -= 96 }
        self.init(address, prefixLength: length)
    }

    /// Whether an address lies in the block; never when one is IPv4 and the other IPv6.
    public func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == self.address.isIPv4 && Self.masked(address, self.prefixLength) == self.address
    }

    /// `192.0.2.0/24`.
    public var description: String {
        "\(self.address)/\(self.prefixLength)"
    }

    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.count <= 3, text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
        return Int(text)
    }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        if address.isIPv4 {
            return IPAddress(isIPv4: true, high: 0, low: address.low & Self.leading(length + 32) & 0xFFFF_FFFF)
        }
        return IPAddress(
            isIPv4: false,
            high: address.high & Self.leading(length),
            low: address.low & Self.leading(length - 64)
        )
    }

    /// A word whose first bits are set; a smart shift gives 0 and all ones at the ends.
    private static func leading(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : UInt64.max << (64 - min(bits, 64))
    }
}
