// ClientTLS.swift
//
// RFC 8446, RFC 9525: encryption of connections to other servers.

/// How a connection to another server is encrypted.
public struct ClientTLS: Sendable, Hashable {
    /// What the other server has to prove.
    public enum Verification: Sendable, Hashable {
        /// Nothing: whoever can change the octets on their way can read them.
        case none
        /// A certificate for its name, from an authority of the system's list.
        case system
        /// A certificate for its name, from an authority in a PEM file.
        case file(String)
    }

    /// The name or address that the certificate must be for; a name is also told to the server (SNI).
    public let serverName: String
    /// What the server has to prove.
    public let verification: Verification

    /// Encrypts for a server.
    public init(serverName: String, verification: Verification) {
        self.serverName = serverName
        self.verification = verification
    }
}
