// CharacterWidth.swift
//
// How many columns of a terminal a character takes: Unicode Standard Annex 11, as the C library and terminals have it.

import QPTelemetry

/// Widths of single characters.
enum CharacterWidth {
    /// Wide characters: East Asian scripts, and what is shown as a picture.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
        0x16FE0...0x18CFF, 0x1B000...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD,
    ]

    /// 0 for marks that go onto the character before them, 1 or 2; `nil` for what cannot be shown by itself or joins its
    /// neighbours in ways that terminals do not agree on, which is shown escaped.
    static func columns(of scalar: Unicode.Scalar) -> Int? {
        let value = scalar.value
        if value < 0x7F { return value >= 0x20 ? 1 : nil }
        guard !scalar.isUnprintable, !Self.joins(value) else { return nil }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        if scalar.properties.isEmojiPresentation { return 2 }
        guard value >= 0x1100 else { return 1 }
        return Self.wide.contains { $0.contains(value) } ? 2 : 1
    }

    /// Parts of Hangul syllables, variation selectors, letters of flags, skin tones.
    private static func joins(_ value: UInt32) -> Bool {
        switch value {
        case 0x1160...0x11FF, 0xD7B0...0xD7FF, 0xFE00...0xFE0F, 0x1F1E6...0x1F1FF, 0x1F3FB...0x1F3FF,
            0xE0000...0xE0FFF:
            true
        default: false
        }
    }
}
