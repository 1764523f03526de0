// ConnectionDeadlines.swift
//
// How long a client may take: over a request, and over taking what it asked for.

import NIOCore
import NIOHTTP1

/// How long a client may take.
struct ConnectionLimits: Sendable {
    /// From the first octet of a request to its last.
    var request = TimeAmount.seconds(10)
    /// Between requests.
    var idle = TimeAmount.seconds(30)
    /// Without taking anything of what it asked for.
    var stall = TimeAmount.seconds(120)
}

/// Closes a connection whose request is not complete in time, or that does not take its answer. Sees octets.
final class ConnectionDeadlines: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limits: ConnectionLimits
    private var requestDeadline: Scheduled<Void>?
    private var stallDeadline: Scheduled<Void>?
    /// Requests that were read and are not answered yet; a client may send several in a row.
    private var unanswered = 0

    init(_ limits: ConnectionLimits) {
        self.limits = limits
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // TLS records and the next request may arrive while an answer is on its way; neither has a deadline.
        if self.requestDeadline == nil, self.unanswered == 0 {
            self.requestDeadline = Self.close(context, in: self.limits.request)
        }
        context.fireChannelRead(data)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.stallDeadline?.cancel()
            self.stallDeadline = nil
        } else if self.stallDeadline == nil {
            self.stallDeadline = Self.close(context, in: self.limits.stall)
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.cancel()
    }

    func requestIsComplete() {
        self.unanswered += 1
        self.requestDeadline?.cancel()
        self.requestDeadline = nil
    }

    func answerIsComplete() {
        self.unanswered -= 1
    }

    private func cancel() {
        self.requestDeadline?.cancel()
        self.requestDeadline = nil
        self.stallDeadline?.cancel()
        self.stallDeadline = nil
    }

    private static func close(_ context: ChannelHandlerContext, in time: TimeAmount) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }
}
