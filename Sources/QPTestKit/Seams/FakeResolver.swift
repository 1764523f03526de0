// FakeResolver.swift
//
// A DNS that is a table.

public import QPHooks
import Synchronization

/// A DNS whose answers a test wrote down; every other name does not exist.
public final class FakeResolver: Resolver {
    private struct State {
        var answers: [DNSQuestion: Result<DNSAnswer, DNSError>]
        var asked: [DNSQuestion] = []
        var silent: Set<DNSQuestion> = []
        var abandoned: Set<DNSQuestion> = []
        var waiting: [DNSQuestion: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let state: Mutex<State>

    /// Takes a table.
    public init(_ answers: [DNSQuestion: Result<DNSAnswer, DNSError>] = [:]) {
        self.state = Mutex(State(answers: answers))
    }

    /// The questions so far, in order.
    public var asked: [DNSQuestion] { self.state.withLock(\.asked) }

    /// Silent questions whose asker was cancelled.
    public var abandoned: Set<DNSQuestion> { self.state.withLock(\.abandoned) }

    /// Makes a question wait for an answer until the task that asks is cancelled.
    public func silence(_ question: DNSQuestion) { self.state.withLock { _ = $0.silent.insert(question) } }

    /// The answer to a question; `nil` takes it away.
    public subscript(question: DNSQuestion) -> Result<DNSAnswer, DNSError>? {
        get { self.state.withLock { $0.answers[question] } }
        set { self.state.withLock { $0.answers[question] = newValue } }
    }

    /// Gives the answer of the table at once, unless the question is silent.
    public func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        let (answer, isSilent) = self.state.withLock { state in
            state.asked.append(question)
            return (state.answers[question], state.silent.contains(question))
        }
        if isSilent {
            await self.untilAbandoned(question)
            throw .timedOut
        }
        guard let answer else { throw .noSuchName }
        return try answer.get()
    }

    private func untilAbandoned(_ question: DNSQuestion) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = self.state.withLock { state in
                    if state.abandoned.contains(question) { return true }
                    state.waiting[question, default: []].append(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiting = self.state.withLock { state in
                state.abandoned.insert(question)
                return state.waiting.removeValue(forKey: question) ?? []
            }
            for continuation in waiting { continuation.resume() }
        }
    }
}
