// IPText.swift
//
// RFC 4291 §2.2, RFC 5321 §4.1.3

/// Reads IP addresses written as text.
enum IPText {
    /// Four decimal numbers of 0 to 255, without leading zeros.
    static func ipv4(_ text: Span<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in 0..<text.count {
            let byte = text[index]
            if ASCII.isDigit(byte) {
                // A leading zero means octal to some readers: it is refused.
                guard digits < 3, digits == 0 || octet != 0 else { return nil }
                octet = octet * 10 + UInt32(byte - 0x30)
                digits += 1
                guard octet <= 255 else { return nil }
            } else {
                guard byte == UInt8(ascii: "."), digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                octet = 0
                digits = 0
                dots += 1
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return value << 8 | octet
    }

    /// Strictly, `::` stands for at least two groups (RFC 5321 §4.1.3), otherwise for at least one (RFC 4291 §2.2).
    static func ipv6(_ text: Span<UInt8>, strict: Bool) -> (high: UInt64, low: UInt64)? {
        var parser = GroupParser()
        var index = 0
        if text.count >= 2, text[0] == UInt8(ascii: ":"), text[1] == UInt8(ascii: ":") {
            parser.gap = 0
            index = 2
        }
        while index < text.count {
            var end = index
            while end < text.count, text[end] != UInt8(ascii: ":") { end += 1 }
            let piece = text.extracting(index..<end)
            if end == text.count, let address = Self.ipv4(piece) {
                guard parser.append(UInt16(truncatingIfNeeded: address >> 16)) else { return nil }
                guard parser.append(UInt16(truncatingIfNeeded: address)) else { return nil }
                return parser.value(strict: strict)
            }
            guard let group = Self.group(piece), parser.append(group) else { return nil }
            if end == text.count { break }
            index = end + 1
            guard index < text.count else { return nil }
            if text[index] == UInt8(ascii: ":") {
                guard parser.gap == nil else { return nil }
                parser.gap = parser.count
                index += 1
            }
        }
        return parser.value(strict: strict)
    }

    private static func group(_ text: Span<UInt8>) -> UInt16? {
        guard text.count >= 1, text.count <= 4 else { return nil }
        var value: UInt16 = 0
        for index in 0..<text.count {
            guard let digit = ASCII.hexValue(text[index]) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private struct GroupParser {
        private var high: UInt64 = 0
        private var low: UInt64 = 0
        private(set) var count = 0
        /// How many groups stand before `::`.
        var gap: Int?

        mutating func append(_ group: UInt16) -> Bool {
            guard self.count < 8 else { return false }
            self.high = self.high << 16 | self.low >> 48
            self.low = self.low << 16 | UInt64(group)
            self.count += 1
            return true
        }

        func value(strict: Bool) -> (high: UInt64, low: UInt64)? {
            guard let gap = self.gap else { return self.count == 8 ? (self.high, self.low) : nil }
            guard self.count <= (strict ? 6 : 7) else { return nil }

            // The groups before the gap move to the front, those after it stay at the end.
            var high: UInt64 = 0
            var low: UInt64 = 0
            for index in 0..<8 {
                let group =
                    index < gap
                    ? self.group(at: 8 - self.count + index) : index >= 8 - self.count + gap ? self.group(at: index) : 0
                high = high << 16 | low >> 48
                low = low << 16 | UInt64(group)
            }
            return (high, low)
        }

        private func group(at index: Int) -> UInt16 {
            let word = index < 4 ? self.high : self.low
            return UInt16(truncatingIfNeeded: word >> UInt64(48 - index % 4 * 16))
        }
    }
}
