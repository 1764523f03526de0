// NIORim+TLS.swift
//
// RFC 3207 §4: the switch to TLS. Between our last octet in clear and the end of the handshake nothing goes in or out.

import NIOCore
import NIOSSL
import NIOTLS
import QPActors

extension NIORim {
    /// The session is silent from here on; what came already must be TLS.
    func startHandshake() {
        guard self.handshake == nil else { return }
        guard let identities = self.setup.identities() else {
            return self.handshakeFailed(.unavailable, "there is no certificate")
        }
        self.handshake = TLSHandshake(identities)
        if let waiting = self.unread {
            self.unread = nil
            self.handshakeReceived(waiting)
        }
    }

    /// Octets for a handshake that do not come through the TLS handler.
    func handshakeReceived(_ buffer: ByteBuffer) {
        guard let handshake = self.handshake, let context = self.context else { return }
        // Octets from before the session come one after the other.
        if handshake.hasBegun { return handshake.feed(buffer) }
        switch handshake.take(buffer) {
        case .more: break
        case .plaintext: self.handshakeFailed(.plaintext, "\(buffer.readableBytes) octets that are not TLS")
        case .hello(let name, let suites):
            do {
                try handshake.begin(name, offering: suites, before: self, context)
            } catch {
                self.handshakeFailed(.protocol, "\(error)")
            }
        }
    }

    func handshakeCompleted() {
        guard let facts = self.handshake?.facts() else { return }
        self.handshake = nil
        self.session?.assumeIsolated { $0.tlsStarted(facts) }
        self.drain()
    }

    func handshakeFailed(_ failure: TLSFailure, _ text: String) {
        guard let session = self.session else { return self.context?.close(promise: nil) ?? () }
        session.assumeIsolated { $0.tlsFailed(failure, text) }
        self.drain()
    }

    /// An event that belongs to the handshake; false: it is for the session.
    func takeHandshakeEvent(_ event: Any) -> Bool {
        if let event = event as? TLSUserEvent {
            if case .handshakeCompleted = event { self.handshakeCompleted() }
            return true
        }
        guard self.handshake != nil else { return false }
        if event as? ChannelEvent == .inputClosed { self.handshakeFailed(.closed, "client left") }
        return true
    }

    /// Closes when both sides have said that it is over. NIOSSL itself would wait for its time limit, because clients may
    /// close half a connection here.
    func closeBeneathTLS(_ context: ChannelHandlerContext) {
        let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (tls ?? context).close(promise: nil)
    }

    /// An error that the session has its own way with; false: the connection is of no use any more.
    func takeTLSError(_ error: any Error) -> Bool {
        if self.handshake != nil {
            let (failure, text) = Self.meaning(of: error)
            self.handshakeFailed(failure, text)
            return true
        }
        // RFC 8446 §6.1: whoever closes should say so in TLS; many mail programs do not, and a message has its own end.
        if case .uncleanShutdown? = error as? NIOSSLError { return true }
        if let cause = error as? BoringSSLError {
            let (_, text) = Self.meaning(of: NIOSSLError.handshakeFailed(cause))
            self.session?.assumeIsolated { $0.tlsBroke(text) }
            self.sayAlert()
        }
        return false
    }

    /// RFC 8446 §6.2, RFC 5246 §7.2.2: whoever breaks off says why. NIOSSL would close with the alert still in its hands;
    /// what it has ready leaves at the end of a read.
    private func sayAlert() {
        guard let pipeline = self.context?.pipeline.syncOperations,
            let tls = try? pipeline.context(handlerType: NIOSSLServerHandler.self),
            let handler = tls.handler as? NIOSSLServerHandler
        else { return }
        handler.channelReadComplete(context: tls)
    }

    private static func meaning(of error: any Error) -> (TLSFailure, String) {
        guard case .handshakeFailed(let cause)? = error as? NIOSSLError else {
            return (error is IOError ? .closed : .protocol, "\(error)")
        }
        guard case .sslError(let stack) = cause else { return (.protocol, "\(cause)") }
        if stack.contains(.eofDuringHandshake) || stack.contains(.eofDuringAdditionalCertficiateChainValidation) {
            return (.closed, "client left")
        }
        let names = stack.map(Self.name(of:))
        let text = names.joined(separator: ", ")
        if names.contains(where: { $0.contains("ALERT") }) { return (.alert, text) }
        return (names.contains { $0.contains("CERTIFICATE") } ? .certificate : .protocol, text)
    }

    /// Of `error:1000010b:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at FILE:LINE` the reason.
    private static func name(of error: BoringSSLInternalError) -> String {
        let words = error.description.split { ": ".contains($0) }
        let name = words.last { word in
            word.contains("_") && word.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5F).contains($0) }
        }
        return name.map { String($0) } ?? "unknown"
    }
}
