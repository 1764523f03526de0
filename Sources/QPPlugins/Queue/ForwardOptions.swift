// ForwardOptions.swift
//
// RFC 3207 (STARTTLS), RFC 8314 §3 (TLS from the start), RFC 4954 (AUTH): how a queue plugin talks to its next hops

import QPHooks

/// The words behind the next hops.
struct ForwardOptions: Sendable {
    /// Whether connections are encrypted, and what the next hop must prove.
    enum Encryption: String, Sendable, CaseIterable {
        case off
        case may
        case must
        case verify
    }

    var starttls = Encryption.may
    /// TLS from the first octet in place of STARTTLS.
    var isImplicit = false
    var authorities: String?
    var credentials: ConfigTable<Credentials>?
    var sendsXCLIENT = false
    var sendsXFORWARD = false
    var isRoundRobin = false
    /// Messages for each connection; 1: none is used again.
    var messages = 100
    var idle = Duration.seconds(10)
    /// For connecting, and for each command with its answer.
    var limit = Duration.seconds(60)
    /// What the operator knows of every next hop.
    var promises: BackendCapabilities = []

    static let words = """
        starttls=off|may|must|verify   whether STARTTLS is used: never, if offered (the default; nothing is proved), always,
                                       or always with a certificate for HOST from a known authority
        tls=must|verify                TLS from the first octet in place of STARTTLS
        ca=PATH                        the authorities, a PEM file; without it the system's
        auth=FILE                      logs in with the name and password in config/FILE, two words on one line; only over
                                       TLS or on this machine
        order=failover|roundrobin      asks the first next hop and others only when it fails (the default), or each in turn
        reuse=N                        messages for one connection (100); 1 opens one for every message
        idle=SECONDS                   how long a connection waits for the next message (10)
        timeout=SECONDS                how long each answer may take (60, which is the most); the one to the message may take
                                       five times as long
        xforward                       tells the next hop about the client, or whom the client's own XFORWARD named
        dsn, binarymime                every next hop offers DSN or BINARYMIME, so EHLO does as well
        """

    /// Reads the words; `hasXCLIENT`: the flag xclient is known.
    init(_ words: ArraySlice<String>, _ setup: PluginSetup, isLMTP: Bool) throws(PluginError) {
        var seen: Set<String> = []
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard seen.insert(parts[0]).inserted else { throw .argument("\(parts[0]) is said twice") }
            if parts.count == 2 {
                try self.take(parts[0], parts[1], setup)
            } else {
                try self.take(flag: parts[0], isLMTP)
            }
        }
        guard !self.isImplicit || !seen.contains("starttls") else {
            throw .argument("tls and starttls exclude each other")
        }
        guard self.authorities == nil || self.starttls == .verify || seen.isDisjoint(with: ["starttls", "tls"]) else {
            throw .argument("ca needs verify")
        }
        if self.authorities != nil, seen.isDisjoint(with: ["starttls", "tls"]) { self.starttls = .verify }
    }

    private mutating func take(_ key: String, _ value: String, _ setup: PluginSetup) throws(PluginError) {
        switch key {
        case "starttls":
            guard let level = Encryption(rawValue: value) else { throw Self.bad(key, value, "off, may, must, verify") }
            self.starttls = level
        case "tls":
            guard let level = Encryption(rawValue: value), level == .must || level == .verify else {
                throw Self.bad(key, value, "must, verify")
            }
            self.starttls = level
            self.isImplicit = true
        case "ca":
            guard value.hasPrefix("/") else { throw Self.bad(key, value, "an absolute path") }
            self.authorities = value
        case "auth":
            self.credentials = try setup.table(value, Credentials.init)
        case "order":
            guard ["failover", "roundrobin"].contains(value) else { throw Self.bad(key, value, "failover, roundrobin") }
            self.isRoundRobin = value == "roundrobin"
        case "reuse":
            guard let number = Int(value), (1...10000).contains(number) else {
                throw Self.bad(key, value, "1 to 10000")
            }
            self.messages = number
        case "idle":
            guard let number = Int(value), (1...300).contains(number) else { throw Self.bad(key, value, "1 to 300") }
            self.idle = .seconds(number)
        case "timeout":
            self.limit = try .limit(value, upTo: 60)
        default:
            throw Self.unknown(key)
        }
    }

    private mutating func take(flag: String, _ isLMTP: Bool) throws(PluginError) {
        switch flag {
        case "xclient" where !isLMTP: self.sendsXCLIENT = true
        case "xforward": self.sendsXFORWARD = true
        case "dsn": self.promises.insert(.dsn)
        case "binarymime": self.promises.insert(.binaryMIME)
        default: throw Self.unknown(flag)
        }
    }

    private static func bad(_ key: String, _ value: String, _ known: String) -> PluginError {
        .argument("\(key)=\(value): must be one of \(known)")
    }

    private static func unknown(_ word: String) -> PluginError {
        .argument(
            "'\(word)' is none of starttls=, tls=, ca=, auth=, order=, reuse=, idle=, timeout=, xclient, xforward, dsn, "
                + "binarymime"
        )
    }

    /// What EHLO may offer: what is passed on, or refused with the true reason.
    var capabilities: BackendCapabilities {
        var capabilities = self.promises.union([.eightBitMIME, .smtputf8])
        // RFC 8689 §4.2.1: refused where the next hop cannot have it.
        if self.starttls != .off { capabilities.insert(.requireTLS) }
        return capabilities
    }

    func verification(_ level: Encryption) -> ClientTLS.Verification {
        guard level == .verify else { return .none }
        return self.authorities.map { .file($0) } ?? .system
    }
}

/// A name and a password for next hops.
struct Credentials: Sendable {
    let user: String
    let password: String

    /// Reads `NAME PASSWORD` on the one line of a file.
    init(_ file: ConfigFile) throws(PluginError) {
        guard let line = file.lines.first else {
            throw .missing("config/\(file.name) has no line with name and password")
        }
        let words = line.words
        guard words.count == 2 else { throw line.error("must be a name and a password") }
        if file.lines.count > 1 { throw file.lines[1].error("only one line with name and password is possible") }
        self.user = words[0]
        self.password = words[1]
    }

    /// RFC 4616 §2
    var plain: String { Self.base64([0] + Array(self.user.utf8) + [0] + Array(self.password.utf8)) }

    /// RFC 4648 §4
    static func base64(_ octets: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var output: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for place in 0..<4 {
                let isFilled = place <= group.count
                output.append(isFilled ? digits[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
