// ServerAddress.swift
//
// Where a server's admin endpoint is, as an operator types it: docs/admin.md, Addresses.

import Glibc

/// Why a text is no address, or one that may not be used.
struct AddressProblem: Error, Hashable, Sendable, CustomStringConvertible {
    let text: String

    init(_ text: String) { self.text = text }

    var description: String { self.text }
}

/// Where a server is asked.
enum ServerAddress: Hashable, Sendable {
    /// A socket file.
    case unix(String)
    /// A name or an address, without brackets.
    case network(host: String, port: Int, isSecure: Bool)

    static let standardPort = 8025
    /// Octets that the path of a socket may have.
    static let maxPath = 107

    /// Reads `unix:PATH`, `/PATH`, `./PATH`, `HOST:PORT`, `[IPv6]:PORT`, `http://HOST:PORT`, `https://HOST:PORT`; the
    /// port may be left out. Without a scheme this machine is asked in clear, any other by TLS.
    init(_ text: String) throws(AddressProblem) {
        guard !text.isEmpty else { throw AddressProblem("an address is missing") }
        if let path = Self.path(of: text) {
            try self.init(path: path, of: text)
        } else if let rest = Self.rest(of: text, behind: "http://") {
            try self.init(authority: rest, isSecure: false, of: text)
        } else if let rest = Self.rest(of: text, behind: "https://") {
            try self.init(authority: rest, isSecure: true, of: text)
        } else {
            try self.init(authority: text[...], isSecure: nil, of: text)
        }
    }

    private init(path: String, of text: String) throws(AddressProblem) {
        guard !path.isEmpty else { throw AddressProblem("\(text) names no socket") }
        guard !path.utf8.contains(0) else { throw AddressProblem("the path of a socket has no zero octet") }
        guard path.utf8.count <= Self.maxPath else {
            throw AddressProblem("\(text): the path of a socket has at most \(Self.maxPath) octets")
        }
        self = .unix(path)
    }

    private init(authority: Substring, isSecure: Bool?, of text: String) throws(AddressProblem) {
        var authority = authority
        if isSecure != nil, authority.last == "/" { authority.removeLast() }
        let (host, port) = try Self.parts(of: authority, in: text)
        try Self.check(host, in: text)
        var number = Self.standardPort
        if let port {
            guard !port.isEmpty, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = UInt16(port),
                given > 0
            else { throw AddressProblem("\(text): a port is a number from 1 to 65535") }
            number = Int(given)
        }
        self = .network(host: host, port: number, isSecure: isSecure ?? !Self.isLoopback(host))
    }

    private static func path(of text: String) -> String? {
        if text.hasPrefix("unix:") { return String(text.dropFirst(5)) }
        return text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") ? text : nil
    }

    private static func rest(of text: String, behind scheme: String) -> Substring? {
        text.prefix(scheme.count).lowercased() == scheme ? text.dropFirst(scheme.count) : nil
    }

    /// The host without brackets, and what stands behind the colon.
    private static func parts(
        of authority: Substring, in text: String
    ) throws(AddressProblem) -> (host: String, port: Substring?) {
        guard authority.first == "[" else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            switch parts.count {
            case 1: return (String(parts[0]), nil)
            case 2: return (String(parts[0]), parts[1])
            default: throw AddressProblem("\(text): an IPv6 address is written in brackets: [2001:db8::1]:8025")
            }
        }
        guard let end = authority.firstIndex(of: "]") else {
            throw AddressProblem("\(text): the bracket is not closed")
        }
        let host = String(authority[authority.index(after: authority.startIndex)..<end])
        guard Self.isIPv6(host) else { throw AddressProblem("\(text): in the brackets is no IPv6 address") }
        let rest = authority[authority.index(after: end)...]
        guard !rest.isEmpty else { return (host, nil) }
        guard rest.first == ":" else { throw AddressProblem("\(text): behind the bracket comes a colon and a port") }
        return (host, rest.dropFirst())
    }

    private static func check(_ host: String, in text: String) throws(AddressProblem) {
        guard !host.isEmpty else { throw AddressProblem("\(text) names no host") }
        if Self.isIPv6(host) { return }
        guard !host.contains("@") else { throw AddressProblem("an address has no name and no password in it") }
        guard !host.contains(where: { "/?#".contains($0) }) else {
            throw AddressProblem("\(text): behind host and port comes nothing")
        }
        let isName = host.utf8.allSatisfy { octet in
            switch octet {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isName, host.utf8.count <= 253 else { throw AddressProblem("\(text): that is no name of a host") }
        let isNumber = host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard !isNumber || Self.isIPv4(host) else { throw AddressProblem("\(text): that is no IPv4 address") }
    }

    private static func isIPv4(_ host: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1
    }

    private static func isIPv6(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, host, &address) == 1
    }

    /// Whether a host is this machine: 127.0.0.0/8, ::1, localhost.
    static func isLoopback(_ host: String) -> Bool {
        if host.lowercased() == "localhost" { return true }
        if Self.isIPv4(host) { return host.hasPrefix("127.") }
        var address = in6_addr()
        guard inet_pton(AF_INET6, host, &address) == 1 else { return false }
        return withUnsafeBytes(of: address) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    }

    /// How it is shown; reads as the same address again.
    var label: String {
        switch self {
        case .unix(let path): return "unix:" + path
        case .network(let host, let port, let isSecure):
            let name = Self.isIPv6(host) ? "[\(host)]" : host
            guard isSecure == Self.isLoopback(host) else { return "\(name):\(port)" }
            return (isSecure ? "https://" : "http://") + "\(name):\(port)"
        }
    }

    /// What requests begin with: `http://127.0.0.1:8025`.
    var base: String {
        switch self {
        case .unix(let path): return "http+unix://" + PercentText.encode(path)
        case .network(let host, let port, let isSecure):
            let name = Self.isIPv6(host) ? "[\(host)]" : host
            return (isSecure ? "https://" : "http://") + "\(name):\(port)"
        }
    }

    /// Refuses to send a token where others may read it.
    func check(hasToken: Bool) throws(AddressProblem) {
        guard hasToken, case .network(let host, _, false) = self, !Self.isLoopback(host) else { return }
        throw AddressProblem("\(self.label) would send the token in clear; use https://")
    }

    /// Where a server is looked for if nobody says where: below this folder, where packages have it, on the usual port.
    static func standard(folder: String = ".", exists: (String) -> Bool) -> Self {
        let own = folder == "." ? "run/admin.sock" : folder + (folder.hasSuffix("/") ? "" : "/") + "run/admin.sock"
        for path in [own, "/run/qpserver/admin.sock"] where path.utf8.count <= Self.maxPath && exists(path) {
            return .unix(path)
        }
        return .network(host: "127.0.0.1", port: Self.standardPort, isSecure: false)
    }
}
