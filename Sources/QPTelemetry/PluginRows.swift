// PluginRows.swift
//
// Plugins and hooks as an observer sees them.

/// A switch that an operator set live.
public struct LiveChange: Sendable, Hashable, Codable {
    /// Who: the name of the credential.
    public var by: String
    /// Seconds since 1970.
    public var at: Double
    /// What: `mode shadow`, `time_limit 5`, ...
    public var what: String

    /// A change.
    public init(by: String, at: Double, what: String) {
        self.by = by
        self.at = at
        self.what = what
    }
}

/// One plugin line of the running configuration.
public struct PluginRow: Sendable, Hashable, Codable {
    public var name: String
    public var arguments: [String] = []
    /// `file:line`.
    public var place: String = ""
    public var hooks: [String] = []
    /// `on`, `shadow` or `off`.
    public var mode: String = "on"
    /// Seconds that a waiting handler may take.
    public var timeLimit: Double = 30
    /// `standard`, `declined` or `denysoft`.
    public var onError: String = "standard"
    /// The level up to which its lines go to the log outputs, if it has one of its own: `LOGDEBUG`.
    public var logLevel: String?
    /// `closed`, `open` or `half_open`.
    public var breaker: String = "closed"
    /// Handlers that run on beyond their time limit, and handlers that wait now.
    public var stragglers: UInt64 = 0
    public var inFlight: Int = 0
    /// Runs in all, and by answer: refused for good, deferred, accepted (OK and DONE), no opinion.
    public var runs: UInt64 = 0
    public var ok: UInt64 = 0
    public var deny: UInt64 = 0
    public var soft: UInt64 = 0
    public var declined: UInt64 = 0
    public var errors: UInt64 = 0
    public var timeouts: UInt64 = 0
    public var shadowRuns: UInt64 = 0
    public var shadowDifferences: UInt64 = 0
    /// Seconds at the percentiles; `nil` without runs.
    public var p50: Double?
    public var p95: Double?
    public var p99: Double?
    /// Its part of all refusals and deferrals of the server, 0...1.
    public var decisionShare: Double = 0
    /// What an operator changed live.
    public var changes: [LiveChange] = []

    /// A row to fill.
    public init(name: String) { self.name = name }
}

/// A plugin with its manual.
public struct PluginDetail: Sendable, Hashable, Codable {
    public var plugin: PluginRow
    public var manual: String
    public var hooks: [HookRow]

    /// A plugin.
    public init(plugin: PluginRow, manual: String, hooks: [HookRow]) {
        self.plugin = plugin
        self.manual = manual
        self.hooks = hooks
    }
}

/// What an operator wants changed of a plugin; `nil` stays.
public struct PluginPatch: Sendable, Hashable, Codable {
    /// `on`, `shadow` or `off`.
    public var mode: String?
    /// Seconds, 0.001...600.
    public var timeLimit: Double?
    /// A level (`LOGDEBUG` or 0...7); `default`: the outputs' own again.
    public var logLevel: String?

    /// Nothing changes.
    public init(mode: String? = nil, timeLimit: Double? = nil, logLevel: String? = nil) {
        self.mode = mode
        self.timeLimit = timeLimit
        self.logLevel = logLevel
    }
}

/// One plugin on one hook.
public struct HookRow: Sendable, Hashable, Codable {
    public var plugin: String
    public var hook: String
    /// Whether the running configuration has it.
    public var configured: Bool
    public var runs: UInt64
    /// By constant, lower case: `ok`, `deny`, `denysoft`, `deny_disconnect`, `denysoft_disconnect`, `declined`, `done`.
    public var verdicts: [String: UInt64]
    public var errors: UInt64
    public var timeouts: UInt64
    public var shadowRuns: UInt64
    public var shadowDifferences: UInt64
    public var brokenOff: UInt64
    public var stragglers: UInt64
    public var inFlight: Int
    /// Seconds in all, and at the percentiles.
    public var seconds: Double
    public var p50: Double?
    public var p95: Double?
    public var p99: Double?
    /// Runs by duration: `[upper bound in seconds, runs]`, buckets without runs left out.
    public var histogram: [[Double]]

    /// The names of the verdicts, in the order of `HookStatistics.verdicts`.
    public static let verdictNames = [
        "ok", "deny", "denysoft", "deny_disconnect", "denysoft_disconnect", "declined", "done",
    ]

    /// A row out of counts.
    public init(_ statistics: HookStatistics, configured: Bool, inFlight: Int) {
        self.plugin = statistics.plugin
        self.hook = statistics.hook
        self.configured = configured
        self.runs = statistics.runs
        self.verdicts = Dictionary(
            zip(Self.verdictNames, statistics.verdicts), uniquingKeysWith: { first, _ in first })
        self.errors = statistics.errors
        self.timeouts = statistics.timeouts
        self.shadowRuns = statistics.shadowRuns
        self.shadowDifferences = statistics.shadowDifferences
        self.brokenOff = statistics.brokenOff
        self.stragglers = statistics.stragglers
        self.inFlight = inFlight
        self.seconds = Double(statistics.nanoseconds) / 1e9
        self.p50 = LatencyScale.percentile(0.50, of: statistics.latencies)
        self.p95 = LatencyScale.percentile(0.95, of: statistics.latencies)
        self.p99 = LatencyScale.percentile(0.99, of: statistics.latencies)
        self.histogram = statistics.latencies.enumerated().compactMap { bucket, runs in
            guard runs > 0 else { return nil }
            let bound = LatencyScale.upperBound(of: bucket) ?? LatencyScale.upperBound(of: bucket - 1)
            return [Double(bound ?? 0) / 1e9, Double(runs)]
        }
    }
}

extension LatencyScale {
    /// The duration in seconds that a share (0...1) of runs did not exceed, as the upper bound of its bucket; `nil`
    /// without runs.
    public static func percentile(_ share: Double, of latencies: [UInt32]) -> Double? {
        let total = latencies.reduce(UInt64(0)) { $0 + UInt64($1) }
        guard total > 0 else { return nil }
        let goal = Double(total) * share
        var seen: UInt64 = 0
        for (bucket, runs) in latencies.enumerated() {
            seen += UInt64(runs)
            if Double(seen) >= goal, runs > 0 {
                return Double(Self.upperBound(of: bucket) ?? Self.upperBound(of: bucket - 1) ?? 0) / 1e9
            }
        }
        return nil
    }
}
