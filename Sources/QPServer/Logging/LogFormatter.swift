// LogFormatter.swift
//
// Lines out of events; nothing from outside reaches one unescaped or without bound.

import Glibc
import QPHooks

/// Makes lines.
struct LogFormatter: Sendable {
    /// Octets of a text, and of all fields together; the rest is cut and its size told.
    static let limit = 8192
    static let fieldLimit = 24576

    private var second = Int64.min
    private var secondText = ""
    private let process = UInt64(clamping: getpid())

    init() {}

    /// A line with its end.
    mutating func line(_ event: LoggingEvent, _ format: LogFormat) -> String {
        switch format {
        case .text: "\(self.time(event.wallTime)) \(Self.levelName(event.level)) \(Self.body(event))\n"
        case .json: self.json(event) + "\n"
        case .qpsmtpd: self.qpsmtpd(event) + "\n"
        }
    }

    /// What stands after time and level: `[SESSION.TX] plugin/hook: text key=value`.
    static func body(_ event: LoggingEvent) -> String {
        var out = ""
        if let session = Self.session(event) { out += "[\(session)] " }
        switch (event.plugin, event.hook) {
        case (let plugin?, let hook?): out += "\(plugin.logEscaped)/\(hook.name): "
        case (let plugin?, nil): out += "\(plugin.logEscaped): "
        case (nil, let hook?): out += "/\(hook.name): "
        case (nil, nil): break
        }
        out += Self.cut(event.text, Self.limit).logEscaped
        Self.appendFields(event, to: &out)
        return out
    }

    static func session(_ event: LoggingEvent) -> String? {
        event.session.map { event.transaction == 0 ? "\($0)" : "\($0).\(event.transaction)" }
    }

    /// `NUMBER (HOOK) PLUGIN: TEXT`; without a session the number is the process's, as in the model.
    func qpsmtpd(_ event: LoggingEvent) -> String {
        var out = "\(event.sessionNumber == 0 ? self.process : event.sessionNumber) "
        if let hook = event.hook { out += "(\(hook.name)) " }
        if let plugin = event.plugin { out += "\(PluginName.mangled(plugin)): " }
        out += Self.cut(event.text, Self.limit).logEscaped
        Self.appendFields(event, to: &out)
        return out
    }

    private static func appendFields(_ event: LoggingEvent, to out: inout String) {
        var room = Self.fieldLimit
        for field in event.fields {
            let name = Self.cut(field.name, 128).logEscaped.replacing([" ", "=", "\""], with: "_")
            let value = Self.cut(field.value, 4096)
            room -= name.utf8.count + value.utf8.count + 2
            guard room >= 0 else {
                out += " ..."
                return
            }
            out += " \(name)=\(Self.quoted(value))"
        }
    }

    /// A value with blanks, quotes or equals signs stands in quotes, so that one field cannot look like two.
    private static func quoted(_ value: String) -> String {
        let escaped = value.logEscaped
        guard escaped.isEmpty || escaped.utf8.contains(where: { $0 == 0x20 || $0 == 0x22 || $0 == 0x3D }) else {
            return escaped
        }
        return "\"" + escaped.replacing(["\""], with: "\\\"") + "\""
    }

    static func cut(_ text: String, _ limit: Int) -> String {
        let count = text.utf8.count
        guard count > limit else { return text }
        // A character cut in two becomes U+FFFD.
        return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "...(\(count - limit) more)"
    }

    // MARK: JSON

    private mutating func json(_ event: LoggingEvent) -> String {
        var out = "{\"time\":\"\(self.time(event.wallTime))\",\"level\":\"\(Self.levelName(event.level).lowercased())\""
        if let session = event.session { out += ",\"session\":\"\(session)\"" }
        if event.transaction != 0 { out += ",\"transaction\":\(event.transaction)" }
        if event.sessionNumber != 0 { out += ",\"number\":\(event.sessionNumber)" }
        if let plugin = event.plugin { out += ",\"plugin\":\(Self.jsonText(plugin))" }
        if let hook = event.hook { out += ",\"hook\":\"\(hook.name)\"" }
        out += ",\"text\":\(Self.jsonText(Self.cut(event.text, Self.limit)))"
        if !event.fields.isEmpty {
            out += ",\"fields\":{"
            var room = Self.fieldLimit
            for (index, field) in event.fields.enumerated() {
                let (name, value) = (Self.cut(field.name, 128), Self.cut(field.value, 4096))
                room -= name.utf8.count + value.utf8.count
                guard room >= 0 else { break }
                out += "\(index == 0 ? "" : ",")\(Self.jsonText(name)):\(Self.jsonText(value))"
            }
            out += "}"
        }
        return out + "}"
    }

    static func jsonText(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case " "..."~": out.unicodeScalars.append(scalar)
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                    for unit in UTF16.encode(scalar) ?? .init() {
                        let hex = String(unit, radix: 16)
                        out += "\\u" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex
                    }
                default: out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }

    // MARK: Time and level

    static func levelName(_ level: LogLevel) -> String { String(level.name.dropFirst(3)) }

    /// `2026-11-23T12:00:00.123Z`
    mutating func time(_ wall: Int64) -> String {
        let (second, nanoseconds) = wall.flooredQuotientAndRemainder(1_000_000_000)
        if second != self.second {
            self.second = second
            self.secondText = Self.secondText(second)
        }
        let milliseconds = String(nanoseconds / 1_000_000)
        let zeros = String(repeating: "0", count: max(0, 3 - milliseconds.utf8.count))
        return "\(self.secondText).\(zeros)\(milliseconds)Z"
    }

    private static func secondText(_ second: Int64) -> String {
        var time = time_t(second)
        var parts = tm()
        gmtime_r(&time, &parts)
        let two = { (number: Int32) in (number < 10 ? "0" : "") + String(number) }
        return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }

    /// Minutes that local time is ahead of UTC at a moment.
    static func zone(at wall: Int64) -> Int {
        var time = time_t(wall.flooredQuotientAndRemainder(1_000_000_000).quotient)
        var parts = tm()
        localtime_r(&time, &parts)
        return parts.tm_gmtoff / 60
    }
}

extension Int64 {
    /// Division whose remainder is never negative: times before 1970.
    fileprivate func flooredQuotientAndRemainder(_ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = self.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension String {
    /// The text with any of some ASCII characters replaced.
    fileprivate func replacing(_ characters: [Unicode.Scalar], with other: String) -> String {
        guard self.unicodeScalars.contains(where: characters.contains) else { return self }
        var out = ""
        for scalar in self.unicodeScalars {
            if characters.contains(scalar) { out += other } else { out.unicodeScalars.append(scalar) }
        }
        return out
    }
}
