// BrokenStore.swift
//
// A store that does not answer.

import QPHooks
import QPTestKit

struct BrokenStore: KeyValueStore {
    func value(of key: String, in namespace: String, origin: EffectOrigin) async throws(EffectError) -> [UInt8]? {
        throw .failed("disk gone")
    }

    func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        throw .failed("disk gone")
    }

    func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        throw .failed("disk gone")
    }
}

extension PluginHarness {
    /// From now on the store of this session does not answer.
    func breakStore() {
        let old = self.session.seams
        self.session.seams = Seams(
            resolver: old.resolver, connector: old.connector, http: old.http, store: BrokenStore(), files: old.files,
            random: old.random, offloader: old.offloader, log: self.log)
    }
}
