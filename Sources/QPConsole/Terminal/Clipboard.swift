// Clipboard.swift
//
// RFC 4648 §4: a text as terminals take it for their clipboard.

/// Operating system command 52 of xterm.
enum Clipboard {
    /// Octets of a text that are taken.
    static let limit = 65_536

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The sequence that sets the clipboard. What is too long is cut at a character.
    static func sequence(_ text: String) -> String {
        var octets: [UInt8] = []
        for character in text {
            guard octets.count + character.utf8.count <= Self.limit else { break }
            octets += character.utf8
        }
        return "\u{1b}]52;c;" + Self.base64(octets) + "\u{07}"
    }

    static func base64(_ octets: [UInt8]) -> String {
        var result: [UInt8] = []
        result.reserveCapacity((octets.count + 2) / 3 * 4)
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * place)) & 63
                result.append(place <= group.count ? Self.digits[digit] : UInt8(ascii: "="))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
