// Mailbox.swift
//
// RFC 5321 §4.1.2, §4.5.1, §4.5.3.1; RFC 6531 §3.3

/// A mail address: local part and domain, or `postmaster` alone (RFC 5321 §4.5.1).
public struct Mailbox: Sendable, Hashable, CustomStringConvertible {
    /// The local part without quotes and backslashes, at most 64 octets; may hold blanks, `@` and the like.
    public let localPart: String
    /// The domain or address literal as given, at most 255 octets; "" only for `<postmaster>`.
    public let domain: String

    init(checkedLocalPart localPart: String, domain: String) {
        self.localPart = localPart
        self.domain = domain
    }

    /// Checks both parts; nil if the domain is none, a control character occurs, or a length is exceeded
    /// (RFC 5321 §4.5.3.1: 64 for the local part, 255 for the domain, 256 for the path with its brackets).
    ///
    /// An empty domain is taken with `postmaster`, in any case, only.
    public init?(localPart: String, domain: String) {
        let local = localPart.utf8.span
        guard local.count <= 64, !Self.hasControl(local) else { return nil }
        if domain.isEmpty {
            guard ASCII.equal(local, lowercase: "postmaster") else { return nil }
            self = .postmaster
            return
        }
        guard Self.isDomain(domain, smtputf8: true) else { return nil }
        self.init(checkedLocalPart: localPart, domain: domain)
        guard self.pathLength <= 256 else { return nil }
    }

    /// `<postmaster>`, which every server takes (RFC 5321 §4.5.1).
    public static let postmaster = Mailbox(checkedLocalPart: "postmaster", domain: "")

    /// Whether this is `<postmaster>` without a domain.
    public var isPostmaster: Bool {
        self.domain.isEmpty
    }

    /// `user@host` without brackets and quoting, the form that qpsmtpd hands to queue plugins.
    public var address: String {
        if self.domain.isEmpty { return self.localPart }

        let local = self.localPart.utf8.span
        let domain = self.domain.utf8.span
        return String(unsafeUninitializedCapacity: local.count + 1 + domain.count) { buffer in
            var end = buffer.append(local, at: 0)
            end = buffer.append(UInt8(ascii: "@"), at: end)
            return buffer.append(domain, at: end)
        }
    }

    /// `<user@host>`; a local part that is no dot-atom is quoted, with a backslash before each ASCII character that
    /// an atom may not hold: `<"foo\ bar"@host>`.
    public var description: String {
        let form = self.form
        let local = self.localPart.utf8.span
        let domain = self.domain.utf8.span
        return String(unsafeUninitializedCapacity: self.pathLength) { buffer in
            var end = buffer.append(UInt8(ascii: "<"), at: 0)
            switch form {
            case .dotAtom: end = buffer.append(local, at: end)
            case .quoted: end = Self.appendQuoted(local, to: buffer, at: end)
            }
            if domain.count > 0 {
                end = buffer.append(UInt8(ascii: "@"), at: end)
                end = buffer.append(domain, at: end)
            }
            return buffer.append(UInt8(ascii: ">"), at: end)
        }
    }

    /// The domain for comparisons: small letters, A-labels for U-labels.
    public var domainKey: String {
        guard self.domain.hasHighBit else { return ASCII.lowercased(self.domain) }
        return DomainName.toASCII(self.domain) ?? self.domain
    }

    /// The address of a domain given as a literal, such as `[192.0.2.1]`.
    public var addressLiteral: AddressLiteral? {
        self.domain.utf8.first == UInt8(ascii: "[") ? AddressLiteral(self.domain) : nil
    }

    /// Whether either part holds characters outside ASCII (RFC 6531 §3.2).
    public var needsSMTPUTF8: Bool {
        self.localPart.hasHighBit || self.domain.hasHighBit
    }

    /// Octets of `description`.
    var pathLength: Int {
        let ends = self.domain.isEmpty ? 2 : 3
        let plain = self.localPart.utf8.count + self.domain.utf8.count + ends
        switch self.form {
        case .dotAtom: return plain
        case .quoted(let backslashes): return plain + backslashes + 2
        }
    }

    private enum Form {
        case dotAtom
        case quoted(backslashes: Int)
    }

    /// RFC 5321 §4.1.2: Dot-string = Atom *("." Atom); anything else is quoted.
    private var form: Form {
        let local = self.localPart.utf8.span
        var backslashes = 0
        var hasEmptyAtom = false
        var previous = UInt8(ascii: ".")
        for index in 0..<local.count {
            let byte = local[index]
            if byte == UInt8(ascii: "."), previous == byte { hasEmptyAtom = true }
            if Self.needsBackslash(byte) { backslashes += 1 }
            previous = byte
        }
        if previous == UInt8(ascii: ".") { hasEmptyAtom = true }
        return hasEmptyAtom || backslashes > 0 ? .quoted(backslashes: backslashes) : .dotAtom
    }

    private static func needsBackslash(_ byte: UInt8) -> Bool {
        byte < 0x80 && byte != UInt8(ascii: ".") && !ASCII.isAtext(byte)
    }

    private static func appendQuoted(
        _ local: Span<UInt8>,
        to buffer: UnsafeMutableBufferPointer<UInt8>,
        at start: Int
    ) -> Int {
        var end = buffer.append(UInt8(ascii: "\""), at: start)
        for index in 0..<local.count {
            if self.needsBackslash(local[index]) { end = buffer.append(UInt8(ascii: "\\"), at: end) }
            end = buffer.append(local[index], at: end)
        }
        return buffer.append(UInt8(ascii: "\""), at: end)
    }

    static func isDomain(_ domain: String, smtputf8: Bool) -> Bool {
        guard domain.utf8.first == UInt8(ascii: "[") else { return DomainName.isValid(domain, smtputf8: smtputf8) }
        // RFC 5321 §4.1.3: a general literal needs a registered tag, and there is none.
        return AddressLiteral(domain)?.address != nil
    }

    /// Controls of ASCII, and U+0080 to U+009F.
    static func hasControl(_ text: Span<UInt8>) -> Bool {
        for index in 0..<text.count {
            if ASCII.isControl(text[index]) { return true }
            if text[index] >= 0x80, text[index] < 0xA0, index > 0, text[index - 1] == 0xC2 { return true }
        }
        return false
    }
}

extension Mailbox: Comparable {
    /// By domain, then by local part, as qpsmtpd sorts addresses.
    public static func < (left: Mailbox, right: Mailbox) -> Bool {
        let (leftKey, rightKey) = (left.domainKey, right.domainKey)
        guard leftKey == rightKey else { return leftKey < rightKey }
        guard left.localPart == right.localPart else { return left.localPart < right.localPart }
        return left.domain < right.domain
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// Writes an octet if there is room and returns where the next goes.
    fileprivate func append(_ byte: UInt8, at index: Int) -> Int {
        guard index < self.count else { return index }
        self[index] = byte
        return index + 1
    }

    /// Writes as many octets as there is room for and returns where the next goes.
    fileprivate func append(_ bytes: Span<UInt8>, at start: Int) -> Int {
        let end = Swift.min(self.count, start + bytes.count)
        for index in start..<Swift.max(start, end) { self[index] = bytes[index - start] }
        return end
    }
}
