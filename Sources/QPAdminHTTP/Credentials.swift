// Credentials.swift
//
// RFC 6750 §2.1: who asks.

import Crypto
import Hummingbird
import HummingbirdCore
import QPTelemetry

/// Finds out who asks.
struct Credentials: Sendable {
    /// Names that a token in an address is given by other programs. Addresses end up in logs.
    static let refusedParameters: Set<String> = [
        "token", "access_token", "auth_token", "auth", "authorization", "bearer", "api_key", "apikey",
    ]

    private let throttle = FailureThrottle()

    /// - Returns: `nil`: somebody who may only ask for health.
    func caller(
        of request: Request, over connection: ConnectionFacts, access: AdminAccess
    ) throws(Problem) -> Caller? {
        let fields = request.headers[values: .authorization]
        guard !fields.isEmpty else { return self.withoutToken(connection, access) }

        let source = connection.user.map { "unix:\($0)" } ?? FailureThrottle.source(of: connection.peer)
        guard self.throttle.permits(source) else {
            var problem = Problem(.tooManyRequests, "too many wrong tokens from here; wait a second")
            problem.headers[.retryAfter] = "1"
            throw problem
        }
        guard fields.count == 1, let token = Self.bearer(fields[0]), let known = Self.find(token, in: access.tokens)
        else {
            self.throttle.failed(source)
            throw .unauthorized("unknown token", isWrong: true)
        }
        return Caller(
            name: known.name, role: known.role, source: connection.peer, hidesAddresses: known.hidesAddresses)
    }

    private func withoutToken(_ connection: ConnectionFacts, _ access: AdminAccess) -> Caller? {
        if connection.socket.isUnix {
            guard let user = connection.user, let role = access.users[user] else { return nil }
            return Caller(name: "uid \(user)", role: role, source: "unix")
        }
        guard connection.socket.isLoopback else { return nil }
        return Caller(name: "anonymous", role: .viewer, source: connection.peer, hidesAddresses: true)
    }

    private static func bearer(_ field: String) -> Substring? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1].drop { $0 == " " }
    }

    /// Looks at every octet of every hash, so that the time it takes tells nothing.
    private static func find(_ token: Substring, in tokens: [AdminToken]) -> AdminToken? {
        let hash = Array(SHA256.hash(data: Array(token.utf8)))
        var found: Int?
        for (index, token) in tokens.enumerated() {
            guard token.hash.count == hash.count else { continue }
            var difference: UInt8 = 0
            for (left, right) in zip(token.hash, hash) { difference |= left ^ right }
            found = difference == 0 ? index : found
        }
        return found.map { tokens[$0] }
    }
}
