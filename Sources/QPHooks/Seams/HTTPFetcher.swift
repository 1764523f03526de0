// HTTPFetcher.swift
//
// HTTP requests of plugins.

/// A request.
public struct HTTPRequest: Sendable, Hashable, Codable {
    /// GET, POST, ...
    public var method: String
    /// The whole address.
    public var url: String
    /// Header fields, in order.
    public var fields: [[String]]
    /// The body.
    public var body: [UInt8]

    /// Makes a request; `fields` are pairs of name and value.
    public init(method: String = "GET", url: String, fields: [[String]] = [], body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
    }
}

/// A response.
public struct HTTPResponse: Sendable, Hashable, Codable {
    /// The status code.
    public var status: Int
    /// The body.
    public var body: [UInt8]

    /// Makes a response.
    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Makes HTTP requests.
public protocol HTTPFetcher: Sendable {
    /// Sends a request and reads at most `limit` bytes of the body.
    func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse
}

/// HTTP, as a handler sees it.
public struct HTTP: Sendable {
    let fetcher: any HTTPFetcher
    let calls: CallCounter

    /// Sends a request and reads at most `limit` bytes of the body.
    public func fetch(
        _ request: HTTPRequest, limit: Int = 1 << 20, timeout: Duration = .seconds(10)
    ) async throws(EffectError) -> HTTPResponse {
        try await self.fetcher.fetch(request, limit: limit, timeout: timeout, origin: self.calls.next())
    }
}
