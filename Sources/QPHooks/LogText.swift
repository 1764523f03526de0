// LogText.swift
//
// What log lines look like; nothing from outside reaches one unescaped.

extension String {
    /// The text with everything escaped that could forge a log line or steer a terminal: control characters, line and
    /// paragraph separators, controls of the writing direction, and the backslash itself.
    public var logEscaped: String {
        guard self.utf8.contains(where: { $0 < 0x20 || $0 > 0x7E || $0 == UInt8(ascii: "\\") }) else { return self }
        var out = ""
        for scalar in self.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                out += "\\x" + HexText.pair(UInt8(truncatingIfNeeded: scalar.value))
            case _ where Self.isTreacherous(scalar):
                out += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func isTreacherous(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}

extension LoggingEvent {
    /// The text with its fields and the session's name, escaped: `fail, listed sender=a@b.example [0abc1def2ghj.1]`.
    public var message: String { self.text.logEscaped + self.tail }

    /// `message`, with a line for each line of the text; fields and session stand in the last one.
    public var messageLines: [String] {
        var lines = self.text.utf8.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 0x0A }).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self).logEscaped
        }
        while lines.count > 1, lines.last == "" { lines.removeLast() }
        lines[lines.count - 1] += self.tail
        return lines
    }

    private var tail: String {
        var out = ""
        for field in self.fields { out += " \(field.name.logEscaped)=\(field.value.logEscaped)" }
        if let session = self.session {
            out += self.transaction == 0 ? " [\(session)]" : " [\(session).\(self.transaction)]"
        }
        return out
    }

    /// The line that the server and logging/warn write: `NUMBER (HOOK) PLUGIN: TEXT`, where the number is the
    /// session's; what is not known is left out.
    public var line: String {
        var out = "\(self.sessionNumber) "
        if let hook = self.hook { out += "(\(hook.name)) " }
        if let plugin = self.plugin { out += "\(PluginName.mangled(plugin)): " }
        return out + self.message
    }
}
