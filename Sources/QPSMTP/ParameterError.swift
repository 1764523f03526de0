// ParameterError.swift
//
// RFC 5321 §4.1.1.11

/// What is wrong with a parameter of MAIL or RCPT.
public enum ParameterError: Error, Sendable, Hashable {
    /// No extension on offer has it.
    case unknown(keyword: String)
    /// Its value is not one that the extension allows.
    case malformed(keyword: String)

    /// The reply to the command. RFC 5321 §4.1.1.11: 555 for parameters not recognized or not implemented.
    public var reply: Reply {
        switch self {
        case .unknown: Reply(555, .invalidArguments, "parameter not recognized")
        // Only keywords that we know get here, so nothing is echoed that the client made up.
        case .malformed(let keyword): Reply(501, .invalidArguments, "value of \(keyword.uppercased()) not valid")
        }
    }
}
