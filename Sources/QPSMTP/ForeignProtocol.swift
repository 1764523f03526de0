// ForeignProtocol.swift
//
// RFC 8446 §5.1, RFC 9112 §3, RFC 9113 §3.4

/// Recognises clients that speak something else than SMTP, by the first octets they send.
public enum ForeignProtocol {
    /// What they speak.
    public enum Kind: Sendable, Hashable {
        /// A TLS handshake where clear text is expected.
        case tls
        /// An HTTP request: a browser, or a browser made to attack a mail server.
        case http
    }

    /// Judges the first octets of a session, or its first line; 3 octets suffice for TLS. Nil for anything that may be
    /// SMTP.
    public static func detect(_ first: UnsafeRawBufferPointer) -> Kind? {
        // RFC 8446 §5.1: handshake records of all versions have type 22 and begin their version with 3.
        if first.count >= 3, first[0] == 0x16, first[1] == 0x03, first[2] <= 0x04 { return .tls }
        // The usual first words, without a closer look: "EHLO" and "HELO" in any case.
        if first.count >= 4 {
            let word =
                UInt32(first[0] | 0x20) << 24 | UInt32(first[1] | 0x20) << 16 | UInt32(first[2] | 0x20) << 8
                | UInt32(first[3] | 0x20)
            if word == 0x6568_6C6F || word == 0x6865_6C6F { return nil }
        }
        return self.isHTTP(first) ? .http : nil
    }

    private static let methods: [StaticString] = [
        "GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "TRACE ", "PATCH ", "PRI ", "PROPFIND ",
    ]

    private static func isHTTP(_ first: UnsafeRawBufferPointer) -> Bool {
        if self.methods.contains(where: { self.begins(first, with: $0) }) { return true }
        return self.isRequestLine(first)
    }

    private static func begins(_ bytes: UnsafeRawBufferPointer, with text: StaticString) -> Bool {
        text.withUTF8Buffer { wanted in bytes.count >= wanted.count && bytes.prefix(wanted.count).elementsEqual(wanted)
        }
    }

    /// RFC 9112 §3: method SP request-target SP HTTP-version, of a method not listed.
    private static func isRequestLine(_ first: UnsafeRawBufferPointer) -> Bool {
        let line = first.prefix(4_096).prefix { $0 != 0x0A }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].starts(with: "HTTP/".utf8), !words[0].isEmpty else { return false }
        return words[0].allSatisfy { $0 >= 0x41 && $0 <= 0x5A }
    }
}
