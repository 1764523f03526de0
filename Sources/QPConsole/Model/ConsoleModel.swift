// ConsoleModel.swift
//
// The console as a value: what happens goes in, what is to be done comes out, and at any moment it can be drawn.

import QPTelemetry

/// Everything that the console shows and remembers.
struct ConsoleModel: Sendable {
    /// What happens.
    enum Input: Sendable {
        case key(Key)
        case resized(Size)
        case news([News])
        /// A moment has come, in seconds since 1970.
        case ticked(Double)
    }

    /// What is to be done outside.
    enum Effect: Hashable, Sendable {
        case perform(Order, server: Int)
        case copy(String)
        /// The screen, line by line.
        case save([String])
        case writeSettings
        case repaint
        case suspend
        case quit
    }

    /// A line for the operator, and until when.
    struct Message: Hashable, Sendable {
        var text: String
        var tone: Style.Tone
        var until: Double
    }

    var size: Size
    var state: ViewState
    /// What is known, and what is shown: they differ while the screen is frozen.
    var snapshot: ConsoleSnapshot
    var frozen: ConsoleSnapshot?
    var prompt: Prompt?
    var dialog: Dialog?
    var message: Message?
    /// Views that were left by opening something in another one, for Esc.
    var trail: [ViewName] = []
    var history: [Prompt.Purpose: [String]] = [:]
    /// Columns that settings name for views.
    var columnSets: [String: [String]] = [:]

    static let messageSeconds = 8.0

    init(servers: [String], state: ViewState = ViewState(), size: Size = Size(80, 24), now: Double = 0) {
        self.snapshot = ConsoleSnapshot(servers: servers.map { ServerState(label: $0) }, now: now)
        self.state = state
        self.size = size
    }

    /// What the screen shows.
    var shown: ConsoleSnapshot { self.frozen ?? self.snapshot }

    /// Takes something that happened.
    mutating func received(_ input: Input) -> [Effect] {
        switch input {
        case .key(let key): return self.received(key)
        case .resized(let size):
            self.size = size
            self.settle()
            return []
        case .news(let news):
            for item in news { self.take(item) }
            self.settle()
            return []
        case .ticked(let now):
            self.snapshot.now = now
            if let message, message.until < now { self.message = nil }
            return []
        }
    }

    private mutating func received(_ key: Key) -> [Effect] {
        if self.dialog != nil { return self.answer(key) }
        if self.prompt != nil { return self.type(key) }
        if case .mouse(let mouse) = key { return self.clicked(mouse) }
        if let view = Keymap.view(key) {
            self.show(view)
            return []
        }
        guard let action = Keymap.action(key, in: self.state.view) else { return [] }
        return self.perform(action)
    }

    // MARK: News

    private mutating func take(_ news: News) {
        guard self.snapshot.servers.indices.contains(news.server) else { return }
        let now = self.snapshot.now
        switch news.content {
        case .link(let link): self.snapshot.servers[news.server].link = link
        case .objection(let text): self.say(self.named(news.server, text), .bad)
        case .order(let order, let result): self.take(order, result, news.server)
        case .answer(.overview(let overview)):
            let before = self.snapshot.servers[news.server].overview
            if let before, before.processId != overview.processId || overview.uptime + 1 < before.uptime {
                self.restarted(news.server)
            }
            self.snapshot.servers[news.server].take(.overview(overview), at: now)
        case .answer(.log(let wish, let rows, let lost)): self.take(wish, rows, lost, news.server)
        case .answer(let answer): self.snapshot.servers[news.server].take(answer, at: now)
        }
    }

    /// Counts begin anew with the process, and so do numbers of lines.
    private mutating func restarted(_ server: Int) {
        let before = self.snapshot.servers[server]
        self.snapshot.servers[server] = ServerState(label: before.label)
        self.snapshot.servers[server].link = before.link
        self.snapshot.servers[server].whoami = before.whoami
        self.say(self.named(server, "the server was started again"), .warning)
    }

    private mutating func take(_ wish: StreamWish, _ rows: [LogRow], _ lost: UInt64, _ server: Int) {
        // What a stream brings that is not wanted any more belongs to another filter.
        guard self.streams.contains(wish) else { return }
        switch wish.purpose {
        case .log: self.snapshot.servers[server].log.append(rows, lost: lost)
        case .dialogue: self.snapshot.servers[server].dialogue.append(rows, lost: lost)
        }
    }

    private mutating func take(_ order: Order, _ result: OrderResult, _ server: Int) {
        switch result {
        case .done(let text): self.say(self.named(server, text), .good)
        case .refused(let text): self.say(self.named(server, text), .bad)
        case .preview(let request, let preview): self.ask(aboutBan: request, preview, server)
        }
    }

    private func named(_ server: Int, _ text: String) -> String {
        self.snapshot.hasSeveralServers ? self.snapshot.servers[server].name + ": " + text : text
    }

    /// Tells the operator something.
    mutating func say(_ text: String, _ tone: Style.Tone = .plain) {
        self.message = Message(text: text, tone: tone, until: self.snapshot.now + Self.messageSeconds)
    }

    // MARK: Views

    /// Shows a view as if its key was pressed.
    mutating func show(_ view: ViewName) {
        guard view != self.state.view else { return }
        self.trail = []
        self.state.view = view
        self.settle()
    }

    /// Shows a view that Esc leads back from.
    mutating func open(_ view: ViewName) {
        guard view != self.state.view else { return }
        self.trail.append(self.state.view)
        self.state.view = view
        self.settle()
    }

    // MARK: Wants

    /// What is to be asked again and again now.
    var needs: [Need] {
        [.overview] + self.viewNeeds
    }

    private var viewNeeds: [Need] {
        switch self.state.view {
        case .overview: [.rates, .hooks, .plugins]
        case .sessions: self.sessionNeeds
        case .session: (self.state.session.map { [.session($0.id)] } ?? []) + [.plugins]
        case .plugins: [.plugins]
        case .matrix: [.hooks, .plugins]
        case .histogram: [.hooks]
        case .log, .help: []
        case .top:
            [.top(self.state.topField, self.state.sessionKind, query: self.state.sessionsQuery, limit: 100)]
        case .bans: [.bans]
        case .config: [.generations, .difference(self.state.configFrom)]
        case .backends: [.backends]
        }
    }

    private var sessionNeeds: [Need] {
        let filter = self.state[.sessions].filter
        var query = self.state.sessionsQuery
        if !filter.isEmpty { query = query.isEmpty ? Self.quoted(filter) : "(\(query)) and \(Self.quoted(filter))" }
        let list = self.state[.sessions]
        var wish = SessionsWish()
        wish.kind = self.state.sessionKind
        if let sort = list.sort, let column = SessionSort(rawValue: sort.column) {
            wish.sort = column
            wish.isDescending = sort.isDescending
        } else if wish.kind != .live {
            wish.sort = .started
        }
        let rows = self.contentSize.rows
        if let field = self.groupField {
            var needs: [Need] = [.plugins, .top(field, wish.kind, query: query, limit: 200)]
            if let group = self.state.expandedGroup {
                let condition = QueryNetwork(group) != nil ? "ip=\(group)" : "ip^=\(Self.quoted(group))"
                wish.query = query.isEmpty ? condition : "(\(query)) and \(condition)"
                needs.append(.sessions(wish))
            }
            return needs
        }
        wish.query = query
        // In steps, so that not every key asks for other rows.
        let step = max(rows, 25)
        if self.snapshot.hasSeveralServers {
            wish.limit = min(1000, (list.top / step + 2) * step)
        } else {
            wish.offset = max(0, min(list.top / step * step, 1_000_000))
            wish.limit = min(1000, 2 * step)
        }
        return [.sessions(wish), .plugins]
    }

    private var groupField: TopField? {
        switch self.state.grouping {
        case .none: nil
        case .address: .address
        case .network: .network
        }
    }

    /// A text as a value of a query.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for character in text {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "\""
    }

    /// Streams that are to be open now.
    var streams: [StreamWish] {
        switch self.state.view {
        case .log: [StreamWish(purpose: .log, wish: self.state.log)]
        case .session: self.dialogueStreams
        default: []
        }
    }

    private var dialogueStreams: [StreamWish] {
        guard let session = self.state.session, self.state.sessionPart == .dialogue else { return [] }
        var wish = LogWish()
        wish.level = "LOGDEBUG"
        wish.query = "id=\(Self.quoted(session.id))"
        return [StreamWish(purpose: .dialogue, wish: wish, server: session.server)]
    }
}
