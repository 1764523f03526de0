// GreylistingOptions.swift
//
// What greylisting is told: on its line, in config/denysoft_greylist, and by users.

import QPHooks

/// The settings of greylisting; those of the line win over those of the file.
struct GreylistingOptions: Sendable, Hashable {
    private(set) var usesAddress = true
    private(set) var usesSender = false
    private(set) var usesRecipient = false
    private(set) var isPerRecipient = false
    private(set) var deniesLate = false
    private(set) var rejects = true
    /// Seconds.
    private(set) var blackTimeout: Int64 = 3000
    private(set) var whiteTimeout: Int64 = 3_110_400
    /// Clients elsewhere pass; `nil`: everybody is greylisted.
    private(set) var fingerprint: [String: String]?
    /// Clients in these countries pass; capitals.
    private(set) var countries: Set<String> = []

    static let unused: Set<String> = ["db_dir", "nfslock", "redis", "upgrade", "grey_timeout"]
    static let names: Set<String> = Self.unused.union([
        "remote_ip", "sender", "recipient", "per_recipient", "deny_late", "black_timeout", "white_timeout", "reject",
        "p0f", "geoip",
    ])
    static let fingerprintNames: Set<String> = ["genre", "detail", "uptime", "link", "distance"]

    init() {}

    /// Takes what is said over these.
    func changed(by arguments: KeyedArguments) throws(PluginError) -> Self {
        var new = self
        new.usesAddress = try Self.flag("remote_ip", arguments) ?? self.usesAddress
        new.usesSender = try Self.flag("sender", arguments) ?? self.usesSender
        new.usesRecipient = try Self.flag("recipient", arguments) ?? self.usesRecipient
        new.isPerRecipient = try Self.flag("per_recipient", arguments) ?? self.isPerRecipient
        new.deniesLate = try Self.flag("deny_late", arguments) ?? self.deniesLate
        new.rejects = try Self.flag("reject", arguments) ?? self.rejects
        new.blackTimeout = try Self.seconds("black_timeout", arguments) ?? self.blackTimeout
        new.whiteTimeout = try Self.seconds("white_timeout", arguments) ?? self.whiteTimeout
        if let text = arguments["p0f"] { new.fingerprint = try Self.pairs(text) }
        if let text = arguments["geoip"] {
            new.countries = Set(text.uppercased().split(separator: ",").map(String.init))
        }
        guard new.blackTimeout < new.whiteTimeout else {
            throw .argument("white_timeout must be longer than black_timeout")
        }
        return new
    }

    /// The lines of a file or of a user: `key value`.
    static func arguments(_ lines: [String]) throws(PluginError) -> KeyedArguments {
        let words = lines.flatMap { $0.split { $0 == " " || $0 == "\t" }.map(String.init) }
        return try KeyedArguments(words, allowed: Self.names)
    }

    /// The key of an attempt; `nil` if nothing is to be looked at.
    func key(_ session: SessionContext, sender: ReversePath, recipient: Mailbox?) -> String? {
        var parts: [String] = []
        if self.usesAddress {
            let address = session.connection.remoteAddress
            parts.append(address.isIPv4 ? "\(address)" : "[\(address)]")
        }
        if self.usesSender { parts.append(sender.mailbox?.address.lowercased() ?? "") }
        if self.usesRecipient, let recipient { parts.append(recipient.address.lowercased()) }
        return parts.isEmpty ? nil : parts.joined(separator: ":")
    }

    private static func flag(_ name: String, _ arguments: KeyedArguments) throws(PluginError) -> Bool? {
        switch arguments[name] {
        case nil: return nil
        case "0": return false
        case "1": return true
        case .some(let other): throw .argument("\(name) '\(other)' is neither 0 nor 1")
        }
    }

    private static func seconds(_ name: String, _ arguments: KeyedArguments) throws(PluginError) -> Int64? {
        guard let text = arguments[name] else { return nil }
        guard let number = Int64(text), (1...1_000_000_000).contains(number) else {
            throw .argument("\(name) '\(text)' is no number of seconds (1 to 1000000000)")
        }
        return number
    }

    private static func pairs(_ text: String) throws(PluginError) -> [String: String] {
        var pairs: [String: String] = [:]
        var rest = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)[...]
        while let key = rest.popFirst() {
            guard Self.fingerprintNames.contains(key), let value = rest.popFirst(), !value.isEmpty else {
                throw .argument("p0f '\(text)': pairs of \(Self.fingerprintNames.sorted()) and a value, with commas")
            }
            guard key != "uptime" && key != "distance" || Double(value) != nil else {
                throw .argument("p0f '\(text)': '\(value)' is no number")
            }
            pairs[key] = value
        }
        return pairs
    }
}
