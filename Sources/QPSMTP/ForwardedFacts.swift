// ForwardedFacts.swift
//
// Postfix's XCLIENT and XFORWARD: what a trusted client says about the client it speaks for.

/// What XCLIENT or XFORWARD said, attribute by attribute.
public struct ForwardedFacts: Sendable, Hashable {
    /// A value of an attribute.
    public enum Value<Known: Sendable & Hashable>: Sendable, Hashable {
        /// `[UNAVAILABLE]`: there is none.
        case unavailable
        /// `[TEMPUNAVAIL]`: it could not be found out.
        case temporarilyUnavailable
        /// This.
        case known(Known)

        /// The value, if there is one.
        public var known: Known? {
            if case .known(let value) = self { value } else { nil }
        }
    }

    /// The client's name in the DNS.
    public var name: Value<String>?
    /// Its address.
    public var address: Value<IPAddress>?
    /// Its port.
    public var port: Value<UInt16>?
    /// The protocol it speaks: `SMTP`, `ESMTP` and the like.
    public var proto: Value<String>?
    /// How it introduced itself.
    public var helo: Value<String>?
    /// XCLIENT: the user it is.
    public var login: Value<String>?
    /// XCLIENT: the address it connected to.
    public var destinationAddress: Value<IPAddress>?
    /// XCLIENT: the port it connected to.
    public var destinationPort: Value<UInt16>?
    /// XFORWARD: the name of its mail at the sender's.
    public var ident: Value<String>?
    /// XFORWARD: `LOCAL` or `REMOTE`.
    public var source: Value<String>?

    /// Nothing said.
    public init() {}

    /// Which command it was; they know different attributes.
    public enum Command: Sendable, Hashable, CaseIterable {
        case xclient, xforward

        /// The attributes, in the order EHLO tells them.
        public var attributes: [Attribute] {
            switch self {
            case .xclient: [.name, .addr, .port, .proto, .helo, .login, .destaddr, .destport]
            case .xforward: [.name, .addr, .port, .proto, .helo, .ident, .source]
            }
        }

        /// `XCLIENT`, `XFORWARD`
        public var verb: String { self == .xclient ? "XCLIENT" : "XFORWARD" }

        /// The line of EHLO.
        public var offer: String {
            self.attributes.reduce(self.verb) { "\($0) \($1.rawValue.uppercased())" }
        }
    }

    /// An attribute, by its name in small letters.
    public enum Attribute: String, Sendable, Hashable, CaseIterable {
        case name, addr, port, proto, helo, login, destaddr, destport, ident, source
    }

    /// Reads the argument of the command: `NAME=value ADDR=value ...`, values as xtext (RFC 3461 §4).
    ///
    /// `nil`: an attribute that the command does not have, one that stands there twice, or a value that is none.
    public init?(_ argument: String, of command: Command) {
        let words = argument.utf8.split(whereSeparator: ASCII.isBlank)
        guard !words.isEmpty, words.count <= command.attributes.count else { return nil }
        var seen: Set<Attribute> = []
        for word in words {
            guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = ASCII.lowercased(String(decoding: word[..<equals], as: UTF8.self))
            guard let attribute = Attribute(rawValue: name), command.attributes.contains(attribute),
                seen.insert(attribute).inserted,
                let text = XText.decode(String(decoding: word[word.index(after: equals)...], as: UTF8.self)),
                !text.isEmpty, text.utf8.count <= 255, !text.hasOctet(ASCII.isControl), self.take(attribute, text)
            else { return nil }
        }
    }

    /// Takes what another command said besides; the later word counts.
    public mutating func add(_ other: Self) {
        self.name = other.name ?? self.name
        self.address = other.address ?? self.address
        self.port = other.port ?? self.port
        self.proto = other.proto ?? self.proto
        self.helo = other.helo ?? self.helo
        self.login = other.login ?? self.login
        self.destinationAddress = other.destinationAddress ?? self.destinationAddress
        self.destinationPort = other.destinationPort ?? self.destinationPort
        self.ident = other.ident ?? self.ident
        self.source = other.source ?? self.source
    }

    /// False: the text is no value of the attribute.
    private mutating func take(_ attribute: Attribute, _ text: String) -> Bool {
        switch attribute {
        case .name: self.name = Self.value(text, of: Self.hostName)
        case .addr: self.address = Self.value(text, of: Self.address)
        case .port: self.port = Self.value(text, of: ProxyHeader.port)
        case .proto: self.proto = Self.value(text, of: Self.word)
        case .helo: self.helo = Self.value(text) { $0 }
        case .login: self.login = Self.value(text) { SASLText.name($0.utf8) }
        case .destaddr: self.destinationAddress = Self.value(text, of: Self.address)
        case .destport: self.destinationPort = Self.value(text, of: ProxyHeader.port)
        case .ident: self.ident = Self.value(text) { $0 }
        case .source: self.source = Self.value(text, of: Self.source)
        }
        return self.has(attribute)
    }

    private func has(_ attribute: Attribute) -> Bool {
        switch attribute {
        case .name: self.name != nil
        case .addr: self.address != nil
        case .port: self.port != nil
        case .proto: self.proto != nil
        case .helo: self.helo != nil
        case .login: self.login != nil
        case .destaddr: self.destinationAddress != nil
        case .destport: self.destinationPort != nil
        case .ident: self.ident != nil
        case .source: self.source != nil
        }
    }

    private static func value<Known>(_ text: String, of read: (String) -> Known?) -> Value<Known>? {
        switch ASCII.lowercased(text) {
        case "[unavailable]": .unavailable
        case "[tempunavail]": .temporarilyUnavailable
        default: read(text).map { .known($0) }
        }
    }

    /// Names of hosts have no underscores, but names that the DNS gives for addresses do.
    private static func hostName(_ text: String) -> String? {
        DomainName.isValid(String(text.map { $0 == "_" ? "u" : $0 })) ? text : nil
    }

    /// `192.0.2.1`, `IPV6:2001:db8::1`; some senders leave the prefix out.
    private static func address(_ text: String) -> IPAddress? {
        let prefix = ASCII.lowercased(String(text.prefix(5))) == "ipv6:"
        guard let address = IPAddress(prefix ? String(text.dropFirst(5)) : text) else { return nil }
        // Behind the prefix stands no IPv4 address by itself.
        return prefix && !text.dropFirst(5).utf8.contains(UInt8(ascii: ":")) || !address.mayBeClient ? nil : address
    }

    private static func word(_ text: String) -> String? {
        text.utf8.count <= 32 && text.utf8.allSatisfy(ASCII.isLetterOrDigit) ? text.uppercased() : nil
    }

    private static func source(_ text: String) -> String? {
        let word = text.uppercased()
        return word == "LOCAL" || word == "REMOTE" ? word : nil
    }
}

extension IPAddress {
    /// Whether a client can have the address: neither the unspecified one, nor a multicast or broadcast address.
    public var mayBeClient: Bool {
        self.isIPv4
            ? self.low >> 24 != 0 && self.low >> 28 != 14 && self.low != 0xFFFF_FFFF
            : self.high >> 56 != 0xFF && (self.high != 0 || self.low != 0)
    }
}
