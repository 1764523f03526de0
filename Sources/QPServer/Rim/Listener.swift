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
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 1024, maximum: 65536))
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 64 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIORim(setup(channel.eventLoop)))
                }
            }
            .withBoundSocket(descriptor)
            .get()
        return Listener(name: name, channel: channel)
    }
}
