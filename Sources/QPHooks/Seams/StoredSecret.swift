// StoredSecret.swift
//
// RFC 5802 §3, RFC 5803 §2: what is kept of a password

/// What is kept of a password. Its description does not show it.
public enum StoredSecret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The password itself.
    case clear(String)
    /// A hash of crypt(3): bcrypt, yescrypt, SHA-512, ...
    case crypt(String)
    /// What SCRAM needs.
    case scram(ScramKeys)

    private static let crypts = [
        "$2a$", "$2b$", "$2x$", "$2y$", "$y$", "$gy$", "$7$", "$6$", "$5$", "$1$", "$sha1$", "$md5$",
    ]

    /// Reads a secret as files have it: a hash of crypt(3) by its `$id$`; `{SCRAM-SHA-256}iterations,salt,stored,server`,
    /// the same with SHA-1, or RFC 5803's `SCRAM-SHA-256$iterations:salt$stored:server`; `{CRYPT}` and `{PLAIN}` say what
    /// follows; anything else is the password. `nil`: it is empty, or another scheme, or one of these with a mistake.
    public init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 2048 else { return nil }
        if let keys = ScramKeys(text) {
            self = .scram(keys)
        } else if Self.crypts.contains(where: text.hasPrefix) {
            self = .crypt(text)
        } else if let scheme = Self.scheme(text) {
            let rest = String(text.dropFirst(scheme.count + 2))
            switch scheme.uppercased() {
            case "CRYPT" where !rest.isEmpty: self = .crypt(rest)
            case "PLAIN" where !rest.isEmpty: self = .clear(rest)
            default: return nil
            }
        } else {
            self = .clear(text)
        }
    }

    private static func scheme(_ text: String) -> Substring? {
        guard text.first == "{", let end = text.firstIndex(of: "}") else { return nil }
        let scheme = text[text.index(after: text.startIndex)..<end]
        let isName = scheme.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        return isName && !scheme.isEmpty ? scheme : nil
    }

    /// What kind of secret it is, and no more.
    public var description: String {
        switch self {
        case .clear: "a password"
        case .crypt: "a hash of crypt"
        case .scram(let keys): keys.description
        }
    }

    /// Nothing to be seen inside.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a server keeps to authenticate a user by SCRAM: the password cannot be made out of it, but who has it can play
/// the server. Its description does not show it.
public struct ScramKeys: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The hash function.
    public let hash: SASLHash
    /// How often it was hashed.
    public let iterations: Int
    /// The salt.
    public let salt: [UInt8]
    /// The hash of the client's key.
    public let storedKey: [UInt8]
    /// The server's key.
    public let serverKey: [UInt8]

    /// Puts keys together.
    public init(hash: SASLHash, iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.hash = hash
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// Reads both forms that `StoredSecret` knows.
    public init?(_ text: String) {
        for hash in [SASLHash.sha256, .sha1] {
            let name = hash == .sha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-1"
            let words: [Substring]
            if text.hasPrefix("{\(name)}") {
                words = text.dropFirst(name.count + 2).split(separator: ",", omittingEmptySubsequences: false)
            } else if text.hasPrefix("\(name)$") {
                words = text.dropFirst(name.count + 1).split(omittingEmptySubsequences: false) {
                    $0 == "$" || $0 == ":"
                }
            } else {
                continue
            }
            guard words.count == 4, let iterations = Int(words[0]), (1...10_000_000).contains(iterations),
                let salt = Base64.octets(words[1].utf8), (1...256).contains(salt.count),
                let stored = Base64.octets(words[2].utf8), stored.count == hash.size,
                let server = Base64.octets(words[3].utf8), server.count == hash.size
            else { return nil }
            self.init(hash: hash, iterations: iterations, salt: salt, storedKey: stored, serverKey: server)
            return
        }
        return nil
    }

    /// What kind of keys they are, and no more.
    public var description: String { "keys of \(self.hash == .sha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-1")" }
    /// Nothing to be seen inside.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
