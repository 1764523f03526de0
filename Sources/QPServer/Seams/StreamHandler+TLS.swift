// StreamHandler+TLS.swift
//
// RFC 3207 §4 (a client's STARTTLS), §6: a connection to another server becomes an encrypted one.

import NIOCore
import NIOSSL
import NIOTLS
import QPHooks

extension StreamHandler {
    /// Puts TLS between the wire and this handler; the promise is kept when the handshake is over.
    func startTLS(
        _ context: NIOSSLContext, _ tls: ClientTLS, timeout: Duration, _ promise: EventLoopPromise<Void>
    ) {
        let (serverName, isVerified) = (tls.serverName, tls.verification != .none)
        guard let channel = self.context?.channel, self.handshake == nil, !self.isEncrypted else {
            return promise.fail(EffectError.closed(self.what))
        }
        // What came before encryption would be taken for an answer under it.
        guard self.isUnread == false else {
            return self.refuse(promise, .failed("\(self.what): octets in clear behind the answer to STARTTLS"))
        }
        self.handshake = promise
        let timer = channel.eventLoop.assumeIsolated().scheduleTask(
            in: .nanoseconds(max(0, timeout.clampedNanoseconds))
        ) {
            self.endHandshake(.timedOut("\(self.what): TLS"))
        }
        promise.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
        do {
            // RFC 6066 §3: addresses are no server names; the certificate must then be for the address connected to.
            let name = IPAddress(serverName) == nil ? serverName : nil
            let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
            self.isProved = { [weak handler] in
                guard let name, isVerified else { return true }
                return handler?.peerCertificate?.isFor(name) ?? false
            }
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
            self.isEncrypted = true
            self.context?.read()
        } catch {
            self.endHandshake(.failed("\(self.what): TLS: \(error)"))
        }
    }

    /// The handshake is over: whether it was with whom it should be.
    func shookHands() {
        let isProved = self.isProved?() ?? false
        self.isProved = nil
        self.endHandshake(isProved ? nil : .failed("\(self.what): TLS: the certificate is for another name"))
    }

    /// The handshake is over, well or badly.
    func endHandshake(_ error: EffectError?) {
        guard let promise = self.handshake else { return }
        self.handshake = nil
        if let error { self.refuse(promise, error) } else { promise.succeed() }
    }

    private func refuse(_ promise: EventLoopPromise<Void>, _ error: EffectError) {
        promise.fail(error)
        self.fail(error)
    }

    /// Whether an event was the end of the handshake.
    func hasShakenHands(_ event: Any) -> Bool {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { true } else { false }
    }

    /// What went wrong with TLS, in words.
    static func tlsError(_ error: any Error, _ what: String) -> EffectError? {
        switch error {
        case NIOSSLError.uncleanShutdown: .closed(what)
        case let error as NIOSSLError: .failed("\(what): TLS: \(error)")
        case let error as BoringSSLError: .failed("\(what): TLS: \(error)")
        case let error as NIOSSLExtraError: .failed("\(what): TLS: \(error)")
        default: nil
        }
    }
}

extension NIOSSLCertificate {
    /// RFC 9525 §6.3: a name counts as a DNS name of the certificate only, and not because the certificate is for the
    /// address that the DNS gave for it. A wildcard stands for the first label.
    func isFor(_ name: String) -> Bool {
        var wanted = name.lowercased()
        if wanted.hasSuffix(".") { wanted.removeLast() }
        let parent = wanted.firstIndex(of: ".").map { wanted[$0...] }
        for entry in self._subjectAlternativeNames() where entry.nameType == .dnsName {
            let known = String(decoding: entry.contents, as: UTF8.self).lowercased()
            if known == wanted { return true }
            if known.hasPrefix("*."), let parent, known.dropFirst() == parent { return true }
        }
        return false
    }
}
