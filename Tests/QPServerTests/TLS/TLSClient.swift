// TLSClient.swift
//
// A client over a real socket that can begin TLS, at once or after STARTTLS.

import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import QPHooks
import Synchronization

@testable import QPServer

/// One connection to a server under test.
final class TLSClient: Sendable {
    enum Failure: Error {
        case timeout, closed, notSMTP(String)
    }

    /// What a client brings to a handshake.
    struct Wishes: Sendable {
        var name: String?
        var versions: (least: TLSVersion, most: TLSVersion?) = (.tlsv12, nil)
        var certificate: (pem: String, key: String)?
        /// Of TLS 1.2, as OpenSSL names them, the most wanted first.
        var suites: [String] = []

        fileprivate func handler(_ inbox: Inbox) throws -> NIOSSLClientHandler {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = self.versions.least
            configuration.maximumTLSVersion = self.versions.most
            configuration.certificateVerification = .noHostnameVerification
            if !self.suites.isEmpty { configuration.cipherSuites = self.suites.joined(separator: ":") }
            if let certificate = self.certificate {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.pem.utf8)).map {
                    .certificate($0)
                }
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: Array(certificate.key.utf8), format: .pem))
            }
            return try NIOSSLClientHandler(
                context: NIOSSLContext(configuration: configuration), serverHostname: self.name,
                customVerificationCallback: { chain, promise in
                    inbox.shown(chain)
                    promise.succeed(.certificateVerified)
                })
        }
    }

    private let channel: any Channel
    private let inbox: Inbox

    private init(_ channel: any Channel, _ inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    /// Connects; `tls`: with a handshake first.
    static func connect(_ port: UInt16, tls: Wishes? = nil) async throws -> TLSClient {
        let inbox = Inbox()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(try tls.handler(inbox)) }
                    try channel.pipeline.syncOperations.addHandler(inbox)
                }
            }.connect(host: "127.0.0.1", port: Int(port)).get()
        let client = TLSClient(channel, inbox)
        if tls != nil { try await inbox.wait(channel.eventLoop) { $0.isEncrypted } }
        return client
    }

    func startTLS(_ wishes: Wishes = Wishes()) async throws {
        let (channel, inbox) = (self.channel, self.inbox)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(try wishes.handler(inbox), position: .before(inbox))
        }.get()
        try await inbox.wait(channel.eventLoop) { $0.isEncrypted }
    }

    func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    func send(_ octets: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: octets)).get()
    }

    /// Octets that go around TLS.
    func sendBeneath(_ octets: [UInt8]) async throws {
        let channel = self.channel
        try await channel.eventLoop.flatSubmit {
            let sent = channel.eventLoop.makePromise(of: Void.self)
            do {
                let tls = try channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self)
                tls.writeAndFlush(NIOAny(ByteBuffer(bytes: octets)), promise: sent)
            } catch {
                sent.fail(error)
            }
            return sent.futureResult
        }.get()
    }

    /// Keeps octets back until more go out, so that both leave in one piece.
    func hold(_ octets: [UInt8]) { self.channel.write(ByteBuffer(bytes: octets), promise: nil) }

    /// The next reply: its code and all its lines.
    func answer() async throws -> (code: Int, text: String) {
        var lines: [String] = []
        while true {
            let line = try await self.inbox.line(self.channel.eventLoop)
            lines.append(line)
            guard let code = Int(line.prefix(3)) else { throw Failure.notSMTP(line) }
            if line.dropFirst(3).first != "-" { return (code, lines.joined(separator: "\n")) }
        }
    }

    func say(_ line: String) async throws -> (code: Int, text: String) {
        try await self.send(line + "\r\n")
        return try await self.answer()
    }

    /// Whether the server closes without another word.
    func isClosed() async throws -> Bool {
        try await self.inbox.wait(self.channel.eventLoop) { $0.isClosed || !$0.octets.isEmpty }
        return self.inbox.state.withLock { $0.octets.isEmpty }
    }

    /// What the connection broke of.
    var failure: (any Error)? { self.inbox.state.withLock { $0.failure } }

    /// The serial number of the server's certificate.
    var serverSerial: [UInt8] { self.inbox.state.withLock { $0.serial } }

    func close() { self.channel.close(promise: nil) }
}

/// What came, and who waits for it.
private final class Inbox: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    struct State {
        var octets: [UInt8] = []
        var isEncrypted = false
        var isClosed = false
        var failure: (any Error)?
        var serial: [UInt8] = []
        var waiter: CheckedContinuation<Void, Never>?
    }
    let state = Mutex(State())

    private func change(_ change: (inout State) -> Void) {
        let waiter = self.state.withLock { state in
            change(&state)
            return state.waiter.take()
        }
        waiter?.resume()
    }

    func shown(_ chain: [NIOSSLCertificate]) {
        let serial = chain.first?.serialNumber ?? []
        self.change { $0.serial = serial }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let octets = Array(self.unwrapInboundIn(data).readableBytesView)
        self.change { $0.octets += octets }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { self.change { $0.isEncrypted = true } }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.change { $0.failure = $0.failure ?? error }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { self.change { $0.isClosed = true } }

    /// Waits until something is so.
    func wait(_ loop: any EventLoop, _ condition: (State) -> Bool) async throws {
        let limit = NIODeadline.now() + .seconds(10)
        while true {
            let outcome: Result<Bool, any Error> = self.state.withLock { state in
                if condition(state) { return .success(true) }
                if state.isClosed { return .failure(state.failure ?? TLSClient.Failure.closed) }
                return .success(false)
            }
            if try outcome.get() { return }
            guard NIODeadline.now() < limit else { throw TLSClient.Failure.timeout }
            let timer = loop.scheduleTask(deadline: limit) { self.change { _ in } }
            await withCheckedContinuation { continuation in
                let isSo = self.state.withLock { state in
                    if condition(state) || state.isClosed { return true }
                    state.waiter = continuation
                    return false
                }
                if isSo { continuation.resume() }
            }
            timer.cancel()
        }
    }

    func line(_ loop: any EventLoop) async throws -> String {
        try await self.wait(loop) { $0.octets.contains(10) }
        return try self.state.withLock { state in
            guard let end = state.octets.firstIndex(of: 10) else { return "" }
            let line = state.octets[..<end]
            state.octets.removeSubrange(...end)
            guard line.last == 13 else { throw TLSClient.Failure.notSMTP(String(decoding: line, as: UTF8.self)) }
            return String(decoding: line.dropLast(), as: UTF8.self)
        }
    }
}
