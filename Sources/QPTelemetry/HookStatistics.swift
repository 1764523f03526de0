// HookStatistics.swift
//
// What one plugin did on one hook.

/// Counts of one plugin on one hook, since the server started.
public struct HookStatistics: Sendable, Hashable, Codable {
    /// The plugin, by its name in configuration.
    public var plugin: String
    /// The hook's name.
    public var hook: String
    /// Runs by answer (OK, DENY, DENYSOFT, DENY_DISCONNECT, DENYSOFT_DISCONNECT, DECLINED, DONE).
    public var verdicts: [UInt64]
    /// Runs that threw.
    public var errors: UInt64
    /// Runs that ran out of time.
    public var timeouts: UInt64
    /// Runs in shadow mode; they count here and nowhere else.
    public var shadowRuns: UInt64
    /// Shadow runs whose answer was not what the chain came to.
    public var shadowDifferences: UInt64
    /// Answers given by the failure policy because the breaker was open.
    public var brokenOff: UInt64
    /// Handlers that went on after their time limit and were left behind.
    public var stragglers: UInt64
    /// Nanoseconds in all.
    public var nanoseconds: UInt64
    /// Runs by duration, see `LatencyScale`.
    public var latencies: [UInt32]

    /// Nothing counted.
    public init(plugin: String, hook: String) {
        self.plugin = plugin
        self.hook = hook
        self.verdicts = Array(repeating: 0, count: 7)
        self.errors = 0
        self.timeouts = 0
        self.shadowRuns = 0
        self.shadowDifferences = 0
        self.brokenOff = 0
        self.stragglers = 0
        self.nanoseconds = 0
        self.latencies = Array(repeating: 0, count: LatencyScale.count)
    }

    /// Runs in all.
    public var runs: UInt64 { self.verdicts.reduce(0, &+) }

    /// Adds what another loop counted of the same plugin and hook.
    public mutating func add(_ other: Self) {
        for index in self.verdicts.indices { self.verdicts[index] &+= other.verdicts[index] }
        self.errors &+= other.errors
        self.timeouts &+= other.timeouts
        self.shadowRuns &+= other.shadowRuns
        self.shadowDifferences &+= other.shadowDifferences
        self.brokenOff &+= other.brokenOff
        self.stragglers &+= other.stragglers
        self.nanoseconds &+= other.nanoseconds
        for index in self.latencies.indices { self.latencies[index] &+= other.latencies[index] }
    }
}
