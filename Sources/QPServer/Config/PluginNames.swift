// PluginNames.swift
//
// Names of plugins: on a line, as logs and Perl code spell them, and as they were called before.

import QPTelemetry

/// Spellings of plugin names.
enum PluginNames {
    /// The name that logs and notes use: `queue/qmail-queue` is `queue::qmail_2dqueue`.
    static func mangled(_ name: String) -> String {
        // The name of a library module stands as it is.
        guard !name.contains("::") else { return name }
        var result = ""
        var isAfterSlash = false
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "/"):
                result += "::"
            case _ where Self.isWord(byte) && !(isAfterSlash && Self.isDigit(byte)):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16)
                result += hex.utf8.count < 2 ? "_0\(hex)" : "_\(hex)"
            }
            isAfterSlash = byte == UInt8(ascii: "/")
        }
        return result
    }

    /// The name on the line: `queue::qmail_2dqueue` is `queue/qmail-queue`. An underscore with two hex digits that
    /// `mangled` would never have made (as in `check_badrcptto`) stands for itself.
    static func demangled(_ name: String) -> String { PluginNameForm.canonical(name) }

    /// The name without its instance number: `my_check:0` is `my_check` and `:0`.
    static func split(_ name: String) -> (base: String, instance: String) {
        guard let colon = name.lastIndex(of: ":"), !name.contains("::") else { return (name, "") }
        let digits = name[name.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy(Self.isDigit) else { return (name, "") }
        return (String(name[..<colon]), String(name[colon...]))
    }

    /// One spelling for all of a name's: today's name, mangled. Tells which policy belongs to which line.
    static func canonical(_ name: String) -> String {
        let (base, instance) = Self.split(Self.demangled(name))
        return Self.mangled((Self.aliases[base]?.name ?? base) + instance)
    }

    /// Names of former versions: today's name, and the words that make it do what the old one did.
    static let aliases: [String: (name: String, arguments: [String])] = [
        "check_badmailfrom": ("badmailfrom", []),
        "check_badmailfromto": ("badmailfromto", []),
        "check_badrcptto": ("badrcptto", []),
        "check_badrcptto_patterns": ("badrcptto", []),
        "check_basicheaders": ("headers", []),
        "check_bogus_bounce": ("bogus_bounce", []),
        "check_earlytalker": ("earlytalker", []),
        "check_loop": ("loop", []),
        "check_norelay": ("relay", []),
        "check_relay": ("relay", []),
        "check_spamhelo": ("helo", []),
        "relay_only": ("relay", ["only", "1"]),
        "require_resolvable_fromhost": ("resolvable_fromhost", []),
        "whitelist_soft": ("whitelist", []),
    ]

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
        default: false
        }
    }
}
