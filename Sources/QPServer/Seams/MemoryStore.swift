// MemoryStore.swift
//
// Plugins' values in memory: kept until the server is restarted, and within a bound.

package import QPHooks
import Synchronization

/// Keeps values by namespace and key until the process ends. When there are too many, those that have outlived their
/// time go first, then those that were written longest ago.
package final class MemoryStore: KeyValueStore {
    private struct Key: Hashable {
        let namespace: String
        let name: String
    }

    private struct Entry {
        var value: [UInt8]
        var end: MonotonicTime?
        /// Which write this was; the queue's older mentions of the key mean nothing.
        var write: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// Keys by the time of their writes, from `first` on.
        var order: [(key: Key, write: UInt64)] = []
        var first = 0
        var writes: UInt64 = 0
        var octets = 0
    }

    private static let maxValue = 1 << 20

    private let state = Mutex(State())
    private let maxEntries: Int
    private let maxOctets: Int
    private let now: @Sendable () -> MonotonicTime

    /// - Parameters:
    ///   - maxEntries: values of all namespaces together.
    ///   - maxOctets: keys and values of all namespaces together.
    ///   - now: the clock that lifetimes count by.
    package init(
        maxEntries: Int = 1_000_000, maxOctets: Int = 256 << 20,
        now: @escaping @Sendable () -> MonotonicTime = { MonotonicTime(nanoseconds: SystemCall.monotonic) }
    ) {
        self.maxEntries = max(1, maxEntries)
        self.maxOctets = max(1, maxOctets)
        self.now = now
    }

    /// Values that are kept, also those whose time has passed but which nobody asked for since.
    package var count: Int { self.state.withLock { $0.entries.count } }

    package func value(
        of key: String, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> [UInt8]? {
        let now = self.now()
        return self.state.withLock { Self.live(Key(namespace: namespace, name: key), &$0, now)?.value }
    }

    package func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        guard key.utf8.count + (value?.count ?? 0) <= Self.maxValue else { throw .tooLong("stored value") }
        let now = self.now()
        self.state.withLock { state in
            let key = Key(namespace: namespace, name: key)
            if let value {
                self.put(key, value, lifetime.map { now.advanced(by: $0) }, &state, now)
            } else {
                Self.remove(key, &state)
            }
        }
    }

    package func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        guard key.utf8.count <= Self.maxValue else { throw .tooLong("stored value") }
        let now = self.now()
        return self.state.withLock { state in
            let key = Key(namespace: namespace, name: key)
            let old = Self.live(key, &state, now).flatMap { Int64(String(decoding: $0.value, as: UTF8.self)) } ?? 0
            let (sum, overflow) = old.addingReportingOverflow(amount)
            let total = overflow ? (amount < 0 ? .min : .max) : sum
            self.put(key, Array(String(total).utf8), lifetime.map { now.advanced(by: $0) }, &state, now)
            return total
        }
    }

    // MARK: Bounds

    private static func live(_ key: Key, _ state: inout State, _ now: MonotonicTime) -> Entry? {
        guard let entry = state.entries[key] else { return nil }
        guard let end = entry.end, now >= end else { return entry }
        self.remove(key, &state)
        return nil
    }

    private static func octets(_ key: Key, _ value: [UInt8]) -> Int { key.name.utf8.count + value.count + 128 }

    private static func remove(_ key: Key, _ state: inout State) {
        if let old = state.entries.removeValue(forKey: key) { state.octets -= Self.octets(key, old.value) }
    }

    private func put(
        _ key: Key, _ value: [UInt8], _ end: MonotonicTime?, _ state: inout State, _ now: MonotonicTime
    ) {
        Self.remove(key, &state)
        state.writes += 1
        state.entries[key] = Entry(value: value, end: end, write: state.writes)
        state.octets += Self.octets(key, value)
        state.order.append((key, state.writes))
        // Keys that are written often leave old mentions behind.
        if state.order.count - state.first > 2 * state.entries.count + 64 { Self.compact(&state) }
        if self.isOver(state) { self.evict(&state, now) }
    }

    private func isOver(_ state: borrowing State) -> Bool {
        state.entries.count > self.maxEntries || state.octets > self.maxOctets
    }

    /// Makes more room than is needed now, so that not every write has to.
    private func evict(_ state: inout State, _ now: MonotonicTime) {
        for (key, entry) in state.entries where entry.end.map({ now >= $0 }) ?? false { Self.remove(key, &state) }
        let isTight = state.entries.count > self.maxEntries / 16 * 15 || state.octets > self.maxOctets / 16 * 15
        guard isTight else { return Self.compact(&state) }
        let entryGoal = max(1, min(self.maxEntries - 1, self.maxEntries / 16 * 15))
        let octetGoal = self.maxOctets / 16 * 15
        while state.first < state.order.count, state.entries.count > 1,
            state.entries.count > entryGoal || state.octets > octetGoal
        {
            let (key, write) = state.order[state.first]
            state.first += 1
            if state.entries[key]?.write == write { Self.remove(key, &state) }
        }
        Self.compact(&state)
    }

    private static func compact(_ state: inout State) {
        state.order = state.order[state.first...].filter { state.entries[$0.key]?.write == $0.write }
        state.first = 0
    }
}
