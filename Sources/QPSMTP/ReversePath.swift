// ReversePath.swift
//
// RFC 5321 §4.1.2, §4.5.5

/// The envelope sender: a mailbox, or nobody, for messages that must not be answered (RFC 5321 §4.5.5).
public enum ReversePath: Sendable, Hashable, CustomStringConvertible {
    /// `<>`
    case null
    /// `<user@host>`
    case mailbox(Mailbox)

    /// The mailbox, nil for `<>`.
    public var mailbox: Mailbox? {
        switch self {
        case .null: nil
        case .mailbox(let mailbox): mailbox
        }
    }

    /// Without brackets, "" for `<>`.
    public var address: String {
        self.mailbox?.address ?? ""
    }

    /// With brackets.
    public var description: String {
        self.mailbox?.description ?? "<>"
    }
}
