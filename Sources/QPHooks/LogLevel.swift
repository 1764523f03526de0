// LogLevel.swift
//
// The eight levels of the plugin model; a lower number is more serious.

/// How serious a log line is.
public enum LogLevel: UInt8, Sendable, Hashable, CaseIterable, Comparable, Codable {
    case emergency = 0, alert, critical, error, warning, notice, info, debug

    /// The name in configuration (`LOGWARN`).
    public var name: String {
        switch self {
        case .emergency: "LOGEMERG"
        case .alert: "LOGALERT"
        case .critical: "LOGCRIT"
        case .error: "LOGERROR"
        case .warning: "LOGWARN"
        case .notice: "LOGNOTICE"
        case .info: "LOGINFO"
        case .debug: "LOGDEBUG"
        }
    }

    /// Reads a name (`LOGWARN`; `LOGRADAR` is an old name of `LOGEMERG`) or a number 0...7; nothing else is a level.
    public init?(_ text: some StringProtocol) {
        if text == "LOGRADAR" {
            self = .emergency
        } else if let number = UInt8(text), let level = Self(rawValue: number) {
            self = level
        } else if let level = Self.allCases.first(where: { $0.name == text }) {
            self = level
        } else {
            return nil
        }
    }

    /// Whether the left one is more serious.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The level of swift-log that comes nearest.
    public var loggerLevel: Logger.Level {
        switch self {
        case .emergency, .alert, .critical: .critical
        case .error: .error
        case .warning: .warning
        case .notice: .notice
        case .info: .info
        case .debug: .debug
        }
    }
}

/// What the plugin argument `loglevel` does to the lines of a plugin.
public enum LogAdjustment: Sendable, Hashable {
    /// Every line gets this level.
    case fixed(LogLevel)
    /// Levels move by this; more is less serious.
    case moved(Int)

    /// Reads a digit 0 to 7, `+N` or `-N`.
    public init?(_ text: String) {
        if let sign = text.utf8.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            guard let amount = Int8(text) else { return nil }
            self = .moved(Int(amount))
        } else if let number = UInt8(text), let level = LogLevel(rawValue: number) {
            self = .fixed(level)
        } else {
            return nil
        }
    }

    /// The level that a line gets.
    public func adjusted(_ level: LogLevel) -> LogLevel {
        switch self {
        case .fixed(let level): level
        case .moved(let amount):
            LogLevel(rawValue: UInt8(min(max(Int(level.rawValue) + amount, 0), 7))) ?? level
        }
    }
}
