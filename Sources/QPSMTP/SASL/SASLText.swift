// SASLText.swift
//
// RFC 4013 §2; RFC 4616 §2, RFC 5802 §5.1: names and passwords

/// What a name or a password may hold.
public enum SASLText {
    /// Octets of a user's name.
    public static let nameLimit = 255
    /// Octets of a password.
    public static let passwordLimit = 1024

    /// A user's name: UTF-8 without control characters, not empty, not too long; `nil` if it is none.
    public static func name(_ bytes: some Collection<UInt8>) -> String? {
        guard !bytes.isEmpty, bytes.count <= Self.nameLimit, !bytes.contains(where: ASCII.isControl),
            let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        return text.unicodeScalars.contains(where: Self.isProhibited) ? nil : text
    }

    /// A password: UTF-8 without NUL, not empty, not too long; `nil` if it is none.
    public static func password(_ bytes: some Collection<UInt8>) -> String? {
        guard !bytes.isEmpty, bytes.count <= Self.passwordLimit, !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// SASLprep (RFC 4013 §2) of what is in form NFKC already: other blanks become a space, what is not seen goes away.
    /// Whoever keeps names or passwords keeps them in form NFKC. `nil`: there is a prohibited character, normalization
    /// would change something, letters of both directions are mixed, or nothing is left.
    public static func prepared(_ text: String) -> String? {
        guard text.hasHighBit else {
            return text.isEmpty || text.hasOctet(ASCII.isControl) ? nil : text
        }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if Self.isBlank(scalar) {
                out.append(" ")
            } else if Self.vanishes(scalar) {
                continue
            } else if Self.isProhibited(scalar) {
                return nil
            } else {
                out.append(scalar)
            }
        }
        guard !out.isEmpty, Self.isNormalized(out), Self.keepsDirection(out) else { return nil }
        return String(out)
    }

    /// RFC 3454 §C.1.2; U+200B is in §B.1 as well.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00A0, 0x1680, 0x2000...0x200B, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// RFC 3454 §B.1
    private static func vanishes(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00AD, 0x034F, 0x1806, 0x180B...0x180D, 0x200C...0x200D, 0x2060, 0xFE00...0xFE0F, 0xFEFF: true
        default: false
        }
    }

    /// RFC 3454 §C.2 to §C.9: control characters, private use, what is no character, what changes the direction.
    private static func isProhibited(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x0340, 0x0341, 0x06DD, 0x070F, 0x180E, 0x200E, 0x200F, 0x2028...0x202E,
            0x2061...0x206F, 0x2FF0...0x2FFB, 0xE000...0xF8FF, 0xFDD0...0xFDEF, 0xFFF9...0xFFFD, 0x1D173...0x1D17A,
            0xE0000...0xE007F, 0xF0000...0x10FFFF:
            true
        case let value: value & 0xFFFE == 0xFFFE
        }
    }
}
