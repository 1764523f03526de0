// OneResult.swift
//
// What another thread will find out, for a task that waits.

import Synchronization

/// A result that comes once: from whoever was asked or from the waiting task's cancellation, whichever is first.
final class OneResult<Value: Sendable, Failure: Error>: Sendable {
    private enum State {
        case fresh
        case waiting(CheckedContinuation<Result<Value, Failure>, Never>)
        case finished(Result<Value, Failure>)
    }

    private let state = Mutex(State.fresh)

    var isFinished: Bool {
        self.state.withLock { state in
            if case .finished = state { true } else { false }
        }
    }

    func finish(_ result: Result<Value, Failure>) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Result<Value, Failure>, Never>? in
            switch state {
            case .finished: return nil
            case .fresh:
                state = .finished(result)
                return nil
            case .waiting(let continuation):
                state = .finished(result)
                return continuation
            }
        }
        waiter?.resume(returning: result)
    }

    /// Waits; a cancelled task gets `cancelled`.
    func value(cancelled: Failure) async -> Result<Value, Failure> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = self.state.withLock { state -> Result<Value, Failure>? in
                    if case .finished(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            self.finish(.failure(cancelled))
        }
    }
}
