// DomainName.swift
//
// RFC 5321 §2.3.5, §4.1.2, §4.5.3.1.2; RFC 5891 §5 by way of libidn2

import CIDN2

/// Domain names as SMTP knows them.
public enum DomainName {
    /// Whether a text is a domain: labels of letters, digits and inner hyphens, 1 to 63 octets each, 255 in all, no
    /// dot at the end; a single label will do.
    ///
    /// With `smtputf8` labels may hold UTF-8 (RFC 6531 §3.3), which must then form valid IDNA labels.
    public static func isValid(_ name: String, smtputf8: Bool = false) -> Bool {
        if self.isLDH(name.utf8.span) { return true }
        return smtputf8 && self.toASCII(name) != nil
    }

    /// The name with A-labels (`xn--...`), in small letters; nil if it is no domain.
    public static func toASCII(_ name: String) -> String? {
        if self.isLDH(name.utf8.span) { return ASCII.lowercased(name) }
        guard self.mayBeInternational(name) else { return nil }

        var output: UnsafeMutablePointer<UInt8>?
        let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
        let result = name.withCString { text in
            text.withMemoryRebound(to: UInt8.self, capacity: name.utf8.count + 1) { idn2_lookup_u8($0, &output, flags) }
        }
        guard let output else { return nil }
        defer { idn2_free(output) }
        guard result == IDN2_OK.rawValue else { return nil }

        let ascii = String(cString: output)
        // IDNA also takes other full stops for dots: RFC 6531 §3.3 knows only one.
        guard self.isLDH(ascii.utf8.span), self.dots(ascii) == self.dots(name) else { return nil }
        return ASCII.lowercased(ascii)
    }

    /// The name with U-labels, for display; nil if it is no domain.
    public static func toUnicode(_ name: String) -> String? {
        guard let ascii = self.toASCII(name) else { return nil }

        var output: UnsafeMutablePointer<CChar>?
        let result = ascii.withCString { idn2_to_unicode_8z8z($0, &output, 0) }
        guard let output else { return nil }
        defer { idn2_free(output) }
        return result == IDN2_OK.rawValue ? String(cString: output) : nil
    }

    /// RFC 5321 §4.1.2: sub-domain = Let-dig [Ldh-str]; RFC 1035 §2.3.4: 63 octets.
    static func isLDH(_ name: Span<UInt8>) -> Bool {
        // RFC 5321 §4.5.3.1.2
        guard name.count > 0, name.count <= 255 else { return false }

        var labelStart = 0
        for index in 0..<name.count {
            let byte = name[index]
            if ASCII.isLetterOrDigit(byte) { continue }
            // Neither may begin a label.
            guard byte == UInt8(ascii: "-") || byte == UInt8(ascii: "."), index > labelStart else { return false }
            guard byte == UInt8(ascii: ".") else { continue }
            guard name[index - 1] != UInt8(ascii: "-"), index - labelStart <= 63 else { return false }
            labelStart = index + 1
        }
        let length = name.count - labelStart
        return length > 0 && length <= 63 && name[name.count - 1] != UInt8(ascii: "-")
    }

    /// Spares the library what it need not see; 1020 octets are 255 characters of 4.
    private static func mayBeInternational(_ name: String) -> Bool {
        guard name.utf8.count <= 1020, name.hasHighBit else { return false }
        return !name.hasOctet { byte in
            byte < 0x80 && !ASCII.isLetterOrDigit(byte) && byte != UInt8(ascii: "-") && byte != UInt8(ascii: ".")
        }
    }

    private static func dots(_ name: String) -> Int {
        name.utf8.count { $0 == UInt8(ascii: ".") }
    }
}
