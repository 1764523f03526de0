// SystemSecrets.swift
//
// RFC 2104, RFC 8018 §5.2, RFC 5802 §2.2, §3: passwords, with swift-crypto and libcrypt

import CCrypt
import Crypto
public import QPHooks

/// The cryptography behind the seam. Heavy work goes to an offloader of its own, so that no number of logins takes threads
/// or time from anything else.
public struct SystemSecrets: Secrets {
    private let offloader: any Offloader
    private let key: SymmetricKey

    /// - Parameters:
    ///   - offloader: threads for heavy work, with a bound on what waits.
    ///   - key: what decoys are made of; without it a random one.
    public init(offloader: any Offloader, key: [UInt8]? = nil) {
        self.offloader = offloader
        self.key = key.map { SymmetricKey(data: $0) } ?? SymmetricKey(size: .bits256)
    }

    public func digest(_ bytes: [UInt8], _ hash: SASLHash) -> [UInt8] {
        switch hash {
        case .md5: Array(Insecure.MD5.hash(data: bytes))
        case .sha1: Array(Insecure.SHA1.hash(data: bytes))
        case .sha256: Array(SHA256.hash(data: bytes))
        }
    }

    public func code(_ bytes: [UInt8], key: [UInt8], _ hash: SASLHash) -> [UInt8] {
        Self.code(bytes, SymmetricKey(data: key), hash)
    }

    private static func code(_ bytes: [UInt8], _ key: SymmetricKey, _ hash: SASLHash) -> [UInt8] {
        switch hash {
        case .md5: Array(HMAC<Insecure.MD5>.authenticationCode(for: bytes, using: key))
        case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: bytes, using: key))
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        }
    }

    public func fits(_ password: String, _ secret: StoredSecret) async throws(EffectError) -> Bool {
        switch secret {
        case .clear(let kept):
            // Of equal length, whatever the passwords' are.
            return ConstantTime.equal(
                Self.code(Array(password.utf8), self.key, .sha256), Self.code(Array(kept.utf8), self.key, .sha256))
        case .crypt(let kept):
            return try await self.run { Self.crypt(password, kept) }
        case .scram(let kept):
            guard let prepared = SASLText.prepared(password) else { return false }
            let keys = try await self.keys(of: prepared, salt: kept.salt, iterations: kept.iterations, kept.hash)
            return ConstantTime.equal(keys.storedKey, kept.storedKey)
        }
    }

    public func keys(
        of password: String, salt: [UInt8], iterations: Int, _ hash: SASLHash
    ) async throws(EffectError) -> ScramKeys {
        try await self.run {
            let salted = Self.salted(password, salt, iterations, hash)
            let key = SymmetricKey(data: salted)
            return ScramKeys(
                hash: hash, iterations: iterations, salt: salt,
                storedKey: self.digest(Self.code(Array("Client Key".utf8), key, hash), hash),
                serverKey: Self.code(Array("Server Key".utf8), key, hash))
        }
    }

    public func decoy(_ label: String, count: Int) -> [UInt8] {
        var out: [UInt8] = []
        var number: UInt8 = 0
        while out.count < count {
            out += Self.code([number] + Array(label.utf8), self.key, .sha256)
            number &+= 1
        }
        return Array(out.prefix(count))
    }

    private func run<Result: Sendable>(
        _ work: @escaping @Sendable () throws -> Result
    ) async throws(EffectError) -> Result {
        do {
            return try await self.offloader.run(work)
        } catch let error as EffectError {
            throw error
        } catch {
            throw .failed("password: \(error)")
        }
    }

    /// PBKDF2 with one block, which is what SCRAM calls Hi.
    private static func salted(_ password: String, _ salt: [UInt8], _ iterations: Int, _ hash: SASLHash) -> [UInt8] {
        let key = SymmetricKey(data: Array(password.utf8))
        var last = Self.code(salt + [0, 0, 0, 1], key, hash)
        var sum = last
        for _ in 1..<max(iterations, 1) {
            last = Self.code(last, key, hash)
            for index in sum.indices { sum[index] ^= last[index] }
        }
        return sum
    }

    private static func crypt(_ password: String, _ kept: String) -> Bool {
        let size = MemoryLayout<crypt_data>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        defer {
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
            memory.deallocate()
        }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        guard let made = crypt_rn(password, kept, memory, Int32(size)) else { return false }
        return ConstantTime.equal(Array(String(cString: made).utf8), Array(kept.utf8))
    }
}
