// ListenerOptions.swift
//
// How a listener takes its clients.

/// What an operator wrote behind a listener's address.
public struct ListenerOptions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// TLS from the first octet (RFC 8314 §3.3).
    public static let tls = Self(rawValue: 1)
    /// A header of the PROXY protocol comes first.
    public static let proxy = Self(rawValue: 2)
    /// LMTP (RFC 2033) in place of SMTP.
    public static let lmtp = Self(rawValue: 4)
    /// Message submission (RFC 6409).
    public static let submission = Self(rawValue: 8)
}
