// AdminListener.swift
//
// Accepting on one socket that was bound before.

import Glibc
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import QPTelemetry

/// One socket of the endpoint.
struct AdminListener: Sendable {
    /// A connection and what answers it.
    struct Connection: Sendable {
        let http: HTTP1Channel
        let value: HTTP1Channel.Value
    }

    /// A socket that is accepted on.
    struct Bound: Sendable {
        let channel: NIOAsyncChannel<Connection?, Never>

        /// Serves connections until the socket is closed or the task cancelled.
        func run() async {
            await withDiscardingTaskGroup { tasks in
                try? await self.channel.executeThenClose { connections in
                    for try await case let connection? in connections {
                        tasks.addTask {
                            await connection.http.handle(value: connection.value, logger: AdminListener.silence)
                        }
                    }
                }
                tasks.cancelAll()
            }
        }
    }

    /// Hummingbird's own lines tell an operator nothing.
    static let silence = Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() }

    private let socket: AdminSocket
    private let setup: AdminSetup
    private let responder: AdminResponder
    private let connections: OpenConnections
    private let limits: ConnectionLimits
    private let certificate: ServedCertificate?

    init(
        socket: AdminSocket, setup: AdminSetup, limits: ConnectionLimits, responder: AdminResponder,
        connections: OpenConnections
    ) throws {
        self.socket = socket
        self.setup = setup
        self.responder = responder
        self.connections = connections
        self.limits = limits
        self.certificate = try ServedCertificate(socket, log: setup.log)
    }

    func bind(on group: any EventLoopGroup) async throws -> Bound {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let recovery = AcceptRecovery(spare: self.setup.reserve, log: self.setup.log)
                    try channel.pipeline.syncOperations.addHandler(recovery)
                }
            }
        return Bound(channel: try await bootstrap.bind(self.socket.descriptor) { self.admit($0) })
    }

    private func admit(_ channel: any Channel) -> EventLoopFuture<Connection?> {
        guard self.connections.admit(channel, limit: self.setup.access().maxConnections) else {
            return channel.eventLoop.makeCompletedFuture {
                let refusal = TooManyConnections(isPlain: self.certificate == nil)
                try channel.pipeline.syncOperations.addHandler(refusal)
                return nil
            }
        }
        return self.facts(of: channel).flatMap { facts in
            self.serve(channel, facts)
        }.flatMapError { _ in
            // Thrown on, it would end accepting.
            channel.close(promise: nil)
            return channel.eventLoop.makeSucceededFuture(nil)
        }
    }

    private func serve(_ channel: any Channel, _ facts: ConnectionFacts) -> EventLoopFuture<Connection?> {
        do {
            try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
            // Finds watchers that vanished without a word.
            try? channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(ConnectionDeadlines(self.limits))
            if let certificate = self.certificate {
                try pipeline.addHandler(NIOSSLServerHandler(context: certificate.current()))
            }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        let http = HTTP1Channel(
            responder: { request, writer, _ in
                let response = await self.responder.respond(to: request, over: facts)
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: HTTP1Channel.Configuration(
                idleTimeout: self.limits.idle,
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
        return http.setup(channel: channel, logger: Self.silence).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(RequestProgress(), position: .after(decoder))
            return Connection(http: http, value: value)
        }
    }

    private func facts(of channel: any Channel) -> EventLoopFuture<ConnectionFacts> {
        var facts = ConnectionFacts(socket: self.socket)
        guard self.socket.isUnix else {
            facts.peer = channel.remoteAddress?.ipAddress ?? ""
            facts.local = channel.localAddress?.ipAddress
            return channel.eventLoop.makeSucceededFuture(facts)
        }
        facts.peer = "unix"
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(facts)
        }
        let plain = facts
        return options.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
            .map { (peer: PeerCredentials) in
                var known = plain
                known.user = peer.user
                return known
            }
    }
}

/// What the system says of the other end of a unix socket: its `ucred`.
private struct PeerCredentials: Sendable {
    var process: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0
}

/// What is known of a connection before it says anything.
struct ConnectionFacts: Sendable {
    var socket: AdminSocket
    /// An address, or `unix`.
    var peer: String = ""
    /// The address that was connected to, of TCP.
    var local: String?
    /// The peer's user, of unix sockets.
    var user: UInt32?
}
