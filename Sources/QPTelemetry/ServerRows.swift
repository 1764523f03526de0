// ServerRows.swift
//
// The server as a whole, as an observer sees it.

/// How often something happens, a second, over four windows.
public struct Rates: Sendable, Hashable, Codable {
    public var second: Double = 0, tenSeconds: Double = 0, minute: Double = 0, quarterHour: Double = 0

    /// Nothing happens.
    public init() {}
}

/// An event loop.
public struct LoopRow: Sendable, Hashable, Codable {
    public var number: Int
    /// Seconds that a request last waited for its turn.
    public var lag: Double
    /// Seconds since it turned last, if it does not answer; then also what blocks it.
    public var stuck: Double?
    public var plugin: String?
    public var hook: String?
    public var session: String?

    /// A loop.
    public init(
        number: Int, lag: Double, stuck: Double? = nil, plugin: String? = nil, hook: String? = nil,
        session: String? = nil
    ) {
        self.number = number
        self.lag = lag
        self.stuck = stuck
        self.plugin = plugin
        self.hook = hook
        self.session = session
    }
}

/// Something the operator should look at.
public struct Alarm: Sendable, Hashable, Codable {
    /// `config_differs`, `reload_refused`, `loop_stuck`, `breaker_open`, `log_dropped`, `trails_not_kept`, `draining`,
    /// `soft_bounce`, `shadow`, `off`.
    public var kind: String
    public var text: String

    /// An alarm.
    public init(kind: String, text: String) {
        self.kind = kind
        self.text = text
    }
}

/// The server in numbers.
public struct Overview: Sendable, Hashable, Codable {
    public var version: String = ""
    public var name: String = ""
    public var processId: Int = 0
    /// Seconds since 1970, and seconds.
    public var now: Double = 0
    public var uptime: Double = 0
    public var generation: Int = 0
    public var isDraining: Bool = false
    public var isSoftBouncing: Bool = false
    public var sessions: Int = 0
    public var sessionsLimit: Int = 0
    public var sessionsByPhase: [String: Int] = [:]
    /// Since the start: `connections`, `refused`, `messages_queued`, `messages_rejected`, `messages_deferred`,
    /// `recipients_accepted`, `recipients_refused`, `octets`, `replies_4xx`, `replies_5xx`, `timeouts`.
    public var totals: [String: UInt64] = [:]
    /// The same, a second.
    public var rates: [String: Rates] = [:]
    public var memory: UInt64 = 0
    public var descriptors: Int = 0
    public var descriptorsLimit: Int = 0
    public var loops: [LoopRow] = []
    public var alarms: [Alarm] = []
    public var logDropped: UInt64 = 0
    public var eventsDropped: UInt64 = 0

    /// A row to fill.
    public init() {}
}

/// What happened in each of the last seconds.
public struct RateSeries: Sendable, Hashable, Codable {
    /// Seconds since 1970 of the first.
    public var start: Double
    /// By the names of `Overview.totals`: one number a second. `latency_p95` in milliseconds of hook time.
    public var series: [String: [Double]]

    /// A series.
    public init(start: Double, series: [String: [Double]]) {
        self.start = start
        self.series = series
    }
}

/// Something outside that the server depends on.
public struct BackendRow: Sendable, Hashable, Codable {
    /// `next_hop`, `dns`, `store`, `http`, `disk`.
    public var kind: String
    /// Its address or name.
    public var name: String
    /// `unused`, `ok` or `failing`.
    public var state: String
    public var inFlight: Int
    /// Seconds that the oldest request in flight has waited.
    public var oldestWait: Double
    public var requests: UInt64
    public var errors: UInt64
    public var lastError: String?
    public var lastErrorAt: Double?
    /// Seconds at the 95th percentile.
    public var p95: Double?

    /// A backend.
    public init(
        kind: String, name: String, state: String, inFlight: Int = 0, oldestWait: Double = 0, requests: UInt64 = 0,
        errors: UInt64 = 0, lastError: String? = nil, lastErrorAt: Double? = nil, p95: Double? = nil
    ) {
        self.kind = kind
        self.name = name
        self.state = state
        self.inFlight = inFlight
        self.oldestWait = oldestWait
        self.requests = requests
        self.errors = errors
        self.lastError = lastError
        self.lastErrorAt = lastErrorAt
        self.p95 = p95
    }
}

/// A network that may not connect.
public struct BanRow: Sendable, Hashable, Codable {
    public var id: String
    /// `192.0.2.0/24`.
    public var network: String
    public var reason: String
    public var by: String
    /// Seconds since 1970; without an end it stays until it is lifted.
    public var createdAt: Double
    public var expiresAt: Double?
    /// Connections it turned away.
    public var hits: UInt64

    /// A ban.
    public init(
        id: String, network: String, reason: String, by: String, createdAt: Double, expiresAt: Double?, hits: UInt64
    ) {
        self.id = id
        self.network = network
        self.reason = reason
        self.by = by
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.hits = hits
    }
}

/// A ban that an operator wants.
public struct BanRequest: Sendable, Hashable, Codable {
    /// An address or a network.
    public var network: String
    /// Seconds, 1...31536000; `nil`: until it is lifted.
    public var timeToLive: Double?
    public var reason: String?
    /// Own, loopback, relay and proxy networks are banned only with this.
    public var force: Bool?
    /// Whether sessions that are connected now are ended with 421; they are unless this is false.
    public var kick: Bool?

    /// A request.
    public init(
        network: String, timeToLive: Double? = nil, reason: String? = nil, force: Bool? = nil, kick: Bool? = nil
    ) {
        self.network = network
        self.timeToLive = timeToLive
        self.reason = reason
        self.force = force
        self.kick = kick
    }
}

/// Whom a ban would hit.
public struct BanPreview: Sendable, Hashable, Codable {
    public var network: String
    /// Sessions that are connected now.
    public var live: Int
    /// Sessions and accepted messages of the last hour.
    public var lastHour: Int
    public var messagesLastHour: Int
    /// Why it needs `force`; empty: it does not.
    public var needsForce: [String]
    /// Some of the sessions, at most 20.
    public var examples: [SessionRow]

    /// A preview.
    public init(
        network: String, live: Int, lastHour: Int, messagesLastHour: Int, needsForce: [String],
        examples: [SessionRow]
    ) {
        self.network = network
        self.live = live
        self.lastHour = lastHour
        self.messagesLastHour = messagesLastHour
        self.needsForce = needsForce
        self.examples = examples
    }
}

/// A configuration that was loaded.
public struct GenerationRow: Sendable, Hashable, Codable {
    public var number: Int
    /// Whether new sessions get it.
    public var isCurrent: Bool
    /// Seconds since 1970.
    public var loadedAt: Double
    public var plugins: Int
    /// What was odd about it: `file:line: warning: ...`.
    public var warnings: [String]

    /// A generation.
    public init(number: Int, isCurrent: Bool, loadedAt: Double, plugins: Int, warnings: [String]) {
        self.number = number
        self.isCurrent = isCurrent
        self.loadedAt = loadedAt
        self.plugins = plugins
        self.warnings = warnings
    }
}

/// The configurations that can be gone back to, newest first.
public struct Generations: Sendable, Hashable, Codable {
    public var generations: [GenerationRow]
    /// Whether files on disk differ from the running configuration, and which.
    public var changedFiles: [String]
    /// The problems of the last reload, if it was refused: `file:line: error: ...`; when it was tried.
    public var refusal: [String]
    public var refusedAt: Double?

    /// Generations.
    public init(generations: [GenerationRow], changedFiles: [String], refusal: [String], refusedAt: Double?) {
        self.generations = generations
        self.changedFiles = changedFiles
        self.refusal = refusal
        self.refusedAt = refusedAt
    }
}

/// How the files of two configurations differ.
public struct FileDifference: Sendable, Hashable, Codable {
    public var file: String
    public var removed: [String]
    public var added: [String]

    /// A difference.
    public init(file: String, removed: [String], added: [String]) {
        self.file = file
        self.removed = removed
        self.added = added
    }
}

/// A value and how many sessions have it.
public struct TopRow: Sendable, Hashable, Codable {
    public var value: String
    public var count: Int
    /// The newest session with it.
    public var session: String

    /// A row.
    public init(value: String, count: Int, session: String) {
        self.value = value
        self.count = count
        self.session = session
    }
}

/// What sessions can be counted by.
public enum TopField: String, Sendable, Hashable, Codable, CaseIterable {
    case address, network, helo, domain, sender, recipient, reason, code, plugin, listener
}

/// A line of the log.
public struct LogRow: Sendable, Hashable, Codable {
    /// Counts lines since the start, to go on behind.
    public var sequence: UInt64
    /// Seconds since 1970.
    public var time: Double
    /// `LOGINFO`, ...
    public var level: String
    public var plugin: String?
    public var hook: String?
    public var session: String?
    public var transaction: UInt32 = 0
    public var text: String
    /// Facts beside the text.
    public var fields: [String: String] = [:]

    /// A line.
    public init(sequence: UInt64, time: Double, level: String, text: String) {
        self.sequence = sequence
        self.time = time
        self.level = level
        self.text = text
    }
}

/// Something that happened.
public struct EventRow: Sendable, Hashable, Codable {
    /// Counts events since the start, to go on behind.
    public var sequence: UInt64
    /// Seconds since 1970.
    public var time: Double
    /// `connected`, `refused`, `transaction`, `ended`, `operator` (a change by an operator), `config`.
    public var kind: String
    public var session: SessionRow?
    public var transaction: TransactionRow?
    public var text: String?

    /// An event.
    public init(sequence: UInt64, time: Double, kind: String) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
    }
}

/// What an operator changed.
public struct AuditRow: Sendable, Hashable, Codable {
    /// Seconds since 1970.
    public var time: Double
    /// The credential's name and role, and where from.
    public var by: String
    public var role: String
    public var source: String
    /// `kick`, `ban`, `unban`, `plugin`, `reload`, `go_back`, `drain`, `undrain`, `soft_bounce`.
    public var action: String
    public var subject: String
    /// `done`, or why not.
    public var result: String

    /// A record.
    public init(
        time: Double, by: String, role: String, source: String, action: String, subject: String, result: String
    ) {
        self.time = time
        self.by = by
        self.role = role
        self.source = source
        self.action = action
        self.subject = subject
        self.result = result
    }
}
