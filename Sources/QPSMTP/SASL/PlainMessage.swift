// PlainMessage.swift
//
// RFC 4616 §2

/// What a client says in PLAIN: who it acts for, who it is, its password.
public struct PlainMessage: Sendable, Hashable {
    /// Who it wants to act for; empty: itself.
    public let authorization: String
    /// Who it is.
    public let user: String
    /// The password.
    public let password: String

    /// Reads `[authzid] NUL authcid NUL passwd`; `nil` if it is anything else.
    public init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, let user = SASLText.name(parts[1]), let password = SASLText.password(parts[2]) else {
            return nil
        }
        guard !parts[0].isEmpty else {
            self.authorization = ""
            self.user = user
            self.password = password
            return
        }
        guard let authorization = SASLText.name(parts[0]) else { return nil }
        self.authorization = authorization
        self.user = user
        self.password = password
    }

    /// Whether it acts for itself. Nobody may act for somebody else here.
    public var isForItself: Bool { self.authorization.isEmpty || self.authorization == self.user }
}
