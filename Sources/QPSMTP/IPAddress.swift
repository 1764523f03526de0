// IPAddress.swift
//
// RFC 4291 §2.2, RFC 5952 §4

/// An IPv4 or IPv6 address; an IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 §2.5.5.2).
public struct IPAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Whether it is an IPv4 address.
    public let isIPv4: Bool
    package let high: UInt64
    package let low: UInt64

    init(isIPv4: Bool, high: UInt64, low: UInt64) {
        self.isIPv4 = isIPv4
        self.high = high
        self.low = low
    }

    /// An IPv4 address from its 32 bits, the first octet highest.
    public init(ipv4 value: UInt32) {
        self.init(isIPv4: true, high: 0, low: UInt64(value))
    }

    /// An IPv6 address from its two halves, the first octet highest.
    public init(ipv6High high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(isIPv4: true, high: 0, low: low & 0xFFFF_FFFF)
        } else {
            self.init(isIPv4: false, high: high, low: low)
        }
    }

    /// From 4 or 16 octets in network order; nil for any other number.
    public init?(bytes: [UInt8]) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        if bytes.count == 4 {
            self.init(isIPv4: true, high: 0, low: low)
        } else {
            self.init(ipv6High: high, low: low)
        }
    }

    /// Reads `192.0.2.1` (no leading zeros) or any text form of RFC 4291 §2.2; no brackets, no zone.
    public init?(_ text: String) {
        let bytes = text.utf8.span
        if let value = IPText.ipv4(bytes) {
            self.init(ipv4: value)
        } else if let value = IPText.ipv6(bytes, strict: false) {
            self.init(ipv6High: value.high, low: value.low)
        } else {
            return nil
        }
    }

    /// 4 or 16 octets in network order.
    public var bytes: [UInt8] {
        let low = (0..<8).map { UInt8(truncatingIfNeeded: self.low >> UInt64(56 - $0 * 8)) }
        if self.isIPv4 { return Array(low.suffix(4)) }
        return (0..<8).map { UInt8(truncatingIfNeeded: self.high >> UInt64(56 - $0 * 8)) } + low
    }

    /// 32 or 128.
    public var bitWidth: Int {
        self.isIPv4 ? 32 : 128
    }

    /// 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1 (RFC 4291 §2.5.3).
    public var isLoopback: Bool {
        self.isIPv4 ? self.low >> 24 == 127 : self.high == 0 && self.low == 1
    }

    /// A private network: RFC 1918 §3, or fc00::/7 (RFC 4193 §3.1).
    public var isPrivate: Bool {
        guard self.isIPv4 else { return self.high >> 57 == 0xFC >> 1 }
        return self.low >> 24 == 10 || self.low >> 20 == 0xAC1 || self.low >> 16 == 0xC0A8
    }

    /// 169.254.0.0/16 (RFC 3927 §2.1) or fe80::/10 (RFC 4291 §2.5.6).
    public var isLinkLocal: Bool {
        self.isIPv4 ? self.low >> 16 == 0xA9FE : self.high >> 54 == 0x3FA
    }

    /// What limits per client count by: the IPv4 address, or the /64 of an IPv6 address, which is one customer's.
    public var accountingPrefix: IPAddress {
        self.isIPv4 ? self : IPAddress(isIPv4: false, high: self.high, low: 0)
    }

    /// The labels under `in-addr.arpa`, `ip6.arpa` or a DNS list: `1.2.0.192`, or 32 nibbles (RFC 3596 §2.5,
    /// RFC 5782 §2.1 and §2.4).
    public var reversedLabels: String {
        if self.isIPv4 { return self.bytes.reversed().map(String.init).joined(separator: ".") }
        return self.bytes.reversed()
            .map { "\(String($0 & 15, radix: 16)).\(String($0 >> 4, radix: 16))" }
            .joined(separator: ".")
    }

    /// The address literal with brackets: `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
    public var literal: String {
        self.isIPv4 ? "[\(self.description)]" : "[IPv6:\(self.description)]"
    }

    /// `192.0.2.1`, or the form of RFC 5952 §4.
    public var description: String {
        if self.isIPv4 {
            var out: [UInt8] = []
            self.appendIPv4(to: &out)
            return String(decoding: out, as: UTF8.self)
        }
        let groups = self.groups
        let gap = Self.longestZeros(groups)
        let text = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard let gap else { return text(groups[...]) }
        return "\(text(groups[..<gap.lowerBound]))::\(text(groups[gap.upperBound...]))"
    }

    /// IPv4 before IPv6, then by value.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        guard left.isIPv4 == right.isIPv4 else { return left.isIPv4 }
        return (left.high, left.low) < (right.high, right.low)
    }

    /// Appends `literal`.
    func appendLiteral(to out: inout [UInt8]) {
        guard self.isIPv4 else { return out.append(self.literal) }
        out.append(UInt8(ascii: "["))
        self.appendIPv4(to: &out)
        out.append(UInt8(ascii: "]"))
    }

    /// Appends `description`.
    package func append(to out: inout [UInt8]) {
        if self.isIPv4 { self.appendIPv4(to: &out) } else { out.append(self.description) }
    }

    private func appendIPv4(to out: inout [UInt8]) {
        for shift in [UInt64(24), 16, 8, 0] {
            let number = UInt8(truncatingIfNeeded: self.low >> shift)
            if number >= 100 { out.append(UInt8(ascii: "0") + number / 100) }
            if number >= 10 { out.append(UInt8(ascii: "0") + number / 10 % 10) }
            out.append(UInt8(ascii: "0") + number % 10)
            if shift > 0 { out.append(UInt8(ascii: ".")) }
        }
    }

    private var groups: [UInt16] {
        (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? self.high : self.low) >> UInt64(48 - index % 4 * 16))
        }
    }

    /// RFC 5952 §4.2: the longest run of at least two zero groups, of equal ones the first.
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start >= 2, index - start > best?.count ?? 0 { best = start..<index }
            start = index + 1
        }
        return best
    }
}
