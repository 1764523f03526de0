// KarmaOptions.swift
//
// The arguments of karma, and its table of top-level domains.

import QPHooks

/// What karma is told on its line.
struct KarmaOptions: Sendable {
    /// How far below zero a history may be before a bad visit is punished.
    let negative: Int
    /// The karma from which on a visit counts as good, or negated, as bad.
    let strikes: Int
    /// Seconds.
    let penalty: Int64
    let policy: RejectPolicy

    private static let names: Set<String> = [
        "negative", "strikes", "penalty_days", "reject", "reject_type", "db_dir", "nfslock",
    ]

    init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(Self.names)
        self.negative = try Self.number("negative", arguments["negative"] ?? "1")
        self.strikes = try Self.number("strikes", arguments["strikes"] ?? "3")
        self.penalty = try Self.seconds(arguments["penalty_days"] ?? "1")
        self.policy = try RejectPolicy(
            reject: arguments["reject"], type: arguments["reject_type"] ?? "disconnect", default: .naughty)
        for name in ["db_dir", "nfslock"] where arguments[name] != nil {
            setup.warn("\(name) has no effect: the server's own store is used")
        }
    }

    private static func number(_ name: String, _ text: String) throws(PluginError) -> Int {
        guard let number = Int(text), (1...1000).contains(number) else {
            throw .argument("\(name) '\(text)' is no number from 1 to 1000")
        }
        return number
    }

    private static func seconds(_ text: String) throws(PluginError) -> Int64 {
        guard let days = Double(text), days > 0, days <= 3650 else {
            throw .argument("penalty_days '\(text)' is no number of days (above 0, at most 3650)")
        }
        return Int64(days * Double(KarmaRecord.secondsPerDay))
    }

    /// config/karma_tlds: `tld:score`.
    @Sendable
    static func domains(_ file: ConfigFile) throws(PluginError) -> [String: Int] {
        var scores: [String: Int] = [:]
        for line in file.lines {
            let words = line.text.split { $0 == ":" || $0 == ";" || $0 == " " || $0 == "\t" }
            guard words.count == 2, let score = Int(words[1]), (-100...100).contains(score) else {
                throw line.error("'\(line.text)' is not of the form tld:score (-100 to 100)")
            }
            let domain = words[0].drop { $0 == "." }
            scores[DomainName.toASCII(String(domain)) ?? domain.lowercased()] = score
        }
        return scores
    }
}
