// LoopCore.swift
//
// What the sessions of one event loop share.

public import QPHooks
public import QPTelemetry
import Synchronization

/// One event loop with what its sessions share: executor, deadlines, counts, buffers. Lives as long as the process.
public final class LoopCore: @unchecked Sendable {
    // Invariant: everything that changes is touched on the loop only.
    /// The loop.
    public let loop: any SessionLoop
    /// Its executor.
    public let executor: LoopExecutor
    /// Its number, from 0.
    public let number: Int
    package let counters = LoopCounters()
    /// The cell of the handler that ran last, and the number of its session; read by the watchdog when the loop is stuck.
    private let running = Atomic<UInt64>(0)
    private let runningSession = Atomic<UInt64>(0)
    @exclusivity(unchecked) private var stamps: LoopStamps
    @exclusivity(unchecked) private var wheel: LoopWheel
    @exclusivity(unchecked) private var armed = Int64.max
    @exclusivity(unchecked) private var spare: [UInt8] = []
    @exclusivity(unchecked) private var dateSecond = Int64.min
    @exclusivity(unchecked) private var dateText = RFC5322Date(seconds: 0)
    private var zoneCheckedAt = Int64.min

    /// Makes the core of a loop.
    public init(_ loop: any SessionLoop, number: Int) {
        self.loop = loop
        self.number = number
        self.executor = LoopExecutor(loop)
        self.stamps = LoopStamps(loop)
        self.wheel = LoopWheel(now: loop.monotonicNow())
    }

    /// Now.
    @inline(__always)
    package var now: Int64 { self.loop.monotonicNow() }

    /// Now, for measuring: cheap, and within a thousandth of the clock.
    @inline(__always)
    var stamp: Int64 { self.stamps.now }

    /// The clock that plugins see.
    public var clock: any SessionClock { LoopClock(core: self) }

    /// A handler is about to run.
    @inline(__always)
    package func runs(_ cell: Int, _ session: SessionID) {
        self.running.store(UInt64(truncatingIfNeeded: cell &+ 1), ordering: .relaxed)
        self.runningSession.store(session.bits, ordering: .relaxed)
    }

    /// The handler that ran last, for the case that it still does; from any thread.
    public var whatRuns: String {
        guard let last = self.lastRun else { return "no plugin has run" }
        return "last ran plugin \(last.plugin) at \(last.hook.name) in session \(last.session)"
    }

    /// The handler that ran last and its session; from any thread.
    package var lastRun: (plugin: String, hook: HookID, session: SessionID)? {
        let cell = self.running.load(ordering: .relaxed)
        guard cell > 0 else { return nil }
        let (plugin, hook) = Int(cell - 1).quotientAndRemainder(dividingBy: LoopCounters.hooks)
        let names = PluginNumbers.shared.all
        let session = SessionID(bits: self.runningSession.load(ordering: .relaxed))
        return (plugin < names.count ? names[plugin] : "?", HookID.allCases[hook], session)
    }

    // MARK: Deadlines

    /// Sets a deadline; on the loop.
    public func setDeadline(_ node: WheelNode, to nanoseconds: Int64, for target: any DeadlineTarget) {
        if node.target !== target { node.target = target }
        self.arm(for: self.wheel.set(node, to: nanoseconds))
    }

    /// Forgets a deadline; on the loop.
    public func removeDeadline(_ node: WheelNode) {
        self.wheel.remove(node)
        node.target = nil
    }

    /// The loop's timer has come; on the loop.
    public func tick() {
        self.armed = .max
        self.stamps.adjust()
        let due = self.wheel.due(at: self.now)
        for node in due { node.target?.deadlinePassed() }
        if let next = self.wheel.nextTick() { self.arm(for: next) }
    }

    private func arm(for next: Int64) {
        guard next < self.armed else { return }
        self.armed = next
        self.loop.wake(at: next)
    }

    // MARK: Buffers

    /// A buffer for replies, empty; give it back with `giveBack`.
    package func takeBuffer() -> [UInt8] {
        var buffer: [UInt8] = []
        swap(&buffer, &self.spare)
        return buffer
    }

    /// Takes a buffer back for the next session.
    public func giveBack(_ buffer: consuming [UInt8]) {
        guard buffer.capacity <= 65536, buffer.capacity > self.spare.capacity else { return }
        buffer.removeAll(keepingCapacity: true)
        self.spare = buffer
    }

    /// Where a chain's records lie until it has ended.
    let scratch = UnsafeMutablePointer<HookRecord>.allocate(capacity: LoopCore.scratchCount)
    static let scratchCount = 64

    // MARK: Dates

    /// The date of now, made once a second.
    package func date() -> RFC5322Date {
        let second = self.loop.wallNow() / 1_000_000_000
        if second != self.dateSecond {
            self.dateSecond = second
            self.dateText = RFC5322Date(seconds: second, offsetMinutes: self.loop.zone())
        }
        return self.dateText
    }

    // MARK: Counts

    /// Hook statistics of this loop; on the loop.
    public func hookStatistics() -> [HookStatistics] { self.counters.statistics() }

    /// What rates are made of, see `RateHistory`; on the loop.
    package func rates() -> [UInt64] { self.counters.rates() }

    /// Counts of this loop; on the loop.
    public func serverCounters() -> ServerCounters { self.counters.serverCounters() }
}

/// The clock of a loop, for plugins.
struct LoopClock: SessionClock {
    let core: LoopCore

    var now: MonotonicTime { MonotonicTime(nanoseconds: self.core.loop.monotonicNow()) }
    var wall: Int64 { self.core.loop.wallNow() }
    var zone: Int { self.core.loop.zone() }

    func sleep(until deadline: MonotonicTime) async throws {
        let sleeper = LoopSleeper(core: self.core)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                sleeper.start(until: deadline.nanoseconds, continuation)
            }
        } onCancel: {
            sleeper.cancel()
        }
    }
}

/// One wait on a loop's wheel.
final class LoopSleeper: DeadlineTarget, @unchecked Sendable {
    // Invariant: everything that changes is touched on the loop only.
    private let core: LoopCore
    private let node = WheelNode()
    private var continuation: CheckedContinuation<Void, any Error>?
    private var isCancelled = false

    init(core: LoopCore) {
        self.core = core
    }

    func start(until deadline: Int64, _ continuation: CheckedContinuation<Void, any Error>) {
        self.onLoop {
            guard !self.isCancelled else { return continuation.resume(throwing: CancellationError()) }
            self.continuation = continuation
            self.core.setDeadline(self.node, to: deadline, for: self)
        }
    }

    func cancel() {
        self.onLoop {
            self.isCancelled = true
            self.core.removeDeadline(self.node)
            self.continuation?.resume(throwing: CancellationError())
            self.continuation = nil
        }
    }

    func deadlinePassed() {
        self.continuation?.resume()
        self.continuation = nil
    }

    private func onLoop(_ work: @escaping @Sendable () -> Void) {
        if self.core.loop.isInLoop { work() } else { self.core.loop.execute(work) }
    }
}
