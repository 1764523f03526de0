// Listener.swift
//
// Accepting channels on sockets that were bound before.

import NIOCore
import NIOPosix
import QPActors

/// One listening socket on one loop.
struct Listener {
    let name: String
    let channel: any Channel

    /// Adopts a bound socket. `loops` take the clients in turn; with one, the clients stay on the acceptor's loop.
    static func start(
        descriptor: CInt, name: String, on acceptor: any EventLoop, clients: any EventLoopGroup,
        setup: @escaping @Sendable (any EventLoop) -> RimSetup
    ) async throws -> Listener {
        let channel = try await ServerBootstrap(group: acceptor, childGroup: clients)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelInitializer { channel in
                do {
                    // Here, not as a child option: those are set through a future each.
                    try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                    let rim = NIORim(setup(channel.eventLoop))
                    if let first = rim.proxyHeaderHandler {
                        try channel.pipeline.syncOperations.addHandler(first)
                    }
                    try channel.pipeline.syncOperations.addHandler(rim)
                    return channel.eventLoop.makeSucceededVoidFuture()
                } catch {
                    return channel.eventLoop.makeFailedFuture(error)
                }
            }
            .withBoundSocket(descriptor)
            .get()
        return Listener(name: name, channel: channel)
    }
}
