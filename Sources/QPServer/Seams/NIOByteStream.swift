// NIOByteStream.swift
//
// A connection to another server, read on demand.

import Glibc
import NIOCore
import NIOPosix
import QPHooks

/// A connection. What was not asked for stays with the system, but for the rest of one read.
final class NIOByteStream: ByteStream {
    private let channel: any Channel
    private let handler: NIOLoopBound<StreamHandler>
    private let what: String
    private let contexts: ClientTLSContexts

    init(
        _ channel: any Channel, _ handler: NIOLoopBound<StreamHandler>, _ what: String, _ contexts: ClientTLSContexts
    ) {
        self.channel = channel
        self.handler = handler
        self.what = what
        self.contexts = contexts
    }

    deinit {
        self.channel.close(promise: nil)
    }

    func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        guard limit > 0 else { return [] }
        let (loop, handler) = (self.channel.eventLoop, self.handler)
        let promise = loop.makePromise(of: [UInt8].self)
        Self.run(on: loop) { handler.value.read(atMost: limit, timeout: timeout, promise) }
        return try await StreamHandler.value(promise.futureResult, self.what) {
            loop.execute { handler.value.cancel(promise) }
        }
    }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {
        guard !bytes.isEmpty else { return }
        let (channel, handler, what) = (self.channel, self.handler, self.what)
        let promise = channel.eventLoop.makePromise(of: Void.self)
        // How much of it went out is unknown afterwards: a connection with a write that failed is of no use.
        let fail = { @Sendable (error: EffectError) in
            promise.fail(error)
            handler.value.fail(error)
        }
        let timer = channel.eventLoop.scheduleTask(in: .nanoseconds(max(0, timeout.clampedNanoseconds))) {
            fail(.timedOut(what))
        }
        defer { timer.cancel() }
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: promise)
        try await StreamHandler.value(promise.futureResult, what) {
            channel.eventLoop.execute { fail(.failed("\(what): cancelled")) }
        }
    }

    func startTLS(_ tls: ClientTLS, timeout: Duration) async throws(EffectError) {
        let context = try await self.contexts.context(tls.verification, self.what)
        let (handler, what) = (self.handler, self.what)
        let promise = self.channel.eventLoop.makePromise(of: Void.self)
        Self.run(on: self.channel.eventLoop) {
            handler.value.startTLS(context, tls, timeout: timeout, promise)
        }
        let loop = self.channel.eventLoop
        try await StreamHandler.value(promise.futureResult, what) {
            loop.execute { handler.value.endHandshake(.failed("\(what): cancelled")) }
        }
    }

    func closeOutput() async throws(EffectError) {
        try await StreamHandler.value(self.channel.close(mode: .output), self.what) {}
    }

    func close() async {
        // Nobody waits for the other side: RFC 8446 §6.1 wants no answer to close_notify.
        self.channel.close(promise: nil)
    }

    private static func run(on loop: any EventLoop, _ body: @escaping @Sendable () -> Void) {
        // On the loop already: the answer may be there without a turn of it.
        if loop.inEventLoop { body() } else { loop.execute(body) }
    }
}

/// Keeps what was read until it is asked for. Runs on its channel's loop.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private struct Reader {
        let limit: Int
        let promise: EventLoopPromise<[UInt8]>
        let timer: Scheduled<Void>
    }

    let what: String
    private(set) var context: ChannelHandlerContext?
    /// Kept when TLS is there.
    var handshake: EventLoopPromise<Void>?
    var isEncrypted = false
    /// Whether the server is the one that was meant; asked when the handshake is over.
    var isProved: (() -> Bool)?
    private var buffer = ByteBuffer()
    private var reader: Reader?
    private var isAtEnd = false
    private var failure: EffectError?

    init(_ what: String) {
        self.what = what
    }

    func read(atMost limit: Int, timeout: Duration, _ promise: EventLoopPromise<[UInt8]>) {
        guard self.reader == nil else {
            return promise.fail(EffectError.failed("\(self.what): read by two at once"))
        }
        let timer = promise.futureResult.eventLoop.assumeIsolated().scheduleTask(
            in: .nanoseconds(max(0, timeout.clampedNanoseconds))
        ) {
            self.finish(.failure(.timedOut(self.what)))
        }
        self.reader = Reader(limit: limit, promise: promise, timer: timer)
        self.serve()
        if self.reader != nil { self.context?.read() }
    }

    /// Whether octets came that nobody has asked for.
    var isUnread: Bool { self.buffer.readableBytes > 0 }

    func cancel(_ promise: EventLoopPromise<[UInt8]>) {
        guard self.reader?.promise.futureResult === promise.futureResult else { return }
        self.finish(.failure(.failed("\(self.what): cancelled")))
    }

    /// Nothing more can be read or written.
    func fail(_ error: EffectError) {
        self.failure = error
        self.buffer.clear()
        self.serve()
        self.context?.close(promise: nil)
    }

    private func serve() {
        guard let reader = self.reader else { return }
        if self.buffer.readableBytes > 0 {
            let bytes = self.buffer.readBytes(length: min(reader.limit, self.buffer.readableBytes)) ?? []
            self.finish(.success(bytes))
        } else if let failure = self.failure {
            self.finish(.failure(failure))
        } else if self.isAtEnd {
            self.finish(.success([]))
        }
    }

    private func finish(_ result: Result<[UInt8], EffectError>) {
        guard let reader = self.reader else { return }
        self.reader = nil
        reader.timer.cancel()
        switch result {
        case .success(let bytes): reader.promise.succeed(bytes)
        case .failure(let error): reader.promise.fail(error)
        }
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if self.buffer.readableBytes == 0 { self.buffer = bytes } else { self.buffer.writeBuffer(&bytes) }
        self.serve()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            self.isAtEnd = true
            self.serve()
        }
        if self.handshake != nil, self.hasShakenHands(event) { self.shookHands() }
        context.fireUserInboundEventTriggered(event)
    }

    /// Under TLS what was read may have held no octets for us.
    func channelReadComplete(context: ChannelHandlerContext) {
        if self.isEncrypted, self.reader != nil || self.handshake != nil { context.read() }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isAtEnd = true
        self.endHandshake(.closed("\(self.what): TLS"))
        self.serve()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure = Self.effectError(error, self.what)
        self.failure = failure
        self.serve()
        self.endHandshake(failure)
        context.close(promise: nil)
    }

    // MARK: Errors

    /// Waits for a value; the task's cancellation calls `cancel`, which has to complete it.
    static func value<Value: Sendable>(
        _ future: EventLoopFuture<Value>, _ what: String, _ cancel: @escaping @Sendable () -> Void
    ) async throws(EffectError) -> Value {
        do {
            return try await withTaskCancellationHandler {
                try await future.get()
            } onCancel: {
                cancel()
            }
        } catch {
            throw Self.effectError(error, what)
        }
    }

    static func effectError(_ error: any Error, _ what: String) -> EffectError {
        switch error {
        case let error as EffectError: error
        case let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode): .closed(what)
        case let error as IOError: .failed("\(what): \(SystemCall.text(error.errnoCode))")
        case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.outputClosed,
            ChannelError.eof, ChannelError.inputClosed:
            .closed(what)
        case let error as NIOConnectionError:
            Self.effectError(error.connectionErrors.first?.error ?? ChannelError.eof, what)
        default: Self.tlsError(error, what) ?? .failed("\(what): \(error)")
        }
    }
}
