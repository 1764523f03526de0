// NIOLoop.swift
//
// A SwiftNIO event loop as a session's loop.

import CLinuxShims
import Glibc
import NIOCore
public import QPActors

/// One event loop of SwiftNIO.
public final class NIOLoop: SessionLoop, @unchecked Sendable {
    // Invariant: everything that changes is touched on the loop only.
    let eventLoop: any EventLoop
    private var timer: Scheduled<Void>?
    private var armedFor = Int64.max
    private var core: LoopCore?

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// A loop with its core; both live as long as the process.
    static func makeCore(_ eventLoop: any EventLoop, number: Int) -> LoopCore {
        let loop = NIOLoop(eventLoop)
        let core = LoopCore(loop, number: number)
        loop.core = core
        return core
    }

    public var isInLoop: Bool { self.eventLoop.inEventLoop }

    public func execute(_ work: @escaping @Sendable () -> Void) { self.eventLoop.execute(work) }

    public func monotonicNow() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    public func wallNow() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    public func zone() -> Int {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return parts.tm_gmtoff / 60
    }

    public var hasRealTime: Bool { true }

    public func wake(at nanoseconds: Int64) {
        guard self.eventLoop.inEventLoop else {
            return self.eventLoop.execute { self.wake(at: nanoseconds) }
        }
        if self.timer != nil {
            guard nanoseconds < self.armedFor else { return }
            self.timer?.cancel()
        }
        self.armedFor = nanoseconds
        let delay = max(0, nanoseconds &- self.monotonicNow())
        self.timer = self.eventLoop.scheduleTask(in: .nanoseconds(delay)) {
            self.timer = nil
            self.armedFor = .max
            self.core?.tick()
        }
    }
}
