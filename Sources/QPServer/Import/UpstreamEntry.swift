// UpstreamEntry.swift
//
// What qpsmtpd's greylisting and karma wrote, in the form that ours read.

import QPHooks

/// Which memory of qpsmtpd a file holds.
package enum UpstreamMemory: String, Sendable, CaseIterable {
    case greylist
    case karma

    /// The plugin that reads it here.
    var namespace: String { self == .greylist ? "greylisting" : "karma" }
}

/// An entry of an upstream database, understood.
struct UpstreamEntry: Sendable, Hashable {
    /// What became of an entry.
    enum Outcome: Sendable, Hashable {
        case entry(UpstreamEntry)
        case tooOld
        case notUnderstood
    }

    /// Seconds: 36 days, upstream's white_timeout.
    static let greylistLifetime: Int64 = 3_110_400
    /// Seconds: 90 days from the import; upstream keeps karma until somebody prunes it.
    static let karmaLifetime: Int64 = 90 * 86_400
    private static let maxKey = 1024
    private static let day: Int64 = 86_400

    let key: String
    let value: String
    /// Seconds since 1970.
    let end: Int64

    /// Understands an entry; `now` is in seconds since 1970.
    static func read(_ entry: UpstreamDatabase.Entry, _ memory: UpstreamMemory, now: Int64) -> Outcome {
        guard entry.key.count <= Self.maxKey, let numbers = Self.numbers(entry.value) else { return .notUnderstood }
        let value = numbers.map(String.init).joined(separator: ":")
        switch memory {
        case .greylist:
            // A time in the future would keep its entry for ever.
            guard let key = Self.greylistKey(entry.key), numbers[0] > 0, numbers[0] <= now + Self.day else {
                return .notUnderstood
            }
            let end = numbers[0] + Self.greylistLifetime
            return end <= now ? .tooOld : .entry(Self(key: key, value: value, end: end))
        case .karma:
            // Penalties of the very naughty begin later.
            guard let key = Self.address(entry.key[...]), numbers[0] <= now + 366 * Self.day else {
                return .notUnderstood
            }
            return .entry(Self(key: key.description, value: value, end: now + Self.karmaLifetime))
        }
    }

    /// Four numbers; nothing is 0.
    private static func numbers(_ value: [UInt8]) -> [Int64]? {
        guard value.count <= 80 else { return nil }
        let parts = value.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var numbers: [Int64] = []
        for part in parts {
            guard part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            guard let number = part.isEmpty ? 0 : Int64(String(decoding: part, as: UTF8.self)) else { return nil }
            numbers.append(number)
        }
        return numbers.allSatisfy { $0 <= Int64.max / 1_000_000_000 - 366 * Self.day } ? numbers : nil
    }

    /// `INTEGER[:sender][:recipient]`; the first part is not there where the plugin was told to leave it out.
    private static func greylistKey(_ key: [UInt8]) -> String? {
        guard key.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), let text = String(validating: key, as: UTF8.self) else {
            return nil
        }
        let plain = String(text.unicodeScalars.filter { $0 != "<" && $0 != ">" }.map(Character.init)).lowercased()
        let first = plain.prefix { $0 != ":" }
        if let address = Self.address(Array(first.utf8)[...]) {
            let name = address.isIPv4 ? address.description : "[\(address)]"
            return name + plain[first.endIndex...]
        }
        return first.contains("@") ? plain : nil
    }

    /// An address as one number; below 2^32 it is one of IPv4.
    private static func address(_ digits: ArraySlice<UInt8>) -> IPAddress? {
        guard (1...39).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt128(String(decoding: digits, as: UTF8.self)), number > 0
        else { return nil }
        if let small = UInt32(exactly: number) { return IPAddress(ipv4: small) }
        return IPAddress(
            ipv6High: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
    }
}
