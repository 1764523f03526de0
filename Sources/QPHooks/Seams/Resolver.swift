// Resolver.swift
//
// DNS (RFC 1035, RFC 3596, RFC 5321 §5).

/// A question for the DNS.
public enum DNSQuestion: Sendable, Hashable, Codable {
    /// IPv4 addresses of a name.
    case a(String)
    /// IPv6 addresses of a name.
    case aaaa(String)
    /// Names of an address.
    case ptr(String)
    /// Mail exchangers of a domain.
    case mx(String)
    /// Texts of a name.
    case txt(String)
    /// Name servers of a zone.
    case ns(String)
}

/// An answer of the DNS.
public enum DNSAnswer: Sendable, Hashable, Codable {
    /// A and AAAA: addresses in text form, as the server ordered them.
    case addresses([String])
    /// PTR and NS: names without the final dot.
    case names([String])
    /// MX: preference and name without the final dot (empty: null MX, RFC 7505), lowest preference first.
    case exchanges([MailExchange])
    /// TXT: the strings of each record joined.
    case texts([String])

    /// A mail exchanger.
    public struct MailExchange: Sendable, Hashable, Codable {
        /// Lower is preferred.
        public let preference: UInt16
        /// Its name; empty for a null MX.
        public let name: String

        /// Makes one.
        public init(preference: UInt16, name: String) {
            self.preference = preference
            self.name = name
        }
    }
}

/// Why there is no answer.
public enum DNSError: Error, Sendable, Hashable, Codable {
    /// The name does not exist (NXDOMAIN).
    case noSuchName
    /// The name exists, but has no such record.
    case noData
    /// SERVFAIL, refused, malformed or unreachable: ask again later.
    case temporary(String)
    /// The time limit passed.
    case timedOut
}

/// Asks the DNS.
public protocol Resolver: Sendable {
    /// Answers a question; the calling task's cancellation ends the wait.
    func resolve(_ question: DNSQuestion, timeout: Duration, origin: EffectOrigin) async throws(DNSError) -> DNSAnswer
}

/// The DNS, as a handler sees it.
public struct DNS: Sendable {
    let resolver: any Resolver
    let calls: CallCounter

    /// IPv4 addresses.
    public func a(_ name: String, timeout: Duration = .seconds(5)) async throws(DNSError) -> [IPAddress] {
        try await self.addresses(.a(name), timeout)
    }

    /// IPv6 addresses.
    public func aaaa(_ name: String, timeout: Duration = .seconds(5)) async throws(DNSError) -> [IPAddress] {
        try await self.addresses(.aaaa(name), timeout)
    }

    /// The names of an address.
    public func ptr(_ address: IPAddress, timeout: Duration = .seconds(5)) async throws(DNSError) -> [String] {
        let answer = try await self.resolver.resolve(
            .ptr(address.description), timeout: timeout, origin: self.calls.next())
        if case .names(let names) = answer { return names }
        throw .temporary("answer of another kind")
    }

    /// Mail exchangers, most preferred first.
    public func mx(_ name: String, timeout: Duration = .seconds(5)) async throws(DNSError) -> [DNSAnswer.MailExchange] {
        let answer = try await self.resolver.resolve(.mx(name), timeout: timeout, origin: self.calls.next())
        if case .exchanges(let exchanges) = answer { return exchanges }
        throw .temporary("answer of another kind")
    }

    /// Texts.
    public func txt(_ name: String, timeout: Duration = .seconds(5)) async throws(DNSError) -> [String] {
        let answer = try await self.resolver.resolve(.txt(name), timeout: timeout, origin: self.calls.next())
        if case .texts(let texts) = answer { return texts }
        throw .temporary("answer of another kind")
    }

    /// The name servers of a zone; `noData` for a name that is none.
    public func ns(_ name: String, timeout: Duration = .seconds(5)) async throws(DNSError) -> [String] {
        let answer = try await self.resolver.resolve(.ns(name), timeout: timeout, origin: self.calls.next())
        if case .names(let names) = answer { return names }
        throw .temporary("answer of another kind")
    }

    private func addresses(_ question: DNSQuestion, _ timeout: Duration) async throws(DNSError) -> [IPAddress] {
        let answer = try await self.resolver.resolve(question, timeout: timeout, origin: self.calls.next())
        if case .addresses(let addresses) = answer { return addresses.compactMap { IPAddress($0) } }
        throw .temporary("answer of another kind")
    }
}
