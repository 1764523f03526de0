// AuthLedger.swift
//
// RFC 4954 §9 (guessing): addresses whose clients fail to authenticate, as a value.

package import QPHooks

/// Who failed lately, and who has to wait for it. IPv6 addresses count by /64.
package struct AuthLedger: Sendable {
    /// The most addresses at once.
    static let limit = 16384
    /// The longest wait.
    static let longestWait: Duration = .seconds(3600)

    private struct Entry {
        var failures = 0
        var since: Int64
        var blockedUntil = Int64.min
        var blocks = 0
    }

    private var entries: [IPAddress: Entry] = [:]

    /// Nobody has failed.
    package init() {}

    /// Addresses that are remembered.
    package var count: Int { self.entries.count }

    /// Whether an address has to wait.
    package func isBlocked(_ address: IPAddress, at now: Int64) -> Bool {
        guard !self.entries.isEmpty, let entry = self.entries[address.accountingPrefix] else { return false }
        return now < entry.blockedUntil
    }

    /// An attempt failed; with `authErrorsPerAddress` of them within `authWindow` the address has to wait, twice as long
    /// each time.
    package mutating func failed(_ address: IPAddress, at now: Int64, _ limits: Limits) {
        guard limits.authErrorsPerAddress > 0 else { return }
        let key = address.accountingPrefix
        if self.entries[key] == nil { self.makeRoom(at: now) }
        var entry = self.entries[key] ?? Entry(since: now)
        if now &- entry.since > limits.authWindow.clampedNanoseconds, now >= entry.blockedUntil {
            // The length of a wait is forgotten only when nothing happened for as long as that wait.
            if now &- entry.blockedUntil > Self.wait(entry.blocks, limits) { entry.blocks = 0 }
            entry.failures = 0
            entry.since = now
        }
        entry.failures += 1
        if entry.failures >= limits.authErrorsPerAddress {
            entry.blockedUntil = now &+ Self.wait(entry.blocks, limits)
            entry.blocks += 1
            entry.failures = 0
            entry.since = now
        }
        self.entries[key] = entry
    }

    /// An attempt succeeded: what came before is forgotten.
    package mutating func succeeded(_ address: IPAddress) {
        if !self.entries.isEmpty { self.entries[address.accountingPrefix] = nil }
    }

    private static func wait(_ blocks: Int, _ limits: Limits) -> Int64 {
        let first = limits.authDelay.clampedNanoseconds
        let (wait, overflow) = first.multipliedReportingOverflow(by: 1 << Int64(min(blocks, 20)))
        return min(overflow ? .max : wait, max(first, Self.longestWait.clampedNanoseconds))
    }

    /// Forgets a sixteenth, those that failed longest ago first, when there is no room for one more.
    private mutating func makeRoom(at now: Int64) {
        guard self.entries.count >= Self.limit else { return }
        let oldest = self.entries.sorted {
            (max($0.value.blockedUntil, $0.value.since)) < (max($1.value.blockedUntil, $1.value.since))
        }
        for entry in oldest.prefix(Self.limit / 16) { self.entries[entry.key] = nil }
    }
}
