// SpoolName.swift
//
// Names of files in the spool: `<epoch>:<pid>:<counter>`.

import Glibc
import Synchronization

/// Names that tell who made a file.
enum SpoolName {
    private static let counter = Atomic<UInt64>(0)

    /// A name that this process gives only once.
    static func next() -> String {
        let number = self.counter.wrappingAdd(1, ordering: .relaxed).oldValue
        return "\(SystemCall.wall / 1_000_000_000):\(getpid()):\(number)"
    }

    /// The process that made a file; nil if the name is not one of these.
    static func process(_ name: String) -> pid_t? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        return pid_t(parts[1])
    }
}
