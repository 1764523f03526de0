// NewAdminToken.swift
//
// Tokens for the admin endpoint: made from chance, known to the server by their SHA-256 only.

import Crypto
package import QPTelemetry

extension AdminToken {
    /// What tokens begin with, so that one that turns up in a wrong place is known for what it is.
    package static let prefix = "qps_"

    static let names = "up to 64 letters, digits and - _ ."

    /// The hash by which the server knows a token: 32 octets.
    package static func hash(of token: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(token.utf8)))
    }

    /// Whether a token may be called that.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-_.".utf8.contains(byte)
                }
            }
    }
}

/// A token that was just made; nobody can find out what it is later.
package struct NewAdminToken: Sendable {
    /// What its owner says: `Authorization: Bearer SECRET`.
    package let secret: String
    /// What the server has to know.
    package let token: AdminToken

    /// Makes a token of 256 random bits; `addresses` is `shown` or `hashed`.
    package init(role: String, name: String, addresses: String) throws(StartError) {
        let role = try AdminRole.read(role).get()
        guard AdminToken.isName(name) else { throw StartError("'\(name)' is no name: \(AdminToken.names)") }
        guard ["shown", "hashed"].contains(addresses) else {
            throw StartError("--addresses \(addresses): neither shown nor hashed")
        }
        let random = SystemRandom()
        let bytes = (0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        self.secret = AdminToken.prefix + Base64URL.text(bytes)
        self.token = AdminToken(
            name: name, role: role, hash: AdminToken.hash(of: self.secret), hidesAddresses: addresses == "hashed")
    }

    /// The line for config/admin_tokens.
    package var line: String {
        let hash = self.token.hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let line = "\(self.token.role.rawValue) \(self.token.name) \(hash)"
        return self.token.hidesAddresses ? "\(line) addresses=hashed" : line
    }
}

/// RFC 4648 §5, without padding.
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = (bits << 8 | UInt32(byte)) & 0xFFFF
            count += 8
            while count >= 6 {
                count -= 6
                result.append(Self.alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { result.append(Self.alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: result, as: UTF8.self)
    }
}
