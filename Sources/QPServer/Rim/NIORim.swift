// NIORim.swift
//
// The channel handler: inputs in, effects out. The session never sees the channel.

import Glibc
import NIOCore
import QPActors
import QPHooks

/// What every connection of a server shares.
final class RimSetup: Sendable {
    let session: SessionSetup
    let listener: String
    let recorder: (@Sendable (SessionID) -> (any SessionRecorder)?)?
    let sessions: LiveSessions
    /// The loop.
    let core: LoopCore
    /// The certificates for the next handshake; `nil`: there are none.
    let identities: @Sendable () -> TLSIdentities?

    init(
        session: SessionSetup, listener: String, sessions: LiveSessions,
        identities: @escaping @Sendable () -> TLSIdentities? = { nil },
        recorder: (@Sendable (SessionID) -> (any SessionRecorder)?)? = nil
    ) {
        self.identities = identities
        self.session = session
        self.listener = listener
        self.sessions = sessions
        self.recorder = recorder
        self.core = session.core
    }
}

/// One connection, between its channel and its session.
final class NIORim: ChannelInboundHandler, SessionTransport, DeadlineTarget, @unchecked Sendable {
    // Invariant: everything that changes is touched on the channel's loop only.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let setup: RimSetup
    @exclusivity(unchecked) private(set) var context: ChannelHandlerContext?
    @exclusivity(unchecked) private(set) var session: Session?
    /// The TLS handshake that goes on.
    @exclusivity(unchecked) var handshake: TLSHandshake?
    private var arrival: LoopArrival?
    private var refused: LoopArrival?
    private var early: [ByteBuffer] = []
    @exclusivity(unchecked) var unread: ByteBuffer?
    private let node = WheelNode()
    private var place = -1
    @exclusivity(unchecked) private var inputEnded = false
    @exclusivity(unchecked) private var isLingering = false
    private var lingered = 0
    private var isClosing = false
    /// Whether it is one of those who are turned away and wait for the client to close.
    private var isTurnedAway = false
    @exclusivity(unchecked) private var isClosed = false
    private var drainIsScheduled = false
    /// Who the client is, if a proxy said so.
    var asserted: ProxiedClientBox?

    init(_ setup: RimSetup) {
        self.setup = setup
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        guard let client = self.asserted?.client ?? ProxiedClient(peerOf: context.channel) else {
            return context.close(promise: nil)
        }
        let connection = client.connection(self.setup.listener, acceptedAt: self.setup.core.loop.wallNow())
        let begun = LoopArrival.begin(
            connection, setup: self.setup.session
        ) { outcome in self.arrived(outcome) }
        switch begun {
        case .failure(let turnedAway):
            // Nobody counts them: while there are very many, they get no time to close their side.
            self.isTurnedAway = self.setup.sessions.takeFarewell()
            self.sayAndClose(turnedAway.reply, gently: self.isTurnedAway)
        case .success(let arrival?):
            self.arrival = arrival
            arrival.start()
        case .success(nil):
            break
        }
    }

    private func arrived(_ outcome: ArrivalOutcome) {
        let arrival = self.arrival
        self.arrival = nil
        switch outcome {
        case .refused(let reply):
            self.refused = arrival
            if self.isClosed {
                self.giveRefusedPlaceBack()
            } else {
                self.sayAndClose(reply)
            }
        case .welcome(let result):
            let session = Session(
                self.setup.session, transport: self, recorder: self.setup.recorder?(result.id), result)
            self.session = session
            self.place = self.setup.sessions.insert(session)
            let (early, inputEnded) = (self.early, self.inputEnded)
            self.early = []
            let beginsWithTLS = self.setup.session.options.contains(.tls)
            self.apply(
                session.assumeIsolated { session in
                    session.opened()
                    if beginsWithTLS { return session.takeOutput() }
                    for buffer in early { buffer.withUnsafeReadableBytes { session.received($0) } }
                    if inputEnded { session.inputEnded() }
                    return session.takeOutput()
                })
            if beginsWithTLS { for buffer in early { self.handshakeReceived(buffer) } }
            if beginsWithTLS, inputEnded { self.handshakeFailed(.closed, "client left") }
            // From here on the session says when to stop reading.
            if early.count >= Self.earlyBuffers, !session.assumeIsolated({ $0.isPaused }) { self.setReading(true) }
        }
    }

    /// Bufferfuls that a client may send before it is welcome.
    private static let earlyBuffers = 16

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        if self.isLingering {
            self.lingered += buffer.readableBytes
            if self.lingered > Self.lingerOctets { context.close(promise: nil) }
            return
        }
        if let handshake = self.handshake, !handshake.hasBegun {
            self.handshakeReceived(buffer)
        } else if self.session != nil {
            // Kept until the batch is complete, so that the session is entered once for it.
            if let waiting = self.unread { self.feed(waiting) }
            self.unread = buffer
        } else if self.arrival != nil {
            self.early.append(buffer)
            if self.early.count >= Self.earlyBuffers { self.setReading(false) }
        }
    }

    private func feed(_ buffer: ByteBuffer) {
        guard let session = self.session else { return }
        session.assumeIsolated { session in buffer.withUnsafeReadableBytes { session.received($0) } }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard let session = self.session else { return }
        guard let buffer = self.unread else { return self.drain() }
        self.unread = nil
        self.apply(buffer.withUnsafeReadableBytes { session.exchange($0) })
    }

    /// Octets that came last, before their batch is complete.
    private func feedUnread() {
        guard let buffer = self.unread else { return }
        self.unread = nil
        self.feed(buffer)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        self.session?.assumeIsolated { $0.writabilityChanged(isWritable) }
        self.drain()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.takeHandshakeEvent(event) { return context.fireUserInboundEventTriggered(event) }
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.inputEnded = true
            if self.isClosing { return self.closeBeneathTLS(context) }
            self.feedUnread()
            self.session?.assumeIsolated { $0.inputEnded() }
            self.drain()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.feedUnread()
        self.context = nil
        self.isClosed = true
        self.early = []
        self.setup.core.removeDeadline(self.node)
        self.arrival?.abandon()
        self.arrival = nil
        self.giveRefusedPlaceBack()
        if self.isTurnedAway { self.setup.sessions.giveFarewellBack() }
        if let session = self.session {
            self.apply(
                session.assumeIsolated { session in
                    session.connectionClosed()
                    return session.takeOutput()
                })
            self.setup.sessions.remove(self.place)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.takeTLSError(error) { return }
        context.close(promise: nil)
    }

    // MARK: Session

    func outputPending() {
        guard !self.drainIsScheduled else { return }
        self.drainIsScheduled = true
        self.setup.core.loop.execute {
            self.drainIsScheduled = false
            self.drain()
        }
    }

    func deadlinePassed() {
        if self.isLingering {
            self.context?.close(promise: nil)
            return
        }
        self.session?.assumeIsolated { $0.deadlinePassed() }
        self.drain()
    }

    /// Takes what the session left and does it; outside of the actor, because a write may call back at once.
    func drain() {
        guard let session = self.session else { return }
        self.apply(session.assumeIsolated { $0.takeOutput() })
    }

    private func apply(_ output: consuming SessionOutput) {
        let core = self.setup.core
        if self.isClosed {
            // Farewell hooks may still run after the channel is gone; their limit needs the deadline.
            if output.deadline != .max {
                core.setDeadline(self.node, to: output.deadline, for: self)
            } else {
                core.removeDeadline(self.node)
            }
            return
        }
        // Taken out of the output, so that nobody else holds them when they are given back.
        var bytes: [UInt8] = []
        swap(&bytes, &output.bytes)
        // Nothing leaves in clear once a handshake was promised.
        if !bytes.isEmpty, self.handshake == nil, let context = self.context {
            context.writeAndFlush(self.wrapOutboundOut(self.setup.sessions.buffer(bytes)), promise: nil)
        }
        core.giveBack(bytes)
        self.apply(output.effects)
        if !self.isLingering, !self.isClosed, output.deadline != self.node.deadline {
            if output.deadline == .max {
                core.removeDeadline(self.node)
            } else {
                core.setDeadline(self.node, to: output.deadline, for: self)
            }
        }
    }

    private func apply(_ effects: SessionEffects) {
        guard !effects.isEmpty else { return }
        if effects.contains(.startTLS) { self.startHandshake() }
        if effects.contains(.pause) { self.setReading(false) }
        if effects.contains(.resume) { self.setReading(true) }
        if effects.contains(.continueLater) {
            self.setup.core.loop.execute {
                self.session?.assumeIsolated { $0.continued() }
                self.drain()
            }
        }
        if effects.contains(.abort) {
            self.context?.close(promise: nil)
        } else if effects.contains(.close) {
            self.close(gently: !effects.contains(.quit))
        }
    }

    private func setReading(_ isOn: Bool) {
        guard let context = self.context else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }

    // MARK: Closing

    private func sayAndClose(_ reply: [UInt8], gently: Bool = true) {
        guard let context = self.context else { return }
        // Where TLS comes first, clear text means nothing.
        if self.setup.session.options.contains(.tls) { return context.close(promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(context.channel.allocator.buffer(bytes: reply)), promise: nil)
        self.close(gently: gently)
    }

    /// How long a client that was told goodbye may take to close its side.
    private static let lingerTime: Int64 = 2_000_000_000
    /// How much is thrown away for it meanwhile: clients that send without end would keep the loop busy.
    private static let lingerOctets = 4 << 20

    /// Gently: our side is closed first, and what the client still sends is thrown away; a plain close with unread
    /// input would make the system send a reset, which can destroy our last reply.
    private func close(gently: Bool) {
        guard let context = self.context, !self.isLingering else { return }
        if let handshake = self.handshake { return handshake.close(context) }
        self.isClosing = true
        guard gently, !self.inputEnded else { return context.close(promise: nil) }
        self.isLingering = true
        self.setReading(true)
        self.setup.core.setDeadline(self.node, to: self.setup.core.loop.monotonicNow() &+ Self.lingerTime, for: self)
        context.close(mode: .output, promise: nil)
    }

    private func giveRefusedPlaceBack() {
        guard self.isClosed else { return }
        self.refused?.refusedClientClosed()
        self.refused = nil
    }
}

/// What the connections of one loop share: the live sessions, for the operator's wishes, and a buffer. Loop-local.
final class LiveSessions: @unchecked Sendable {
    // Invariant: touched on the loop only.
    private var slots: [Session?] = []
    private var free: [Int] = []
    @exclusivity(unchecked) private var output = ByteBuffer()
    /// Descriptors for clients that were turned away, until they close their side.
    private var farewells: Int

    init(farewells: Int) {
        self.farewells = farewells
    }

    /// Takes a place for a client that is turned away; false if there is none.
    func takeFarewell() -> Bool {
        guard self.farewells > 0 else { return false }
        self.farewells -= 1
        return true
    }

    func giveFarewellBack() { self.farewells += 1 }

    /// Every live session.
    var all: [Session] { self.slots.compactMap { $0 } }

    /// Looks at the sessions of some places; gives where to go on, `nil` at the end.
    func visit(from start: Int, atMost count: Int, _ look: (Session) -> Void) -> Int? {
        let end = min(start + count, self.slots.count)
        guard start < end else { return nil }
        for session in self.slots[start..<end] {
            if let session { look(session) }
        }
        return end < self.slots.count ? end : nil
    }

    /// Takes a session; gives the place to name when it goes.
    func insert(_ session: Session) -> Int {
        if let place = self.free.popLast() {
            self.slots[place] = session
            return place
        }
        self.slots.append(session)
        return self.slots.count - 1
    }

    func remove(_ place: Int) {
        guard self.slots.indices.contains(place), self.slots[place] != nil else { return }
        self.slots[place] = nil
        self.free.append(place)
    }

    /// Octets in a buffer that is used again as soon as its former content has left.
    func buffer(_ bytes: [UInt8]) -> ByteBuffer {
        self.output.clear(minimumCapacity: 512)
        bytes.withUnsafeBytes { _ = self.output.writeBytes($0) }
        return self.output
    }
}

extension IPAddress {
    /// The address of a socket; `nil` for local sockets.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let v4):
            // struct sockaddr_in: family, port, then four octets of address.
            self = withUnsafeBytes(of: v4.address) { bytes in
                IPAddress(ipv4: bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
            }
        case .v6(let v6):
            // struct sockaddr_in6: family, port, flow, then sixteen octets of address.
            let bytes = withUnsafeBytes(of: v6.address) { Array($0[8..<24]) }
            guard let address = IPAddress(bytes: bytes) else { return nil }
            self = address
        case .unixDomainSocket:
            return nil
        }
    }
}
