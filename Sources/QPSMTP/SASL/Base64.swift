// Base64.swift
//
// RFC 4648 §4

/// Base64 as AUTH has it: strict, without line ends.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// Octets as text.
    public static func text(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in piece { bits = bits << 8 | UInt32(byte) }
            bits <<= UInt32(8 * (3 - piece.count))
            for place in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * place) & 0x3F)
                out.append(place <= piece.count ? Self.alphabet[digit] : Self.padding)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The octets of a text. `nil` if there is anything but whole groups of the alphabet, or if bits that nobody needs
    /// are not 0 (RFC 4648 §3.5).
    public static func octets(_ text: some Collection<UInt8>) -> [UInt8]? {
        let digits = Array(text)
        guard digits.count % 4 == 0 else { return nil }
        var end = digits.count
        while end > 0, digits.count - end < 2, digits[end - 1] == Self.padding { end -= 1 }
        var out: [UInt8] = []
        out.reserveCapacity(digits.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for digit in digits[..<end] {
            guard let value = Self.value(digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            bits &= (1 << UInt32(count)) - 1
        }
        return bits == 0 ? out : nil
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x41...0x5A: digit - 0x41
        case 0x61...0x7A: digit - 0x61 + 26
        case 0x30...0x39: digit - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
