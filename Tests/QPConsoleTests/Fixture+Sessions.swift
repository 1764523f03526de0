// Fixture+Sessions.swift
//
// Sessions, lines of the log, bans and configurations, as fixtures have them.

import QPTelemetry

@testable import QPConsole

extension Fixture {
    /// The session that is looked at.
    static let sessionID = "427ppwh0nhgm"

    func fillSessions(_ server: inout ServerState) {
        let plugins = server.plugins.map(\.name)
        for kind in SessionKind.allCases { self.fill(kind, plugins, &server) }
        server.take(.session(Self.sessionID, self == .empty ? nil : self.detail(plugins)), at: Self.now)
        server.take(.bans(self.bans), at: Self.now)
        server.take(.generations(self.generations), at: Self.now)
        server.take(.difference(nil, self.difference), at: Self.now)
        if self == .crowded { server.log.append(self.logRows(from: 0, 3000), lost: 0) }
        server.log.append(self.logRows(from: 3000, self == .empty ? 0 : 60), lost: self == .crowded ? 412 : 0)
        server.dialogue.append(self.dialogue, lost: self == .hostile ? .max : 0)
    }

    /// A text, or one that no screen may show as it is.
    private func text(_ text: String, _ number: Int) -> String {
        self == .hostile ? Self.hostileTexts[number % Self.hostileTexts.count] : text
    }

    // MARK: Lists

    private func fill(_ kind: SessionKind, _ plugins: [String], _ server: inout ServerState) {
        var wish = SessionsWish()
        wish.kind = kind
        if kind != .live { wish.sort = .started }
        wish.limit = 200
        let rows = self == .empty ? [] : (0..<self.count(of: kind)).map { self.row($0, kind, plugins) }
        let total = kind == .live ? (self == .crowded ? 10_000 : rows.count) : nil
        var page = SessionPage(sessions: rows, total: total, next: rows.count == 200 ? 200 : nil)
        if self == .crowded, kind == .live { page.missingLoops = [2] }
        if self == .hostile { page.missingLoops = [.min, .max] }
        server.take(.sessions(wish, page), at: Self.now)
    }

    private func count(of kind: SessionKind) -> Int {
        switch self {
        case .empty: 0
        case .ordinary: [.live: 48, .ended: 30, .refused: 9][kind] ?? 0
        case .crowded: 200
        case .hostile: 12
        }
    }

    static let helos = [
        "mail.example.net", "mx4.sender.example", "[198.51.100.23]", "localhost", "smtp-out-12.bulk.example.com",
        "WIN-9F3KQ2", "a.example", "mta-7.lists.example.org",
    ]
    static let senders = [
        "ann@sender.example", "", "bounce+7f21=bob=example.com@lists.example.org", "news@bulk.example.com",
        "carol@example.net", "root@localhost",
    ]

    static func peer(_ index: Int) -> String {
        index % 9 == 4 ? "2001:db8:\(index % 7)::\(index + 10)" : "198.51.\(100 + index % 5).\(7 + index * 3 % 240)"
    }

    /// Ids of a list, unlike each other.
    private func id(_ index: Int, _ kind: SessionKind) -> String {
        if self == .hostile { return Self.hostileTexts[index % Self.hostileTexts.count] + String(index) }
        if index == 2, kind == (self == .ordinary ? .live : .ended) { return Self.sessionID }
        let place = String(index + 36 * 36 + kind.rawValue.count * 400, radix: 36)
        return "427ppwh0" + String(repeating: "0", count: max(0, 4 - place.count)) + place
    }

    private func row(_ index: Int, _ kind: SessionKind, _ plugins: [String]) -> SessionRow {
        var row = SessionRow(id: self.id(index, kind))
        row.number = UInt64(20_000 - index)
        row.state = kind
        row.age = kind == .live ? 4000 / Double(index + 1) : Double(index * 7 % 61) / 3
        row.startedAt = Self.now - (kind == .live ? row.age : Double(index * index) * 3 + 4)
        row.peer = self.text(Self.peer(index), index)
        row.peerPort = 40_000 + index
        row.remoteHost = index % 3 == 0 ? nil : self.text("host\(index).example.net", index + 1)
        row.listener = self.text("0.0.0.0:25", index + 2)
        row.generation = 7
        self.fillProgress(&row, index)
        guard !plugins.isEmpty else { return row }
        self.fillMarks(&row, index, plugins)
        if kind != .live { self.fillEnd(&row, index, plugins) }
        if self == .hostile { Self.confuse(&row, index) }
        return row
    }

    private func fillProgress(_ row: inout SessionRow, _ index: Int) {
        guard row.state != .refused else { return row.phase = .connect }
        row.phase = SessionPhase.allCases[index * 5 % SessionPhase.allCases.count]
        if row.phase.place >= SessionPhase.idle.place {
            row.helo = self.text(Self.helos[index % Self.helos.count], index + 3)
        }
        if row.phase.place >= SessionPhase.mail.place {
            row.sender = self.text(Self.senders[index % Self.senders.count], index + 4)
            row.recipientCount = row.phase == .mail ? 0 : index % 4 + 1
            row.recipients = (0..<row.recipientCount).map { self.text("user\($0)@example.com", index + $0) }
        }
        row.tls = index % 2 == 0 ? self.text("TLSv1.3", index + 5) : nil
        row.user = index % 11 == 3 ? self.text("ann", index + 6) : nil
        row.messages = row.phase == .leaving ? index % 3 : index / 20
        row.octets = UInt64(index * index * 7013)
        row.rate = row.age > 0 ? Double(row.octets) / row.age : 0
        row.notes = ["karma": self.text(String(index % 5 - 2), index)]
        if self == .hostile { row.notes[Self.hostileTexts[index % 10]] = Self.hostileTexts[(index + 1) % 10] }
    }

    private func fillMarks(_ row: inout SessionRow, _ index: Int, _ names: [String]) {
        let ran = row.state == .refused ? 1 : max(1, names.count * Int(row.phase.place + 1) / 8)
        for (place, name) in names.prefix(ran).enumerated() {
            let seed = index * 31 + place * 17
            row.marks[name] = place % 5 == 1 && index % 3 == 0 ? .ok : seed % 29 == 3 ? .failed : .declined
            if row.state == .live, row.phase.place > SessionPhase.helo.place, seed % 37 == 5 {
                row.marks[name] = .deferred
            }
            if row.state == .live, row.phase.place > SessionPhase.mail.place, seed % 23 == 7 {
                row.marks[name] = .refused
            }
        }
        guard row.state == .live, index % 6 == 1, let name = names.dropFirst(ran).first ?? names.last else { return }
        row.plugin = name
        row.hook = self.text("rcpt", index + 7)
        row.running = index == 1 ? 42.7 : Double(index) * 0.21
    }

    private func fillEnd(_ row: inout SessionRow, _ index: Int, _ names: [String]) {
        row.by = self.text(["client", "server", "timeout", "operator"][index % 4], index)
        guard row.state == .refused || index % 3 != 0 else { return row.messages = 1 + index % 2 }
        let isSoft = index % 5 == 4
        row.code = isSoft ? 451 : 550
        let name = row.state == .refused ? names[0] : names[min(2 + index % 3, names.count - 1)]
        row.decidedBy = index % 7 == 6 ? nil : name
        row.marks[name] = isSoft ? .deferred : .refused
        row.reason = self.text(
            ["Relaying denied", "access denied", "http://dnsbl.example/?198.51.100.7 is listed", "too many errors"][
                index % 4],
            index + 8)
    }

    /// What no server should say.
    private static func confuse(_ row: inout SessionRow, _ index: Int) {
        let doubles = [.nan, .infinity, -.infinity, -1, 1e300, 0]
        (row.age, row.startedAt) = (doubles[index % 6], doubles[(index + 1) % 6])
        (row.rate, row.running) = (doubles[(index + 2) % 6], doubles[(index + 3) % 6])
        (row.messages, row.recipientCount) = (index % 2 == 0 ? .min : .max, index % 2 == 0 ? .max : .min)
        row.octets = .max
        row.peerPort = .min
        row.generation = .max
        if index % 3 == 0 { row.code = [Int.min, .max, 0][index % 2] }
        if index % 5 == 0 { row.peer = "" }
    }

    // MARK: One session

    private func detail(_ plugins: [String]) -> SessionDetail {
        var row = self.row(2, self == .ordinary ? .live : .ended, plugins)
        row.id = Self.sessionID
        if self == .ordinary {
            row.phase = .rcpt
            row.helo = "mail.example.net"
            row.remoteHost = "mail.example.net"
            (row.sender, row.recipients, row.recipientCount) = ("carol@example.net", ["bob@example.com"], 1)
            (row.code, row.reason, row.decidedBy) = (550, "Relaying denied", "rcpt_ok")
            row.marks = ["hosts_allow": .ok, "relay": .declined, "dnsbl": .declined, "rcpt_ok": .refused]
            row.messages = 1
        } else if self == .crowded {
            (row.code, row.reason, row.decidedBy) = (550, "bad karma", "karma")
        }
        var detail = SessionDetail(session: row, transactions: self.mails, trail: self.trail)
        detail.lastHook = self.text("rcpt", 3)
        detail.dropped = self == .crowded ? 1200 : self == .hostile ? .max : 0
        detail.decision = Decision(
            plugin: self.text(self == .crowded ? "karma" : "rcpt_ok", 4), hook: self.text("rcpt", 5),
            verdict: self == .crowded ? "DENY_DISCONNECT" : self.text("DENY", 6),
            text: self.text(self == .crowded ? "bad karma" : "Relaying denied", 7), status: self.text("5.7.1", 8),
            via: self == .ordinary ? nil : self.text("naughty", 9), transaction: self == .hostile ? .max : 2)
        return detail
    }

    private var mails: [TransactionRow] {
        var first = TransactionRow(id: self.text("\(Self.sessionID).1", 1), number: 1)
        first.endedAt = self == .hostile ? .nan : Self.now - 90
        first.sender = self.text("carol@example.net", 2)
        first.recipients = [
            RecipientRow(address: self.text("bob@example.com", 3), code: 250),
            RecipientRow(address: self.text("nobody@example.com", 4), code: self == .hostile ? .min : 550),
        ]
        first.recipientCount = self == .hostile ? .max : 2
        first.messageId = self.text("20261128115830.4711@mail.example.net", 5)
        first.size = self == .hostile ? .max : 48_213
        first.result = self.text("queued", 6)
        first.code = 250
        first.text = self.text("Queued as 427ppwh0nhgm.1", 7)
        var second = TransactionRow(id: self.text("\(Self.sessionID).2", 8), number: 2)
        second.endedAt = Self.now - 60
        second.sender = self == .ordinary ? "" : nil
        second.recipients = [RecipientRow(address: self.text("user@elsewhere.example", 9), code: 550)]
        second.recipientCount = 24
        second.code = 550
        second.text = self.text("Relaying denied", 0)
        return [first, second]
    }

    private var trail: [TrailEntry] {
        var entries: [TrailEntry] = []
        func run(_ hook: String, _ plugin: String, _ verdict: String, _ mail: UInt32 = 0, _ text: String = "") {
            let place = entries.count
            var entry = TrailEntry(
                hook: self.text(hook, place), plugin: self.text(plugin, place + 1),
                verdict: self.text(verdict, place + 2))
            entry.offset = self == .hostile ? [nil, .nan, .infinity, -5][place % 4] : Double(place * place) * 41_013
            entry.transaction = mail
            entry.text = self.text(text, place + 3)
            entry.microseconds = self == .hostile ? .nan : Double(place * 37 % 11) * 812 + 3.5
            entry.decided = verdict != "DECLINED" && plugin != "badmailfrom"
            if verdict.hasPrefix("DENY") { entry.status = self.text("5.7.1", place + 4) }
            if plugin == "badmailfrom" { entry.flags = [self.text("shadow", place + 5)] }
            entries.append(entry)
        }
        run("pre-connection", "hosts_allow", "OK")
        run("connect", "relay", "DECLINED")
        run("connect", "dnsbl", "DECLINED")
        for mail in 1...(self == .crowded ? UInt32(60) : 2) {
            run("mail", "badmailfrom", "DENY", mail, "sender refused")
            run("rcpt", "dnsbl", "DECLINED", mail)
            if mail > 1 { run("rcpt", self == .crowded ? "naughty" : "rcpt_ok", "DENY", mail, "Relaying denied") }
            guard mail == 1 else { continue }
            run("rcpt", "rcpt_ok", "OK", mail)
            run("data_post", "virus/clamdscan", "DECLINED", mail)
            run("queue", "queue/maildir", "OK", mail, "Queued")
        }
        return entries
    }

    private var dialogue: [LogRow] {
        guard self == .ordinary || self == .hostile else { return [] }
        let texts = [
            "replying 220 mx1.example.com ESMTP", "dispatching ehlo mail.example.net", "replying 250-mx1.example.com",
            "replying 250 SIZE 52428800", "dispatching mail FROM:<carol@example.net>", "replying 250 2.1.0 ok",
            "dispatching rcpt TO:<user@elsewhere.example>", "Relaying denied", "replying 550 5.7.1 Relaying denied",
            "dispatching auth <hidden>", "replying 451 4.3.0 try again later", "dispatching quit ",
        ]
        return texts.enumerated().map { place, text in
            var row = LogRow(
                sequence: UInt64(place + 1), time: Self.now - 50 + Double(place) / 3, level: "LOGDEBUG", text: text)
            row.session = Self.sessionID
            if place == 7 { (row.plugin, row.hook, row.level) = ("rcpt_ok", "rcpt", "LOGINFO") }
            guard self == .hostile else { return row }
            let hostile = Self.hostileTexts[place % Self.hostileTexts.count]
            row.text = ["dispatching ", "replying ", ""][place % 3] + hostile
            (row.plugin, row.hook, row.level, row.time) = (hostile, hostile, hostile, .nan)
            row.fields = [hostile: hostile]
            return row
        }
    }

    // MARK: Log

    private func logRows(from first: Int, _ count: Int) -> [LogRow] {
        (first..<first + count).map { index in
            let (level, plugin, hook, text) = Self.lines[index % Self.lines.count]
            var row = LogRow(
                sequence: UInt64(index + 1), time: Self.now - Double(3060 - index) * 0.7,
                level: self.text(level, index),
                text: self.text(text, index + 1))
            row.plugin = plugin.isEmpty ? nil : self.text(plugin, index + 2)
            row.hook = hook.isEmpty ? nil : self.text(hook, index + 3)
            if index % 5 != 0 {
                row.session = self.text(self.id(index % 30, .live), index + 4)
                row.transaction = UInt32(index % 3)
            }
            if index % 7 == 2 { row.fields = ["ms": "12", "peer": "198.51.100.7"] }
            guard self == .hostile else { return row }
            row.time = [.nan, .infinity, -1e300, Self.now][index % 4]
            row.fields = [Self.hostileTexts[index % 10]: Self.hostileTexts[(index + 5) % 10]]
            return row
        }
    }

    private static let lines = [
        ("LOGINFO", "", "", "accepted connection 14/1000 from 198.51.100.7"),
        ("LOGINFO", "relay", "connect", "no relay client"),
        ("LOGDEBUG", "", "", "dispatching ehlo mail.example.net"),
        ("LOGNOTICE", "dnsbl", "connect", "listed in zen.dnsbl.example"),
        ("LOGINFO", "rcpt_ok", "rcpt", "Relaying denied for user@elsewhere.example"),
        ("LOGWARN", "virus/clamdscan", "data_post", "no answer from /run/clamd.sock in 30 s"),
        ("LOGINFO", "queue/maildir", "queue", "queued as 1795867200.M12P4711.mx1"),
        ("LOGERROR", "virus/clamdscan", "data_post", "cannot connect: connection refused"),
    ]

    // MARK: Bans and configurations

    private var bans: [BanRow] {
        switch self {
        case .empty: []
        case .ordinary: (0..<5).map(self.ban)
        case .crowded: (0..<300).map(self.ban)
        case .hostile: Self.hostileTexts.indices.map(self.ban)
        }
    }

    private func ban(_ index: Int) -> BanRow {
        let network = index == 1 ? "2001:db8:bad::/48" : "203.0.\(index % 250).0/24"
        let reason = ["dictionary attack", "", "spam run of 2026-11-27, see ticket 4812"][index % 3]
        let (since, left) = (Double(index + 1) * 4000, Double(index) * 900 - 1)
        var ban = BanRow(
            id: self.text("b\(index)", index), network: self.text(network, index), reason: self.text(reason, index),
            by: self.text(index % 2 == 0 ? "uid 0" : "noc-oncall", index), createdAt: Self.now - since,
            expiresAt: index % 4 == 1 ? nil : Self.now + left, hits: UInt64(index * index * 311))
        guard self == .hostile else { return ban }
        let moments: [Double] = [.nan, -.infinity, 1e300, -1]
        (ban.createdAt, ban.hits) = (moments[index % 4], .max)
        if ban.expiresAt != nil { ban.expiresAt = moments[index % 3] }
        return ban
    }

    private var generations: Generations {
        let first = GenerationRow(
            number: 1, isCurrent: self == .empty, loadedAt: Self.now - 353_520, plugins: 7, warnings: [])
        switch self {
        case .empty: return Generations(generations: [first], changedFiles: [], refusal: [], refusedAt: nil)
        case .ordinary, .crowded:
            let current = GenerationRow(
                number: 7, isCurrent: true, loadedAt: Self.now - 7980, plugins: 9,
                warnings: ["plugins:14: warning: dnsbl has no zones"])
            let before = GenerationRow(
                number: 6, isCurrent: false, loadedAt: Self.now - 90_000, plugins: 9, warnings: [])
            let isBad = self == .crowded
            return Generations(
                generations: [current, before, first], changedFiles: isBad ? ["plugins", "rcpthosts"] : [],
                refusal: isBad ? ["plugins:12: error: unknown plugin 'dnsbll'; did you mean 'dnsbl'?"] : [],
                refusedAt: isBad ? Self.now - 130 : nil)
        case .hostile:
            let (numbers, moments): ([Int], [Double]) = ([.min, .max, 3], [.nan, .infinity, -1])
            let rows = Self.hostileTexts.indices.map { index in
                GenerationRow(
                    number: numbers[index % 3], isCurrent: index % 2 == 0, loadedAt: moments[index % 3],
                    plugins: numbers[index % 2], warnings: Self.hostileTexts)
            }
            return Generations(
                generations: rows, changedFiles: Self.hostileTexts, refusal: Self.hostileTexts, refusedAt: .nan)
        }
    }

    private var difference: [FileDifference] {
        switch self {
        case .empty, .ordinary: []
        case .crowded:
            [
                FileDifference(file: "plugins", removed: ["dnsbll reject 1"], added: ["dnsbl reject 1", "rhsbl"]),
                FileDifference(file: "rcpthosts", removed: [], added: ["example.org"]),
            ]
        case .hostile:
            Self.hostileTexts.map { FileDifference(file: $0, removed: Self.hostileTexts, added: Self.hostileTexts) }
        }
    }
}
