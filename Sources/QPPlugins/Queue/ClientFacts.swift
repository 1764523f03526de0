// ClientFacts.swift
//
// RFC 3461 §4 (xtext): what XCLIENT and XFORWARD, Postfix' commands, say about the client

import QPHooks

/// What the next hop is told about our client.
struct ClientFacts: Sendable {
    private static let unavailable = "[UNAVAILABLE]"
    private static let lineOctets = 500

    private var values: [String: String]

    init(_ session: SessionContext) {
        let connection = session.connection
        let address = connection.remoteAddress
        let host = session.remoteHost
        // What grants nothing here must not open a door there.
        let shown = address.isIPv4 ? "\(address)" : "IPV6:\(address)"
        self.values = [
            "ADDR": connection.mayBeTrusted ? shown : Self.unavailable,
            "NAME": host == "Unknown" || host.isEmpty ? Self.unavailable : XText.encode(host),
            "PORT": "\(connection.remotePort)",
            "HELO": session.introduction.map { XText.encode($0.host) } ?? Self.unavailable,
            "PROTO": session.introduction?.isExtended == false ? "SMTP" : "ESMTP",
            "IDENT": XText.encode("\(session.id)"),
            "LOGIN": session.user.map { XText.encode($0) } ?? Self.unavailable,
        ]
    }

    /// What XFORWARD says: of a client who has itself named another one, that one. What was not said of it is not known.
    static func forwarding(_ session: SessionContext) -> Self {
        var facts = Self(session)
        guard let told = session.forwarded else { return facts }
        facts.values["ADDR"] = Self.word(told.address) { $0.isIPv4 ? "\($0)" : "IPV6:\($0)" }
        facts.values["NAME"] = Self.word(told.name, XText.encode)
        facts.values["PORT"] = Self.word(told.port) { "\($0)" }
        facts.values["HELO"] = Self.word(told.helo, XText.encode)
        facts.values["PROTO"] = Self.word(told.proto, XText.encode)
        facts.values["SOURCE"] = Self.word(told.source, XText.encode)
        if told.ident != nil { facts.values["IDENT"] = Self.word(told.ident, XText.encode) }
        return facts
    }

    private static func word<Known>(
        _ value: ForwardedFacts.Value<Known>?, _ write: (Known) -> String
    ) -> String {
        switch value {
        case .known(let known)?: write(known)
        case .temporarilyUnavailable?: "[TEMPUNAVAIL]"
        case .unavailable?, nil: Self.unavailable
        }
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
