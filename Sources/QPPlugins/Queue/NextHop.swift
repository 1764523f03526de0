// NextHop.swift
//
// RFC 5321 §3.6.2: the servers that a queue plugin hands messages to

import QPHooks

/// A server behind us.
struct NextHop: Sendable, Hashable {
    /// Where it is.
    let destination: Destination
    /// Its name, for its certificate; `nil` for a local socket.
    let host: String?

    /// Whether what is said to it stays on this machine.
    var isLocal: Bool {
        guard let host = self.host else { return true }
        return host == "::1" || IPAddress(host).map { $0.isIPv4 && $0.description.hasPrefix("127.") } ?? false
    }

    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT` or `unix:/PATH`; `nil` if it is none of them.
    init?(_ text: Substring, port usual: Int) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 < 0x21 || $0 == 0x7F }) else { return nil }
            self.destination = .unix(path: path)
            self.host = nil
            return
        }
        guard let (host, port) = Self.split(text, usual), Self.isHost(host) else { return nil }
        self.destination = .tcp(host: host, port: port)
        self.host = host
    }

    /// Reads hops separated by commas; each once.
    static func list(_ text: String, port: Int) throws(PluginError) -> [NextHop] {
        var hops: [NextHop] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let hop = NextHop(word, port: port) else { throw .argument("'\(word)' is no next hop") }
            guard !hops.contains(hop) else { throw .argument("'\(word)' is named twice") }
            hops.append(hop)
        }
        return hops
    }

    static func port(_ text: some StringProtocol) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(text), number > 0 else {
            return nil
        }
        return Int(number)
    }

    private static func split(_ text: Substring, _ usual: Int) -> (String, Int)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (host, usual) }
            guard rest.hasPrefix(":"), let port = Self.port(rest.dropFirst()) else { return nil }
            return (host, port)
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        // More than one colon: an IPv6 address without brackets.
        guard parts.count == 2 else { return (String(text), usual) }
        guard let port = Self.port(parts[1]) else { return nil }
        return (String(parts[0]), port)
    }

    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "-._:".utf8.contains(byte)
                }
            }
    }
}
