// PathError.swift
//
// RFC 5321 §4.5.3.1, RFC 3463 §3.6, RFC 6531 §3.5

/// What is wrong with the argument of MAIL or RCPT; the texts repeat nothing that the client sent.
public enum PathError: Error, Sendable, Hashable {
    /// The grammar is not kept; a short text for the client.
    case syntax(String)
    /// What stands around the path is wrong: no `FROM:` or `TO:`, a parameter that is none or comes twice; a short text
    /// for the client.
    case arguments(String)
    /// A length is exceeded (RFC 5321 §4.5.3.1); a short text for the client.
    case tooLong(String)
    /// Characters outside ASCII without SMTPUTF8 (RFC 6531 §3.5).
    case nonASCII

    /// A short text for the client.
    public var text: String {
        switch self {
        case .syntax(let text), .arguments(let text), .tooLong(let text): text
        case .nonASCII: "address needs SMTPUTF8"
        }
    }

    /// The reply to MAIL (`sender`) or RCPT.
    public func reply(sender: Bool) -> Reply {
        switch self {
        case .syntax, .tooLong: Reply(501, sender ? .badSenderSyntax : .badDestinationSyntax, self.text)
        // RFC 3463 §3.6: X.5.4; the address itself may be a good one.
        case .arguments: Reply(501, .invalidArguments, self.text)
        // RFC 6531 §3.5
        case .nonASCII: Reply(sender ? 550 : 553, .nonASCIIAddressNotSupported, self.text)
        }
    }
}
