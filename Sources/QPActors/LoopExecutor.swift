// LoopExecutor.swift
//
// One event loop as the executor of its sessions and of their tasks.

/// What an event loop must offer: no socket, no buffer of any framework shows here.
public protocol SessionLoop: AnyObject, Sendable {
    /// Whether the caller runs on this loop.
    var isInLoop: Bool { get }
    /// Runs work on the loop, later.
    func execute(_ work: @escaping @Sendable () -> Void)
    /// Nanoseconds since some fixed moment.
    func monotonicNow() -> Int64
    /// Nanoseconds since 1970.
    func wallNow() -> Int64
    /// Minutes that local time is ahead of UTC.
    func zone() -> Int
    /// Whether `monotonicNow` is the system's clock, which the processor's ticks may stand for.
    var hasRealTime: Bool { get }
    /// Asks for `LoopCore.tick` at a time; one request is kept, an earlier one replaces it.
    func wake(at nanoseconds: Int64)
}

/// Serial executor of the loop's sessions and task executor of their tasks: code never leaves the loop's thread.
///
/// Executor references are unowned, so a loop's executor lives as long as the process.
public final class LoopExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // Invariant: `jobs` and `isScheduled` are touched on the loop only.
    private let loop: any SessionLoop
    private var jobs: [UnownedJob] = []
    private var isScheduled = false

    init(_ loop: any SessionLoop) {
        self.loop = loop
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard self.loop.isInLoop else {
            return self.loop.execute { self.run(job) }
        }
        self.jobs.append(job)
        guard !self.isScheduled else { return }
        self.isScheduled = true
        self.loop.execute { self.drain() }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    public func isIsolatingCurrentContext() -> Bool? { self.loop.isInLoop }

    public func checkIsolated() {
        precondition(self.loop.isInLoop, "session entered from another thread")
    }

    private func run(_ job: UnownedJob) {
        job.runSynchronously(
            isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
    }

    private func drain() {
        self.isScheduled = false
        var batch: [UnownedJob] = []
        swap(&batch, &self.jobs)
        for job in batch { self.run(job) }
    }
}
