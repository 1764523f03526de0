// SessionClock.swift
//
// Time, as a session sees it.

/// A point in time that never goes back, in nanoseconds since some fixed moment.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds.
    public let nanoseconds: Int64

    /// Makes a point in time.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether the left one came first.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Later by a duration; saturating.
    public func advanced(by duration: Duration) -> Self {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(duration.clampedNanoseconds)
        return Self(nanoseconds: overflow ? .max : sum)
    }

    /// How long after another point; saturating.
    public func since(_ other: Self) -> Duration {
        let (difference, overflow) = self.nanoseconds.subtractingReportingOverflow(other.nanoseconds)
        return .nanoseconds(overflow ? .max : difference)
    }
}

extension Duration {
    /// Whole nanoseconds, held within 64 bits.
    public var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}

/// The clock of a session's event loop.
public protocol SessionClock: Sendable {
    /// Now.
    var now: MonotonicTime { get }
    /// Nanoseconds since 1970.
    var wall: Int64 { get }
    /// Minutes that local time is ahead of UTC.
    var zone: Int { get }
    /// Waits.
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    func sleep(until deadline: MonotonicTime) async throws
}

extension SessionClock {
    /// Waits for a while.
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    public func sleep(for duration: Duration) async throws {
        try await self.sleep(until: self.now.advanced(by: duration))
    }
}
