// Secrets.swift
//
// RFC 2104, RFC 5802 §2.2: the cryptography of passwords

/// Hashes and compares passwords.
public protocol Secrets: Sendable {
    /// The hash of octets.
    func digest(_ bytes: [UInt8], _ hash: SASLHash) -> [UInt8]
    /// The keyed hash of octets (HMAC).
    func code(_ bytes: [UInt8], key: [UInt8], _ hash: SASLHash) -> [UInt8]
    /// Whether a password is the one that is kept. What costs time is done off the event loops, a bounded number of
    /// pieces at once; an error if too many wait already.
    func fits(_ password: String, _ secret: StoredSecret) async throws(EffectError) -> Bool
    /// The keys of a password, off the event loops as well.
    func keys(
        of password: String, salt: [UInt8], iterations: Int, _ hash: SASLHash
    ) async throws(EffectError) -> ScramKeys
    /// Octets that nobody outside can guess, the same for the same label as long as the server runs.
    func decoy(_ label: String, count: Int) -> [UInt8]
}

extension Secrets {
    /// Whether a proof of SCRAM is good (RFC 5802 §3): the client's key comes out of it, and its hash is what is kept.
    package func proves(_ proof: [UInt8], of message: [UInt8], _ keys: ScramKeys) -> Bool {
        let signature = self.code(message, key: keys.storedKey, keys.hash)
        guard proof.count == keys.hash.size, signature.count == proof.count else { return false }
        let key = zip(proof, signature).map { $0 ^ $1 }
        return ConstantTime.equal(self.digest(key, keys.hash), keys.storedKey)
    }

    /// What proves the server to the client.
    package func signature(of message: [UInt8], _ keys: ScramKeys) -> [UInt8] {
        self.code(message, key: keys.serverKey, keys.hash)
    }
}

/// A server without cryptography: nobody gets in.
public struct NoSecrets: Secrets {
    /// Makes one.
    public init() {}

    /// Nothing.
    public func digest(_ bytes: [UInt8], _ hash: SASLHash) -> [UInt8] { [] }
    /// Nothing.
    public func code(_ bytes: [UInt8], key: [UInt8], _ hash: SASLHash) -> [UInt8] { [] }
    /// Throws `unavailable`.
    public func fits(_ password: String, _ secret: StoredSecret) async throws(EffectError) -> Bool {
        throw .unavailable("passwords")
    }
    /// Throws `unavailable`.
    public func keys(
        of password: String, salt: [UInt8], iterations: Int, _ hash: SASLHash
    ) async throws(EffectError) -> ScramKeys {
        throw .unavailable("passwords")
    }
    /// Nothing.
    public func decoy(_ label: String, count: Int) -> [UInt8] { [] }
}

/// Passwords, as a handler sees them.
public struct Passwords: Sendable {
    let secrets: any Secrets

    /// Whether a password is the one that is kept.
    public func fits(_ password: String, _ secret: StoredSecret) async throws(EffectError) -> Bool {
        try await self.secrets.fits(password, secret)
    }

    /// Whether a digest is that of the ticket, made with the password that is kept (RFC 2195 §2).
    public func fits(digest: String, of ticket: String, password: String) -> Bool {
        let code = self.secrets.code(Array(ticket.utf8), key: Array(password.utf8), .md5)
        let digits = Array("0123456789abcdef".utf8)
        return ConstantTime.equal(code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, Array(digest.utf8))
    }
}

/// Comparisons whose time tells nothing about where octets differ.
public enum ConstantTime {
    /// Whether two runs of octets are the same, and not empty.
    public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count, !left.isEmpty else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
