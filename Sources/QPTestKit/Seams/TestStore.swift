// TestStore.swift
//
// A key-value store in memory.

public import QPHooks
import Synchronization

/// A key-value store in memory whose entries end by a test's clock.
public final class TestStore: KeyValueStore {
    private struct Entry {
        var value: [UInt8]
        var end: MonotonicTime?
    }

    private let clock: any SessionClock
    private let entries = Mutex<[String: [String: Entry]]>([:])

    /// An empty store.
    public init(clock: any SessionClock) {
        self.clock = clock
    }

    /// What a plugin has stored, by key.
    public func content(of namespace: String) -> [String: [UInt8]] {
        self.entries.withLock { entries in
            (entries[namespace] ?? [:]).filter { self.lives($0.value) }.mapValues(\.value)
        }
    }

    /// The value of a key.
    public func value(
        of key: String, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> [UInt8]? {
        self.content(of: namespace)[key]
    }

    /// Sets a key, or removes it.
    public func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        let entry = value.map { Entry(value: $0, end: lifetime.map { self.clock.now.advanced(by: $0) }) }
        self.entries.withLock { $0[namespace, default: [:]][key] = entry }
    }

    /// Adds to a number, kept as decimal text.
    public func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        let end = lifetime.map { self.clock.now.advanced(by: $0) }
        return self.entries.withLock { entries in
            let old = entries[namespace]?[key].flatMap { self.lives($0) ? $0.value : nil }
            let number = old.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
            let (sum, overflow) = number.addingReportingOverflow(amount)
            let total = overflow ? (amount < 0 ? .min : .max) : sum
            entries[namespace, default: [:]][key] = Entry(value: Array(String(total).utf8), end: end)
            return total
        }
    }

    private func lives(_ entry: Entry) -> Bool { entry.end.map { self.clock.now < $0 } ?? true }
}
