// LoopListenerCounters.swift
//
// What the listeners of one loop let in and turned away.

/// Connections of one listener on one loop, by what became of them. Loop-local.
public final class ListenerCounters: @unchecked Sendable {
    // Invariant: touched on the loop only.

    /// What became of a connection. A closed set: it is a label of metrics.
    public enum Result: Int, CaseIterable, Sendable {
        case accepted, total, address, banned, draining, resources, plugin, abandoned, proxy

        /// The label.
        public var name: String { "\(self)" }
    }

    private let counts: UnsafeMutablePointer<UInt64>

    /// The listener, as configured.
    public let name: String

    /// Nothing counted.
    public init(_ name: String = "") {
        self.name = name
        self.counts = .allocate(capacity: Result.allCases.count)
        self.counts.initialize(repeating: 0, count: Result.allCases.count)
    }

    deinit { self.counts.deallocate() }

    package func count(_ result: Result) { self.counts[result.rawValue] &+= 1 }

    /// The counts, by result; on the loop.
    public subscript(result: Result) -> UInt64 { self.counts[result.rawValue] }
}
