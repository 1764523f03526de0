// DNSQuery.swift
//
// A question that somebody waits for.

import QPHooks
import Synchronization

/// One question: answered, timed out or cancelled, whichever comes first, and only once.
final class DNSQuery: Sendable {
    private enum State {
        case fresh
        case waiting(CheckedContinuation<Result<DNSAnswer, DNSError>, Never>)
        case finished(Result<DNSAnswer, DNSError>)
    }

    let question: DNSQuestion
    let deadline: MonotonicTime
    private let state = Mutex(State.fresh)

    init(_ question: DNSQuestion, deadline: MonotonicTime) {
        self.question = question
        self.deadline = deadline
    }

    var isFinished: Bool {
        self.state.withLock { state in
            if case .finished = state { true } else { false }
        }
    }

    func finish(_ result: Result<DNSAnswer, DNSError>) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Result<DNSAnswer, DNSError>, Never>? in
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

    func answer() async -> Result<DNSAnswer, DNSError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = self.state.withLock { state -> Result<DNSAnswer, DNSError>? in
                    if case .finished(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            self.finish(.failure(.temporary("cancelled")))
        }
    }
}
