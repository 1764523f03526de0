// PlainScalar.swift
//
// Which characters do more to a terminal, a browser or an editor than to be shown.

extension Unicode.Scalar {
    /// Whether it controls how text is shown: control characters, formats (bidirectional ones too), ends of lines and
    /// paragraphs.
    package var isTreacherous: Bool {
        // Most text is ASCII, and the look at properties costs more than the character.
        if self.value < 0x7F { return self.value < 0x20 }
        return switch self.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// Whether it shows nothing that one could recognise, or more than itself.
    package var isUnprintable: Bool {
        if self.isTreacherous { return true }
        if self.value < 0x7F { return false }
        return switch self.properties.generalCategory {
        case .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }

    /// How it is written where it cannot be shown: `\u{1b}`.
    package var escaped: String { "\\u{\(String(self.value, radix: 16))}" }

    /// RFC 8259 §7: as JSON writes what it does not show: `\u001b`.
    package var jsonEscape: [UInt8] {
        self.utf16.flatMap { unit in
            let digits = String(unit, radix: 16)
            return [UInt8](("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
        }
    }
}
