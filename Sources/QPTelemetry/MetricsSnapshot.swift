// MetricsSnapshot.swift
//
// All that an exporter shows, as plain numbers.

/// Runs by duration, as counts under fixed bounds.
public struct Histogram: Sendable, Hashable {
    /// Upper bounds in the unit of what is measured (seconds, octets), ascending; counts of those that did not exceed
    /// them and exceeded the one before; one more count for those beyond the last bound.
    public var bounds: [Double]
    public var counts: [UInt64]
    public var sum: Double

    /// A histogram.
    public init(bounds: [Double], counts: [UInt64], sum: Double) {
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
    }
}

/// A server for an exporter. Counters never fall while the process lives.
public struct MetricsSnapshot: Sendable {
    /// A number under labels.
    public struct Labelled: Sendable, Hashable {
        public var labels: [String]
        public var value: Double

        /// A number.
        public init(_ labels: [String], _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    /// A live plugin.
    public struct PluginState: Sendable, Hashable {
        public var name: String
        /// `closed`, `open`, `half_open`.
        public var breaker: String
        /// `on`, `shadow`, `off`.
        public var mode: String
        public var stragglers: UInt64

        /// A plugin.
        public init(name: String, breaker: String, mode: String, stragglers: UInt64) {
            self.name = name
            self.breaker = breaker
            self.mode = mode
            self.stragglers = stragglers
        }
    }

    public var version = ""
    /// Every pair that ran since the start and every configured pair, sorted by plugin and hook.
    public var hooks: [HookStatistics] = []
    /// Waiting handlers that run now: labels plugin, hook.
    public var hookInFlight: [Labelled] = []
    public var plugins: [PluginState] = []
    /// Labels listener, phase.
    public var sessions: [Labelled] = []
    public var sessionsLimit: Double = 0
    /// Labels listener, result (accepted, total, address, banned, draining, resources, plugin, abandoned, proxy).
    public var connections: [Labelled] = []
    /// Labels phase, by (client, server, timeout, operator).
    public var disconnects: [Labelled] = []
    /// Label verb (helo, ehlo, lhlo, mail, rcpt, data, bdat, rset, noop, vrfy, help, quit, expn, auth, starttls, other).
    public var commands: [Labelled] = []
    /// Label result (queued, rejected, deferred).
    public var messages: [Labelled] = []
    /// Label result (accepted, rejected, deferred).
    public var recipients: [Labelled] = []
    /// Labels backend, result (queued, rejected, deferred).
    public var deliveries: [Labelled] = []
    /// Label code.
    public var replies: [Labelled] = []
    public var messageSizes: Histogram?
    public var sessionDurations: Histogram?
    /// Seconds from accept to the end of pre-connection.
    public var admissionWaits: Histogram?
    /// Octets: received, and of messages.
    public var receivedOctets: UInt64 = 0
    public var messageOctets: UInt64 = 0
    public var bareNewlineWarnings: UInt64 = 0
    /// Label result (ok, or why they failed); labels version, cipher of those that did not.
    public var handshakes: [Labelled] = []
    public var ciphers: [Labelled] = []
    /// Labels kind (dns, connect, http, store), result (ok, error, timeout).
    public var externalRequests: [Labelled] = []
    /// Label kind.
    public var externalInFlight: [Labelled] = []
    /// Label loop: seconds; loops that are stuck now.
    public var loopLag: [Labelled] = []
    public var loopsStuck: Double = 0
    public var generation: Double = 0
    /// Seconds since 1970; whether the last one succeeded.
    public var lastReloadSuccess: Double = 0
    public var lastReloadSucceeded: Bool = true
    public var reloads: [Labelled] = []
    /// Label use: seconds since 1970.
    public var certificateExpiry: [Labelled] = []
    public var logDropped: UInt64 = 0
    public var eventsDropped: UInt64 = 0
    public var trailsDropped: UInt64 = 0
    /// Losses of watchers that were too slow: label stream (logs, events).
    public var watchersLost: [Labelled] = []
    /// Label stream.
    public var watchers: [Labelled] = []
    public var bans: Double = 0
    public var banHits: UInt64 = 0
    public var isDraining: Bool = false
    public var isSoftBouncing: Bool = false
    public var process = Process()

    /// The process.
    public struct Process: Sendable, Hashable {
        public var cpuSeconds: Double = 0
        public var residentOctets: Double = 0
        public var virtualOctets: Double = 0
        public var openDescriptors: Double = 0
        public var maxDescriptors: Double = 0
        public var startTime: Double = 0
        public var threads: Double = 0

        /// Nothing known.
        public init() {}
    }

    /// A snapshot to fill.
    public init() {}
}
