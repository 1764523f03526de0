// RunHistogram.swift
//
// Runs by duration, put together from hooks and servers, in steps of a doubling.

import QPTelemetry

/// Runs by duration.
struct RunHistogram: Sendable {
    /// All runs between two powers of two.
    struct Doubling: Hashable, Sendable {
        /// 0 for those of up to 256 ns.
        let number: Int
        /// Seconds that they did not exceed.
        let bound: Double
        var runs: UInt64 = 0
        /// Those that came since the look before; `nil` if there was none.
        var fresh: UInt64?
        /// Those up to here, as a part of all.
        var cumulative = 0.0
        /// `p95`, if that is here.
        var percentiles: [String] = []
    }

    /// From the first with runs to the last.
    private(set) var doublings: [Doubling] = []
    private(set) var runs: UInt64 = 0
    /// Seconds in all.
    private var seconds = 0.0
    /// Runs by upper bound in seconds, as fine as servers tell.
    private var fine: [Double: UInt64] = [:]

    private static let first = 256e-9
    private static let last = 34

    /// - Parameters:
    ///   - snapshot: what servers counted.
    ///   - plugin: a plugin's name; empty: all.
    ///   - hook: a hook's name; empty: all.
    init(_ snapshot: ConsoleSnapshot, plugin: String, hook: String) {
        var fresh: [Int: UInt64] = [:]
        var hasBefore = false
        for server in snapshot.servers {
            hasBefore = hasBefore || !server.hooksBefore.isEmpty
            for row in server.hooks
            where (plugin.isEmpty || row.plugin == plugin) && (hook.isEmpty || row.hook == hook) {
                self.seconds += row.seconds.orZero
                for (bound, runs) in Self.pairs(row.histogram) {
                    self.fine[bound, default: 0] &+= runs
                    self.runs &+= runs
                }
                guard !server.hooksBefore.isEmpty else { continue }
                let before = Self.byDoubling(server.hooksBefore["\(row.plugin) \(row.hook)"]?.histogram ?? [])
                for (number, runs) in Self.byDoubling(row.histogram) {
                    let old = before[number] ?? 0
                    if runs > old { fresh[number, default: 0] &+= runs - old }
                }
            }
        }
        self.fill(fresh: hasBefore ? fresh : nil)
    }

    /// The mean duration in seconds.
    var mean: Double? { self.runs > 0 ? self.seconds / Double(self.runs) : nil }

    /// The duration in seconds that a share (0...1) of runs did not exceed.
    func percentile(_ share: Double) -> Double? {
        let goal = Double(self.runs) * share
        var seen: UInt64 = 0
        for (bound, runs) in self.fine.sorted(by: { $0.key < $1.key }) {
            seen &+= runs
            if Double(seen) >= goal { return bound }
        }
        return nil
    }

    private mutating func fill(fresh: [Int: UInt64]?) {
        var counts: [Int: UInt64] = [:]
        for (bound, runs) in self.fine { counts[Self.number(of: bound), default: 0] &+= runs }
        guard let first = counts.keys.min(), let last = counts.keys.max() else { return }
        var seen: UInt64 = 0
        for number in first...last {
            var doubling = Doubling(number: number, bound: Self.bound(of: number))
            doubling.runs = counts[number] ?? 0
            doubling.fresh = fresh.map { $0[number] ?? 0 }
            seen &+= doubling.runs
            doubling.cumulative = .share(seen, of: self.runs)
            self.doublings.append(doubling)
        }
        for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            guard let bound = self.percentile(share) else { continue }
            let place = Self.number(of: bound) - first
            if self.doublings.indices.contains(place) { self.doublings[place].percentiles.append(name) }
        }
    }

    // MARK: Steps

    /// Bounds and runs; what makes no sense is left out.
    private static func pairs(_ histogram: [[Double]]) -> [(bound: Double, runs: UInt64)] {
        histogram.compactMap { pair in
            guard pair.count == 2, pair[0] > 0 else { return nil }
            let runs = UInt64(clamped: pair[1])
            return runs > 0 ? (bound: pair[0], runs: runs) : nil
        }
    }

    private static func byDoubling(_ histogram: [[Double]]) -> [Int: UInt64] {
        var result: [Int: UInt64] = [:]
        for (bound, runs) in Self.pairs(histogram) { result[Self.number(of: bound), default: 0] &+= runs }
        return result
    }

    private static func bound(of number: Int) -> Double {
        Self.first * Double(UInt64(1) << UInt64(min(max(number, 0), Self.last)))
    }

    /// The doubling that a bound falls into. Bounds are sums in binary fractions of a decimal: a little is forgiven.
    private static func number(of bound: Double) -> Int {
        (0..<Self.last).first { Self.bound(of: $0) * (1 + 1e-9) >= bound } ?? Self.last
    }
}
