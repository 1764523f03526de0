// AuthEvent.swift
//
// RFC 4954 §4: who wants in, and the proof.

/// auth, auth-plain, auth-login, auth-cram-md5: who wants in, and the proof. Its description does not show the proof.
public struct AuthEvent: Sendable, CustomStringConvertible, CustomReflectable {
    /// The mechanism, lowercased: `plain`, `login`, `cram-md5`, `scram-sha-1`, `scram-sha-256`, `external`.
    public let mechanism: String
    /// The user name.
    public let user: String
    /// The password, if the mechanism shows it.
    public let password: String?
    /// The digest of a challenge mechanism.
    public let digest: String?
    /// The challenge.
    public let ticket: String?

    /// Makes an event.
    public init(mechanism: String, user: String, password: String?, digest: String? = nil, ticket: String? = nil) {
        self.mechanism = mechanism
        self.user = user
        self.password = password
        self.digest = digest
        self.ticket = ticket
    }

    /// Who and how.
    public var description: String { "\(self.user) by \(self.mechanism)" }
    /// Who and how.
    public var customMirror: Mirror { Mirror(self, children: ["mechanism": self.mechanism, "user": self.user]) }
}
