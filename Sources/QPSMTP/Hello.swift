// Hello.swift
//
// RFC 5321 §4.1.1.1, §4.1.3, §4.1.4

/// The name that a client gives with HELO, EHLO or LHLO.
public struct Hello: Sendable, Hashable {
    /// The first word, as it came.
    public let host: String
    /// The words after it; RFC 5321 allows none, qpsmtpd hands them to its plugins.
    public let extras: [String]

    /// Reads the argument of the command; nil if there is no word or a control character in it.
    ///
    /// Any word will do: RFC 5321 §4.1.4 forbids refusing mail because the name does not fit the client's address, and
    /// what else a bad name is worth is for plugins to judge.
    public init?(_ argument: String) {
        guard !argument.hasOctet({ ASCII.isControl($0) && $0 != 0x09 }) else { return nil }

        var words = argument.utf8.split(whereSeparator: ASCII.isBlank).map { String(decoding: $0, as: UTF8.self) }
        guard !words.isEmpty else { return nil }
        self.host = words.removeFirst()
        self.extras = words
    }

    /// Whether the name is a domain (RFC 5321 §2.3.5); labels may be UTF-8 (RFC 6531 §3.7.1).
    public var isValidDomain: Bool {
        DomainName.isValid(self.host, smtputf8: true)
    }

    /// Whether the name is an address literal (RFC 5321 §4.1.3).
    public var isAddressLiteral: Bool {
        AddressLiteral(self.host) != nil
    }
}
