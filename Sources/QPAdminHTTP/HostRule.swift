// HostRule.swift
//
// RFC 9110 §7.2, §7.4: which names this endpoint answers to. Keeps pages of other sites from reaching it through a name
// of their own that resolves to it.

import Hummingbird
import HummingbirdCore
import NIOCore
import QPTelemetry

/// A host and a port as in a Host field.
struct HostName: Hashable {
    /// Lower case; addresses in their one canonical form, without brackets.
    let name: String
    let port: Int?

    init?(_ text: some StringProtocol) {
        let isBracketed = text.first == "["
        let name: String
        var rest: Substring
        if isBracketed {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = String(text[text.index(after: text.startIndex)..<end])
            rest = Substring(text[text.index(after: end)...])
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            name = text[..<end].lowercased()
            rest = Substring(text[end...])
        }
        let address = try? SocketAddress(ipAddress: name, port: 0)
        guard !name.isEmpty, !isBracketed || address?.protocol == .inet6 else { return nil }
        self.name = address?.ipAddress ?? name

        guard !rest.isEmpty else {
            self.port = nil
            return
        }
        guard rest.removeFirst() == ":", rest.allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
        // RFC 3986 §3.2.3: the port may be empty.
        if rest.isEmpty {
            self.port = nil
        } else {
            guard let port = UInt16(rest) else { return nil }
            self.port = Int(port)
        }
    }

    /// An Origin field, without its scheme.
    init?(origin: String) {
        for (scheme, port) in [("http://", 80), ("https://", 443)] where origin.lowercased().hasPrefix(scheme) {
            guard let host = HostName(origin.dropFirst(scheme.count)) else { return nil }
            self.name = host.name
            self.port = host.port ?? port
            return
        }
        return nil
    }
}

/// What is checked before anything else.
enum HostRule {
    private static let loopback: Set<String> = ["localhost", "127.0.0.1", "::1"]

    static func check(_ request: Request, over connection: ConnectionFacts, hosts: [String]) throws(Problem) {
        guard !connection.socket.isUnix else { return }
        // RFC 9112 §3.2: exactly one.
        guard let field = request.head.authority, Self.isOnlyHost(request.headers) else {
            throw .badRequest("exactly one Host field is needed").closing()
        }
        let name = HostName(field)?.name
        guard let name, Self.isKnown(name, connection, hosts) else {
            throw Problem(
                .misdirectedRequest, "this endpoint does not answer to that name; names are added in config/admin")
        }
    }

    /// The first Host field is the request's authority, and no longer among the others.
    private static func isOnlyHost(_ fields: HTTPFields) -> Bool {
        !fields.contains { $0.name.canonicalName == "host" }
    }

    private static func isKnown(_ name: String, _ connection: ConnectionFacts, _ hosts: [String]) -> Bool {
        if Self.loopback.contains(name) { return true }
        if let local = connection.local, HostName(local.contains(":") ? "[\(local)]" : local)?.name == name {
            return true
        }
        return hosts.contains { HostName($0)?.name == name }
    }

    /// A page of another site must not change anything through somebody's browser.
    static func checkOrigin(_ request: Request, over connection: ConnectionFacts) throws(Problem) {
        let origins = request.headers[values: .origin]
        guard let origin = origins.first else { return }
        let isSecure = connection.socket.certificate != nil
        guard origins.count == 1, let host = request.head.authority.flatMap({ HostName($0) }),
            let from = HostName(origin: origin), from.name == host.name,
            from.port == host.port ?? (isSecure || origin.lowercased().hasPrefix("https:") ? 443 : 80)
        else { throw Problem(.forbidden, "requests that change something are not taken from pages of other sites") }
    }
}
