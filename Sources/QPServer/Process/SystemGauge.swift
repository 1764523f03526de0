// SystemGauge.swift
//
// Whether memory and disk are there for more mail.

package import QPActors

/// Asks the system, at most once a second.
package final class SystemGauge: ResourceGauge {
    private let memory: ProcessMemory
    private let spool: SpoolDirectory

    package init(memory: ProcessMemory, spool: SpoolDirectory) {
        self.memory = memory
        self.spool = spool
    }

    /// The spool is the one that the process started with, whatever the configuration says by now.
    package func shortage(_ limits: Limits, spoolDirectory: String) -> ResourceShortage? {
        if limits.processMemory > 0, self.memory.exceeds(limits.processMemory) { return .memory }
        return self.spool.free < limits.spoolFree ? .spool : nil
    }
}
