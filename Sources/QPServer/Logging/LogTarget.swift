// LogTarget.swift
//
// Where lines go, in which form, up to which level: config/log and --log.

import Glibc
package import QPHooks

/// The form of lines.
package enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// `2026-11-23T12:00:00.123Z INFO [SESSION.TX] plugin/hook: text key=value`
    case text
    /// An object a line.
    case json
    /// The lines of qpsmtpd, which its log tools read: `NUMBER (HOOK) PLUGIN: TEXT`.
    case qpsmtpd
}

/// Where lines go.
package enum LogDestination: Sendable, Hashable, CustomStringConvertible {
    case standardError
    case file(String)
    /// A facility by its name.
    case syslog(String)
    /// The path of the journal's socket.
    case journald(String)

    package static let journal = "/run/systemd/journal/socket"

    package var description: String {
        switch self {
        case .standardError: "stderr"
        case .file(let path): "file:\(path)"
        case .syslog(let facility): "syslog:\(facility)"
        case .journald: "journald"
        }
    }

    static let facilities: [String: Int32] = [
        "user": LOG_USER, "mail": LOG_MAIL, "daemon": LOG_DAEMON, "auth": LOG_AUTH, "local0": LOG_LOCAL0,
        "local1": LOG_LOCAL1, "local2": LOG_LOCAL2, "local3": LOG_LOCAL3, "local4": LOG_LOCAL4,
        "local5": LOG_LOCAL5, "local6": LOG_LOCAL6, "local7": LOG_LOCAL7,
    ].mapValues { Int32($0) }

    /// Reads `stderr`, `file:PATH`, `syslog[:FACILITY]`, `journald[:SOCKET]`.
    static func parse(_ text: String) -> Self? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let rest = parts.count > 1 ? parts[1] : nil
        switch parts.first {
        case "stderr" where rest == nil: return .standardError
        case "file":
            guard let rest, rest.hasPrefix("/"), !rest.hasSuffix("/"), SystemCall.isPath(rest) else { return nil }
            return .file(rest)
        case "syslog":
            let facility = rest ?? "mail"
            return Self.facilities[facility] == nil ? nil : .syslog(facility)
        case "journald":
            guard let rest else { return .journald(Self.journal) }
            return rest.hasPrefix("/") && rest.utf8.count < 108 ? .journald(rest) : nil
        default: return nil
        }
    }
}

/// One output of the log.
package struct LogTarget: Sendable, Hashable {
    package var destination: LogDestination
    package var format: LogFormat
    package var level: LogLevel

    package init(_ destination: LogDestination, format: LogFormat = .text, level: LogLevel = .info) {
        self.destination = destination
        self.format = format
        self.level = level
    }

    /// What is wrong with a line.
    struct Problem: Error {
        let text: String
    }

    /// Reads `OUTPUT [format] [level]`; commas do as well as blanks.
    static func parse(_ text: String) -> Result<Self, Problem> {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," }).map(String.init)
        guard let first = words.first, let destination = LogDestination.parse(first) else {
            return .failure(
                Problem(
                    text: "'\(words.first ?? "")' is no output (stderr, file:/PATH, syslog[:FACILITY], journald)"))
        }
        var target = Self(destination)
        var seen: (format: Bool, level: Bool) = (false, false)
        for word in words.dropFirst() {
            if let format = LogFormat(rawValue: word), !seen.format {
                target.format = format
                seen.format = true
            } else if let level = Self.level(word), !seen.level {
                target.level = level
                seen.level = true
            } else {
                return .failure(
                    Problem(text: "'\(word)' is neither a format (text, json, qpsmtpd) nor a level (info, LOGINFO, 6)"))
            }
        }
        return .success(target)
    }

    /// `info`, `LOGINFO` or `6`.
    static func level(_ text: String) -> LogLevel? {
        if let level = LogLevel(text) { return level }
        switch text {
        case "emergency", "emerg": return .emergency
        case "alert": return .alert
        case "critical", "crit": return .critical
        case "error", "err": return .error
        case "warning", "warn": return .warning
        case "notice": return .notice
        case "info": return .info
        case "debug": return .debug
        default: return nil
        }
    }
}

/// What config/log says.
package struct LogConfig: Sendable {
    /// Standard error, text, `info`, unless the file says otherwise.
    package private(set) var targets: [LogTarget] = []
    /// Whether the file says anything: then the outputs write beside logging plugins.
    package private(set) var isExplicit = false
    package private(set) var problems: [ConfigProblem] = []

    package init(_ directory: ConfigDirectory, level: LogLevel = .info) {
        let content = directory.read("log")
        self.init(lines: content.lines, level: level)
        self.problems = content.problems + self.problems
    }

    /// Takes the lines; `level` is that of standard error when there are none.
    package init(lines: [ConfigLine], level: LogLevel = .info) {
        for line in lines {
            switch LogTarget.parse(line.text) {
            case .failure(let problem): self.problems.append(.error(problem.text, at: line))
            case .success(let target):
                if self.targets.contains(where: { $0.destination == target.destination }) {
                    self.problems.append(.error("\(target.destination) stands here twice", at: line))
                } else if self.targets.count == LogRouter.maxTargets {
                    self.problems.append(.error("more than \(LogRouter.maxTargets) outputs", at: line))
                } else {
                    self.targets.append(target)
                }
            }
        }
        self.isExplicit = !lines.isEmpty
        if lines.isEmpty { self.targets = [LogTarget(.standardError, level: level)] }
    }
}
