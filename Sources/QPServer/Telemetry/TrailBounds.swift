// TrailBounds.swift
//
// How much of the past is kept.

extension TrailDatabase {
    /// How much is kept. What is older goes first.
    package struct Bounds: Sendable, Hashable {
        /// Octets of the file; for moments it may be a quarter larger, never more.
        package var octets: Int64
        /// How long segments are kept, by their last record.
        package var age: Duration

        /// 256 MiB and a week.
        package init(octets: Int64 = 256 << 20, age: Duration = .seconds(7 * 86400)) {
            // An empty file of these tables has about 40 kB.
            self.octets = min(max(octets, 1 << 16), 1 << 42)
            self.age = age
        }

        var ceiling: Int64 { self.octets + max(self.octets / 4, 1 << 18) }

        /// Nanoseconds since 1970 before which segments are too old.
        func oldest(_ now: Int64) -> Int64 {
            let (seconds, attoseconds) = self.age.components
            let (whole, isLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            let (age, isLonger) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
            let (oldest, isOlder) = now.subtractingReportingOverflow(age)
            return isLong || isLonger || isOlder ? .min : oldest
        }
    }
}
