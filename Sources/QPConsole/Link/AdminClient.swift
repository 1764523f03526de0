// AdminClient.swift
//
// Asks one server's admin endpoint. RFC 9110, RFC 6750 §2.1 (the token).

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import QPTelemetry

/// A client of one server. `close` is called at its end.
final class AdminClient: Sendable {
    /// What keeps a token out of texts, whoever makes them.
    private struct Secret: Sendable, CustomStringConvertible, CustomReflectable {
        let field: String
        var description: String { "(secret)" }
        var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// All clients share a thread; there is little to do.
    private static let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// How long an answer may take, in seconds; a configuration that is read again takes longer.
    private static let patience = 10.0, orderPatience = 30.0
    /// Octets that an answer may have, and one that says what is wrong.
    private static let answerLimit = 32 << 20, problemLimit = 1 << 16

    let address: ServerAddress
    private let peer: Peer
    private let secret: Secret?
    private let client: HTTPClient

    /// A client that shows a token, and trusts the certificates in a PEM file beside the system's.
    /// - Throws: what keeps these from being used.
    init(_ address: ServerAddress, token: String? = nil, authorities: String? = nil) throws(AddressProblem) {
        try address.check(hasToken: token != nil)
        if let token { try Self.check(token) }
        self.address = address
        self.peer = Peer(label: address.label, hasToken: token != nil)
        self.secret = token.map { Secret(field: "Bearer " + $0) }
        self.client = HTTPClient(
            eventLoopGroupProvider: .shared(Self.threads), configuration: try Self.configuration(authorities))
    }

    /// Closes all connections.
    func close() async { try? await self.client.shutdown() }

    // MARK: Requests

    func ask(_ need: Need) async throws(LinkProblem) -> Answer {
        guard case .session(let id) = need else { return try await self.askAndRead(need) }
        // Without a name the request would be another one.
        guard !id.isEmpty else { return .session(id, nil) }
        do throws(LinkProblem) {
            return try await self.askAndRead(need)
        } catch {
            guard case .rejected(404, _) = error else { throw error }
            return .session(id, nil)
        }
    }

    private func askAndRead(_ need: Need) async throws(LinkProblem) -> Answer {
        let request = AdminRequest(need)
        let octets = try await self.answer(to: request, within: Self.patience)
        do {
            return try Answer(to: need, octets)
        } catch {
            throw .foreign(at: self.peer.label, "\(request.path): \(JSONAnswer.describe(error))")
        }
    }

    func perform(_ order: Order) async -> OrderResult {
        switch order {
        // Without a name the request would be another one.
        case .kick(""), .liftBan(""), .patch("", _): return .refused("nothing is named")
        default: break
        }
        do throws(LinkProblem) {
            let request = AdminRequest(order)
            let octets = try await self.answer(to: request, within: Self.orderPatience)
            do {
                return try OrderResult(of: order, octets)
            } catch {
                // Whatever it says, it was done.
                return .done("done, but the answer is not understood: \(JSONAnswer.describe(error))")
            }
        } catch {
            return .refused(error.text)
        }
    }

    /// Opens a stream of lines. Its end, and errors on the way, are the caller's: see `problem`. Returns when there is
    /// something to read: a server may say nothing before the first line, and that may be long in coming.
    func open(_ request: AdminRequest) async throws(LinkProblem) -> HTTPClientResponse.Body {
        do {
            let response = try await self.client.execute(
                self.message(request, accept: "application/x-ndjson"), timeout: .hours(24))
            guard response.status.code == 200 else {
                throw try await self.problem(response, to: request)
            }
            guard LinkProblem.isKind("application/x-ndjson", response.headers.first(name: "Content-Type")) else {
                throw LinkProblem.foreign(at: self.peer.label, "\(request.path) is no stream of lines")
            }
            return response.body
        } catch {
            throw self.problem(error)
        }
    }

    /// What an error of a stream means.
    func problem(_ error: any Error) -> LinkProblem { LinkProblem(error, from: self.peer) }

    // MARK: HTTP

    private func answer(to request: AdminRequest, within seconds: Double) async throws(LinkProblem) -> ByteBufferView {
        do {
            do {
                return try await self.exchange(request, within: seconds)
            } catch {
                guard LinkProblem.isClosed(error), request.method == .get else { throw error }
                // A connection that was kept may be closed the moment that it is used again.
                return try await self.exchange(request, within: seconds)
            }
        } catch {
            throw LinkProblem(error, from: self.peer)
        }
    }

    private func exchange(_ request: AdminRequest, within seconds: Double) async throws -> ByteBufferView {
        try await withThrowingTaskGroup(of: ByteBufferView.self) { group in
            group.addTask { try await self.exchange(request, within: Self.time(seconds)) }
            // The client's own deadline ends with the head of the answer.
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let octets = try await group.next() else { throw CancellationError() }
            return octets
        }
    }

    private func exchange(_ request: AdminRequest, within time: TimeAmount) async throws -> ByteBufferView {
        let response = try await self.client.execute(
            self.message(request, accept: "application/json"), timeout: time)
        guard (200..<300).contains(response.status.code) else {
            throw try await self.problem(response, to: request)
        }
        let octets = try await response.body.collect(upTo: Self.answerLimit)
        guard
            octets.readableBytes == 0
                || LinkProblem.isKind("application/json", response.headers.first(name: "Content-Type"))
        else { throw LinkProblem.foreign(at: self.peer.label, "\(request.path): the answer is no JSON") }
        return octets.readableBytesView
    }

    private func message(_ request: AdminRequest, accept: String) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: self.address.base + request.target)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        // Over a local socket any name will do.
        if case .unix = self.address { message.headers.add(name: "Host", value: "localhost") }
        message.headers.add(name: "Accept", value: accept)
        message.headers.add(name: "User-Agent", value: "qpconsole")
        if let secret = self.secret { message.headers.add(name: "Authorization", value: secret.field) }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: "application/json")
            message.body = .bytes(ByteBuffer(bytes: body))
        }
        return message
    }

    private func problem(_ response: HTTPClientResponse, to request: AdminRequest) async throws -> LinkProblem {
        let body = try await response.body.collect(upTo: Self.problemLimit)
        return LinkProblem(
            status: Int(response.status.code), contentType: response.headers.first(name: "Content-Type"),
            body: body.readableBytesView, to: request, from: self.peer)
    }

    // MARK: Settings

    private static func time(_ seconds: Double) -> TimeAmount { .nanoseconds(Int64(seconds * 1e9)) }

    private static func configuration(_ authorities: String?) throws(AddressProblem) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authorities {
            do {
                let certificates = try NIOSSLCertificate.fromPEMFile(authorities)
                guard !certificates.isEmpty else { throw AddressProblem("") }
                tls.additionalTrustRoots = [.certificates(certificates)]
            } catch {
                throw AddressProblem("\(authorities) cannot be read as PEM certificates")
            }
        }
        var pool = HTTPClient.Configuration.ConnectionPool()
        // A server closes a connection that waits 30 s for a request.
        pool.idleTimeout = .seconds(25)
        // Whoever asks tries again, and wants to know why.
        pool.retryConnectionEstablishment = false
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)),
            connectionPool: pool)
        configuration.httpVersion = .http1Only
        return configuration
    }

    private static func check(_ token: String) throws(AddressProblem) {
        guard !token.isEmpty, token.utf8.count <= 4096, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw AddressProblem("the token is empty, too long, or has characters that no token has")
        }
    }
}
