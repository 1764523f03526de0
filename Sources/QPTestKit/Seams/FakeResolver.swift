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
    }

    private let state: Mutex<State>

    /// Takes a table.
    public init(_ answers: [DNSQuestion: Result<DNSAnswer, DNSError>] = [:]) {
        self.state = Mutex(State(answers: answers))
    }

    /// The questions so far, in order.
    public var asked: [DNSQuestion] { self.state.withLock(\.asked) }

    /// The answer to a question; `nil` takes it away.
    public subscript(question: DNSQuestion) -> Result<DNSAnswer, DNSError>? {
        get { self.state.withLock { $0.answers[question] } }
        set { self.state.withLock { $0.answers[question] = newValue } }
    }

    /// Gives the answer of the table at once.
    public func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        let answer = self.state.withLock { state in
            state.asked.append(question)
            return state.answers[question]
        }
        guard let answer else { throw .noSuchName }
        return try answer.get()
    }
}
