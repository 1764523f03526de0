// ASCII.swift
//
// RFC 5321 §4.1.2, RFC 5322 §3.2.3: classes of octets

/// Classes of octets, none of which depends on a locale.
enum ASCII {
    static func lower(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39
    }

    @inline(__always)
    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10
    }

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    /// 0x00 to 0x1F and 0x7F.
    static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F
    }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// RFC 5322 §3.2.3; two words of bits, one for each half of ASCII.
    static func isAtext(_ byte: UInt8) -> Bool {
        guard byte < 0x80 else { return false }
        let bits = byte < 0x40 ? Self.atextLow : Self.atextHigh
        return (bits &>> UInt64(byte)) & 1 == 1
    }

    private static let atextLow: UInt64 = 0xA3FF_ACFA_0000_0000
    private static let atextHigh: UInt64 = 0x7FFF_FFFF_C7FF_FFFE

    /// Compares with a constant given in small letters.
    static func equal(_ text: Span<UInt8>, lowercase constant: StaticString) -> Bool {
        guard text.count == constant.utf8CodeUnitCount else { return false }
        return constant.withUTF8Buffer { wanted in
            for index in 0..<text.count where self.lower(text[index]) != wanted[index] { return false }
            return true
        }
    }

    /// Small letters, without leaving ASCII and without a copy when there is nothing to do.
    static func lowercased(_ text: String) -> String {
        guard text.hasOctet({ $0 >= 0x41 && $0 <= 0x5A }) else { return text }
        return String(decoding: text.utf8.lazy.map(self.lower), as: UTF8.self)
    }
}

/// What a run of octets holds, found eight octets at a time.
struct ByteSurvey {
    /// A control character other than tab.
    private(set) var hasControl = false
    /// An octet of 0x80 or above.
    private(set) var hasHighBit = false

    init(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        var high: UInt64 = 0
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            high |= word
            // Borrows may raise a false alarm in a higher octet, never hide one; the octets are then looked at singly.
            let below = word &- 0x2020_2020_2020_2020 & ~word
            let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
            let atDelete = delete &- 0x0101_0101_0101_0101 & ~delete
            if (below | atDelete) & 0x8080_8080_8080_8080 != 0 {
                for offset in index..<index + 8 { self.look(at: bytes[offset]) }
            }
            index += 8
        }
        self.hasHighBit = high & 0x8080_8080_8080_8080 != 0
        while index < bytes.count {
            self.look(at: bytes[index])
            index += 1
        }
    }

    private mutating func look(at byte: UInt8) {
        if byte < 0x20, byte != 0x09 { self.hasControl = true }
        if byte == 0x7F { self.hasControl = true }
        if byte >= 0x80 { self.hasHighBit = true }
    }
}

extension String {
    /// Whether an octet fits; several times as fast as asking the UTF-8 view.
    @inline(__always)
    func hasOctet(_ fits: (UInt8) -> Bool) -> Bool {
        let octets = self.utf8.span
        for index in 0..<octets.count where fits(octets[index]) { return true }
        return false
    }

    /// Whether the text holds characters outside ASCII.
    var hasHighBit: Bool {
        self.utf8.span.withUnsafeBufferPointer { ByteSurvey(UnsafeRawBufferPointer($0)).hasHighBit }
    }

    /// Whether the text has more than one line.
    var hasLF: Bool {
        self.utf8.span.withUnsafeBufferPointer { UnsafeRawBufferPointer($0).firstIndex(of: 0x0A, from: 0) != nil }
    }
}

extension [UInt8] {
    /// Appends the octets of a text in one go.
    package mutating func append(_ text: String) {
        text.utf8.span.withUnsafeBufferPointer { self.append(contentsOf: $0) }
    }
}

extension Span<UInt8> {
    /// Repairs invalid UTF-8; the range has been checked by the caller.
    func text(_ range: Range<Int>) -> String {
        self.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
