// ScreenText.swift
//
// Text from anywhere, cut into what cells of a terminal can hold.

import QPTelemetry

/// What one place of the screen shows, and how many columns it takes.
struct Glyph: Hashable, Sendable {
    var text: String
    var columns: Int
}

/// Text made fit for a screen: nothing in it does more to a terminal than to be shown.
enum ScreenText {
    /// Marks that one character may carry; the rest is left out.
    private static let maxMarks = 2

    /// The places that a text takes. What cannot be shown is escaped (`\x1b`, `\u{202e}`); with `isASCII` everything
    /// else that is not ASCII, too. At most `limit` columns are looked at.
    static func glyphs(_ text: String, isASCII: Bool, limit: Int = Int.max) -> [Glyph] {
        var result: [Glyph] = []
        var used = 0
        var marks = 0
        for scalar in text.unicodeScalars {
            if used > limit { break }
            let columns = isASCII && scalar.value >= 0x7F ? nil : CharacterWidth.columns(of: scalar)
            guard let columns else {
                let escape = Self.escape(scalar)
                for character in escape { result.append(Glyph(text: String(character), columns: 1)) }
                used += escape.utf8.count
                marks = Self.maxMarks
                continue
            }
            if columns > 0 {
                result.append(Glyph(text: String(scalar), columns: columns))
                used += columns
                marks = 0
            } else if let last = result.indices.last {
                guard marks < Self.maxMarks else { continue }
                marks += 1
                result[last].text.unicodeScalars.append(scalar)
            } else {
                // A mark without a character before it stands on a blank.
                result.append(Glyph(text: " " + String(scalar), columns: 1))
                used += 1
            }
        }
        return result
    }

    /// Columns that a text takes.
    static func columns(of text: String, isASCII: Bool = false) -> Int {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
        return Self.glyphs(text, isASCII: isASCII).reduce(0) { $0 + $1.columns }
    }

    /// A text without anything that does more than to be shown, for files, pipes and the clipboard.
    static func plain(_ text: String, isASCII: Bool = false) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        return Self.glyphs(text, isASCII: isASCII).map(\.text).joined()
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        guard scalar.value < 0x80 else { return scalar.escaped }
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(scalar.value, radix: 16)
            return "\\x" + (digits.count < 2 ? "0" : "") + digits
        }
    }
}
