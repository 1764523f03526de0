// RequestProgress.swift
//
// Where the requests of a connection stand, between the parser and everything that knows HTTP.

import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1

/// Tells the deadlines, closes the connection after an answer that says so, and answers what is not HTTP.
final class RequestProgress: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private var deadlines: ConnectionDeadlines?
    /// Whether the client speaks HTTP/1.0, and waits for the end of the connection.
    private var isOld = false
    /// Requests that began and ended, answers that began and ended.
    private var begun = 0
    private var read = 0
    private var answered = 0
    private var written = 0
    /// Whether an answer said that it is the last; whether that was ours, and whoever writes now is too late.
    private var isLast = false
    private var isOver = false

    func handlerAdded(context: ChannelHandlerContext) {
        self.deadlines = try? context.pipeline.syncOperations.handler(type: ConnectionDeadlines.self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadlines = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.begun += 1
            // RFC 9112 §9.3: what such clients say of staying is nothing we need to know.
            if head.version == .http1_0 { self.isOld = true }
        case .body:
            // Nobody waits for it any more; read only so that the client gets round to the answer.
            if self.isLast { return }
        case .end:
            self.read += 1
            self.deadlines?.requestIsComplete()
            self.closeIfDone(context)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.isOver else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch self.unwrapOutboundIn(data) {
        case .head(var head):
            self.answered += 1
            if self.isOld { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            if head.headers["connection"].contains("close") { self.isLast = true }
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            self.deadlines?.answerIsComplete()
            let done = promise ?? context.eventLoop.makePromise()
            done.futureResult.assumeIsolated().whenComplete { _ in
                self.written += 1
                self.closeIfDone(context)
            }
            if self.isLast {
                context.writeAndFlush(data, promise: done)
            } else {
                context.write(data, promise: done)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // With an answer under way or due, another one would be taken for it.
        guard let error = error as? HTTPParserError, self.answered == self.written, self.written >= self.read,
            !self.isLast
        else { return context.fireErrorCaught(error) }

        let isTooLarge = error == .headerOverflow
        let problem =
            isTooLarge
            ? Problem(.requestHeaderFieldsTooLarge, "the head of the request is too large")
            : Problem.badRequest("this is not HTTP")
        var response = problem.closing().response
        PagePolicy.secure(&response)
        var head = HTTPResponseHead(
            version: .http1_1, status: isTooLarge ? .requestHeaderFieldsTooLarge : .badRequest)
        for field in response.headers { head.headers.add(name: field.name.rawName, value: field.value) }
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(problem.text))), promise: nil)
        let done = context.eventLoop.makePromise(of: Void.self)
        done.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        self.isOver = true
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: done)
    }

    private func closeIfDone(_ context: ChannelHandlerContext) {
        guard self.isLast, self.written == self.answered, self.read == self.begun else { return }
        context.close(promise: nil)
    }
}
