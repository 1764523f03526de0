// EndOfServer.swift
//
// Who waits for the end of a server, and how it is told.

import Synchronization

/// Between the signal thread, the server's task and the main thread.
final class EndOfServer: Sendable {
    private struct State {
        var isStopping = false
        var isFinished = false
        var failure: String?
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())
    private let finished: WakeUp

    init() throws(StartError) { self.finished = try WakeUp() }

    func stop() {
        let waiter = self.state.withLock { state in
            state.isStopping = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func fail(_ text: String) {
        self.state.withLock { $0.failure = text }
        self.stop()
    }

    func stopped() async {
        await withCheckedContinuation { continuation in
            let isStopping = self.state.withLock { state in
                if !state.isStopping { state.waiter = continuation }
                return state.isStopping
            }
            if isStopping { continuation.resume() }
        }
    }

    func finish() {
        self.state.withLock { $0.isFinished = true }
        self.finished.wake()
    }

    /// Blocks the main thread until the server has ended; gives why it could not start.
    func wait() -> String? {
        while true {
            let (isFinished, failure) = self.state.withLock { ($0.isFinished, $0.failure) }
            if isFinished { return failure }
            self.finished.wait()
        }
    }
}
