// HookTally.swift
//
// What plugins did at hooks, on all servers together.

import QPTelemetry

/// One plugin at one hook.
struct HookTally: Hashable, Sendable {
    let plugin: String
    let hook: String
    /// Whether a running configuration has it.
    var isConfigured = false
    var runs: UInt64 = 0
    /// Runs by what was said: accepted, no opinion, refused for good, deferred.
    var ok: UInt64 = 0, declined: UInt64 = 0, denied: UInt64 = 0, deferred: UInt64 = 0
    var errors: UInt64 = 0, timeouts: UInt64 = 0
    /// Seconds; of several servers that of the slowest.
    var p95: Double?

    init(plugin: String, hook: String) {
        self.plugin = plugin
        self.hook = hook
    }

    var refusals: UInt64 { self.denied &+ self.deferred }

    /// The part of its runs that refused or deferred.
    var refusalShare: Double { .share(self.refusals, of: self.runs) }

    mutating func add(_ row: HookRow) {
        func count(_ names: String...) -> UInt64 { names.reduce(0) { $0 &+ (row.verdicts[$1] ?? 0) } }
        self.isConfigured = self.isConfigured || row.configured
        self.runs &+= row.runs
        self.ok &+= count("ok", "done")
        self.declined &+= count("declined")
        self.denied &+= count("deny", "deny_disconnect")
        self.deferred &+= count("denysoft", "denysoft_disconnect")
        self.errors &+= row.errors
        self.timeouts &+= row.timeouts
        self.take(p95: row.p95)
    }

    /// For sums over plugins or hooks.
    mutating func add(_ other: Self) {
        self.isConfigured = self.isConfigured || other.isConfigured
        self.runs &+= other.runs
        self.ok &+= other.ok
        self.declined &+= other.declined
        self.denied &+= other.denied
        self.deferred &+= other.deferred
        self.errors &+= other.errors
        self.timeouts &+= other.timeouts
        self.take(p95: other.p95)
    }

    private mutating func take(p95: Double?) {
        guard let p95, p95.isFinite else { return }
        self.p95 = max(self.p95 ?? 0, p95)
    }
}

extension ConsoleSnapshot {
    /// Every plugin at every hook, in the order of first appearance.
    var hookTallies: [HookTally] {
        var places: [[String]: Int] = [:]
        var tallies: [HookTally] = []
        for (_, row) in self.rows(\.hooks) {
            let key = [row.plugin, row.hook]
            if places[key] == nil {
                places[key] = tallies.count
                tallies.append(HookTally(plugin: row.plugin, hook: row.hook))
            }
            if let place = places[key] { tallies[place].add(row) }
        }
        return tallies
    }

    /// Names of all plugins: those of the configurations in their order, then what ran before and is gone.
    var pluginNames: [String] {
        var seen: Set<String> = []
        let names = self.rows(\.plugins).map(\.row.name) + self.rows(\.hooks).map(\.row.plugin)
        return names.filter { seen.insert($0).inserted }
    }
}

/// Hooks in the order in which a session meets them.
enum HookOrder {
    static let names = [
        "pre-connection", "connect", "helo_parse", "helo", "ehlo_parse", "ehlo", "auth_parse", "auth-plain",
        "auth-login", "auth-cram-md5", "auth", "mail_parse", "mail_pre", "mail", "rcpt_parse", "rcpt_pre", "rcpt",
        "data", "data_headers_end", "received_line", "data_post_headers", "data_post", "queue_pre", "queue",
        "queue_post", "reset_transaction", "vrfy", "noop", "help", "unrecognized_command", "quit", "disconnect",
        "post-connection", "deny", "ok", "logging", "config", "user_config", "post-fork",
    ]

    private static let places = Dictionary(
        zip(Self.names, Self.names.indices), uniquingKeysWith: { first, _ in first })

    /// Each name once; unknown ones last, as they came.
    static func sorted(_ hooks: [String]) -> [String] {
        var seen: Set<String> = []
        let once = hooks.filter { seen.insert($0).inserted }
        return once.enumerated().sorted { left, right in
            let places = (Self.places[left.element] ?? Int.max, Self.places[right.element] ?? Int.max)
            return places.0 != places.1 ? places.0 < places.1 : left.offset < right.offset
        }.map(\.element)
    }
}
