// ProxyHeaderHandler.swift
//
// The PROXY protocol of HAProxy in front of a session: until a trusted proxy has said who the client is, there is none.

import NIOCore
import QPActors
import QPHooks

/// So that connections without a proxy carry no more than its absence.
final class ProxiedClientBox: Sendable {
    let client: ProxiedClient

    init(_ client: ProxiedClient) {
        self.client = client
    }
}

/// Both ends of a connection, as the system or a proxy knows them.
struct ProxiedClient: Sendable, Hashable {
    let remote: ProxyHeader.Endpoint
    let local: ProxyHeader.Endpoint
    let isAsserted: Bool
    /// Whether there is a client whom the proxy did not name.
    let isUnknown: Bool

    /// What the system says of a channel.
    init?(peerOf channel: any Channel, isUnknown: Bool = false) {
        guard let remote = channel.remoteAddress, let local = channel.localAddress,
            let remoteIP = IPAddress(remote), let localIP = IPAddress(local)
        else { return nil }
        self.remote = .init(remoteIP, port: UInt16(clamping: remote.port ?? 0))
        self.local = .init(localIP, port: UInt16(clamping: local.port ?? 0))
        self.isAsserted = isUnknown
        self.isUnknown = isUnknown
    }

    /// What a proxy says.
    init(_ remote: ProxyHeader.Endpoint, to local: ProxyHeader.Endpoint) {
        self.remote = remote
        self.local = local
        self.isAsserted = true
        self.isUnknown = false
    }

    func connection(_ listener: String, acceptedAt: Int64) -> Connection {
        Connection(
            remoteAddress: self.remote.address, remotePort: self.remote.port, localAddress: self.local.address,
            localPort: self.local.port, listener: listener, acceptedAt: acceptedAt, isAsserted: self.isAsserted,
            isUnknown: self.isUnknown)
    }
}

extension NIORim {
    /// What stands in front of it; `nil` on listeners without proxy.
    var proxyHeaderHandler: ProxyHeaderHandler? {
        self.setup.session.options.contains(.proxy) ? ProxyHeaderHandler(self) : nil
    }
}

/// Keeps a connection to itself until its header is there; then it goes. Whoever is not trusted is closed at once, so that
/// only trusted proxies can leave connections waiting, and of those there is a most (`Supervisor.admitPending`).
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler, DeadlineTarget, @unchecked Sendable {
    // Invariant: everything that changes is touched on the channel's loop only.
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// How long the header may take.
    private static let timeLimit: Int64 = 5_000_000_000

    private let rim: NIORim
    private let setup: RimSetup
    private let node = WheelNode()
    private var context: ChannelHandlerContext?
    private var input: [UInt8] = []
    private var hasPlace = false
    private var isOver = false
    /// The client is known, and whatever happens is for its session; the handler is about to go.
    private var isHandedOver = false

    init(_ rim: NIORim) {
        self.rim = rim
        self.setup = rim.setup
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        guard let peer = context.channel.remoteAddress.flatMap({ IPAddress($0) }) else {
            return self.end(context)
        }
        let supervisor = self.setup.session.supervisor
        guard supervisor.generation.settings.proxyNetworks.contains(peer) else {
            return self.refuse(context, "[\(peer)] is not in proxy_networks")
        }
        guard supervisor.admitPending() else {
            self.setup.session.listener.count(.total)
            self.log("[\(peer)]: too many connections wait for their PROXY header")
            return self.end(context)
        }
        self.hasPlace = true
        self.context = context
        let limit = self.setup.core.loop.monotonicNow() &+ Self.timeLimit
        self.setup.core.setDeadline(self.node, to: limit, for: self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isHandedOver { return context.fireChannelRead(data) }
        // Nothing is read any more after the end.
        guard !self.isOver else { return }
        let buffer = self.unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { self.input.append(contentsOf: $0) }
        switch ProxyHeader.parse(self.input.span) {
        case .incomplete: break
        case .invalid(let fault): self.refuse(context, fault.rawValue)
        case .complete(let header, let length): self.take(header, length, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.isHandedOver { context.fireChannelReadComplete() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.isHandedOver { return context.fireUserInboundEventTriggered(event) }
        if let event = event as? ChannelEvent, event == .inputClosed { self.refuse(context, "no PROXY header") }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish()
        if self.isHandedOver { context.fireChannelInactive() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.isHandedOver { return context.fireErrorCaught(error) }
        self.end(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.finish() }

    func deadlinePassed() {
        guard let context = self.context else { return }
        self.refuse(context, "no PROXY header within 5 s")
    }

    // MARK: Header

    private func take(_ header: ProxyHeader, _ length: Int, _ context: ChannelHandlerContext) {
        switch header {
        case .local:
            break
        case .unknown:
            // The proxy is not the client: what its address may do is not for whoever is behind it.
            self.rim.asserted = ProxiedClient(peerOf: context.channel, isUnknown: true).map(ProxiedClientBox.init)
        case .client(let source, let destination):
            guard source.address.mayBeClient else {
                return self.refuse(context, "PROXY header for a client at \(source.address)")
            }
            self.rim.asserted = ProxiedClientBox(ProxiedClient(source, to: destination))
        }
        let rest = self.input.dropFirst(length)
        self.finish()
        self.isHandedOver = true
        context.fireChannelActive()
        if !rest.isEmpty, context.channel.isActive {
            context.fireChannelRead(self.wrapInboundOut(context.channel.allocator.buffer(bytes: rest)))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func refuse(_ context: ChannelHandlerContext, _ why: String) {
        guard !self.isOver else { return }
        self.setup.session.listener.count(.proxy)
        let peer = context.channel.remoteAddress.flatMap { IPAddress($0) }.map { "\($0)" } ?? "?"
        self.log("PROXY refused from [\(peer)]: \(why)")
        self.end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        self.finish()
        context.close(promise: nil)
    }

    private func finish() {
        self.isOver = true
        self.context = nil
        self.input = []
        self.setup.core.removeDeadline(self.node)
        guard self.hasPlace else { return }
        self.hasPlace = false
        self.setup.session.supervisor.releasePending()
    }

    private func log(_ text: String) {
        let log = self.setup.session.seams.log
        guard log.accepts(.notice, plugin: nil) else { return }
        log.log(
            LoggingEvent(
                level: .notice, hook: nil, plugin: nil, session: nil, sessionNumber: 0, transaction: 0, text: text,
                fields: [("listener", self.setup.listener)], wallTime: self.setup.core.loop.wallNow()))
    }
}
