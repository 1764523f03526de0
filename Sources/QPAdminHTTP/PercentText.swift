// PercentText.swift
//
// RFC 3986 §2.1: percent-encoding, and + for a blank in queries.

/// Percent-encoded text.
enum PercentText {
    /// - Returns: `nil` if it is malformed or not UTF-8.
    static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let octet = rest.next() {
            switch octet {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(Self.digit), let low = rest.next().flatMap(Self.digit)
                else { return nil }
                octets.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank:
                octets.append(UInt8(ascii: " "))
            default:
                octets.append(octet)
            }
        }
        return String(validating: octets, as: UTF8.self)
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x41...0x46: octet - 0x37
        case 0x61...0x66: octet - 0x57
        default: nil
        }
    }
}
