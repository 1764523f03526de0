// AcceptRecovery.swift
//
// What happens when a connection cannot be accepted, or may not stay.

import Glibc
import NIOCore
import QPTelemetry

/// Gives a spare descriptor up when there are none left to accept with; without one, accepts nothing for a second. NIO's
/// own handler for that only delays the next wish to read: the last one stands, and its socket stays readable.
final class AcceptRecovery: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private static let pause = TimeAmount.seconds(1)
    private static let refill = TimeAmount.seconds(5)
    private let spare: any DescriptorSpare
    private let log: @Sendable (UInt8, String) -> Void
    private var refills: RepeatedTask?
    private var resumption: Scheduled<Void>?
    private var lastReport: NIODeadline?

    init(spare: any DescriptorSpare, log: @escaping @Sendable (UInt8, String) -> Void) {
        self.spare = spare
        self.log = log
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The loop that accepts ends with the first error that reaches it; a socket that is lost is closed anyway.
        guard let error = error as? IOError else { return }
        switch error.errnoCode {
        case ECONNABORTED:
            return
        case EMFILE, ENFILE:
            self.report("no descriptor left for an admin connection")
            if self.spare.release() {
                return self.refillFromNowOn(context.eventLoop)
            }
        default:
            self.report("cannot accept an admin connection: error \(error.errnoCode)")
        }
        self.pause(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.resumption?.cancel()
        self.resumption = nil
        self.refills?.cancel()
        self.refills = nil
        context.fireChannelInactive()
    }

    private func pause(_ context: ChannelHandlerContext) {
        guard self.resumption == nil else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        self.resumption = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.resumption = nil
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    /// Others may close what is needed, so it is tried again and again.
    private func refillFromNowOn(_ eventLoop: any EventLoop) {
        guard self.refills == nil else { return }
        let spare = self.spare
        self.refills = eventLoop.scheduleRepeatedTask(initialDelay: Self.refill, delay: Self.refill) { _ in
            spare.refill()
        }
    }

    private func report(_ text: String) {
        let now = NIODeadline.now()
        if let last = self.lastReport, now - last < .minutes(1) { return }
        self.lastReport = now
        self.log(4, text)
    }
}

/// Turns a connection away that is one too many.
final class TooManyConnections: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let answer = """
        HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n
        """
    private let isPlain: Bool

    init(isPlain: Bool) {
        self.isPlain = isPlain
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.answer(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.answer(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    private func answer(_ context: ChannelHandlerContext) {
        if self.isPlain {
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: Self.answer)), promise: nil)
        }
        context.close(promise: nil)
    }
}
