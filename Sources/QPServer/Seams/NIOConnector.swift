// NIOConnector.swift
//
// Connections to other servers, over SwiftNIO.

import NIOCore
package import NIOPosix
package import QPHooks

/// Opens connections on the server's event loops: on the caller's own, if it has one.
package final class NIOConnector: Connector {
    private static let maxAddresses = 8

    private let group: MultiThreadedEventLoopGroup
    private let pool: ThreadPool
    private let contexts: ClientTLSContexts

    /// Connects on the loops of a group; names are resolved on the threads of a pool.
    package init(group: MultiThreadedEventLoopGroup, pool: ThreadPool) {
        self.group = group
        self.pool = pool
        self.contexts = ClientTLSContexts(pool: pool)
    }

    package func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream {
        let what = "connection to \(destination)"
        let deadline = NIODeadline.now() + .nanoseconds(max(0, timeout.clampedNanoseconds))
        let loop = self.group.any()
        var last = EffectError.failed("\(what): no address")
        let addresses = try await self.addresses(destination, what, loop, deadline)
        for (index, address) in addresses.enumerated() {
            let left = deadline - .now()
            guard left > .zero else { throw .timedOut(what) }
            guard !Task.isCancelled else { throw .failed("\(what): cancelled") }
            // A dead address must leave time for the next one.
            let share = TimeAmount.nanoseconds(left.nanoseconds / Int64(addresses.count - index))
            do throws(EffectError) {
                return try await self.connect(address, what, loop, share)
            } catch {
                last = error
            }
        }
        throw last
    }

    private func connect(
        _ address: SocketAddress, _ what: String, _ loop: any EventLoop, _ timeout: TimeAmount
    ) async throws(EffectError) -> NIOByteStream {
        let contexts = self.contexts
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            // One read call of the socket for each read of ours: what is not asked for stays with the system.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 65536))
        do {
            return try await bootstrap.connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .v4 = address { try Self.setNoDelay(channel) }
                    if case .v6 = address { try Self.setNoDelay(channel) }
                    let handler = StreamHandler(what)
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return NIOByteStream(channel, NIOLoopBound(handler, eventLoop: channel.eventLoop), what, contexts)
                }
            }
        } catch ChannelError.connectTimeout {
            throw .timedOut(what)
        } catch is CancellationError {
            throw .failed("\(what): cancelled")
        } catch {
            throw StreamHandler.effectError(error, what)
        }
    }

    private static func setNoDelay(_ channel: any Channel) throws {
        try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    // MARK: Names

    private func addresses(
        _ destination: Destination, _ what: String, _ loop: any EventLoop, _ deadline: NIODeadline
    ) async throws(EffectError) -> [SocketAddress] {
        switch destination {
        case .unix(let path):
            guard SystemCall.isPath(path), let address = try? SocketAddress(unixDomainSocketPath: path) else {
                throw .failed("\(what): no path")
            }
            return [address]
        case .tcp(let host, let port):
            guard let number = UInt16(exactly: port), number > 0 else { throw .failed("\(what): no port") }
            guard SystemCall.isPath(host), host.utf8.count <= 255 else { throw .failed("\(what): no host") }
            let addresses =
                if let address = IPAddress(host) { [address] } else {
                    try await self.resolve(host, what, loop, deadline)
                }
            return addresses.prefix(Self.maxAddresses).compactMap {
                try? SocketAddress(ipAddress: $0.description, port: port)
            }
        }
    }

    /// getaddrinfo(3) blocks and cannot be stopped: whoever waits for it gives up in time, the thread later.
    private func resolve(
        _ host: String, _ what: String, _ loop: any EventLoop, _ deadline: NIODeadline
    ) async throws(EffectError) -> [IPAddress] {
        let promise = loop.makePromise(of: [IPAddress].self)
        let timer = loop.scheduleTask(deadline: deadline) { promise.fail(EffectError.timedOut(what)) }
        self.pool.later {
            switch SocketName.resolve(host) {
            case .success(let addresses): promise.succeed(addresses)
            case .failure(let error): promise.fail(EffectError.failed("\(what): \(error.text)"))
            }
        } orElse: {
            promise.fail(EffectError.failed("\(what): the server stops"))
        }
        defer { timer.cancel() }
        return try await StreamHandler.value(promise.futureResult, what) {
            promise.fail(EffectError.failed("\(what): cancelled"))
        }
    }
}
