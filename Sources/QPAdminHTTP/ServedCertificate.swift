// ServedCertificate.swift
//
// TLS of one socket, out of files that may be replaced while it is served.

import Glibc
import NIOCore
import NIOSSL
import QPTelemetry
import Synchronization

/// Reads certificate and key again when they changed; connections that stand keep what they have.
final class ServedCertificate: Sendable {
    /// Tells one content of a file from the next.
    private struct Stamp: Hashable {
        var node: UInt64 = 0
        var size: Int64 = 0
        var seconds: Int64 = 0
        var nanoseconds: Int64 = 0

        init(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return }
            self.node = UInt64(facts.st_ino)
            self.size = Int64(facts.st_size)
            self.seconds = Int64(facts.st_mtim.tv_sec)
            self.nanoseconds = Int64(facts.st_mtim.tv_nsec)
        }
    }

    private struct State {
        var context: NIOSSLContext
        var stamps: [Stamp]
        var failed: NIODeadline?
    }

    private let certificate: String
    private let privateKey: String
    private let log: @Sendable (UInt8, String) -> Void
    private let state: Mutex<State>

    /// - Returns: `nil` if the socket has no certificate.
    init?(_ socket: AdminSocket, log: @escaping @Sendable (UInt8, String) -> Void) throws {
        guard let certificate = socket.certificate else { return nil }
        let privateKey = socket.privateKey ?? certificate
        self.certificate = certificate
        self.privateKey = privateKey
        self.log = log
        let stamps = [Stamp(certificate), Stamp(privateKey)]
        let context = try Self.read(certificate, privateKey)
        self.state = Mutex(State(context: context, stamps: stamps))
    }

    /// For the next connection.
    func current() -> NIOSSLContext {
        // Taken before reading: a change in between is seen next time.
        let stamps = [Stamp(self.certificate), Stamp(self.privateKey)]
        return self.state.withLock { state in
            guard stamps != state.stamps else { return state.context }
            if let failed = state.failed, NIODeadline.now() - failed < .seconds(5) { return state.context }
            do {
                state.context = try Self.read(self.certificate, self.privateKey)
                state.stamps = stamps
                state.failed = nil
                self.log(5, "admin endpoint: read \(self.certificate) again")
            } catch {
                // The key may follow its certificate in a moment.
                if state.failed == nil {
                    self.log(3, "admin endpoint: \(self.certificate) has changed and cannot be used: \(error)")
                }
                state.failed = .now()
            }
            return state.context
        }
    }

    private static func read(_ certificate: String, _ privateKey: String) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: privateKey, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
