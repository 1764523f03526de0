// CramAnswer.swift
//
// RFC 2195 §2

/// What a client says in CRAM-MD5: who it is, and the keyed hash of the challenge.
public struct CramAnswer: Sendable, Hashable {
    /// Who it is.
    public let user: String
    /// The hash, 32 small hexadecimal digits.
    public let digest: String

    /// Reads `user SP digest`; the user may hold blanks. `nil` if it is anything else.
    public init?(_ bytes: [UInt8]) {
        guard let blank = bytes.lastIndex(of: 0x20), let user = SASLText.name(bytes[..<blank]) else { return nil }
        let digits = bytes[(blank + 1)...]
        guard digits.count == 32, digits.allSatisfy({ ASCII.hexValue($0) != nil }) else { return nil }
        self.user = user
        self.digest = String(decoding: digits.map(ASCII.lower), as: UTF8.self)
    }
}
