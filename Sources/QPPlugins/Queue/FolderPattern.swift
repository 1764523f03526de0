// FolderPattern.swift
//
// From a recipient to a folder, and never out of the folder above.

import QPHooks

/// A path below a Maildir's base with places for parts of the recipient.
struct FolderPattern: Sendable {
    private enum Part: Sendable {
        case literal(String)
        case localPart, domain, address
    }

    private var parts: [Part] = []
    private let me: String

    /// Reads a pattern such as `%d/%l`; `me` is the domain of recipients without one.
    init(_ pattern: String, me: String) throws(PluginError) {
        self.me = me
        guard !pattern.split(separator: "/").contains(where: { $0 == ".." || $0 == "." }) else {
            throw .argument("'\(pattern)' has a . or .. in it")
        }
        var rest = pattern[...]
        while let percent = rest.firstIndex(of: "%") {
            self.parts.append(.literal(String(rest[..<percent])))
            rest = rest[percent...].dropFirst()
            switch rest.popFirst() {
            case "l": self.parts.append(.localPart)
            case "d": self.parts.append(.domain)
            case "u": self.parts.append(.address)
            case "%": self.parts.append(.literal("%"))
            default: throw .argument("'\(pattern)': % stands before l, d, u or %")
            }
        }
        self.parts.append(.literal(String(rest)))
    }

    /// The folder of a recipient: no empty component, none that is `.` or `..`, none that the recipient began with a dot.
    func path(for recipient: Mailbox) -> String {
        let domain = recipient.domain.isEmpty ? self.me.lowercased() : recipient.domainKey
        var path = ""
        for part in self.parts {
            switch part {
            case .literal(let text): path += text
            case .localPart: path += Self.safe(recipient.localPart)
            case .domain: path += Self.safe(domain)
            case .address: path += Self.safe("\(recipient.localPart)@\(domain)")
            }
        }
        return path.split(separator: "/").map { name in
            name == "." || name == ".." ? String(name).replacing(".", with: "_") : String(name)
        }.joined(separator: "/")
    }

    /// What may stand in a name; characters outside ASCII are letters to a file system.
    private static func safe(_ text: String) -> String {
        var bytes = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...:
                byte
            default:
                "+-_.,@=:".utf8.contains(byte) ? byte : UInt8(ascii: "_")
            }
        }
        if bytes.first == UInt8(ascii: ".") { bytes[0] = UInt8(ascii: "_") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A host name as it may stand in a file's name.
    static func hostName(_ me: String) -> String { Self.safe(me).replacing(":", with: "_") }
}
