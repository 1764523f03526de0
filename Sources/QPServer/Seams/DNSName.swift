// DNSName.swift
//
// RFC 1035 §2.3.4, RFC 3596 §2.5

import QPHooks

/// Names on their way to the DNS and back.
enum DNSName {
    /// A name as it may be asked for, without its final dot; nil if no such name can exist. Names in other scripts are
    /// converted (RFC 5891 §4.4).
    static func query(_ name: String) -> String? {
        guard name.utf8.count <= 1024 else { return nil }
        let isASCII = name.utf8.allSatisfy { $0 < 0x80 }
        guard var ascii = isASCII ? name : DomainName.toASCII(name) else { return nil }
        if ascii.hasSuffix(".") { ascii.removeLast() }
        return Self.isUsable(ascii) ? ascii : nil
    }

    /// Where the names of an address are.
    static func pointer(_ address: String) -> String? {
        guard let address = IPAddress(address) else { return nil }
        return address.reversedLabels + (address.isIPv4 ? ".in-addr.arpa" : ".ip6.arpa")
    }

    /// A name that came in an answer; nil if it is one that no host has, and that could harm whoever prints it.
    static func answer(_ name: UnsafePointer<CChar>?) -> String? {
        guard let name else { return nil }
        var text = String(cString: name)
        if text.hasSuffix(".") { text.removeLast() }
        return text.isEmpty || Self.isUsable(text) ? text : nil
    }

    /// Labels of 1 to 63 octets, 253 in all; printable, and without the backslash, which is how C spells odd octets.
    private static func isUsable(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        var label = 0
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "."):
                guard label > 0 else { return false }
                label = 0
            case UInt8(ascii: "\\"), 0...0x20, 0x7F...0xFF: return false
            default:
                label += 1
                guard label <= 63 else { return false }
            }
        }
        return label > 0
    }
}
