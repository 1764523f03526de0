// TLSHandshake.swift
//
// One handshake: nothing but a few octets until the client's first message is complete.

import NIOCore
import NIOSSL
import QPCertificates
import QPHooks

/// What one connection has until its handshake is over. Loop-local.
final class TLSHandshake {
    /// What octets from the client led to.
    enum Step {
        case more
        case plaintext
        /// The name the client asks for, and the suites it offers.
        case hello(String?, [UInt16])
    }

    private let identities: TLSIdentities
    private var early: [UInt8] = []
    private var wanted = 1
    private var serverName: String?
    private var identity: TLSIdentity?
    private var handler: NIOSSLServerHandler?
    private let reader = ServerHelloReader()
    private var handlerContext: ChannelHandlerContext?

    init(_ identities: TLSIdentities) {
        self.identities = identities
    }

    /// Whether the TLS handler has taken over.
    var hasBegun: Bool { self.handler != nil }

    /// Takes octets from before the TLS handler is there.
    func take(_ buffer: ByteBuffer) -> Step {
        self.early += buffer.readableBytesView
        guard ClientHello.begins(self.early) else { return .plaintext }
        guard self.early.count >= self.wanted else { return .more }
        switch ClientHello.read(self.early) {
        case .incomplete(let wanted) where self.early.count < ClientHello.wireLimit:
            self.wanted = wanted
            return .more
        case .incomplete, .unreadable:
            // BoringSSL finds the words for the client.
            return .hello(nil, [])
        case .complete(let name, let suites):
            return .hello(name, suites)
        }
    }

    /// Puts TLS in front of a handler, and gives it what came so far.
    func begin(
        _ serverName: String?, offering suites: [UInt16], before rim: any ChannelHandler,
        _ context: ChannelHandlerContext
    ) throws {
        let identity = self.identities.identity(for: serverName)
        let handler = self.makeHandler(identity.context(offered: suites))
        self.serverName = serverName
        self.identity = identity
        self.handler = handler
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(handler, position: .before(rim))
        let handlerContext = try pipeline.context(handler: handler)
        self.handlerContext = handlerContext
        try pipeline.addHandler(self.reader, position: .before(handler))
        let early = context.channel.allocator.buffer(bytes: self.early)
        self.early = []
        self.feed(early)
    }

    /// Gives the TLS handler octets that were kept until now.
    func feed(_ buffer: ByteBuffer) {
        guard let handler = self.handler, let context = self.handlerContext else { return }
        handler.channelRead(context: context, data: NIOAny(buffer))
        handler.channelReadComplete(context: context)
    }

    private func makeHandler(_ context: NIOSSLContext) -> NIOSSLServerHandler {
        guard self.identities.settings.clientCertificates == .request else {
            return NIOSSLServerHandler(context: context)
        }
        // A certificate that is not good is a fact like another: a mail server that shows one must not lose its mail.
        let identities = self.identities
        return NIOSSLServerHandler(context: context) { chain, promise in
            let octets = chain.compactMap { try? $0.toDERBytes() }
            Task {
                _ = await identities.verify(octets)
                promise.succeed(.certificateVerified)
            }
        }
    }

    /// What was agreed upon, once the handshake is complete.
    func facts() -> TLSFacts? {
        guard let handler = self.handler, let identity = self.identity else { return nil }
        let version =
            switch handler.tlsVersion {
            case .tlsv13?: "TLSv1.3"
            case .tlsv12?: "TLSv1.2"
            case .tlsv11?: "TLSv1.1"
            case .tlsv1?: "TLSv1"
            case nil: "TLS"
            }
        let peer = handler.peerCertificate.flatMap { try? $0.toDERBytes() }.map(self.facts(of:))
        return TLSFacts(
            version: version, cipher: self.reader.suite.map(CipherSuiteName.of) ?? "unknown",
            serverName: self.serverName, clientCertificate: peer, serverEndPoint: identity.endPoint)
    }

    private func facts(of der: [UInt8]) -> ClientCertificate {
        let certificate = PeerCertificate(der)
        let fingerprint = PeerCertificate.fingerprint(der)
        return ClientCertificate(
            subject: certificate?.subject ?? "", issuer: certificate?.issuer ?? "", commonName: certificate?.commonName,
            names: certificate?.names ?? [], fingerprint: fingerprint,
            isVerified: certificate != nil && self.identities.isVerified(fingerprint))
    }

    /// Closes without a word; what TLS itself has said already leaves.
    func close(_ context: ChannelHandlerContext) {
        (self.handlerContext ?? context).close(promise: nil)
    }
}
