// AdminServer.swift
//
// A running endpoint: its loop, its sockets, its connections.

import NIOCore
import NIOPosix
import QPTelemetry

/// Serves until it is stopped.
final class AdminServer: AdminEndpoint {
    private let group: MultiThreadedEventLoopGroup
    /// Tasks only refer to it.
    private let executor: LoopTaskExecutor
    private let connections: OpenConnections
    private let task: Task<Void, Never>

    private init(
        group: MultiThreadedEventLoopGroup, executor: LoopTaskExecutor, connections: OpenConnections,
        listeners: [AdminListener.Bound]
    ) {
        self.group = group
        self.executor = executor
        self.connections = connections
        self.task = Task(executorPreference: executor) {
            await withDiscardingTaskGroup { tasks in
                for listener in listeners {
                    tasks.addTask { await listener.run() }
                }
            }
        }
    }

    static func start(_ setup: AdminSetup, _ limits: ConnectionLimits = .init()) async throws -> AdminServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = OpenConnections()
        let responder = AdminResponder(setup)
        var bound: [AdminListener.Bound] = []
        do {
            for socket in setup.sockets {
                let listener = try AdminListener(
                    socket: socket, setup: setup, limits: limits, responder: responder, connections: connections)
                bound.append(try await listener.bind(on: group))
            }
        } catch {
            for listener in bound { try? await listener.channel.channel.close() }
            try? await group.shutdownGracefully()
            throw error
        }
        return AdminServer(
            group: group, executor: LoopTaskExecutor(group.next()), connections: connections, listeners: bound)
    }

    func stop() async {
        self.task.cancel()
        for channel in self.connections.close() { channel.close(promise: nil) }
        await self.task.value
        try? await self.group.shutdownGracefully()
    }
}
