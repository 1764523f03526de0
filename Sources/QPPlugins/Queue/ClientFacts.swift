// ClientFacts.swift
//
// RFC 3461 §4 (xtext): what XCLIENT and XFORWARD, Postfix' commands, say about the client

import QPHooks

/// What the next hop is told about our client.
struct ClientFacts: Sendable {
    private static let unavailable = "[UNAVAILABLE]"
    private static let lineOctets = 500

    private let values: [String: String]

    init(_ session: SessionContext) {
        let connection = session.connection
        let address = connection.remoteAddress
        let host = session.remoteHost
        self.values = [
            "ADDR": address.isIPv4 ? "\(address)" : "IPV6:\(address)",
            "NAME": host == "Unknown" || host.isEmpty ? Self.unavailable : XText.encode(host),
            "PORT": "\(connection.remotePort)",
            "HELO": session.introduction.map { XText.encode($0.host) } ?? Self.unavailable,
            "PROTO": session.introduction?.isExtended == false ? "SMTP" : "ESMTP",
            "IDENT": XText.encode("\(session.id)"),
            "LOGIN": session.user.map { XText.encode($0) } ?? Self.unavailable,
        ]
    }

    /// The commands that say what a server wants to know of it; none is too long.
    func commands(_ verb: String, offered: [String]) -> [String] {
        var commands: [String] = []
        var line = verb
        for name in offered {
            // XFORWARD has no LOGIN, XCLIENT no IDENT: a server offers what it takes.
            guard let value = self.values[name] else { continue }
            let word = " \(name)=\(value.utf8.count > 255 ? Self.unavailable : value)"
            if line.utf8.count + word.utf8.count > Self.lineOctets {
                commands.append(line)
                line = verb
            }
            line += word
        }
        return line == verb ? commands : commands + [line]
    }
}
