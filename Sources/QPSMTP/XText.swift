// XText.swift
//
// RFC 3461 §4

/// The encoding of free text in parameters: `+` and two hexadecimal digits for what may not stand there.
public enum XText {
    /// The encoded form of a text's UTF-8.
    public static func encode(_ text: String) -> String {
        guard text.hasOctet({ !self.isPlain($0) }) else { return text }

        let digits: [UInt8] = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            if self.isPlain(byte) {
                out.append(byte)
            } else {
                out += [UInt8(ascii: "+"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The text, nil if it is not encoded as it should be or does not come out as UTF-8.
    public static func decode(_ encoded: String) -> String? {
        self.decodeBytes(encoded).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The octets, nil if the text is not encoded as it should be.
    public static func decodeBytes(_ encoded: String) -> [UInt8]? {
        let text = encoded.utf8.span
        var out: [UInt8] = []
        var index = 0
        while index < text.count {
            if self.isPlain(text[index]) {
                out.append(text[index])
                index += 1
                continue
            }
            // RFC 3461 §4: hexchar has capital letters; small ones are understood as well.
            guard text[index] == UInt8(ascii: "+"), index + 2 < text.count,
                let high = ASCII.hexValue(text[index + 1]), let low = ASCII.hexValue(text[index + 2])
            else { return nil }
            out.append(high << 4 | low)
            index += 3
        }
        return out
    }

    /// Whether a text is encoded as it should be.
    public static func isValid(_ encoded: String) -> Bool {
        self.decodeBytes(encoded) != nil
    }

    /// RFC 3461 §4: xchar is printable ASCII without `+` and `=`.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "+") && byte != UInt8(ascii: "=")
    }
}
