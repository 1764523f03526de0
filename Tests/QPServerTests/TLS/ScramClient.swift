// ScramClient.swift
//
// RFC 5802, RFC 7677: the client's side of SCRAM, as small as it can be.

import QPCrypto
import QPHooks
import QPTestKit

struct ScramClient: Sendable {
    private static let secrets = SystemSecrets(offloader: InlineOffloader())
    private static let nonce = "fyko+d2lbbFgONRv9qkxdawL"

    let user: String
    let password: String
    var hash = SASLHash.sha256
    /// In front of the first message.
    var header = "n,,"
    var binding: [UInt8] = []

    private var bare: String { "n=\(self.user),r=\(Self.nonce)" }

    /// The first message.
    var first: String { Base64.text(Array((self.header + self.bare).utf8)) }

    /// The last message, and what the server has to say to it; `nil` if the challenge is none.
    func final(_ challenge: String) -> (line: String, verifier: String)? {
        guard let octets = Base64.octets(challenge.utf8) else { return nil }
        let server = String(decoding: octets, as: UTF8.self)
        let values = server.split(separator: ",").map { String($0.dropFirst(2)) }
        guard values.count == 3, values[0].hasPrefix(Self.nonce), let salt = Base64.octets(values[1].utf8),
            let iterations = Int(values[2]), iterations >= 4096
        else { return nil }
        let salted = self.salted(salt, iterations)
        let withoutProof = "c=\(Base64.text(Array(self.header.utf8) + self.binding)),r=\(values[0])"
        let message = Array("\(self.bare),\(server),\(withoutProof)".utf8)
        let clientKey = self.code("Client Key", salted)
        let signature = Self.secrets.code(message, key: Self.secrets.digest(clientKey, self.hash), self.hash)
        let proof = Base64.text(zip(clientKey, signature).map { $0 ^ $1 })
        let verifier = Self.secrets.code(message, key: self.code("Server Key", salted), self.hash)
        return (
            Base64.text(Array("\(withoutProof),p=\(proof)".utf8)),
            Base64.text(Array("v=\(Base64.text(verifier))".utf8))
        )
    }

    private func code(_ text: String, _ key: [UInt8]) -> [UInt8] {
        Self.secrets.code(Array(text.utf8), key: key, self.hash)
    }

    private func salted(_ salt: [UInt8], _ iterations: Int) -> [UInt8] {
        let password = Array(self.password.utf8)
        var last = Self.secrets.code(salt + [0, 0, 0, 1], key: password, self.hash)
        var salted = last
        for _ in 1..<iterations {
            last = Self.secrets.code(last, key: password, self.hash)
            for index in salted.indices { salted[index] ^= last[index] }
        }
        return salted
    }
}
