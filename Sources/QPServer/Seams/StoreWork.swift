// StoreWork.swift
//
// What is asked of the file that holds plugins' values.

import QPHooks

/// A plugin's key.
struct StoreKey: Sendable, Hashable {
    let namespace: String
    let name: String
}

/// One piece of work. Times are nanoseconds since 1970; an entry ends at its time.
enum StoreWork: Sendable {
    case value(StoreKey)
    case set(StoreKey, [UInt8], end: Int64?)
    case remove(StoreKey)
    case add(StoreKey, Int64, end: Int64?)

    var isWrite: Bool {
        if case .value = self { false } else { true }
    }
}

/// What came of it.
enum StoreOutcome: Sendable, Hashable {
    case value([UInt8]?)
    case done
    case sum(Int64)
}

/// A piece of work that a task waits for.
struct StoreRequest: Sendable {
    let work: StoreWork
    let result = OneResult<StoreOutcome, EffectError>()
}
