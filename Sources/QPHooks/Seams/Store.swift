// Store.swift
//
// A plugin's own memory: values by key that outlive a session.

/// Keeps values by key. A namespace belongs to one plugin; `shadow` namespaces are apart from the real ones.
public protocol KeyValueStore: Sendable {
    /// The value of a key.
    func value(of key: String, in namespace: String, origin: EffectOrigin) async throws(EffectError) -> [UInt8]?
    /// Sets a key, or removes it (`nil`); after `lifetime` it is gone (`nil`: never).
    func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError)
    /// Adds to a number (0 if there is none) in one step, and gives the sum; saturating.
    func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64
}

/// The store, as a handler sees it: its plugin's own namespace.
public struct Store: Sendable {
    let store: any KeyValueStore
    let namespace: String
    let calls: CallCounter

    /// The value of a key.
    public func value(of key: String) async throws(EffectError) -> [UInt8]? {
        try await self.store.value(of: key, in: self.namespace, origin: self.calls.next())
    }

    /// Sets a key, or removes it (`nil`); after `lifetime` it is gone (`nil`: never).
    public func set(_ key: String, to value: [UInt8]?, lifetime: Duration? = nil) async throws(EffectError) {
        try await self.store.set(key, to: value, lifetime: lifetime, in: self.namespace, origin: self.calls.next())
    }

    /// Adds to a number (0 if there is none) in one step, and gives the sum.
    public func add(_ amount: Int64, to key: String, lifetime: Duration? = nil) async throws(EffectError) -> Int64 {
        try await self.store.add(
            amount, to: key, lifetime: lifetime, in: self.namespace, origin: self.calls.next())
    }
}
