// LatencyScale.swift
//
// The fixed logarithmic buckets that latencies are counted in.

/// Buckets of durations: four to a doubling, from 256 ns to 55 minutes; the last one takes everything beyond.
public enum LatencyScale {
    /// How many buckets there are.
    public static let count = 136

    /// The bucket of a duration in nanoseconds.
    @inlinable
    @inline(__always)
    public static func bucket(of nanoseconds: UInt64) -> UInt8 {
        guard nanoseconds >= 256 else { return 0 }
        let exponent = 63 - nanoseconds.leadingZeroBitCount
        let quarter = Int(truncatingIfNeeded: nanoseconds >> UInt64(truncatingIfNeeded: exponent - 2)) & 3
        return UInt8(truncatingIfNeeded: min((exponent - 8) * 4 + quarter + 1, Self.count - 1))
    }

    /// A duration in the middle of a bucket, in nanoseconds: what is known of one whose bucket alone was kept.
    package static func middle(of bucket: Int) -> UInt64 {
        guard let upper = Self.upperBound(of: bucket) else { return Self.upperBound(of: Self.count - 2) ?? 0 }
        let lower = bucket > 0 ? Self.upperBound(of: bucket - 1) ?? 0 : 0
        return (lower + upper) / 2
    }

    /// The upper bound of a bucket in nanoseconds (not included); `nil` for the last one, which has none.
    public static func upperBound(of bucket: Int) -> UInt64? {
        guard bucket >= 0, bucket < Self.count - 1 else { return nil }
        if bucket == 0 { return 256 }
        let exponent = (bucket - 1) / 4 + 8
        let quarter = UInt64((bucket - 1) % 4)
        return (4 + quarter + 1) << UInt64(exponent - 2)
    }
}
