// Verb.swift
//
// RFC 5321 §4.1.1, RFC 2033 §4.1, RFC 3030 §2, RFC 3207 §4, RFC 4954 §4

/// The commands that the server may know; everything else is `other`.
public enum Verb: UInt8, Sendable, Hashable, CaseIterable {
    /// RFC 5321 §4.1.1.1
    case helo
    /// RFC 5321 §4.1.1.1
    case ehlo
    /// RFC 2033 §4.1
    case lhlo
    /// RFC 5321 §4.1.1.2
    case mail
    /// RFC 5321 §4.1.1.3
    case rcpt
    /// RFC 5321 §4.1.1.4
    case data
    /// RFC 3030 §2
    case bdat
    /// RFC 5321 §4.1.1.5
    case rset
    /// RFC 5321 §4.1.1.9
    case noop
    /// RFC 5321 §4.1.1.6
    case vrfy
    /// RFC 5321 §4.1.1.7
    case expn
    /// RFC 5321 §4.1.1.8
    case help
    /// RFC 5321 §4.1.1.10
    case quit
    /// RFC 4954 §4
    case auth
    /// RFC 3207 §4
    case starttls
    /// No command known to this server.
    case other

    /// The lower-case text, "" for `other`.
    public var name: String {
        switch self {
        case .helo: "helo"
        case .ehlo: "ehlo"
        case .lhlo: "lhlo"
        case .mail: "mail"
        case .rcpt: "rcpt"
        case .data: "data"
        case .bdat: "bdat"
        case .rset: "rset"
        case .noop: "noop"
        case .vrfy: "vrfy"
        case .expn: "expn"
        case .help: "help"
        case .quit: "quit"
        case .auth: "auth"
        case .starttls: "starttls"
        case .other: ""
        }
    }

    /// Compares four octets at once; RFC 5321 §2.4: verbs are not case sensitive.
    init(_ word: UnsafeRawBufferPointer) {
        switch word.count {
        case 4: self.init(word: Self.lowerWord(word, at: 0))
        case 8:
            let isStartTLS = Self.lowerWord(word, at: 0) == 0x7374_6172 && Self.lowerWord(word, at: 4) == 0x7474_6C73
            self = isStartTLS ? .starttls : .other
        default: self = .other
        }
    }

    /// Four octets big-endian, letters made small; the caller has checked that they exist.
    ///
    /// Setting the bit 0x20 turns no octet but a letter into a letter.
    private static func lowerWord(_ word: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(bigEndian: word.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) | 0x2020_2020
    }

    private init(word: UInt32) {
        switch word {
        case 0x6865_6C6F: self = .helo
        case 0x6568_6C6F: self = .ehlo
        case 0x6C68_6C6F: self = .lhlo
        case 0x6D61_696C: self = .mail
        case 0x7263_7074: self = .rcpt
        case 0x6461_7461: self = .data
        case 0x6264_6174: self = .bdat
        case 0x7273_6574: self = .rset
        case 0x6E6F_6F70: self = .noop
        case 0x7672_6679: self = .vrfy
        case 0x6578_706E: self = .expn
        case 0x6865_6C70: self = .help
        case 0x7175_6974: self = .quit
        case 0x6175_7468: self = .auth
        default: self = .other
        }
    }
}
