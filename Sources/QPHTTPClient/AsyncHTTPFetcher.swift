// AsyncHTTPFetcher.swift
//
// RFC 9110, RFC 9112: HTTP requests of plugins.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
package import QPHooks
import Synchronization

/// Sends requests over `http` and `https`: certificates are checked against the system's list, no proxy is asked,
/// connections are used again. The client and its one thread begin with the first request.
package final class AsyncHTTPFetcher: HTTPFetcher {
    private enum State {
        case unused
        case used(HTTPClient, MultiThreadedEventLoopGroup)
        case closed
    }

    private static let maxRedirects = 3

    private let state = Mutex(State.unused)

    package init() {}

    package func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        let what = "HTTP from \(HTTPAddress.host(of: request.url) ?? "nowhere")"
        let client = try self.client()
        do {
            return try await Self.within(timeout) {
                try await Self.exchange(request, client, limit: max(0, limit), what)
            }
        } catch {
            throw Task.isCancelled ? .failed("\(what): cancelled") : Self.failure(error, what)
        }
    }

    /// Ends connections, requests and the thread. What is asked later fails.
    package func close() async {
        let state = self.state.withLock { state in
            defer { state = .closed }
            return state
        }
        guard case .used(let client, let group) = state else { return }
        try? await client.shutdown()
        try? await group.shutdownGracefully()
    }

    private func client() throws(EffectError) -> HTTPClient {
        let client = self.state.withLock { state -> HTTPClient? in
            switch state {
            case .closed: return nil
            case .used(let client, _): return client
            case .unused:
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
                let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: Self.configuration)
                state = .used(client, group)
                return client
            }
        }
        guard let client else { throw .unavailable("HTTP") }
        return client
    }

    private static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        // Redirects are followed here, by our rules.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.idleTimeout = .seconds(60)
        configuration.httpVersion = .http1Only
        return configuration
    }

    // MARK: One exchange

    /// The whole of it within the time, or `deadlineExceeded`.
    private static func within<Value: Sendable>(
        _ timeout: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                throw HTTPClientError.deadlineExceeded
            }
            return value
        }
    }

    private static func exchange(
        _ request: HTTPRequest, _ client: HTTPClient, limit: Int, _ what: String
    ) async throws -> HTTPResponse {
        var request = request
        for _ in 0...Self.maxRedirects {
            let response = try await client.execute(try Self.outgoing(request, what), deadline: .distantFuture)
            if let target = HTTPRedirect.target(of: response.status.code, response.headers.first(name: "location")) {
                // Its body is of no use; leaving it unread ends the exchange.
                request = try HTTPRedirect.next(request, response.status.code, target, what)
                continue
            }
            let body = try await response.body.collect(upTo: limit)
            return HTTPResponse(status: Int(response.status.code), body: Array(body.readableBytesView))
        }
        throw EffectError.failed("\(what): too many redirections")
    }

    private static func outgoing(_ request: HTTPRequest, _ what: String) throws(EffectError) -> HTTPClientRequest {
        guard HTTPAddress.scheme(of: request.url) != nil else {
            throw .failed("\(what): not an address of http or https")
        }
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for field in request.fields {
            guard field.count == 2 else { throw .failed("\(what): a header field is no pair") }
            outgoing.headers.add(name: field[0], value: field[1])
        }
        if !request.body.isEmpty { outgoing.body = .bytes(request.body) }
        return outgoing
    }

    private static func failure(_ error: any Error, _ what: String) -> EffectError {
        switch error {
        case let error as EffectError: error
        case let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout: .timedOut(what)
        case let error as HTTPClientError where error == .remoteConnectionClosed: .closed(what)
        case let error as HTTPClientError where error == .alreadyShutdown: .unavailable("HTTP")
        case let error as HTTPClientError: .failed("\(what): \(error.shortDescription)")
        case is NIOTooManyBytesError: .tooLong(what)
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: .failed("\(what): TLS: \(Self.short(error))")
        default: .failed("\(what): \(Self.short(error))")
        }
    }

    /// The other side may have had a part in the text.
    private static func short(_ error: any Error) -> String { String(String(describing: error).prefix(200)) }
}
