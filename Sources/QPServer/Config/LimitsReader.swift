// LimitsReader.swift
//
// config/limits: a name and a value a line.

import QPActors
import QPHooks
import QPTelemetry

/// Reads `config/limits`.
struct LimitsReader {
    /// What a name means and which values it takes.
    private enum Entry {
        case count(WritableKeyPath<Limits, Int>, ClosedRange<UInt64>)
        case size(WritableKeyPath<Limits, Int>, ClosedRange<UInt64>)
        case wideSize(WritableKeyPath<Limits, UInt64>, ClosedRange<UInt64>)
        case seconds(WritableKeyPath<Limits, Duration>, ClosedRange<Duration>)
    }

    private static let times: ClosedRange<Duration> = .milliseconds(1) ... .seconds(7 * 86400)
    private static let anySize: ClosedRange<UInt64> = 0...(1 << 60)

    private static func entry(_ name: String) -> Entry? {
        switch name {
        case "max_connections": .count(\.maxConnections, 1...1_000_000)
        case "max_conn_ip": .count(\.maxConnectionsPerAddress, 0...1_000_000)
        case "max_recipients": .count(\.maxRecipients, 1...1_000_000)
        case "max_transactions": .count(\.maxTransactions, 1...1_000_000_000)
        case "max_errors": .count(\.maxErrors, 1...1_000_000)
        case "command_timeout": .seconds(\.commandTimeout, Self.times)
        case "data_timeout": .seconds(\.dataTimeout, Self.times)
        case "handshake_timeout": .seconds(\.handshakeTimeout, Self.times)
        case "session_timeout": .seconds(\.sessionTimeout, Self.times)
        case "auth_errors": .count(\.authErrors, 1...60_000)
        case "auth_errors_ip": .count(\.authErrorsPerAddress, 0...1_000_000)
        case "auth_window": .seconds(\.authWindow, Self.times)
        case "auth_delay": .seconds(\.authDelay, Self.times)
        case "min_data_rate": .size(\.minDataRate, 0...(1 << 30))
        case "grace_period": .seconds(\.gracePeriod, .zero ... .seconds(7 * 86400))
        case "message_memory": .size(\.messageMemory, 0...(1 << 30))
        case "process_memory": .wideSize(\.processMemory, Self.anySize)
        case "spool_free": .wideSize(\.spoolFree, Self.anySize)
        default: nil
        }
    }

    static let names = [
        "max_connections", "max_conn_ip", "max_recipients", "max_transactions", "max_errors", "command_timeout",
        "data_timeout", "handshake_timeout", "session_timeout", "min_data_rate", "grace_period", "message_memory",
        "process_memory", "spool_free", "auth_errors", "auth_errors_ip", "auth_window", "auth_delay",
    ]

    private(set) var limits = Limits()
    private(set) var problems: [ConfigProblem] = []
    /// The names that were set, and where.
    private(set) var lines: [String: ConfigLine] = [:]

    init(_ lines: [ConfigLine]) {
        for line in lines { self.read(line) }
    }

    private mutating func read(_ line: ConfigLine) {
        let words = line.words
        guard let name = words.first, let entry = Self.entry(name) else {
            let name = words.first ?? line.text
            let nearest = EditDistance.nearest(to: name, in: Self.names).map { " (did you mean \($0)?)" } ?? ""
            self.problems.append(.error("there is no limit '\(name)'\(nearest)", at: line))
            return
        }
        guard words.count == 2 else {
            self.problems.append(.error("\(name) needs one value", at: line))
            return
        }
        if let former = self.lines.updateValue(line, forKey: name) {
            self.problems.append(
                .warning("\(name) was set in line \(former.number) already; this one counts", at: line))
        }
        if let text = self.set(entry, words[1]) {
            self.problems.append(.error("\(name): '\(words[1])' is \(text)", at: line))
        } else if name == "max_recipients", self.limits.maxRecipients < 100 {
            // RFC 5321 §4.5.3.1.8: at least 100 recipients must be accepted.
            self.problems.append(.warning("\(name): RFC 5321 §4.5.3.1.8 asks for at least 100", at: line))
        }
    }

    /// What is wrong with the value, if anything is.
    private mutating func set(_ entry: Entry, _ text: String) -> String? {
        switch entry {
        case .count(let path, let range):
            guard let number = ConfigNumber.whole(text) else { return "no whole number" }
            guard range.contains(number) else { return Self.outside(range) }
            self.limits[keyPath: path] = Int(number)
        case .size(let path, let range):
            guard let number = ConfigNumber.size(text) else { return Self.noSize }
            guard range.contains(number) else { return Self.outside(range) }
            self.limits[keyPath: path] = Int(number)
        case .wideSize(let path, let range):
            guard let number = ConfigNumber.size(text) else { return Self.noSize }
            guard range.contains(number) else { return Self.outside(range) }
            self.limits[keyPath: path] = number
        case .seconds(let path, let range):
            guard let time = ConfigNumber.seconds(text) else { return "no number of seconds" }
            guard range.contains(time) else { return "not within \(range.lowerBound) and \(range.upperBound)" }
            self.limits[keyPath: path] = time
        }
        return nil
    }

    private static let noSize = "no size (a number, with k, M or G after it if wanted)"

    private static func outside(_ range: ClosedRange<UInt64>) -> String {
        "not within \(range.lowerBound) and \(range.upperBound)"
    }
}
