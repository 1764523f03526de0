// MetricsHistogram.swift
//
// A histogram as exporters write it: counts add up from bound to bound.

import QPTelemetry

/// Cumulative counts under ascending, finite bounds.
struct MetricsHistogram {
    /// Bounds of one histogram.
    static let boundLimit = 40

    private(set) var bounds: [Double] = []
    /// As many as bounds.
    private(set) var cumulative: [UInt64] = []
    private(set) var count: UInt64 = 0
    private(set) var sum: Double

    /// Bounds that do not ascend, and those beyond the limit, are left out; their counts go to the next one.
    init(_ histogram: Histogram) {
        self.sum = histogram.sum.isFinite ? max(0, histogram.sum) : 0
        for (index, bound) in histogram.bounds.enumerated() where index < histogram.counts.count {
            self.add(histogram.counts[index])
            guard bound.isFinite, bound > (self.bounds.last ?? -.infinity) else { continue }
            guard self.bounds.count < Self.boundLimit else { continue }
            self.bounds.append(bound)
            self.cumulative.append(self.count)
        }
        for count in histogram.counts.dropFirst(histogram.bounds.count) { self.add(count) }
        if self.bounds.isEmpty {
            self.bounds = [1]
            self.cumulative = [self.count]
        }
    }

    /// Durations in seconds under the bounds of some buckets of `LatencyScale`, ascending; none: no bounds at all.
    init(_ statistics: HookStatistics, _ buckets: [Int]) {
        self.sum = Double(statistics.nanoseconds) / 1e9
        var next = 0
        for bucket in buckets {
            while next <= bucket, next < statistics.latencies.count {
                self.add(UInt64(statistics.latencies[next]))
                next += 1
            }
            guard let bound = LatencyScale.upperBound(of: bucket) else { continue }
            self.bounds.append(Double(bound) / 1e9)
            self.cumulative.append(self.count)
        }
        for runs in statistics.latencies.dropFirst(next) { self.add(UInt64(runs)) }
    }

    /// With +Inf, sum and count.
    var seriesCount: Int { self.bounds.isEmpty ? 2 : self.bounds.count + 3 }

    private mutating func add(_ count: UInt64) {
        let (sum, overflow) = self.count.addingReportingOverflow(count)
        self.count = overflow ? .max : sum
    }
}
