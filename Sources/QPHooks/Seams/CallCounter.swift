// CallCounter.swift
//
// Numbers the effects of a session, so that recorded answers find their questions again.

import Synchronization

/// Gives every effect of a session its number.
public final class CallCounter: Sendable {
    private let session: SessionID?
    private let plugin: String
    private let hook: HookID?
    private let count: SharedCount

    /// The count that all handlers of a session share.
    package final class SharedCount: Sendable {
        let value = Atomic<UInt32>(0)
        private let temporary = Atomic<Bool>(false)

        /// Whether any handler asked for a temporary file.
        package var usedTemporaryFiles: Bool { self.temporary.load(ordering: .relaxed) }
        func usesTemporaryFiles() { self.temporary.store(true, ordering: .relaxed) }

        package init() {}
    }

    package init(session: SessionID?, plugin: String, hook: HookID?, count: SharedCount) {
        self.session = session
        self.plugin = plugin
        self.hook = hook
        self.count = count
    }

    /// The next origin, of a file that goes with the transaction.
    func nextTemporary() -> EffectOrigin {
        self.count.usesTemporaryFiles()
        return self.next()
    }

    /// The next origin.
    public func next() -> EffectOrigin {
        let call = self.count.value.wrappingAdd(1, ordering: .relaxed).oldValue
        return EffectOrigin(session: self.session, plugin: self.plugin, hook: self.hook, call: call)
    }
}
