// QueryNumber.swift
//
// Numbers in queries, with units; levels of the log.

/// What a number counts.
enum QueryUnit: Sendable, Hashable {
    case one, octet, second

    /// Reads `5`, `-0.5`, `256k` (1,024 octets, as in configuration), `5m`.
    func number(_ text: String) -> Double? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E }
        guard !digits.isEmpty, let number = Double(String(decoding: digits, as: UTF8.self)),
            let factor = self.factor(of: text.utf8.dropFirst(digits.count))
        else { return nil }
        let value = number * factor
        return value.isFinite ? value : nil
    }

    private func factor(of suffix: Substring.UTF8View) -> Double? {
        switch (self, String(decoding: suffix, as: UTF8.self).lowercased()) {
        case (_, ""): 1
        case (.octet, "k"): 1024
        case (.octet, "m"): 1024 * 1024
        case (.octet, "g"): 1024 * 1024 * 1024
        case (.second, "ms"): 0.001
        case (.second, "s"): 1
        case (.second, "m"): 60
        case (.second, "h"): 3600
        case (.second, "d"): 86400
        default: nil
        }
    }

    /// What an error says that it takes.
    var example: String {
        switch self {
        case .one: "5"
        case .octet: "5, 20k, 1M or 1G"
        case .second: "5, 30s, 5m, 2h or 1d"
        }
    }
}

/// How two numbers are to stand to each other.
enum QueryOrder: Sendable, Hashable {
    case less, atMost, equal, atLeast, greater

    func holds(_ left: Double, _ right: Double) -> Bool {
        switch self {
        case .less: left < right
        case .atMost: left <= right
        case .equal: left == right
        case .atLeast: left >= right
        case .greater: left > right
        }
    }
}

/// The eight levels of the log by number; a lower number is more serious.
enum QueryLevel {
    private static let names: [(name: FoldedText, number: Double)] = [
        ("emerg", 0), ("emergency", 0), ("alert", 1), ("crit", 2), ("critical", 2), ("error", 3), ("warn", 4),
        ("warning", 4), ("notice", 5), ("info", 6), ("debug", 7),
    ].flatMap { name, number in
        [(FoldedText("log\(name)"), number), (FoldedText(name), number)]
    }

    /// The number of `LOGWARN`, `warn` or `4`; `nil` for what is no level.
    static func number(_ text: String) -> Double? {
        if let number = UInt8(text) { return number <= 7 ? Double(number) : nil }
        return Self.names.first { $0.name.isEqual(to: text) }?.number
    }

    /// Whether the level that a value says passes a test.
    static func holds(_ value: QueryValue, _ test: (Double) -> Bool) -> Bool {
        if case .number(let number) = value { return test(number) }
        return value.hasText { Self.number($0).map(test) ?? false }
    }
}
