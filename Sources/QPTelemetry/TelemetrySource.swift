// TelemetrySource.swift
//
// Between whatever shows or steers a server and the server.

/// Who asks.
public struct Caller: Sendable, Hashable {
    /// The credential's name.
    public var name: String
    public var role: AdminRole
    /// Where from: an address, or `unix`.
    public var source: String
    /// Whether addresses are hashed for this reader, whatever the server's own setting.
    public var hidesAddresses: Bool

    /// A caller.
    public init(name: String, role: AdminRole, source: String, hidesAddresses: Bool = false) {
        self.name = name
        self.role = role
        self.source = source
        self.hidesAddresses = hidesAddresses
    }
}

/// What a credential may do; each role may do what those before it may.
public enum AdminRole: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Health and metrics.
    case scrape
    /// Everything that only looks.
    case viewer
    /// Kicks, bans, switches.
    case operator_ = "operator"
    /// Also what needs `force`, and the record of what operators did.
    case admin

    public static func < (left: Self, right: Self) -> Bool {
        (Self.allCases.firstIndex(of: left) ?? 0) < (Self.allCases.firstIndex(of: right) ?? 0)
    }
}

/// What a watcher of the log wants.
public struct LogRequest: Sendable {
    /// The level up to which lines are wanted, and other levels for single plugins. Names in either form.
    public var level: String?
    public var pluginLevels: [String: String] = [:]
    /// Only lines of these plugins; empty: of all, and of the server.
    public var plugins: [String] = []
    public var query: Query?
    /// Go on behind this line; `nil`: the last `backlog` lines first.
    public var after: UInt64?
    public var backlog = 100
    /// Whether to wait for further lines.
    public var follows = true

    /// All lines that the outputs get.
    public init() {}
}

/// What a watcher of events wants.
public struct EventRequest: Sendable {
    public var query: Query?
    /// Go on behind this event; `nil`: the last `backlog` events first.
    public var after: UInt64?
    public var backlog = 0
    /// Whether to wait for further events.
    public var follows = true

    /// All events from now on.
    public init() {}
}

/// What a stream brings: an element, or how many were lost because the watcher was slow.
public enum StreamItem<Element: Sendable>: Sendable {
    case element(Element)
    case lost(UInt64)
}

/// Why a wish is not fulfilled.
public enum ControlError: Error, Sendable, Hashable {
    /// There is no such thing.
    case notFound(String)
    /// The wish makes no sense; where in it, if known.
    case invalid(String)
    /// It cannot be now.
    case conflict(String)
    /// It needs `force`; why.
    case needsForce([String])
}

/// Knows a server. Every call answers, also while event loops are stuck.
public protocol TelemetrySource: Sendable {
    /// `nil`: alive; else what is wrong.
    func liveness() async -> String?
    /// `nil`: takes mail; else why not.
    func readiness() async -> String?
    func metrics() async -> MetricsSnapshot
    func overview() async -> Overview
    /// The last seconds, at most 900.
    func rates(seconds: Int) async -> RateSeries
    func sessions(_ request: SessionsRequest, for caller: Caller) async -> SessionPage
    func session(_ id: String, for caller: Caller) async -> SessionDetail?
    /// Sessions by what a mail carried: newest first, at most 20.
    func explain(_ request: ExplainRequest, for caller: Caller) async throws(ControlError) -> [SessionDetail]
    func plugins() async -> [PluginRow]
    func plugin(_ name: String) async -> PluginDetail?
    func hooks() async -> [HookRow]
    func bans(for caller: Caller) async -> [BanRow]
    func generations() async -> Generations
    /// How the files on disk, or of another generation, differ from those of the running one.
    func difference(from generation: Int?) async throws(ControlError) -> [FileDifference]
    func backends() async -> [BackendRow]
    func top(_ field: TopField, _ request: SessionsRequest, for caller: Caller) async -> [TopRow]
    func audit(limit: Int) async -> [AuditRow]
    func logs(_ request: LogRequest, for caller: Caller) throws(ControlError) -> any TelemetryStream<LogRow>
    func events(_ request: EventRequest, for caller: Caller) -> any TelemetryStream<EventRow>
}

/// What is to be explained: exactly one is set.
public struct ExplainRequest: Sendable, Hashable {
    public var id: String?
    public var sender: String?
    public var recipient: String?
    public var peer: String?
    public var messageId: String?

    /// Nothing yet.
    public init() {}
}

/// A bounded stream to one watcher.
public protocol TelemetryStream<Element>: AnyObject, Sendable {
    associatedtype Element: Sendable
    /// The next ones, at most some hundred at once; `nil`: there are none any more. Waits if there are none yet, at most
    /// 15 s: then the list is empty.
    func next() async -> [StreamItem<Element>]?
    /// The watcher has gone.
    func end()
}

/// Steers a server. Every call leaves an audit record.
public protocol ServerControl: Sendable {
    func kick(_ id: String, by caller: Caller) async throws(ControlError)
    func change(_ plugin: String, _ patch: PluginPatch, by caller: Caller) async throws(ControlError) -> PluginRow
    func ban(_ request: BanRequest, by caller: Caller) async throws(ControlError) -> BanRow
    func previewBan(_ request: BanRequest, for caller: Caller) async throws(ControlError) -> BanPreview
    func liftBan(_ id: String, by caller: Caller) async throws(ControlError)
    /// - Throws: `conflict` with the problems, if the configuration is refused.
    func reload(by caller: Caller) async throws(ControlError) -> Generations
    func goBack(by caller: Caller) async throws(ControlError) -> Generations
    func setDraining(_ isOn: Bool, by caller: Caller) async
    func setSoftBounce(_ isOn: Bool, by caller: Caller) async
    /// A write that was not allowed.
    func refused(_ action: String, _ subject: String, by caller: Caller) async
}
