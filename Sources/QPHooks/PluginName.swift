// PluginName.swift
//
// How logs spell the names of plugins.

/// The names of plugins.
public enum PluginName {
    /// The name that logs show: `queue/qmail-queue` is `queue::qmail_2dqueue`.
    ///
    /// A slash becomes `::`, a digit behind one and every octet that is no letter, digit or `_` becomes `_` with two hex
    /// digits. A name with `::` stays as it is.
    public static func mangled(_ name: String) -> String {
        guard !name.contains("::") else { return name }
        var out = ""
        var previous: UInt8 = 0
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "/"):
                out += "::"
            case UInt8(ascii: "0")...UInt8(ascii: "9") where previous != UInt8(ascii: "/"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                out += "_" + HexText.pair(byte)
            }
            previous = byte
        }
        return out
    }
}

/// Octets as hex digits.
enum HexText {
    static func pair(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
