// PluginNameForm.swift
//
// The two spellings of a plugin's name: on a configuration line, and mangled, as qpsmtpd's logs and notes have it.

/// Spellings of plugin names.
public enum PluginNameForm {
    /// The name on the line: `queue::qmail_2dqueue` is `queue/qmail-queue`. An underscore with two hex digits that
    /// mangling would never have made (as in `check_badrcptto`) stands for itself.
    public static func canonical(_ name: String) -> String {
        // Most names have only one spelling.
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":") }) else { return name }

        let octets = Array(name.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < octets.count {
            if octets[index...].starts(with: "::".utf8) {
                result.append(UInt8(ascii: "/"))
                index += 2
            } else if let octet = Self.escaped(octets[index...], isAfterSlash: result.last == UInt8(ascii: "/")) {
                result.append(octet)
                index += 3
            } else {
                result.append(octets[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func escaped(_ octets: ArraySlice<UInt8>, isAfterSlash: Bool) -> UInt8? {
        guard octets.count >= 3, octets.first == UInt8(ascii: "_"),
            let high = Self.hex(octets[octets.startIndex + 1]), let low = Self.hex(octets[octets.startIndex + 2])
        else { return nil }
        let octet = high << 4 | low
        let isPlain = Self.isWord(octet) || octet == UInt8(ascii: "/")
        guard (0x21...0x7E).contains(octet), !isPlain || isAfterSlash && Self.isDigit(octet) else { return nil }
        return octet
    }

    private static func hex(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x61...0x66: octet - 0x57
        default: nil
        }
    }

    private static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }

    private static func isWord(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
        default: false
        }
    }
}
