// ScramMessages.swift
//
// RFC 5802 §5, §7: the messages of SCRAM

/// Whether and how a client binds SCRAM to its TLS connection (RFC 5802 §6).
public enum ScramBinding: Sendable, Hashable {
    /// It cannot.
    case unsupported
    /// It could, but thinks that the server cannot.
    case notOffered
    /// It does, by this type.
    case type(String)
}

/// The client's first message.
public struct ScramClientFirst: Sendable, Hashable {
    /// Octets of a nonce; more is nobody's need, and would come back in our own message.
    public static let nonceLimit = 512

    /// Whether it is bound to TLS.
    public let binding: ScramBinding
    /// The header in front of the message proper, as it came: the client repeats it at the end.
    public let header: String
    /// Who it wants to act for; `nil`: itself.
    public let authorization: String?
    /// Who it is, prepared.
    public let user: String
    /// Its nonce.
    public let nonce: String
    /// The message without the header.
    public let bare: String

    /// Reads a message; `nil` if it is none, or wants an extension that must be understood.
    public init?(_ bytes: [UInt8]) {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let parts = ScramAttribute.split(text, maxSplits: 2)
        guard parts.count == 3, let binding = Self.binding(parts[0]) else { return nil }
        if parts[1].isEmpty {
            self.authorization = nil
        } else {
            guard let name = ScramAttribute.value("a", parts[1]).flatMap(ScramAttribute.name) else { return nil }
            self.authorization = name
        }
        let attributes = ScramAttribute.split(parts[2])
        guard attributes.count >= 2, let user = ScramAttribute.value("n", attributes[0]).flatMap(ScramAttribute.name),
            let nonce = ScramAttribute.value("r", attributes[1]), Self.isNonce(nonce),
            attributes.dropFirst(2).allSatisfy(ScramAttribute.isExtension)
        else { return nil }
        self.binding = binding
        self.header = "\(parts[0]),\(parts[1]),"
        self.user = user
        self.nonce = String(nonce)
        self.bare = String(parts[2])
    }

    /// Whether it acts for itself. Nobody may act for somebody else here.
    public var isForItself: Bool { self.authorization == nil || self.authorization == self.user }

    private static func binding(_ flag: Substring) -> ScramBinding? {
        switch flag {
        case "n": return .unsupported
        case "y": return .notOffered
        default:
            guard let type = ScramAttribute.value("p", flag), !type.isEmpty,
                type.utf8.allSatisfy({ ASCII.isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x2E })
            else { return nil }
            return .type(String(type))
        }
    }

    private static func isNonce(_ text: Substring) -> Bool {
        (1...Self.nonceLimit).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") }
    }
}

/// The server's first message.
public struct ScramServerFirst: Sendable, Hashable {
    /// Both nonces.
    public let nonce: String
    /// The message.
    public let text: String

    /// Puts it together.
    public init(clientNonce: String, serverNonce: String, salt: [UInt8], iterations: Int) {
        self.nonce = clientNonce + serverNonce
        self.text = "r=\(self.nonce),s=\(Base64.text(salt)),i=\(iterations)"
    }
}

/// The client's last message.
public struct ScramClientFinal: Sendable, Hashable {
    /// The header and the binding's data, as the client has them.
    public let binding: [UInt8]
    /// Both nonces.
    public let nonce: String
    /// The proof.
    public let proof: [UInt8]
    /// The message up to the proof, which the proof is made over.
    public let withoutProof: String

    /// Reads a message; `nil` if it is none.
    public init?(_ bytes: [UInt8]) {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let attributes = ScramAttribute.split(text)
        guard attributes.count >= 3, let last = attributes.last,
            let binding = ScramAttribute.value("c", attributes[0]).flatMap({ Base64.octets($0.utf8) }),
            let nonce = ScramAttribute.value("r", attributes[1]),
            attributes[2..<(attributes.count - 1)].allSatisfy(ScramAttribute.isExtension),
            let proof = ScramAttribute.value("p", last).flatMap({ Base64.octets($0.utf8) })
        else { return nil }
        self.binding = binding
        self.nonce = String(nonce)
        self.proof = proof
        self.withoutProof = String(text.utf8.dropLast(last.utf8.count + 1)) ?? ""
    }

    /// What both sides make their signatures over.
    public func authMessage(_ first: ScramClientFirst, _ server: ScramServerFirst) -> [UInt8] {
        Array("\(first.bare),\(server.text),\(self.withoutProof)".utf8)
    }
}

/// `x=value`
enum ScramAttribute {
    /// At octets: a comma with a combining mark behind it is one Character.
    static func split(_ text: some StringProtocol, maxSplits: Int = .max) -> [Substring] {
        Substring(text).utf8.split(
            separator: UInt8(ascii: ","), maxSplits: maxSplits, omittingEmptySubsequences: false
        ).map(Substring.init)
    }

    static func value(_ letter: Unicode.Scalar, _ text: Substring) -> Substring? {
        let scalars = text.unicodeScalars
        guard scalars.first == letter, scalars.dropFirst().first == "=" else { return nil }
        return Substring(scalars.dropFirst(2))
    }

    /// An attribute we may leave unread; `m` is the one that must be understood (RFC 5802 §5.1).
    static func isExtension(_ text: Substring) -> Bool {
        guard let letter = text.utf8.first, letter != UInt8(ascii: "m") else { return false }
        return (letter | 0x20) &- 0x61 < 26 && text.utf8.dropFirst().first == UInt8(ascii: "=") && text.utf8.count > 2
    }

    /// A name with `=2C` and `=3D` for comma and equals sign.
    static func name(_ text: Substring) -> String? {
        var out: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.first {
            guard byte == UInt8(ascii: "=") else {
                out.append(byte)
                rest = rest.dropFirst()
                continue
            }
            switch String(decoding: rest.prefix(3), as: UTF8.self) {
            case "=2C": out.append(UInt8(ascii: ","))
            case "=3D": out.append(UInt8(ascii: "="))
            default: return nil
            }
            rest = rest.dropFirst(3)
        }
        return SASLText.name(out).flatMap(SASLText.prepared)
    }
}
