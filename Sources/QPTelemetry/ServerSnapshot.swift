// ServerSnapshot.swift
//
// What an observer sees of the whole server at one moment.

/// What the server counted since it started.
public struct ServerCounters: Sendable, Hashable, Codable {
    /// Connections by what became of them.
    public var accepted: UInt64 = 0, refusedTotal: UInt64 = 0, refusedAddress: UInt64 = 0
    /// Connections refused by a pre-connection plugin, by drain, for want of resources, and by a ban.
    public var refusedPlugin: UInt64 = 0, refusedDrain: UInt64 = 0, refusedResources: UInt64 = 0
    public var refusedBanned: UInt64 = 0
    /// Clients that left before they were welcome.
    public var abandoned: UInt64 = 0
    /// Messages by result.
    public var queued: UInt64 = 0, rejected: UInt64 = 0, deferred: UInt64 = 0
    /// Recipients by result.
    public var recipientsAccepted: UInt64 = 0, recipientsRejected: UInt64 = 0, recipientsDeferred: UInt64 = 0
    /// Octets received, and of messages.
    public var receivedOctets: UInt64 = 0
    public var messageOctets: UInt64 = 0
    /// Messages that `bare_newline refuse` would have refused while it only warns.
    public var bareNewlineWarnings: UInt64 = 0
    /// TLS handshakes by result: `ok`, or why they failed.
    public var handshakes: [String: UInt64] = [:]
    /// TLS handshakes that came to an end by version and cipher suite: `TLSv1.3 TLS_AES_128_GCM_SHA256`.
    public var ciphers: [String: UInt64] = [:]
    /// Replies by their code.
    public var replies: [Int: UInt64] = [:]
    /// Session ends by who closed.
    public var closedByClient: UInt64 = 0, closedByServer: UInt64 = 0, timedOut: UInt64 = 0
    public var closedByOperator: UInt64 = 0
    /// Session ends by phase and by who closed: `data client`.
    public var disconnects: [String: UInt64] = [:]
    /// Commands by verb, in lower case.
    public var commands: [String: UInt64] = [:]
    /// Messages by size: bucket n holds those of up to 1 kB times 2 to the power of n.
    public var sizes: [UInt64] = Array(repeating: 0, count: Self.sizeBuckets)
    /// Sessions by duration, and arrivals by how long pre-connection took; see `LatencyScale`.
    public var durations = Array(repeating: UInt64(0), count: LatencyScale.count)
    public var admissions = Array(repeating: UInt64(0), count: LatencyScale.count)
    /// Nanoseconds in all.
    public var durationSum: UInt64 = 0, admissionSum: UInt64 = 0

    /// How many buckets of sizes there are; the last one takes everything beyond 1 GB.
    public static let sizeBuckets = 22

    /// Connections refused, whatever the reason.
    public var refused: UInt64 {
        self.refusedTotal &+ self.refusedAddress &+ self.refusedPlugin &+ self.refusedDrain &+ self.refusedResources
            &+ self.refusedBanned
    }

    /// Nothing counted.
    public init() {}

    /// Adds what another loop counted.
    public mutating func add(_ other: Self) {
        self.accepted &+= other.accepted
        self.refusedTotal &+= other.refusedTotal
        self.refusedAddress &+= other.refusedAddress
        self.refusedPlugin &+= other.refusedPlugin
        self.refusedDrain &+= other.refusedDrain
        self.refusedResources &+= other.refusedResources
        self.refusedBanned &+= other.refusedBanned
        self.abandoned &+= other.abandoned
        self.recipientsAccepted &+= other.recipientsAccepted
        self.recipientsRejected &+= other.recipientsRejected
        self.recipientsDeferred &+= other.recipientsDeferred
        self.receivedOctets &+= other.receivedOctets
        self.queued &+= other.queued
        self.rejected &+= other.rejected
        self.deferred &+= other.deferred
        self.messageOctets &+= other.messageOctets
        self.bareNewlineWarnings &+= other.bareNewlineWarnings
        self.closedByClient &+= other.closedByClient
        self.closedByServer &+= other.closedByServer
        self.timedOut &+= other.timedOut
        self.closedByOperator &+= other.closedByOperator
        self.durationSum &+= other.durationSum
        self.admissionSum &+= other.admissionSum
        for index in self.sizes.indices { self.sizes[index] &+= other.sizes[index] }
        for index in self.durations.indices { self.durations[index] &+= other.durations[index] }
        for index in self.admissions.indices { self.admissions[index] &+= other.admissions[index] }
        self.disconnects.merge(other.disconnects, uniquingKeysWith: &+)
        self.commands.merge(other.commands, uniquingKeysWith: &+)
        self.handshakes.merge(other.handshakes, uniquingKeysWith: &+)
        self.ciphers.merge(other.ciphers, uniquingKeysWith: &+)
        for (code, count) in other.replies { self.replies[code, default: 0] &+= count }
    }
}

/// The server at one moment.
public struct ServerSnapshot: Sendable, Hashable, Codable {
    /// Live sessions.
    public var sessions: Int
    /// The number of the configuration that new sessions get.
    public var generation: Int
    /// Whether new connections are turned away.
    public var isDraining: Bool
    /// Counts.
    public var counters: ServerCounters
    /// Plugins and hooks.
    public var hooks: [HookStatistics]

    /// Makes a snapshot.
    public init(
        sessions: Int, generation: Int, isDraining: Bool, counters: ServerCounters, hooks: [HookStatistics]
    ) {
        self.sessions = sessions
        self.generation = generation
        self.isDraining = isDraining
        self.counters = counters
        self.hooks = hooks
    }
}
