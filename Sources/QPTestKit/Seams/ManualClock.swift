// ManualClock.swift
//
// Time that only moves when a test says so.

public import QPHooks
import Synchronization

/// A clock that a test moves by hand. Waiting handlers wake up in the order of their deadlines.
public final class ManualClock: SessionClock {
    private struct State {
        var nanoseconds: Int64 = 0
        var nextID = 0
        var sleepers: [Int: (deadline: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var cancelled: Set<Int> = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let start: Int64
    /// Minutes that local time is ahead of UTC.
    public let zone: Int

    /// Makes a clock that stands still; `wall` are nanoseconds since 1970 (default: 2023-11-14 22:13:20 UTC).
    public init(wall: Int64 = 1_700_000_000_000_000_000, zone: Int = 0) {
        self.start = wall
        self.zone = zone
    }

    /// Now; 0 at the beginning.
    public var now: MonotonicTime { MonotonicTime(nanoseconds: self.state.withLock(\.nanoseconds)) }

    /// Nanoseconds since 1970.
    public var wall: Int64 { self.start.addingReportingOverflow(self.now.nanoseconds).partialValue }

    /// How many tasks wait.
    public var sleepers: Int { self.state.withLock(\.sleepers.count) }

    /// Waits until the clock was moved that far.
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    public func sleep(until deadline: MonotonicTime) async throws {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.begin(id, until: deadline.nanoseconds, continuation)
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    /// Moves time and wakes those whose deadline has come.
    public func advance(by duration: Duration) {
        let due = self.state.withLock { state in
            state.nanoseconds = MonotonicTime(nanoseconds: state.nanoseconds).advanced(by: duration).nanoseconds
            let due = state.sleepers.filter { $0.value.deadline <= state.nanoseconds }
            for id in due.keys { state.sleepers[id] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
        }
        for sleeper in due { sleeper.value.continuation.resume() }
    }

    /// Returns when at least that many tasks wait for this clock.
    public func untilSleeping(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isReached = self.state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }

    private func begin(_ id: Int, until deadline: Int64, _ continuation: CheckedContinuation<Void, any Error>) {
        enum Outcome {
            case cancelled, due, waits([CheckedContinuation<Void, Never>])
        }
        let outcome = self.state.withLock { state -> Outcome in
            if state.cancelled.remove(id) != nil { return .cancelled }
            if deadline <= state.nanoseconds { return .due }
            state.sleepers[id] = (deadline, continuation)
            let reached = state.watchers.filter { $0.count <= state.sleepers.count }
            state.watchers.removeAll { $0.count <= state.sleepers.count }
            return .waits(reached.map(\.continuation))
        }
        switch outcome {
        case .cancelled: continuation.resume(throwing: CancellationError())
        case .due: continuation.resume()
        case .waits(let watchers): for watcher in watchers { watcher.resume() }
        }
    }

    private func cancel(_ id: Int) {
        let continuation = self.state.withLock { state in
            let sleeper = state.sleepers.removeValue(forKey: id)
            if sleeper == nil { state.cancelled.insert(id) }
            return sleeper?.continuation
        }
        continuation?.resume(throwing: CancellationError())
    }
}
