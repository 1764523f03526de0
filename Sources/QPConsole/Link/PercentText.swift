// PercentText.swift
//
// RFC 3986 §2.1, §2.3: percent-encoding.

/// Percent-encoded text.
enum PercentText {
    /// Everything is encoded but letters, digits, `-`, `.`, `_` and `~`, so that it fits into any part of an address.
    static func encode(_ text: String) -> String {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.utf8.count)
        for octet in text.utf8 {
            if Self.isUnreserved(octet) {
                octets.append(octet)
            } else {
                octets += [UInt8(ascii: "%"), Self.digit(octet >> 4), Self.digit(octet & 15)]
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func isUnreserved(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}
