// ManualLoop.swift
//
// An event loop that a test turns by hand, with a clock that a test sets.

import Glibc
public import QPActors
import Synchronization

/// An event loop without a thread of its own: work runs when the test says `run`, time passes when it says `advance`.
public final class ManualLoop: SessionLoop, Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var now: Int64 = 1_000_000_000
        var wakeAt: Int64?
        var owner: pthread_t?
    }
    private let state = Mutex(State())
    private let wall: Int64

    /// A loop whose wall clock starts at a time in seconds since 1970.
    public init(wall: Int64 = 1_795_000_000) {
        self.wall = wall &* 1_000_000_000
    }

    /// A loop whose wall clock is ahead of its own by nanoseconds.
    init(wallAhead: Int64) {
        self.wall = wallAhead
    }

    public var isInLoop: Bool {
        self.state.withLock { state in state.owner.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    public func execute(_ work: @escaping @Sendable () -> Void) { self.state.withLock { $0.work.append(work) } }

    public func monotonicNow() -> Int64 { self.state.withLock { $0.now } }

    public func wallNow() -> Int64 { self.wall &+ self.monotonicNow() }

    public func zone() -> Int { 0 }

    public var hasRealTime: Bool { false }

    public func wake(at nanoseconds: Int64) {
        self.state.withLock { $0.wakeAt = min($0.wakeAt ?? .max, nanoseconds) }
    }

    /// Runs `body` on the loop, then everything that waits, until nothing does.
    public func run(_ body: () -> Void = {}) {
        let before = self.state.withLock { state in
            defer { state.owner = pthread_self() }
            return state.owner
        }
        body()
        while true {
            let batch = self.state.withLock { state in
                defer { state.work = [] }
                return state.work
            }
            if batch.isEmpty { break }
            for work in batch { work() }
        }
        self.state.withLock { $0.owner = before }
    }

    /// Lets time pass, in steps of the core's own deadlines.
    public func advance(by duration: Duration, _ core: LoopCore) {
        let target = self.monotonicNow() &+ duration.clampedNanosecondsForTests
        while true {
            let next = self.state.withLock { state -> Int64? in
                guard let wakeAt = state.wakeAt, wakeAt <= target else { return nil }
                state.now = max(state.now, wakeAt)
                state.wakeAt = nil
                return wakeAt
            }
            guard next != nil else { break }
            self.run { core.tick() }
        }
        self.state.withLock { $0.now = target }
        self.run()
    }
}

extension Duration {
    fileprivate var clampedNanosecondsForTests: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
