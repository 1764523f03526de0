// ClientHello.swift
//
// RFC 8446 §4.1.2, §5.1; RFC 6066 §3: what a client wants, before anything is answered.

/// The first message of a TLS handshake, as far as the choice of a certificate needs it.
enum ClientHello: Equatable {
    /// More octets are needed, this many in all at least.
    case incomplete(Int)
    /// Whatever it is, it has no name that could be found.
    case unreadable
    /// A complete message, with the name the client asked for in small letters, and the cipher suites it offers.
    case complete(serverName: String?, suites: [UInt16])

    /// Octets of the message, header included; longer ones BoringSSL would not take either.
    private static let limit = 16384 + 4
    /// Fragments of a message, so that a message of single octets cannot keep anybody busy.
    private static let records = 32
    /// What a client may send before its message is complete.
    static let wireLimit = Self.limit + Self.records * 5

    /// RFC 8446 §5.1: handshake records begin with 22, and their version with 3.
    static func begins(_ bytes: some Collection<UInt8>) -> Bool {
        zip(bytes, [0x16, 0x03]).allSatisfy { $0 == $1 }
    }

    /// Reads the octets that came so far.
    static func read(_ bytes: [UInt8]) -> Self {
        var message: [UInt8] = []
        var start = 0
        for _ in 0..<Self.records {
            guard bytes.count >= start + 5 else { return .incomplete(start + 5) }
            let length = Int(bytes[start + 3]) << 8 | Int(bytes[start + 4])
            guard bytes[start] == 0x16, length > 0, length <= 16384 else { return .unreadable }
            guard bytes.count >= start + 5 + length else { return .incomplete(start + 5 + length) }
            message += bytes[(start + 5)..<(start + 5 + length)]
            start += 5 + length
            guard message.count >= 4 else { continue }
            let wanted = 4 + (Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3]))
            guard message[0] == 1, wanted <= Self.limit else { return .unreadable }
            if message.count >= wanted { return Self.complete(message[4..<wanted]) }
        }
        return .unreadable
    }

    private static func complete(_ body: ArraySlice<UInt8>) -> Self {
        var reader = OctetReader(body)
        // Version and random; then the session's name, the suites, the compressions, the extensions.
        guard reader.skip(34), reader.take(lengthOctets: 1) != nil, var offered = reader.take(lengthOctets: 2) else {
            return .complete(serverName: nil, suites: [])
        }
        var suites: [UInt16] = []
        while let suite = offered.number(2) { suites.append(UInt16(suite)) }
        guard reader.take(lengthOctets: 1) != nil, let extensions = reader.take(lengthOctets: 2) else {
            return .complete(serverName: nil, suites: suites)
        }
        return .complete(serverName: Self.serverName(extensions), suites: suites)
    }

    private static func serverName(_ extensions: OctetReader) -> String? {
        var extensions = extensions
        while let kind = extensions.number(2), var content = extensions.take(lengthOctets: 2) {
            guard kind == 0 else { continue }
            guard var names = content.take(lengthOctets: 2), names.number(1) == 0,
                let name = names.take(lengthOctets: 2)
            else { return nil }
            return Self.name(name.rest)
        }
        return nil
    }

    /// A host name, if it may be one: it reaches logs and is compared with names of the configuration.
    private static func name(_ octets: ArraySlice<UInt8>) -> String? {
        var octets = octets
        if octets.last == UInt8(ascii: ".") { octets.removeLast() }
        let isName = octets.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isName, (1...253).contains(octets.count) else { return nil }
        return String(decoding: octets, as: UTF8.self).lowercased()
    }
}

/// Octets read from their beginning; never beyond their end.
struct OctetReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ octets: ArraySlice<UInt8>) { self.rest = octets }

    mutating func skip(_ count: Int) -> Bool {
        guard self.rest.count >= count else { return false }
        self.rest = self.rest.dropFirst(count)
        return true
    }

    mutating func number(_ octets: Int) -> Int? {
        guard self.rest.count >= octets else { return nil }
        defer { self.rest = self.rest.dropFirst(octets) }
        return self.rest.prefix(octets).reduce(0) { $0 << 8 | Int($1) }
    }

    /// What stands behind its own length.
    mutating func take(lengthOctets: Int) -> OctetReader? {
        guard let count = self.number(lengthOctets), self.rest.count >= count else { return nil }
        defer { self.rest = self.rest.dropFirst(count) }
        return OctetReader(self.rest.prefix(count))
    }
}
