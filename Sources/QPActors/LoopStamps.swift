// LoopStamps.swift
//
// Cheap points in time for measuring handlers; deadlines use the system's clock.

import CTicks

/// Turns the processor's ticks into nanoseconds, or asks the loop's clock where time is made by hand.
struct LoopStamps {
    private let loop: any SessionLoop
    private let usesTicks: Bool
    private var tickBase: UInt64
    private var base: Int64
    /// Nanoseconds of a tick, times 2^20.
    private var scale: UInt64

    init(_ loop: any SessionLoop) {
        self.loop = loop
        self.usesTicks = loop.hasRealTime
        self.base = loop.monotonicNow()
        self.tickBase = qp_ticks()
        self.scale = 1 << 20
        guard self.usesTicks else { return }
        // Two milliseconds tell the speed to a few parts in ten thousand, which is more than a latency needs.
        var now = self.base
        while now &- self.base < 2_000_000 { now = loop.monotonicNow() }
        let ticks = qp_ticks() &- self.tickBase
        if ticks > 0 { self.scale = (UInt64(bitPattern: now &- self.base) << 20) / ticks }
    }

    /// Nanoseconds on the loop's clock, near enough.
    @inline(__always)
    var now: Int64 {
        guard self.usesTicks else { return self.loop.monotonicNow() }
        let ticks = qp_ticks() &- self.tickBase
        return self.base &+ Int64(truncatingIfNeeded: (ticks &* self.scale) >> 20)
    }

    /// Sets the clock right again, before the product of ticks and scale can run over (17 minutes at 4 GHz).
    mutating func adjust() {
        guard self.usesTicks else { return }
        self.base = self.loop.monotonicNow()
        self.tickBase = qp_ticks()
    }
}
