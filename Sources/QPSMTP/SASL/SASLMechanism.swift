// SASLMechanism.swift
//
// RFC 4422 §3.1; RFC 4616, RFC 2195, RFC 5802, RFC 7677: the mechanisms, strongest first

/// A hash function of the mechanisms.
public enum SASLHash: Sendable, Hashable, CaseIterable {
    case md5, sha1, sha256

    /// Octets of a hash.
    public var size: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        }
    }
}

/// A way to prove who one is. The order is that of the offer: strongest first.
public enum SASLMechanism: String, Sendable, Hashable, CaseIterable {
    case external = "EXTERNAL"
    case scramSHA256Plus = "SCRAM-SHA-256-PLUS"
    case scramSHA1Plus = "SCRAM-SHA-1-PLUS"
    case scramSHA256 = "SCRAM-SHA-256"
    case scramSHA1 = "SCRAM-SHA-1"
    case cramMD5 = "CRAM-MD5"
    case plain = "PLAIN"
    case login = "LOGIN"

    /// Reads a name, in any case.
    public init?(name: String) {
        let wanted = ASCII.lowercased(name)
        guard let mechanism = Self.allCases.first(where: { $0.hookName == wanted }) else { return nil }
        self = mechanism
    }

    /// The name in small letters.
    public var hookName: String { ASCII.lowercased(self.rawValue) }

    /// The name as hooks see it: what they are asked does not depend on channel binding.
    public var familyName: String {
        switch self {
        case .scramSHA256Plus: Self.scramSHA256.hookName
        case .scramSHA1Plus: Self.scramSHA1.hookName
        case .external, .scramSHA256, .scramSHA1, .cramMD5, .plain, .login: self.hookName
        }
    }

    /// The hash of a SCRAM mechanism.
    public var scramHash: SASLHash? {
        switch self {
        case .scramSHA256, .scramSHA256Plus: .sha256
        case .scramSHA1, .scramSHA1Plus: .sha1
        case .external, .cramMD5, .plain, .login: nil
        }
    }

    /// Whether the exchange is bound to the TLS connection (RFC 5802 §6).
    public var bindsChannel: Bool {
        switch self {
        case .scramSHA256Plus, .scramSHA1Plus: true
        case .external, .scramSHA256, .scramSHA1, .cramMD5, .plain, .login: false
        }
    }

    /// Whether the first word is the server's, so that an initial response is an error (RFC 4954 §4). For LOGIN clients
    /// send the user at once, in spite of its prompts.
    public var serverBegins: Bool { self == .cramMD5 }
}
