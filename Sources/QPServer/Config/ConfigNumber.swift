// ConfigNumber.swift
//
// Numbers in configuration files: whole, with a size suffix, in seconds, octal.

/// Reads numbers without ever overflowing.
enum ConfigNumber {
    /// `20`
    static func whole(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy(Self.isDigit) else { return nil }
        return UInt64(text)
    }

    /// `20`, `256k`, `100M`, `1G`, also with a final B; a kilobyte has 1024 octets.
    static func size(_ text: String) -> UInt64? {
        let digits = text.utf8.prefix(while: Self.isDigit)
        guard let number = Self.whole(String(decoding: digits, as: UTF8.self)) else { return nil }
        let shift: UInt64
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": shift = 0
        case "k", "kb": shift = 10
        case "m", "mb": shift = 20
        case "g", "gb": shift = 30
        default: return nil
        }
        let (value, isTooLarge) = number.multipliedReportingOverflow(by: 1 << shift)
        return isTooLarge ? nil : value
    }

    /// `30` or `0.25`, to the millisecond.
    static func seconds(_ text: some StringProtocol) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let whole = Self.whole(first), whole <= Self.maxSeconds else { return nil }
        guard parts.count == 2 else { return .seconds(whole) }
        guard parts[1].utf8.count <= 9, Self.whole(parts[1]) != nil else { return nil }
        let digits = parts[1].prefix(3)
        guard let fraction = Self.whole(digits + String(repeating: "0", count: 3 - digits.count)) else { return nil }
        return .seconds(whole) + .milliseconds(fraction)
    }

    /// `0700`
    static func octal(_ text: String) -> UInt32? {
        guard !text.isEmpty, text.utf8.count <= 8, text.utf8.allSatisfy({ (0x30...0x37).contains($0) }) else {
            return nil
        }
        return UInt32(text, radix: 8)
    }

    /// `1`, `yes`, `true`, `on` and their opposites.
    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "1", "yes", "true", "on": true
        case "0", "no", "false", "off": false
        default: nil
        }
    }

    /// A year; nothing in a mail server waits longer.
    static let maxSeconds: UInt64 = 366 * 86400

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
