// ServerState.swift
//
// What the console knows of one server, and of all.

import QPTelemetry

/// One server.
struct ServerState: Sendable {
    /// How it was named: `unix:run/admin.sock`, `mx1.example.com:8443`.
    var label: String
    var link = LinkState.connecting
    var whoami: Whoami?
    var overview: Overview?
    var rates: RateSeries?
    var sessions: [SessionKind: SessionPage] = [:]
    /// What `sessions` was asked with.
    var sessionsWish: [SessionKind: SessionsWish] = [:]
    var detail: SessionDetail?
    /// The session that was asked for, whether or not there is such a one.
    var detailID: String?
    var plugins: [PluginRow] = []
    /// Runs of each plugin line, by name.
    var trends: [String: Trend] = [:]
    var hooks: [HookRow] = []
    /// The counts before the last ones, by `plugin hook`: what is new is the difference.
    var hooksBefore: [String: HookRow] = [:]
    var bans: [BanRow] = []
    var generations: Generations?
    var difference: [FileDifference] = []
    var backends: [BackendRow] = []
    var top: [TopRow] = []
    var topField: TopField?
    var log = LogTail()
    /// Lines about the session that is followed.
    var dialogue = LogTail()

    init(label: String) { self.label = label }

    /// How it is called in a column: the server's own name, or how it was named.
    var name: String {
        guard let name = self.overview?.name, !name.isEmpty else { return self.label }
        return name
    }

    /// Takes what came.
    mutating func take(_ answer: Answer, at now: Double) {
        switch answer {
        case .overview(let overview): self.overview = overview
        case .rates(let rates): self.rates = rates
        case .whoami(let whoami): self.whoami = whoami
        case .sessions(let wish, let page):
            self.sessions[wish.kind] = page
            self.sessionsWish[wish.kind] = wish
        case .session(let id, let detail):
            self.detailID = id
            self.detail = detail
        case .plugins(let rows):
            self.plugins = rows
            var trends: [String: Trend] = [:]
            for row in rows {
                var trend = self.trends[row.name] ?? Trend(row.runs, at: now)
                trend.look(row.runs, at: now)
                trends[row.name] = trend
            }
            self.trends = trends
        case .hooks(let rows):
            self.hooksBefore = Dictionary(
                self.hooks.map { ("\($0.plugin) \($0.hook)", $0) }, uniquingKeysWith: { first, _ in first })
            self.hooks = rows
        case .bans(let rows): self.bans = rows
        case .generations(let generations): self.generations = generations
        case .difference(_, let difference): self.difference = difference
        case .backends(let rows): self.backends = rows
        case .top(let field, let rows):
            self.topField = field
            self.top = rows
        case .log: break
        }
    }

    /// Forgets what may not be shown any more, because nobody vouches for it.
    mutating func forgetAnswers() {
        self = ServerState(label: self.label)
    }
}

/// All that the console knows at one moment.
struct ConsoleSnapshot: Sendable {
    var servers: [ServerState]
    /// Seconds since 1970.
    var now: Double

    init(servers: [ServerState], now: Double = 0) {
        self.servers = servers
        self.now = now
    }

    /// Whether rows say which server they are from.
    var hasSeveralServers: Bool { self.servers.count > 1 }

    /// A server, and what it has, with its place.
    func rows<Row>(_ path: (ServerState) -> [Row]) -> [(server: Int, row: Row)] {
        self.servers.enumerated().flatMap { index, server in path(server).map { (server: index, row: $0) } }
    }
}
