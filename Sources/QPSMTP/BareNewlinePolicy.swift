// BareNewlinePolicy.swift
//
// RFC 5321 §2.3.8

/// What happens to CR or LF that stand alone in a message (RFC 5321 §2.3.8 forbids sending them).
///
/// Whatever the policy, none of them ends a line as far as the end of the message is concerned: only CRLF.CRLF does.
public enum BareNewlinePolicy: String, Sendable, Hashable, CaseIterable {
    /// The message is refused.
    case refuse
    /// The message is taken as it is, and a log line written.
    case warn
    /// Each becomes CRLF.
    case fold
    /// The message is taken as it is.
    case pass
}
