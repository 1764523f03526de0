// FakeHTTP.swift
//
// A web that is a table.

public import QPHooks
import Synchronization

/// HTTP whose answers a test wrote down by address; every other address is 404.
public final class FakeHTTP: HTTPFetcher {
    private struct State {
        var answers: [String: Result<HTTPResponse, EffectError>]
        var requests: [HTTPRequest] = []
    }

    private let state: Mutex<State>

    /// Takes a table.
    public init(_ answers: [String: Result<HTTPResponse, EffectError>] = [:]) {
        self.state = Mutex(State(answers: answers))
    }

    /// The requests so far, in order.
    public var requests: [HTTPRequest] { self.state.withLock(\.requests) }

    /// The answer of an address.
    public subscript(url: String) -> Result<HTTPResponse, EffectError>? {
        get { self.state.withLock { $0.answers[url] } }
        set { self.state.withLock { $0.answers[url] = newValue } }
    }

    /// Gives the answer of the table at once.
    public func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        let answer = self.state.withLock { state in
            state.requests.append(request)
            return state.answers[request.url]
        }
        guard let answer else { return HTTPResponse(status: 404, body: []) }
        let response = try answer.get()
        guard response.body.count <= limit else { throw .tooLong(request.url) }
        return response
    }
}
