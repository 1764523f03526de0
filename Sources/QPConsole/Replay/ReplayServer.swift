// ReplayServer.swift
//
// A server as a saved stream tells it: answers what can be known from events and lines alone.

import QPTelemetry

/// What happened up to a moment of a saved stream.
struct ReplayServer: Sendable {
    private static let pastLimit = 10_000

    private var live: [String: SessionRow] = [:]
    private var past: [SessionKind: [SessionRow]] = [.ended: [], .refused: []]
    private var mails: [String: [TransactionRow]] = [:]
    private var totals: [String: UInt64] = [:]
    private var buckets: [Int: [String: Double]] = [:]
    private(set) var lines: [LogRow] = []
    private(set) var lost: UInt64 = 0
    private var start: Double?
    private(set) var now = 0.0
    let name: String

    init(name: String) { self.name = name }

    /// Something happened.
    mutating func take(_ item: ReplayItem) {
        if let time = item.time, time.isFinite {
            self.start = self.start ?? time
            self.now = max(self.now, time)
        }
        switch item {
        case .lost(let count): self.lost &+= count
        case .line(let row): self.lines.append(row)
        case .event(let row): self.take(row)
        }
    }

    private mutating func take(_ event: EventRow) {
        switch event.kind {
        case "connected":
            guard let session = event.session else { return }
            self.live[session.id] = session
            self.count("connections")
        case "ended", "refused":
            guard var session = event.session else { return }
            let kind: SessionKind = event.kind == "refused" ? .refused : .ended
            session.state = kind
            self.live[session.id] = nil
            self.past[kind, default: []].append(session)
            let excess = (self.past[kind]?.count ?? 0) - Self.pastLimit
            if excess > Self.pastLimit / 4 {
                for row in self.past[kind]?.prefix(excess) ?? [] { self.mails[row.id] = nil }
                self.past[kind]?.removeFirst(excess)
            }
            if kind == .refused {
                self.count("refused")
            } else {
                self.count("octets", session.octets)
            }
        case "transaction": self.take(mail: event)
        default: self.say(event)
        }
    }

    private mutating func take(mail event: EventRow) {
        guard let mail = event.transaction else { return }
        let id = mail.id.lastIndex(of: ".").map { String(mail.id[..<$0]) } ?? mail.id
        self.mails[id, default: []].append(mail)
        switch mail.result {
        case "queued": self.count("messages_queued")
        case "rejected": self.count("messages_rejected")
        case "deferred": self.count("messages_deferred")
        default: break
        }
        guard var session = self.live[id] ?? event.session else { return }
        session.sender = mail.sender
        session.recipients = mail.recipients.map(\.address)
        session.recipientCount = mail.recipientCount
        if mail.result == "queued" { session.messages &+= 1 }
        if self.live[id] != nil { self.live[id] = session }
    }

    /// Changes by operators and of the configuration, as lines.
    private mutating func say(_ event: EventRow) {
        self.lines.append(
            LogRow(sequence: event.sequence, time: event.time, level: "LOGNOTICE", text: event.text ?? event.kind))
    }

    private mutating func count(_ name: String, _ amount: UInt64 = 1) {
        self.totals[name, default: 0] &+= amount
        guard self.now.isFinite, abs(self.now) < 1e12 else { return }
        self.buckets[Int(self.now), default: [:]][name, default: 0] += Double(amount)
        let oldest = Int(self.now) - 900
        if self.buckets.count > 1000 { self.buckets = self.buckets.filter { $0.key >= oldest } }
    }

    /// Lines that a view wants.
    func lines(_ wish: LogWish) -> [LogRow] {
        let query = try? Query(wish.query)
        let bound = wish.level.flatMap { Self.levels.firstIndex(of: $0) } ?? Self.levels.count - 1
        let names = Set(wish.plugins.map { PluginNameForm.canonical(String($0.split(separator: ":LOG").first ?? "")) })
        return self.lines.filter { row in
            (Self.levels.firstIndex(of: row.level) ?? 0) <= bound
                && (names.isEmpty || row.plugin.map { names.contains(PluginNameForm.canonical($0)) } ?? false)
                && query?.matches(row) ?? true
        }
    }

    /// The most serious first.
    private static let levels = CommandLine.levels.reversed() as [String]

    // MARK: Answers

    /// What is known; `nil`: a stream does not tell it.
    func answer(_ need: Need) -> Answer? {
        switch need {
        case .overview: .overview(self.overview)
        case .rates: .rates(self.rates)
        case .sessions(let wish): .sessions(wish, self.page(wish))
        case .session(let id): .session(id, self.detail(id))
        case .top(let field, let kind, let query, let limit):
            .top(field, self.top(field, kind, query, limit))
        case .whoami, .plugins, .hooks, .bans, .generations, .difference, .backends: nil
        }
    }

    private var overview: Overview {
        var overview = Overview()
        overview.name = self.name
        overview.now = self.now
        overview.uptime = self.now - (self.start ?? self.now)
        overview.sessions = self.live.count
        overview.totals = self.totals
        for name in self.totals.keys {
            var rates = Rates()
            rates.second = self.rate(name, 1)
            rates.tenSeconds = self.rate(name, 10)
            rates.minute = self.rate(name, 60)
            rates.quarterHour = self.rate(name, 900)
            overview.rates[name] = rates
        }
        for row in self.live.values { overview.sessionsByPhase[row.phase.rawValue, default: 0] += 1 }
        return overview
    }

    private func rate(_ name: String, _ seconds: Int) -> Double {
        guard self.now.isFinite, abs(self.now) < 1e12 else { return 0 }
        let end = Int(self.now)
        return (0..<seconds).reduce(0) { $0 + (self.buckets[end - $1]?[name] ?? 0) } / Double(seconds)
    }

    private var rates: RateSeries {
        guard self.now.isFinite, abs(self.now) < 1e12 else { return RateSeries(start: 0, series: [:]) }
        let end = Int(self.now)
        let series = Dictionary(
            uniqueKeysWithValues: self.totals.keys.map { name in
                (name, (0..<60).map { self.buckets[end - 59 + $0]?[name] ?? 0 })
            })
        return RateSeries(start: Double(end - 59), series: series)
    }

    private func rows(_ kind: SessionKind, _ query: String) -> [SessionRow] {
        let all: [SessionRow]
        switch kind {
        case .live:
            all = self.live.values.map { row in
                var row = row
                row.age = max(0, self.now - row.startedAt)
                return row
            }
        case .ended, .refused: all = self.past[kind] ?? []
        }
        guard let query = try? Query(query), !query.isEmpty else { return all }
        return all.filter { query.matches($0) }
    }

    private func page(_ wish: SessionsWish) -> SessionPage {
        let all = self.rows(wish.kind, wish.query).sorted { left, right in
            wish.isDescending ? wish.sort.isAscending(right, left) : wish.sort.isAscending(left, right)
        }
        let start = min(max(wish.offset, 0), all.count)
        let end = min(all.count, start + max(wish.limit, 0))
        return SessionPage(sessions: Array(all[start..<end]), total: all.count, next: end < all.count ? end : nil)
    }

    private func detail(_ id: String) -> SessionDetail? {
        let ended = [SessionKind.live, .ended, .refused].lazy.flatMap { self.rows($0, "") }.first { $0.id == id }
        return ended.map { SessionDetail(session: $0, transactions: self.mails[id] ?? []) }
    }

    private func top(_ field: TopField, _ kind: SessionKind, _ query: String, _ limit: Int) -> [TopRow] {
        var counts: [String: TopRow] = [:]
        for row in self.rows(kind, query) {
            for value in Set(field.values(of: row, network: TopField.network(of:))) where !value.isEmpty {
                counts[value, default: TopRow(value: value, count: 0, session: row.id)].count += 1
                counts[value]?.session = row.id
            }
        }
        return Array(
            counts.values.sorted { $0.count == $1.count ? $0.value < $1.value : $0.count > $1.count }.prefix(limit))
    }
}
