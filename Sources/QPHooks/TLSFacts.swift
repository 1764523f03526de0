// TLSFacts.swift
//
// RFC 8446, RFC 5929 §4.1: what is known of an encrypted connection.

/// Facts about the encryption of a connection. An object, so that sessions in clear carry no more than its absence.
public final class TLSFacts: Sendable, Hashable, Codable {
    /// `TLSv1.2`, `TLSv1.3`.
    public let version: String
    /// The cipher suite by its registered name (`TLS_AES_128_GCM_SHA256`).
    public let cipher: String
    /// The name the client asked for (SNI).
    public let serverName: String?
    /// The client's certificate, if it has shown one.
    public let clientCertificate: ClientCertificate?
    /// The hash of the server's certificate that `tls-server-end-point` binds to (RFC 5929 §4.1).
    public let serverEndPoint: [UInt8]

    /// Puts facts together.
    public init(
        version: String, cipher: String, serverName: String? = nil, clientCertificate: ClientCertificate? = nil,
        serverEndPoint: [UInt8] = []
    ) {
        self.version = version
        self.cipher = cipher
        self.serverName = serverName
        self.clientCertificate = clientCertificate
        self.serverEndPoint = serverEndPoint
    }

    /// `TLSv1.3 TLS_AES_128_GCM_SHA256`
    public var summary: String { "\(self.version) \(self.cipher)" }

    /// Whether two say the same.
    public static func == (one: TLSFacts, other: TLSFacts) -> Bool {
        one.version == other.version && one.cipher == other.cipher && one.serverName == other.serverName
            && one.clientCertificate == other.clientCertificate && one.serverEndPoint == other.serverEndPoint
    }

    /// Takes part in hashing.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.version)
        hasher.combine(self.cipher)
        hasher.combine(self.serverName)
        hasher.combine(self.clientCertificate)
        hasher.combine(self.serverEndPoint)
    }
}

/// A certificate that a client has shown.
public struct ClientCertificate: Sendable, Hashable, Codable {
    /// Its subject, as RFC 4514 writes it.
    public let subject: String
    /// Its issuer, likewise.
    public let issuer: String
    /// The subject's last common name.
    public let commonName: String?
    /// Its DNS names and mail addresses (RFC 5280 §4.2.1.6).
    public let names: [String]
    /// SHA-256 of its DER form, in small hexadecimal digits.
    public let fingerprint: String
    /// Whether it was issued by an authority of the listener's list, and is valid now.
    public let isVerified: Bool

    /// Puts facts together.
    public init(
        subject: String, issuer: String, commonName: String?, names: [String], fingerprint: String, isVerified: Bool
    ) {
        self.subject = subject
        self.issuer = issuer
        self.commonName = commonName
        self.names = names
        self.fingerprint = fingerprint
        self.isVerified = isVerified
    }
}
