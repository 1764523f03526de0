// AddressLiteral.swift
//
// RFC 5321 §4.1.3

/// A host given by its address: `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `[tag:content]`.
public enum AddressLiteral: Sendable, Hashable {
    /// The four octets.
    case ipv4(UInt8, UInt8, UInt8, UInt8)
    /// The sixteen octets.
    case ipv6([UInt8])
    /// A literal of another registered kind; none is registered so far, so nothing can be delivered to one.
    case general(tag: String, content: String)

    /// Reads a literal with its brackets, at most 255 octets.
    ///
    /// IPv4 numbers have no leading zeros; in IPv6 `::` stands for at least two groups (RFC 5321 §4.1.3).
    public init?(_ bracketed: String) {
        let bytes = bracketed.utf8.span
        guard bytes.count >= 2, bytes.count <= 255 else { return nil }
        guard bytes[0] == UInt8(ascii: "["), bytes[bytes.count - 1] == UInt8(ascii: "]") else { return nil }

        let inner = bytes.extracting(1..<bytes.count - 1)
        if let value = IPText.ipv4(inner) {
            let octets = IPAddress(ipv4: value).bytes
            self = .ipv4(octets[0], octets[1], octets[2], octets[3])
            return
        }
        var colon = 0
        while colon < inner.count, inner[colon] != UInt8(ascii: ":") { colon += 1 }
        guard colon < inner.count else { return nil }

        let content = inner.extracting(colon + 1..<inner.count)
        if ASCII.equal(inner.extracting(0..<colon), lowercase: "ipv6") {
            guard let value = IPText.ipv6(content, strict: true) else { return nil }
            self = .ipv6(Self.octets(value.high) + Self.octets(value.low))
        } else {
            guard Self.isTag(inner.extracting(0..<colon)), Self.isContent(content) else { return nil }
            self = .general(tag: inner.text(0..<colon), content: content.text(0..<content.count))
        }
    }

    /// The address, nil for a general literal.
    public var address: IPAddress? {
        switch self {
        case .ipv4(let a, let b, let c, let d): IPAddress(bytes: [a, b, c, d])
        case .ipv6(let octets): IPAddress(bytes: octets)
        case .general: nil
        }
    }

    private static func octets(_ word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) }
    }

    /// Ldh-str: letters, digits, hyphens, not ending in a hyphen.
    private static func isTag(_ text: Span<UInt8>) -> Bool {
        guard text.count > 0, ASCII.isLetterOrDigit(text[text.count - 1]) else { return false }
        for index in 0..<text.count where !ASCII.isLetterOrDigit(text[index]) && text[index] != UInt8(ascii: "-") {
            return false
        }
        return true
    }

    /// 1*dcontent: printable ASCII without brackets and backslash.
    private static func isContent(_ text: Span<UInt8>) -> Bool {
        guard text.count > 0 else { return false }
        for index in 0..<text.count {
            let byte = text[index]
            guard byte > 0x20, byte < 0x7F, byte < 0x5B || byte > 0x5D else { return false }
        }
        return true
    }
}
