// TLSIdentity.swift
//
// RFC 5929 §4.1, RFC 6066 §3: certificates ready for use, and which of them a client gets.

import NIOSSL
import QPCertificates
import Synchronization

/// A certificate with its key, ready for handshakes.
final class TLSIdentity: Sendable {
    /// One for each suite of TLS 1.2 that the certificate can be used with, the best first.
    private let contexts: [(suite: UInt16, context: NIOSSLContext)]
    /// For TLS 1.3 alone, and for clients that nothing can be agreed upon with.
    private let standard: NIOSSLContext
    /// What `tls-server-end-point` binds to.
    let endPoint: [UInt8]
    /// Seconds since 1970.
    let expiry: Int

    init(
        contexts: [(suite: UInt16, context: NIOSSLContext)], standard: NIOSSLContext, endPoint: [UInt8], expiry: Int
    ) {
        self.contexts = contexts
        self.standard = standard
        self.endPoint = endPoint
        self.expiry = expiry
    }

    /// What a handshake is made with: of the suites that the client offers the one that comes first in our list. The
    /// library would go by the client's order.
    func context(offered suites: [UInt16]) -> NIOSSLContext {
        self.contexts.first { suites.contains($0.suite) }?.context ?? self.standard
    }
}

/// All certificates of a configuration. Handshakes take what is current when they begin.
final class TLSIdentities: Sendable {
    let settings: TLSSettings
    private let standard: TLSIdentity
    private let named: [String: TLSIdentity]
    /// Who may issue certificates of clients, in DER form.
    private let authorities: [[UInt8]]
    /// Whether certificates of clients were good, by fingerprint: a resumed session shows its certificate without
    /// being asked again.
    private let verified = Mutex<[String: Bool]>([:])

    init(_ settings: TLSSettings, _ standard: TLSIdentity, _ named: [String: TLSIdentity], _ authorities: [[UInt8]]) {
        self.settings = settings
        self.standard = standard
        self.named = named
        self.authorities = authorities
    }

    /// The certificate for a client that asks for a name; `*.example.com` stands for one label.
    func identity(for name: String?) -> TLSIdentity {
        guard !self.named.isEmpty, let name else { return self.standard }
        if let identity = self.named[name] { return identity }
        guard let dot = name.firstIndex(of: ".") else { return self.standard }
        return self.named["*\(name[dot...])"] ?? self.standard
    }

    /// When the first of them expires.
    var expiry: Double {
        Double(self.named.values.reduce(self.standard.expiry) { min($0, $1.expiry) })
    }

    // MARK: Clients

    /// Certificates kept in mind.
    private static let memory = 1024

    /// Whether a chain leads to one of the authorities, now.
    func verify(_ chain: [[UInt8]]) async -> Bool {
        guard let first = chain.first else { return false }
        let isGood = await PeerCertificate.isGood(chain, by: self.authorities)
        self.verified.withLock { verified in
            if verified.count >= Self.memory { verified = [:] }
            verified[PeerCertificate.fingerprint(first)] = isGood
        }
        return isGood
    }

    /// Whether a certificate that took part in a handshake is good.
    func isVerified(_ fingerprint: String) -> Bool {
        self.settings.clientCertificates == .require || self.verified.withLock { $0[fingerprint] } ?? false
    }
}
