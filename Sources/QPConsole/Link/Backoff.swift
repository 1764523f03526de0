// Backoff.swift
//
// How long to wait before the next attempt.

/// Waits that grow, up to five seconds: whoever looks at a server that restarts wants to see it come back.
struct Backoff: Hashable, Sendable {
    static let seconds = [0.5, 1, 2, 4, 5]
    /// Between attempts at what waiting alone does not mend.
    static let longest = 5.0

    private var attempts = 0

    mutating func next() -> Double {
        defer { self.attempts = min(self.attempts + 1, Self.seconds.count) }
        return self.attempts < Self.seconds.count ? Self.seconds[self.attempts] : Self.longest
    }

    mutating func reset() { self.attempts = 0 }

    /// Goes straight to the longest wait.
    mutating func exhaust() { self.attempts = Self.seconds.count }
}
