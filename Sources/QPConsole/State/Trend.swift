// Trend.swift
//
// How fast a counter grows, now and over the last 10, 100 and 1,000 looks at it.

/// A counter that is looked at again and again.
struct Trend: Hashable, Sendable {
    private(set) var value: UInt64
    private var lookedAt: Double
    /// A second, since the look before; `nil` before the second look.
    private(set) var change: Double?
    /// Exponential averages of `change`, over so many looks as `spans` has.
    private(set) var averages: [Double] = [0, 0, 0]
    private var looks = 0

    static let spans = [10, 100, 1000]

    /// The first look.
    init(_ value: UInt64, at time: Double) {
        self.value = value
        self.lookedAt = time
    }

    /// Another look. A counter that went back (a new process) begins anew.
    mutating func look(_ value: UInt64, at time: Double) {
        let elapsed = time - self.lookedAt
        guard value >= self.value else { return self = Trend(value, at: time) }
        guard elapsed > 0.05 else { return }
        let change = Double(value - self.value) / elapsed
        self.looks += 1
        for (index, span) in Self.spans.enumerated() {
            // As long as there are fewer looks than that, the mean of all.
            let weight = 1 / Double(min(self.looks, span))
            self.averages[index] += (change - self.averages[index]) * weight
        }
        self.change = change
        self.value = value
        self.lookedAt = time
    }
}
