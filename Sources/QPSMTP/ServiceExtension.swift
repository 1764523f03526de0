// ServiceExtension.swift
//
// RFC 5321 §2.2, §4.1.1.1

/// A service extension that EHLO may offer.
public enum ServiceExtension: Sendable, Hashable, CaseIterable {
    /// RFC 2920
    case pipelining
    /// RFC 1870
    case size
    /// RFC 6152
    case eightBitMIME
    /// RFC 2034
    case enhancedStatusCodes
    /// RFC 6531
    case smtputf8
    /// RFC 3030 §2
    case chunking
    /// RFC 3030 §3
    case binaryMIME
    /// RFC 3461
    case dsn
    /// RFC 9422
    case limits
    /// RFC 3207
    case starttls
    /// RFC 4954
    case auth
    /// RFC 8689
    case requireTLS
    /// RFC 5321 §4.1.1.8
    case help

    /// The keyword of the EHLO line.
    public var keyword: String {
        switch self {
        case .pipelining: "PIPELINING"
        case .size: "SIZE"
        case .eightBitMIME: "8BITMIME"
        case .enhancedStatusCodes: "ENHANCEDSTATUSCODES"
        case .smtputf8: "SMTPUTF8"
        case .chunking: "CHUNKING"
        case .binaryMIME: "BINARYMIME"
        case .dsn: "DSN"
        case .limits: "LIMITS"
        case .starttls: "STARTTLS"
        case .auth: "AUTH"
        case .requireTLS: "REQUIRETLS"
        case .help: "HELP"
        }
    }
}
