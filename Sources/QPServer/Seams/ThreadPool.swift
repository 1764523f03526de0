// ThreadPool.swift
//
// Blocking work off the event loops.

import NIOPosix
import QPHooks
import Synchronization

/// A pool of threads with a bound on what waits for one.
package final class ThreadPool: Offloader {
    private let pool: NIOThreadPool
    private let limit: Int
    private let count = Atomic<Int>(0)

    /// - Parameters:
    ///   - threads: how many; they are started now.
    ///   - limit: pieces of work that may run and wait together; more are refused at once.
    package init(threads: Int, limit: Int = 10_000) {
        self.pool = NIOThreadPool(numberOfThreads: max(1, threads))
        self.limit = limit
        self.pool.start()
    }

    /// Pieces of work that run or wait.
    package var pending: Int { self.count.load(ordering: .relaxed) }

    package func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        guard self.count.wrappingAdd(1, ordering: .relaxed).newValue <= self.limit else {
            self.count.wrappingSubtract(1, ordering: .relaxed)
            throw EffectError.failed("too much work waits for a thread")
        }
        defer { self.count.wrappingSubtract(1, ordering: .relaxed) }
        return try await self.pool.runIfActive(work)
    }

    /// Runs work that nobody waits for; `orElse` instead when the pool has ended.
    func later(_ work: @escaping @Sendable () -> Void, orElse: @escaping @Sendable () -> Void = {}) {
        self.pool.submit { state in
            if state == .active { work() } else { orElse() }
        }
    }

    /// Ends the threads; work that waits is refused.
    package func shutdown() async {
        try? await self.pool.shutdownGracefully()
    }
}

extension Offloader {
    /// Runs work whose errors are effect errors.
    func effect<Result: Sendable>(
        _ what: String, _ work: @escaping @Sendable () throws -> Result
    ) async throws(EffectError) -> Result {
        do {
            return try await self.run(work)
        } catch let error as EffectError {
            throw error
        } catch is CancellationError {
            throw .failed("\(what): cancelled")
        } catch {
            throw .failed("\(what): \(error)")
        }
    }
}
