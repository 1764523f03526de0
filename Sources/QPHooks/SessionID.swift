// SessionID.swift
//
// The name of a session in replies, logs, Received fields, console and API.

/// Names one session. Not to be guessed from another's: 60 random bits, as 12 characters of a base 32 alphabet
/// without look-alikes. A transaction adds its number: `ID.2`.
public struct SessionID: Sendable, Hashable, CustomStringConvertible {
    /// The random bits; the upper four are not shown.
    public let bits: UInt64

    /// Makes an identifier out of random bits.
    public init(bits: UInt64) {
        self.bits = bits & 0x0fff_ffff_ffff_ffff
    }

    /// Reads what `description` writes; a transaction number behind a dot is allowed and dropped.
    public init?(_ text: some StringProtocol) {
        let name = text.prefix(while: { $0 != "." })
        guard name.utf8.count == 12 else { return nil }
        var bits: UInt64 = 0
        for byte in name.utf8 {
            guard let digit = Self.alphabet.firstIndex(of: byte) else { return nil }
            bits = bits << 5 | UInt64(digit)
        }
        self.bits = bits
    }

    /// The twelve characters.
    public var description: String {
        String(unsafeUninitializedCapacity: 12) { buffer in
            for index in 0..<12 {
                buffer[index] = Self.alphabet[Int(truncatingIfNeeded: self.bits >> UInt64(55 - 5 * index)) & 31]
            }
            return 12
        }
    }

    /// The name of a transaction: `ID.2`; 0 gives the session's own.
    public func text(transaction: UInt32) -> String {
        guard transaction > 0 else { return self.description }
        return String(unsafeUninitializedCapacity: 24) { buffer in
            for index in 0..<12 {
                buffer[index] = Self.alphabet[Int(truncatingIfNeeded: self.bits >> UInt64(55 - 5 * index)) & 31]
            }
            buffer[12] = UInt8(ascii: ".")
            var divisor: UInt32 = 1
            while transaction / divisor >= 10 { divisor *= 10 }
            var count = 13
            while divisor > 0 {
                buffer[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: transaction / divisor % 10)
                count += 1
                divisor /= 10
            }
            return count
        }
    }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
}
