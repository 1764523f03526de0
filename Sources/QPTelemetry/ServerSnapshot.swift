// ServerSnapshot.swift
//
// What an observer sees of the whole server at one moment.

/// What the server counted since it started.
public struct ServerCounters: Sendable, Hashable, Codable {
    /// Connections by what became of them.
    public var accepted: UInt64 = 0, refusedTotal: UInt64 = 0, refusedAddress: UInt64 = 0
    /// Connections refused by a pre-connection plugin, by drain, and for want of resources.
    public var refusedPlugin: UInt64 = 0, refusedDrain: UInt64 = 0, refusedResources: UInt64 = 0
    /// Messages by result.
    public var queued: UInt64 = 0, rejected: UInt64 = 0, deferred: UInt64 = 0
    /// Octets of messages received.
    public var messageOctets: UInt64 = 0
    /// Messages that `bare_newline refuse` would have refused while it only warns.
    public var bareNewlineWarnings: UInt64 = 0
    /// Replies by their code.
    public var replies: [Int: UInt64] = [:]
    /// Session ends by who closed.
    public var closedByClient: UInt64 = 0, closedByServer: UInt64 = 0, timedOut: UInt64 = 0

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
        self.queued &+= other.queued
        self.rejected &+= other.rejected
        self.deferred &+= other.deferred
        self.messageOctets &+= other.messageOctets
        self.bareNewlineWarnings &+= other.bareNewlineWarnings
        self.closedByClient &+= other.closedByClient
        self.closedByServer &+= other.closedByServer
        self.timedOut &+= other.timedOut
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
