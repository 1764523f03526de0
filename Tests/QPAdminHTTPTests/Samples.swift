// Samples.swift
//
// One of each row, with everything set.

import QPTelemetry

enum Samples {
    static let session: SessionRow = {
        var row = SessionRow(id: "known")
        row.remoteHost = "mail.example"
        row.helo = "<img src=x onerror=alert(1)>\u{1b}[2J"
        row.tls = "TLSv1.3"
        row.user = "ann"
        row.sender = "ann@ok.example"
        row.recipients = ["bob@ok.example"]
        row.plugin = "dnsbl"
        row.hook = "rcpt"
        row.running = 0.5
        row.notes = ["karma": "5", "camelCase": "kept"]
        row.marks = ["dnsbl": .refused]
        row.by = "client"
        row.code = 550
        row.reason = "no"
        row.decidedBy = "dnsbl"
        return row
    }()

    static let transaction: TransactionRow = {
        var row = TransactionRow(id: "known.1", number: 1)
        row.sender = ""
        row.recipients = [RecipientRow(address: "bob@ok.example", code: 250)]
        row.messageId = "m@x"
        row.code = 250
        return row
    }()

    static let trail: TrailEntry = {
        var row = TrailEntry(hook: "rcpt", plugin: "dnsbl", verdict: "DENY")
        row.offset = 12.5
        row.status = "5.7.1"
        row.flags = ["shadow"]
        return row
    }()

    static let detail = SessionDetail(
        session: Self.session, transactions: [Self.transaction], trail: [Self.trail], dropped: 1, lastHook: "rcpt",
        decision: Decision(
            plugin: "dnsbl", hook: "rcpt", verdict: "DENY", text: "no", status: "5.7.1", via: "naughty",
            transaction: 1))

    static let page = SessionPage(
        sessions: [Self.session, SessionRow(id: "bare")], total: 2, next: 2, missingLoops: [1])

    static let plugin: PluginRow = {
        var row = PluginRow(name: "dnsbl")
        row.logLevel = "LOGDEBUG"
        row.p50 = 0.1
        row.p95 = 0.2
        row.p99 = 0.3
        row.changes = [LiveChange(by: "ann", at: 1, what: "mode shadow")]
        return row
    }()

    static let hook: HookRow = {
        var statistics = HookStatistics(plugin: "dnsbl", hook: "rcpt")
        statistics.verdicts[1] = 3
        statistics.latencies[5] = 3
        return HookRow(statistics, configured: true, inFlight: 0)
    }()

    static let overview: Overview = {
        var row = Overview()
        row.sessionsByPhase = ["helo": 1]
        row.totals = ["messages_queued": 5]
        row.rates = ["connections": Rates()]
        row.loops = [
            LoopRow(number: 0, lag: 0.1, stuck: 6, plugin: "p", hook: "h", session: "s"), LoopRow(number: 1, lag: 0),
        ]
        row.alarms = [Alarm(kind: "draining", text: "yes")]
        return row
    }()

    static let ban = BanRow(
        id: "b1", network: "192.0.2.0/24", reason: "spam", by: "ann", createdAt: 1, expiresAt: 2, hits: 3)
    static let preview = BanPreview(
        network: "192.0.2.0/24", live: 1, lastHour: 2, messagesLastHour: 3, needsForce: ["relay"],
        examples: [Self.session])
    static let generations = Generations(
        generations: [GenerationRow(number: 1, isCurrent: true, loadedAt: 1, plugins: 3, warnings: ["w"])],
        changedFiles: ["plugins"], refusal: ["plugins:1: error: x"], refusedAt: 5)
    static let difference = FileDifference(file: "plugins", removed: ["a"], added: ["b"])
    static let backend = BackendRow(
        kind: "dns", name: "resolver", state: "ok", lastError: "timeout", lastErrorAt: 1, p95: 0.1)
    static let audit = AuditRow(
        time: 1, by: "ann", role: "admin", source: "unix", action: "ban", subject: "192.0.2.0/24", result: "done")

    static let log: LogRow = {
        var row = LogRow(sequence: 7, time: 1, level: "LOGINFO", text: "line\r\n\nid: 99\u{2028}end")
        row.plugin = "dnsbl"
        row.hook = "rcpt"
        row.session = "known"
        row.fields = ["someKey": "v"]
        return row
    }()

    static let event: EventRow = {
        var row = EventRow(sequence: 9, time: 1, kind: "ended")
        row.session = Self.session
        row.transaction = Self.transaction
        row.text = "over"
        return row
    }()
}
