// ClientTLSContexts.swift
//
// RFC 8446, RFC 8996, RFC 9525: what connections to other servers are encrypted with.

import NIOCore
import NIOSSL
import QPHooks
import Synchronization

/// Makes contexts of TLS, which takes long where a list of authorities is read, and keeps each for some minutes: a list
/// that changes on disk is seen then.
final class ClientTLSContexts: Sendable {
    private struct Entry: Sendable {
        let context: NIOSSLContext
        let madeAt: NIODeadline
    }

    private static let lifetime = TimeAmount.minutes(10)

    private let pool: ThreadPool
    private let entries = Mutex<[ClientTLS.Verification: Entry]>([:])

    init(pool: ThreadPool) {
        self.pool = pool
    }

    func context(_ verification: ClientTLS.Verification, _ what: String) async throws(EffectError) -> NIOSSLContext {
        let now = NIODeadline.now()
        let known = self.entries.withLock { $0[verification] }
        if let known, now - known.madeAt < Self.lifetime { return known.context }
        do {
            let context = try await self.pool.run { try Self.make(verification) }
            self.entries.withLock { $0[verification] = Entry(context: context, madeAt: now) }
            return context
        } catch {
            throw .failed("\(what): TLS: \(error)")
        }
    }

    private static func make(_ verification: ClientTLS.Verification) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // RFC 8996: nothing older.
        configuration.minimumTLSVersion = .tlsv12
        switch verification {
        case .none:
            configuration.certificateVerification = .none
        case .system:
            configuration.certificateVerification = .fullVerification
            configuration.trustRoots = .default
        case .file(let path):
            configuration.certificateVerification = .fullVerification
            configuration.trustRoots = .file(path)
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
