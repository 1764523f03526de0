// Connection.swift
//
// Facts about the peer.

/// Facts about a connection, known when it is accepted.
public struct Connection: Sendable, Hashable {
    /// The peer's address.
    public let remoteAddress: IPAddress
    /// The peer's port.
    public let remotePort: UInt16
    /// Our address.
    public let localAddress: IPAddress
    /// Our port.
    public let localPort: UInt16
    /// The listener's name, as configured (`[::]:25`).
    public let listener: String
    /// Nanoseconds since 1970.
    public let acceptedAt: Int64
    /// Whether a trusted proxy said who the client is (PROXY protocol, XCLIENT). Nobody has seen the client there.
    public let isAsserted: Bool
    /// Whether a proxy stands between that did not say who the client is: the peer's address is the proxy's.
    public let isUnknown: Bool

    /// Makes the facts.
    public init(
        remoteAddress: IPAddress, remotePort: UInt16, localAddress: IPAddress, localPort: UInt16,
        listener: String, acceptedAt: Int64, isAsserted: Bool = false, isUnknown: Bool = false
    ) {
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.localAddress = localAddress
        self.localPort = localPort
        self.listener = listener
        self.acceptedAt = acceptedAt
        self.isAsserted = isAsserted
        self.isUnknown = isUnknown
    }

    /// Whether the client runs on this machine: a loopback address that was only told is no proof of that.
    public var isLocal: Bool { self.remoteAddress.isLoopback && !self.isAsserted }

    /// Whether lists of privileged networks may be asked for the client's address: not if it is a loopback address that
    /// was only told, nor if it is that of a proxy which did not say who the client is.
    public var mayBeTrusted: Bool { !self.isUnknown && (!self.isAsserted || !self.remoteAddress.isLoopback) }
}

/// How a client introduced itself.
public struct Introduction: Sendable, Hashable {
    /// The name it gave.
    public let host: String
    /// Whether it said EHLO (or LHLO).
    public let isExtended: Bool

    /// Makes one.
    public init(host: String, isExtended: Bool) {
        self.host = host
        self.isExtended = isExtended
    }
}

/// A recipient of the envelope.
public struct Recipient: Sendable, Hashable {
    /// The address.
    public let mailbox: Mailbox
    /// The ESMTP parameters that came with it (DSN: NOTIFY, ORCPT).
    public let parameters: [ESMTPParameter]

    /// Makes a recipient.
    public init(_ mailbox: Mailbox, parameters: [ESMTPParameter] = []) {
        self.mailbox = mailbox
        self.parameters = parameters
    }
}
