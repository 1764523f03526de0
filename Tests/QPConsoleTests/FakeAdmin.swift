// FakeAdmin.swift
//
// A server that answers as a test tells it.

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A request that came.
struct FakeRequest: Hashable, Sendable {
    var method: String
    var target: String
    var fields: [String: String]
    var body: String
    /// Which connection it came by.
    var connection: Int

    var path: String { String(self.target.prefix { $0 != "?" }) }
}

/// What is answered.
enum FakeReply: Sendable {
    enum End: Sendable { case hold, finish, cut }

    case whole(Int, String, type: String = "application/json")
    /// A body in pieces, each written by itself, and what comes then.
    case pieces([String], End, type: String = "application/x-ndjson")
    /// The connection is closed instead.
    case nothing
    case silence

    static let whoami = Self.whole(200, #"{"hides_addresses":false,"name":"ann","role":"operator","source":"x"}"#)

    static func overview(process: Int = 1) -> Self {
        .whole(
            200,
            #"{"alarms":[],"descriptors":1,"descriptors_limit":1,"events_dropped":0,"generation":1,"is_draining":false,"#
                + #""is_soft_bouncing":false,"log_dropped":0,"loops":[],"memory":1,"name":"mx1","now":1,"#
                + #""process_id":\#(process),"rates":{},"sessions":0,"sessions_by_phase":{},"sessions_limit":1,"totals":{},"#
                + #""uptime":1,"version":"1"}"#)
    }

    static func problem(_ status: Int, _ detail: String) -> Self {
        .whole(status, #"{"detail":"\#(detail)"}"#, type: "application/problem+json")
    }

    /// What every server says; `nil` for anything else.
    static func usual(_ request: FakeRequest) -> Self? {
        switch request.path {
        case "/api/v1/whoami": .whoami
        case "/api/v1/overview": .overview()
        default: nil
        }
    }
}

/// An HTTP/1.1 server on loopback or on a socket file.
final class FakeAdmin: Sendable {
    typealias Answering = @Sendable (FakeRequest) -> FakeReply

    private static let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private struct State {
        var answering: Answering
        var requests: [FakeRequest] = []
        var channels: [any Channel] = []
    }

    private let state: Mutex<State>
    private let listener = Mutex<(any Channel)?>(nil)

    init(_ answering: @escaping Answering) { self.state = Mutex(State(answering: answering)) }

    /// - Returns: the port.
    func start(port: Int = 0) async throws -> Int {
        let channel = try await self.bootstrap.bind(host: "127.0.0.1", port: port).get()
        self.listener.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    func start(path: String) async throws {
        let channel = try await self.bootstrap.bind(unixDomainSocketPath: path).get()
        self.listener.withLock { $0 = channel }
    }

    func stop() async {
        let listener = self.listener.withLock { $0 }
        try? await listener?.close().get()
        for channel in self.state.withLock({ $0.channels }) { try? await channel.close().get() }
    }

    func answer(_ answering: @escaping Answering) { self.state.withLock { $0.answering = answering } }

    var requests: [FakeRequest] { self.state.withLock { $0.requests } }

    fileprivate func opened(_ channel: any Channel) -> Int {
        self.state.withLock {
            $0.channels.append(channel)
            return $0.channels.count
        }
    }

    fileprivate func reply(to request: FakeRequest) -> FakeReply {
        let answering = self.state.withLock {
            $0.requests.append(request)
            return $0.answering
        }
        return answering(request)
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: Self.threads)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FakeHandler(self, connection: self.opened(channel)))
                }
            }
    }
}

private final class FakeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: FakeAdmin
    private let connection: Int
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ server: FakeAdmin, connection: Int) {
        self.server = server
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body.clear()
        case .body(var part): self.body.writeBuffer(&part)
        case .end:
            guard let head = self.head else { return }
            let request = FakeRequest(
                method: head.method.rawValue, target: head.uri,
                fields: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 }),
                body: String(buffer: self.body), connection: self.connection)
            self.write(self.server.reply(to: request), context)
        }
    }

    private func write(_ reply: FakeReply, _ context: ChannelHandlerContext) {
        switch reply {
        case .whole(let status, let text, let type):
            self.write(status, ["Content-Type": type, "Content-Length": "\(text.utf8.count)"], context)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        case .pieces(let pieces, let end, let type):
            self.write(200, ["Content-Type": type], context)
            for piece in pieces {
                context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: piece)))), promise: nil)
            }
            switch end {
            case .hold: break
            case .finish: context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            case .cut: context.close(promise: nil)
            }
        case .nothing: context.close(promise: nil)
        case .silence: break
        }
    }

    private func write(_ status: Int, _ fields: [String: String], _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status),
            headers: HTTPHeaders(fields.map { ($0, $1) }))
        context.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
    }
}
