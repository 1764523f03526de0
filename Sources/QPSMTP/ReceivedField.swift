// ReceivedField.swift
//
// RFC 5321 §4.4, RFC 3848 §2, RFC 6531 §4.3

/// The trace field that the server puts on top of each message (RFC 5321 §4.4).
public struct ReceivedField: Sendable, Hashable {
    /// How the message came, for the `with` clause.
    public enum Transmission: Sendable, Hashable, CaseIterable {
        /// HELO
        case smtp
        /// EHLO
        case esmtp
        /// LHLO (RFC 2033 §4.1)
        case lmtp

        /// The word: `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `LMTP` ... (RFC 3848 §2), with `UTF8` in front if
        /// the client used SMTPUTF8 (RFC 6531 §4.3). HELO sessions have neither extension and are `SMTP` always.
        public func word(tls: Bool, authenticated: Bool, utf8: Bool) -> String {
            // RFC 6531 §4.3: UTF8SMTP, not UTF8ESMTP.
            let word =
                switch self {
                case .smtp: "SMTP"
                case .esmtp: utf8 ? "UTF8SMTP" : "ESMTP"
                case .lmtp: utf8 ? "UTF8LMTP" : "LMTP"
                }
            guard self != .smtp, tls || authenticated else { return word }
            return word + (tls ? "S" : "") + (authenticated ? "A" : "")
        }
    }

    /// What the client called itself.
    public var helo: String
    /// The name that DNS gives for the client's address; nil when there is none.
    public var reverseName: String?
    /// The client's address; nil when it has none (a local socket).
    public var address: IPAddress?
    /// The server's own name.
    public var me: String
    /// The version in `(qpserver/VERSION)`.
    public var version: String
    /// The word of the `with` clause.
    public var word: String
    /// A remark on encryption, such as `TLSv1.3 TLS_AES_128_GCM_SHA256 encrypted`; nil without TLS.
    public var tls: String?
    /// The id of session and transaction; written as `<id@me>`.
    public var id: String
    /// The recipient, only when there is exactly one (RFC 5321 §7.2).
    public var recipient: Mailbox?
    /// When the message came.
    public var date: RFC5322Date

    /// All parts of the field; what came from outside is made harmless when the field is written.
    public init(
        helo: String,
        reverseName: String?,
        address: IPAddress?,
        me: String,
        version: String,
        word: String,
        tls: String? = nil,
        id: String,
        recipient: Mailbox? = nil,
        date: RFC5322Date
    ) {
        self.helo = helo
        self.reverseName = reverseName
        self.address = address
        self.me = me
        self.version = version
        self.word = word
        self.tls = tls
        self.id = id
        self.recipient = recipient
        self.date = date
    }

    /// What follows `Received: `, folded with CRLF and blanks, without the last CRLF.
    public var value: String {
        var out: [UInt8] = []
        self.append(to: &out)
        return String(decoding: out.dropFirst(10).dropLast(2), as: UTF8.self)
    }

    /// What is the same for all mails of a session: everything before the id. An object, so that a session without mail
    /// carries no more than its absence.
    public final class Head: Sendable {
        fileprivate let octets: [UInt8]
        fileprivate let lineStart: Int
        fileprivate let me: String
        /// The `with` word it was made with.
        public let word: String

        fileprivate init(octets: [UInt8], lineStart: Int, me: String, word: String) {
            self.octets = octets
            self.lineStart = lineStart
            self.me = me
            self.word = word
        }

        /// Appends the whole field: the head, then what is one mail's.
        public func append(id: String, recipient: Mailbox?, date: RFC5322Date, to out: inout [UInt8]) {
            var writer = FoldingWriter(start: out.count + self.lineStart)
            out.append(contentsOf: self.octets)
            ReceivedField.appendTail(&writer, id, self.me, recipient, date, to: &out)
        }
    }

    /// The part before the id.
    public var head: Head {
        var octets: [UInt8] = []
        octets.reserveCapacity(160)
        var writer = FoldingWriter(start: 0)
        self.appendHead(&writer, to: &octets)
        return Head(octets: octets, lineStart: writer.lineStart, me: self.me, word: self.word)
    }

    /// Appends the field in wire form: `Received: ...` CRLF.
    public func append(to out: inout [UInt8]) {
        var writer = FoldingWriter(start: out.count)
        self.appendHead(&writer, to: &out)
        Self.appendTail(&writer, self.id, self.me, self.recipient, self.date, to: &out)
    }

    private func appendHead(_ writer: inout FoldingWriter, to out: inout [UInt8]) {
        out.append("Received: from ")
        Self.appendSafe(self.helo, to: &out)
        writer.word(to: &out) { out in self.appendPeer(to: &out) }
        writer.word(to: &out) { out in
            out.append("by ")
            Self.appendSafe(self.me, to: &out)
        }
        writer.word(to: &out) { out in
            out.append("(qpserver/")
            Self.appendSafe(self.version, to: &out)
            out.append(UInt8(ascii: ")"))
        }
        writer.word(to: &out) { out in
            out.append("with ")
            Self.appendSafe(self.word, to: &out)
        }
        if let tls = self.tls {
            writer.word(to: &out) { out in
                out.append(UInt8(ascii: "("))
                Self.appendSafe(tls, blanks: true, to: &out)
                out.append(UInt8(ascii: ")"))
            }
        }
    }

    private static func appendTail(
        _ writer: inout FoldingWriter, _ id: String, _ me: String, _ recipient: Mailbox?, _ date: RFC5322Date,
        to out: inout [UInt8]
    ) {
        writer.word(to: &out) { out in
            // RFC 5321 §4.4: an atom, which has no dots, or a msg-id.
            out.append("id <")
            Self.appendSafe(id, to: &out)
            out.append(UInt8(ascii: "@"))
            Self.appendSafe(me, to: &out)
            out.append(UInt8(ascii: ">"))
            if recipient == nil { out.append(UInt8(ascii: ";")) }
        }
        if let recipient {
            writer.word(to: &out) { out in
                out.append("for ")
                // A mailbox holds no control characters, and its quoted form no bare bracket.
                out.append(recipient.description)
                out.append(UInt8(ascii: ";"))
            }
        }
        writer.word(to: &out) { out in date.append(to: &out) }
        out.append(0x0D)
        out.append(0x0A)
    }

    /// RFC 5321 §4.4: TCP-info is the address literal, with the domain that DNS gives before it.
    private func appendPeer(to out: inout [UInt8]) {
        out.append(UInt8(ascii: "("))
        if let name = self.reverseName, !name.isEmpty {
            Self.appendSafe(name, to: &out)
            if self.address != nil { out.append(0x20) }
        }
        if let address = self.address {
            address.appendLiteral(to: &out)
        } else if self.reverseName?.isEmpty ?? true {
            out.append("local")
        }
        out.append(UInt8(ascii: ")"))
    }

    /// At most 255 octets of printable ASCII that mean nothing to a reader of header fields; `?` for all others.
    private static func appendSafe(_ text: String, blanks: Bool = false, to out: inout [UInt8]) {
        let start = out.count
        let octets = text.utf8.span
        guard octets.count > 0 else { return out.append(UInt8(ascii: "?")) }

        octets.extracting(first: 255).withUnsafeBufferPointer { out.append(contentsOf: $0) }
        guard text.hasOctet({ !self.isSafe($0) }) else { return }
        for index in start..<out.count where !self.isSafe(out[index]) && !(blanks && out[index] == 0x20) {
            out[index] = UInt8(ascii: "?")
        }
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        guard byte < 0x80 else { return false }
        let bits = byte < 0x40 ? self.safeLow : self.safeHigh
        return (bits &>> UInt64(byte)) & 1 == 1
    }

    /// 0x21 to 0x7E without quote, parentheses, comma, semicolon, angle brackets and backslash.
    private static let safeLow: UInt64 = 0xA7FF_ECFA_0000_0000
    private static let safeHigh: UInt64 = 0x7FFF_FFFF_EFFF_FFFF

    /// Makes a field value that somebody else wrote fit for a header: line breaks in it become folds, lines that do
    /// not begin with a blank get one, empty lines and control characters go.
    ///
    /// - Returns: the value with CRLF between its lines and none at its end.
    public static func fold(_ custom: String) -> String {
        String(decoding: FieldText.folded(Array(custom.utf8)), as: UTF8.self)
    }
}

/// Puts words on lines of at most 78 octets (RFC 5322 §2.1.1), as far as single words allow.
private struct FoldingWriter {
    fileprivate private(set) var lineStart: Int

    init(start: Int) {
        self.lineStart = start
    }

    /// Writes a blank and a word, or a fold and the word.
    mutating func word(to out: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
        let before = out.count
        out.append(0x20)
        write(&out)
        guard out.count - self.lineStart > 77 else { return }
        out.insert(contentsOf: [0x0D, 0x0A, 0x20, 0x20], at: before)
        out.remove(at: before + 4)
        self.lineStart = before + 2
    }
}
