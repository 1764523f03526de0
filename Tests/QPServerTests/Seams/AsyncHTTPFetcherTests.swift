// AsyncHTTPFetcherTests.swift
//
// HTTP requests of plugins, and servers that do not behave.

import Glibc
import QPHTTPClient
import QPHooks
import Synchronization
import Testing

@testable import QPServer

/// An HTTP server for tests: one connection after the other, answered by what a test wrote down.
final class HTTPTestServer: Sendable {
    private struct State {
        var requests: [String] = []
        var connections = 0
    }

    let port: UInt16
    private let socket: BoundSocket
    private let isStopped = Atomic<Bool>(false)
    private let state = Mutex(State())
    private let answers: [String: String]
    private let otherwise: String?

    /// Takes what is sent, by the path; `PORT` in it is the server's own. Other paths get no answer, or this one.
    init(_ answers: [String: String], otherwise: String? = nil) throws {
        self.otherwise = otherwise
        self.socket = try BoundSocket(IPAddress(ipv4: 0x7F00_0001), port: 0)
        self.port = self.socket.port
        self.answers = answers
        try WorkerThread.start("http-test") { self.run() }
    }

    var requests: [String] { self.state.withLock(\.requests) }
    var connections: Int { self.state.withLock(\.connections) }

    func stop() { self.isStopped.store(true, ordering: .relaxed) }

    private func run() {
        while !self.isStopped.load(ordering: .relaxed) {
            guard Self.isReadable(self.socket.descriptor) else { continue }
            let peer = accept(self.socket.descriptor, nil, nil)
            self.state.withLock { $0.connections += 1 }
            try? WorkerThread.start("http-test") { self.serve(peer) }
        }
        self.socket.close()
    }

    private static func isReadable(_ descriptor: Int32) -> Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, 50) > 0
    }

    /// Whether a request is there with the body that its header announces.
    private static func isWhole(_ text: String) -> Bool {
        guard let end = text.firstRange(of: "\r\n\r\n") else { return false }
        let length = text[..<end.lowerBound].lowercased().split(separator: "\r\n")
            .first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).filter(\.isNumber)) }
        return text[end.upperBound...].utf8.count >= length ?? 0
    }

    private func serve(_ peer: Int32) {
        defer { Glibc.close(peer) }
        var text = ""
        while !self.isStopped.load(ordering: .relaxed) {
            guard Self.isReadable(peer) else { continue }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = read(peer, &buffer, buffer.count)
            guard count > 0 else { return }
            // A handshake of TLS: RFC 8446 §5.1.
            if buffer[0] == 22 { return }
            text += String(decoding: buffer.prefix(count), as: UTF8.self)
            guard Self.isWhole(text) else { continue }
            self.state.withLock { $0.requests.append(text) }
            let path = text.split(separator: " ")[1]
            text = ""
            guard let answer = self.answers[String(path)] ?? self.otherwise else { continue }
            let bytes = Array(answer.replacing("PORT", with: "\(self.port)").utf8)
            _ = bytes.withUnsafeBytes { SystemCall.writeAll($0, to: peer) }
            if answer.contains("Connection: close") { return }
        }
    }
}

@Suite final class AsyncHTTPFetcherTests {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    static func moved(_ target: String, _ status: Int = 302) -> String {
        "HTTP/1.1 \(status) Moved\r\nLocation: \(target)\r\nContent-Length: 0\r\n\r\n"
    }

    let server: HTTPTestServer
    let fetcher = AsyncHTTPFetcher()

    init() throws {
        self.server = try HTTPTestServer([
            "/": Self.ok, "/a/b": Self.ok, "/gone": "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
            "/chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "/once": Self.moved("/"), "/absolute": Self.moved("http://127.0.0.1:PORT/"), "/a/relative": Self.moved("b"),
            "/other": Self.moved("//localhost:PORT/"), "/loop": Self.moved("/loop"),
            "/https": Self.moved("https://127.0.0.1:PORT/"), "/file": Self.moved("file:///etc/passwd"),
            "/unix": Self.moved("http+unix://%2Ftmp%2Fx/"), "/see": Self.moved("/", 303), "/keep": Self.moved("/", 307),
            "/garbage": "SSH-2.0-OpenSSH\r\nConnection: close\r\n",
            "/cut": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 50\r\n\r\nhello",
            "/slow": "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        ])
    }

    deinit {
        self.server.stop()
    }

    private func fetch(
        _ path: String, limit: Int = 1000, timeout: Duration = .seconds(20), scheme: String = "http",
        _ change: (inout HTTPRequest) -> Void = { _ in }
    ) async throws(EffectError) -> HTTPResponse {
        var request = HTTPRequest(url: "\(scheme)://127.0.0.1:\(self.server.port)\(path)")
        change(&request)
        return try await self.fetcher.fetch(request, limit: limit, timeout: timeout, origin: origin())
    }

    private func error(_ body: () async throws(EffectError) -> HTTPResponse) async -> EffectError? {
        do throws(EffectError) {
            _ = try await body()
            return nil
        } catch {
            return error
        }
    }

    private var what: String { "HTTP from 127.0.0.1:\(self.server.port)" }

    @Test(arguments: [
        ("/", 200, "hello"), ("/gone", 404, "no"), ("/chunked", 200, "abcde"), ("/once", 200, "hello"),
        ("/absolute", 200, "hello"), ("/a/relative", 200, "hello"), ("/other", 200, "hello"),
    ])
    func answers(_ path: String, _ status: Int, _ body: String) async throws {
        let response = try await self.fetch(path)
        #expect(response == HTTPResponse(status: status, body: Array(body.utf8)))
        await self.fetcher.close()
    }

    @Test func requestsSayWhatTheySaid() async throws {
        _ = try await self.fetch("/") { request in
            request.method = "POST"
            request.fields = [["X-One", "1"], ["Content-Type", "text/plain"]]
            request.body = Array("spam?".utf8)
        }
        let text = try #require(self.server.requests.first)
        #expect(text.hasPrefix("POST / HTTP/1.1\r\n"))
        #expect(text.contains("X-One: 1\r\n"))
        #expect(text.lowercased().contains("content-length: 5\r\n"))
        await self.fetcher.close()
    }

    @Test func connectionsAreUsedAgain() async throws {
        for _ in 0..<5 { _ = try await self.fetch("/") }
        #expect(self.server.connections == 1)
        await self.fetcher.close()
    }

    @Test func secretsStayWithTheirHost() async throws {
        for path in ["/once", "/other"] {
            _ = try await self.fetch(path) { $0.fields = [["Authorization", "Bearer secret"]] }
        }
        #expect(self.server.requests.map { $0.contains("secret") } == [true, true, true, false])
        await self.fetcher.close()
    }

    @Test(arguments: [("/see", "GET", false), ("/once", "GET", false), ("/keep", "POST", true)])
    func redirectedPosts(_ path: String, _ method: String, _ hasBody: Bool) async throws {
        _ = try await self.fetch(path) { request in
            request.method = "POST"
            request.body = Array("spam?".utf8)
        }
        let last = try #require(self.server.requests.last)
        #expect(last.hasPrefix("\(method) / "))
        #expect(last.lowercased().contains("content-length: 5") == hasBody)
        await self.fetcher.close()
    }

    @Test func whereItMayNotGo() async {
        for path in ["/https", "/file", "/unix"] {
            let error = await self.error { () async throws(EffectError) in try await self.fetch(path) }
            #expect(error == .failed("\(self.what): redirected to where it may not go"), "\(path)")
        }
        let error = await self.error { () async throws(EffectError) in try await self.fetch("/loop") }
        #expect(error == .failed("\(self.what): too many redirections"))
        #expect(self.server.requests.count == 3 + 4)
        await self.fetcher.close()
    }

    @Test(arguments: ["", "x", "file:///etc/passwd", "http://", "http+unix://%2Ftmp%2Fx/", "//host/"])
    func addressesThatAreNone(_ url: String) async {
        let error = await self.error { () async throws(EffectError) in
            try await self.fetcher.fetch(HTTPRequest(url: url), limit: 1, timeout: .seconds(20), origin: origin())
        }
        #expect(error?.description.hasSuffix("not an address of http or https") == true, "\(String(describing: error))")
        await self.fetcher.close()
    }

    @Test func forgedFieldsAreRefused() async {
        for field in [["X", "a\r\nY: b"], ["X\r\nY", "b"], ["X"]] {
            let error = await self.error { () async throws(EffectError) in
                try await self.fetch("/") { $0.fields = [field] }
            }
            #expect(error != nil, "\(field)")
        }
        #expect(self.server.requests == [])
        await self.fetcher.close()
    }

    @Test func bodiesAreBounded() async throws {
        #expect(try await self.fetch("/", limit: 5).body.count == 5)
        for path in ["/", "/chunked"] {
            let error = await self.error { () async throws(EffectError) in try await self.fetch(path, limit: 4) }
            #expect(error == .tooLong(self.what), "\(path)")
        }
        await self.fetcher.close()
    }

    @Test(arguments: ["/silent", "/slow"])
    func theTimeIsForTheWhole(_ path: String) async {
        let error = await self.error { () async throws(EffectError) in
            try await self.fetch(path, timeout: .milliseconds(200))
        }
        #expect(error == .timedOut(self.what))
        await self.fetcher.close()
    }

    @Test(arguments: ["/garbage", "/cut"])
    func brokenServersAreErrors(_ path: String) async {
        let error = await self.error { () async throws(EffectError) in try await self.fetch(path) }
        #expect(error != nil && error != .timedOut(self.what))
        await self.fetcher.close()
    }

    @Test func plainServersSpeakNoTLS() async {
        let error = await self.error { () async throws(EffectError) in
            try await self.fetch("/", scheme: "https")
        }
        #expect(error != nil)
        await self.fetcher.close()
    }

    @Test func cancellationEndsTheWait() async {
        let (fetcher, port) = (self.fetcher, self.server.port)
        let task = Task {
            try await fetcher.fetch(
                HTTPRequest(url: "http://127.0.0.1:\(port)/silent"), limit: 1, timeout: .seconds(600), origin: origin())
        }
        while self.server.requests.isEmpty { await Task.yield() }
        task.cancel()
        await #expect(throws: EffectError.failed("\(self.what): cancelled")) { try await task.value }
        await self.fetcher.close()
    }

    @Test func nothingAfterTheEnd() async throws {
        _ = try await self.fetch("/")
        await self.fetcher.close()
        let error = await self.error { () async throws(EffectError) in try await self.fetch("/") }
        #expect(error == .unavailable("HTTP"))
        await AsyncHTTPFetcher().close()
    }
}
