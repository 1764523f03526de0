// PathParser.swift
//
// RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2, Appendix C; RFC 6531 §3.3

/// Reads the arguments of MAIL and RCPT by the grammar of RFC 5321 §4.1.2.
///
/// Stricter than qpsmtpd, whose patterns let through addresses that other servers read differently.
public enum PathParser {
    /// An envelope sender with its brackets. `<>` and nothing at all are the null sender.
    public static func reversePath(_ raw: String, smtputf8: Bool) throws(PathError) -> ReversePath {
        let bytes = raw.utf8.span
        if bytes.count == 0 || bytes.count == 2 && bytes[0] == UInt8(ascii: "<") && bytes[1] == UInt8(ascii: ">") {
            return .null
        }
        let reader = PathReader(smtputf8: smtputf8, complaint: "could not parse your mail from command")
        return .mailbox(try reader.mailbox(raw, allowsPostmaster: false))
    }

    /// A recipient with its brackets; `<postmaster>` needs no domain (RFC 5321 §4.5.1).
    public static func forwardPath(_ raw: String, smtputf8: Bool) throws(PathError) -> Mailbox {
        if raw.isEmpty { throw .syntax("Syntax error in address") }

        let reader = PathReader(smtputf8: smtputf8, complaint: "could not parse recipient")
        return try reader.mailbox(raw, allowsPostmaster: true)
    }
}

/// Reads one path.
private struct PathReader {
    let smtputf8: Bool
    let complaint: String

    private func syntax() -> PathError {
        .syntax(self.complaint)
    }

    func mailbox(_ raw: String, allowsPostmaster: Bool) throws(PathError) -> Mailbox {
        let bytes = raw.utf8.span
        guard bytes.count >= 3, bytes[0] == UInt8(ascii: "<"), bytes[bytes.count - 1] == UInt8(ascii: ">") else {
            throw self.syntax()
        }
        let end = bytes.count - 1
        if allowsPostmaster, ASCII.equal(bytes.extracting(1..<end), lowercase: "postmaster") { return .postmaster }

        var index = 1
        if bytes[index] == UInt8(ascii: "@") { index = try self.skipRoute(bytes, from: index, end: end) }
        let local = try self.localPart(bytes, from: index, end: end)
        guard local.end < end, bytes[local.end] == UInt8(ascii: "@") else { throw self.syntax() }

        let domain = try self.domain(bytes, local.end + 1..<end)
        // RFC 5321 §4.5.3.1.3
        guard bytes.count <= 256 else { throw .tooLong("path too long") }
        return Mailbox(checkedLocalPart: local.text, domain: domain)
    }

    /// RFC 5321 Appendix C: a source route is read and has no effect.
    private func skipRoute(_ bytes: Span<UInt8>, from start: Int, end: Int) throws(PathError) -> Int {
        var index = start
        while true {
            guard index < end, bytes[index] == UInt8(ascii: "@") else { throw self.syntax() }
            let domainStart = index + 1
            index = domainStart
            while index < end, bytes[index] != UInt8(ascii: ","), bytes[index] != UInt8(ascii: ":") { index += 1 }
            // At-domain has no address literals.
            guard index < end, bytes[domainStart] != UInt8(ascii: "[") else { throw self.syntax() }
            _ = try self.domain(bytes, domainStart..<index)
            index += 1
            if bytes[index - 1] == UInt8(ascii: ":") { return index }
        }
    }

    private func localPart(
        _ bytes: Span<UInt8>,
        from start: Int,
        end: Int
    ) throws(PathError) -> (text: String, end: Int) {
        let local =
            start < end && bytes[start] == UInt8(ascii: "\"")
            ? try self.quotedString(bytes, from: start, end: end) : try self.dotString(bytes, from: start, end: end)
        // RFC 5321 §4.5.3.1.1
        guard local.text.utf8.count <= 64 else { throw .tooLong("local part too long") }
        return local
    }

    private func dotString(
        _ bytes: Span<UInt8>,
        from start: Int,
        end: Int
    ) throws(PathError) -> (text: String, end: Int) {
        var index = start
        var previous = UInt8(ascii: ".")
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                guard previous != UInt8(ascii: ".") else { throw self.syntax() }
            } else if byte >= 0x80 {
                try self.checkUTF8(bytes, at: index)
            } else if !ASCII.isAtext(byte) {
                break
            }
            previous = byte
            index += 1
        }
        guard previous != UInt8(ascii: ".") else { throw self.syntax() }
        return (bytes.text(start..<index), index)
    }

    private func quotedString(
        _ bytes: Span<UInt8>,
        from start: Int,
        end: Int
    ) throws(PathError) -> (text: String, end: Int) {
        var content: [UInt8] = []
        var index = start + 1
        while index < end, bytes[index] != UInt8(ascii: "\"") {
            // RFC 5321 §4.1.2: quoted-pairSMTP covers printable ASCII and the blank.
            if bytes[index] == UInt8(ascii: "\\") {
                index += 1
                guard index < end, bytes[index] < 0x80 else { throw self.syntax() }
            }
            guard !ASCII.isControl(bytes[index]) else { throw self.syntax() }
            if bytes[index] >= 0x80 { try self.checkUTF8(bytes, at: index) }
            content.append(bytes[index])
            index += 1
        }
        guard index < end else { throw self.syntax() }
        return (String(decoding: content, as: UTF8.self), index + 1)
    }

    private func domain(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(PathError) -> String {
        let part = bytes.extracting(range)
        // RFC 5321 §4.5.3.1.2
        guard part.count <= 255 else { throw .tooLong("domain too long") }
        if DomainName.isLDH(part) { return part.text(0..<part.count) }

        for index in range where bytes[index] >= 0x80 { try self.checkUTF8(bytes, at: index) }
        let text = part.text(0..<part.count)
        guard Mailbox.isDomain(text, smtputf8: self.smtputf8) else { throw self.syntax() }
        return text
    }

    private func checkUTF8(_ bytes: Span<UInt8>, at index: Int) throws(PathError) {
        guard self.smtputf8 else { throw .nonASCII }
        // U+0080 to U+009F are controls.
        guard bytes[index] >= 0xA0 || index == 0 || bytes[index - 1] != 0xC2 else { throw self.syntax() }
    }
}
