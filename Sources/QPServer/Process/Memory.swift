// Memory.swift
//
// How much memory the process has, asked at most once a second.

import CLinuxShims
import Glibc
import Synchronization

/// The memory of this process.
package final class ProcessMemory: Sendable {
    private struct Sample {
        var octets: UInt64 = 0
        var until: Int64 = .min
        var nextTrim: Int64 = .min
    }

    private let sample = Mutex(Sample())

    package init() {}

    /// Octets in memory (resident set); at most a second old. 0 if the system does not say.
    package var resident: UInt64 {
        let now = SystemCall.monotonic
        return self.sample.withLock { sample in
            if now >= sample.until {
                sample.octets = Self.read()
                sample.until = now &+ 1_000_000_000
            }
            return sample.octets
        }
    }

    /// Whether the process has more than that. What was given back and only the C library still holds is given to the
    /// system then, on a thread of its own: it would be held for ever, and nothing would be taken any more.
    package func exceeds(_ limit: UInt64) -> Bool {
        guard self.resident > limit else { return false }
        let now = SystemCall.monotonic
        let isDue = self.sample.withLock { sample in
            guard now >= sample.nextTrim else { return false }
            sample.nextTrim = now &+ 5_000_000_000
            return true
        }
        if isDue {
            try? WorkerThread.start("trim") {
                qp_trim_memory()
                self.sample.withLock { $0.until = .min }
            }
        }
        return true
    }

    private static func read() -> UInt64 {
        guard let content = SystemCall.smallFile("/proc/self/statm", limit: 256) else { return 0 }
        let fields = content.split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = UInt64(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages.multipliedReportingOverflow(by: UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))).partialValue
    }
}
