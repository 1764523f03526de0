// CaptionText.swift
//
// Small texts of captions.

/// Words around numbers.
enum CaptionText {
    /// `1,234,567`: exact, where a rounded count would hide what one looks for.
    static func exact(_ value: Int) -> String {
        var text = ""
        for (place, digit) in String(value.magnitude).reversed().enumerated() {
            if place > 0, place % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + String(text.reversed())
    }

    static func exact(_ value: UInt64) -> String { Self.exact(Int(clamping: value)) }

    /// `1 mail`, `12 mails`.
    static func counted(_ value: Int, _ one: String, _ many: String? = nil) -> String {
        "\(Self.exact(value)) \(value == 1 ? one : many ?? one + "s")"
    }

    /// `a`, `a and b`, `a, b and c`.
    static func list(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " and " + last
    }

    /// A text in at most so many columns of the screen, filled up with blanks.
    static func padded(_ text: String, _ width: Int, isRight: Bool = false, _ glyphs: Glyphs) -> String {
        var shown = ScreenText.glyphs(text, isASCII: glyphs.isASCII, limit: width)
        var used = shown.reduce(0) { $0 + $1.columns }
        if used > width {
            while used > width - 1, let last = shown.popLast() { used -= last.columns }
            shown.append(Glyph(text: glyphs.more, columns: 1))
            used += 1
        }
        let rest = String(repeating: " ", count: max(0, width - used))
        let text = shown.map(\.text).joined()
        return isRight ? rest + text : text + rest
    }
}

extension Int {
    /// The sum, at the end of what there is.
    func adding(_ other: Int) -> Int {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}

extension ViewInput {
    /// How long ago a moment was, in seconds; `nil`: it is not known. Another machine's clock may be ahead.
    func ago(_ moment: Double) -> Double? {
        moment > 0 && moment.isFinite ? max(0, self.snapshot.now - moment) : nil
    }

    /// A text of a server, in front of its name if there are several.
    func named(_ server: Int, _ text: String) -> String {
        guard self.snapshot.hasSeveralServers, self.snapshot.servers.indices.contains(server) else { return text }
        return self.snapshot.servers[server].name + ": " + text
    }
}
