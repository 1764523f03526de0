// ArrivalContext.swift
//
// A client that has connected, before a session exists.

/// An arriving client. Its notes are carried into the session.
public final class ArrivalContext {
    /// The name the session will have.
    public let id: SessionID
    /// Facts about the peer.
    public let connection: Connection
    package var state: SessionState
    package let session: SessionContext

    package init(session: SessionContext) {
        self.session = session
        self.id = session.id
        self.connection = session.connection
        self.state = session.state
    }

    /// The notes that the session will begin with.
    public var notes: Notes { self.session.notes }
    /// The log.
    public var log: PluginLog { self.session.log }
    /// Time.
    public var clock: any SessionClock { self.session.clock }
    /// The DNS.
    public var dns: DNS { self.session.dns }
    /// This plugin's own key-value store.
    public var store: Store { self.session.store }
    /// Chance.
    public var random: RandomBits { self.session.random }
    /// The snapshot of the configuration that the session will have.
    package var tables: ConfigSnapshot { self.session.tables }
}

/// A plugin's work beside the sessions; ends with the last session that uses the plugin.
public struct BackgroundContext: Sendable {
    /// Everything outside.
    package let seams: Seams
    /// Time.
    public let clock: any SessionClock
    /// The plugin.
    public let plugin: String
    private let count = CallCounter.SharedCount()
    private let reread: @Sendable (Set<String>) async -> Void

    package init(
        seams: Seams, clock: any SessionClock, plugin: String,
        reread: @escaping @Sendable (Set<String>) async -> Void = { _ in }
    ) {
        self.seams = seams
        self.clock = clock
        self.plugin = plugin
        self.reread = reread
    }

    /// The DNS.
    public var dns: DNS { DNS(resolver: self.seams.resolver, calls: self.counter) }
    /// Connections to other servers.
    public var connections: Connections { Connections(connector: self.seams.connector, calls: self.counter) }
    /// HTTP.
    public var http: HTTP { HTTP(fetcher: self.seams.http, calls: self.counter) }
    /// This plugin's own key-value store.
    public var store: Store { Store(store: self.seams.store, namespace: self.plugin, calls: self.counter) }
    /// Files.
    public var files: Files { Files(store: self.seams.files, calls: self.counter) }

    /// Says that the plugin's `config` handler answers otherwise for these names; returns when they were read again.
    public func configChanged(_ names: Set<String>) async { await self.reread(names) }

    /// Writes a log line.
    public func log(_ level: LogLevel, _ text: String) {
        guard self.seams.log.accepts(level, plugin: self.plugin) else { return }
        self.seams.log.log(
            LoggingEvent(
                level: level, hook: nil, plugin: self.plugin, session: nil, sessionNumber: 0, transaction: 0,
                text: text, wallTime: self.clock.wall))
    }

    private var counter: CallCounter {
        CallCounter(session: nil, plugin: self.plugin, hook: nil, count: self.count)
    }
}
