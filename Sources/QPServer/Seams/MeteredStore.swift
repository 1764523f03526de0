// MeteredStore.swift
//
// Plugins' memory, counted.

package import QPHooks

/// Counts what is asked of the store.
package struct MeteredStore: KeyValueStore {
    private static let name = "store"

    private let store: any KeyValueStore
    private let meters: ExternalMeters

    package init(_ store: any KeyValueStore, _ meters: ExternalMeters) {
        self.store = store
        self.meters = meters
        meters.expect(.store, Self.name)
    }

    package func value(
        of key: String, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> [UInt8]? {
        try await self.meters.measure(.store, Self.name, failure: ExternalMeters.Result.of) {
            () async throws(EffectError) in
            try await self.store.value(of: key, in: namespace, origin: origin)
        }
    }

    package func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        try await self.meters.measure(.store, Self.name, failure: ExternalMeters.Result.of) {
            () async throws(EffectError) in
            try await self.store.set(key, to: value, lifetime: lifetime, in: namespace, origin: origin)
        }
    }

    package func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        try await self.meters.measure(.store, Self.name, failure: ExternalMeters.Result.of) {
            () async throws(EffectError) in
            try await self.store.add(amount, to: key, lifetime: lifetime, in: namespace, origin: origin)
        }
    }
}
