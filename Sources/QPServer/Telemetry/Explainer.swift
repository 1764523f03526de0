// Explainer.swift
//
// Rows and decisions out of records.

import QPActors
import QPHooks
import QPTelemetry

/// A record with the plugins that its slots stand for.
struct NamedRecord: Sendable {
    let record: JournalRecord
    let names: [String]
}

extension JournalSegment {
    /// Its records in order; only those of a session if one is given.
    func named(of session: SessionID? = nil) -> [NamedRecord] {
        guard var reader = JournalReader(self.octets) else { return [] }
        var found: [NamedRecord] = []
        while let record = reader.next(of: session) {
            found.append(NamedRecord(record: record, names: reader.names[record.generation] ?? []))
        }
        return found
    }
}

extension JournalRecord {
    var generation: UInt32 {
        switch self {
        case .transaction(let transaction): transaction.generation
        case .session(let session), .connected(let session): session.generation
        }
    }
}

enum Explainer {
    // MARK: Rows

    static func row(_ session: JournalSession, _ names: [String]) -> SessionRow {
        var row = SessionRow(id: session.session.description)
        row.number = session.number
        row.state = session.kind
        row.startedAt = Double(session.startedAt) / 1e9
        row.age = Double(session.duration) / 1e9
        row.peer = session.peer.description
        row.peerPort = Int(session.peerPort)
        row.remoteHost = session.remoteHost
        row.listener = session.listener
        row.helo = session.helo
        row.phase = session.phase
        row.tls = session.tls
        row.user = session.user
        row.sender = session.sender
        row.recipients = session.recipients
        row.recipientCount = Int(session.recipientCount)
        row.messages = Int(session.messages)
        row.octets = session.octets
        row.rate = row.age > 0 ? Double(session.octets) / row.age : 0
        row.notes = session.notes
        row.marks = PluginMark.named(session.marks, names)
        if session.kind != .live { row.by = session.by.name }
        if session.code > 0 {
            row.code = Int(session.code)
            row.reason = session.reason
        }
        row.decidedBy = Self.naughty(session.decidedBy, session.naughty) ?? session.decidedBy
        row.generation = Int(session.generation)
        return row
    }

    static func row(_ transaction: JournalTransaction) -> TransactionRow {
        var row = TransactionRow(
            id: transaction.session.text(transaction: transaction.number), number: transaction.number)
        row.endedAt = Double(transaction.endedAt) / 1e9
        row.sender = transaction.sender
        row.recipients = transaction.recipients
        row.recipientCount = Int(transaction.recipientCount)
        row.messageId = transaction.messageID
        row.size = transaction.size
        row.result = transaction.outcome.name
        if transaction.code > 0 { row.code = Int(transaction.code) }
        row.text = transaction.text
        return row
    }

    /// The row that a transaction's event shows of its session.
    static func sessionRow(of transaction: JournalTransaction) -> SessionRow {
        var row = SessionRow(id: transaction.session.description)
        row.startedAt = Double(transaction.startedAt) / 1e9
        row.peer = transaction.peer.description
        row.sender = transaction.sender
        row.recipients = transaction.recipients.filter { $0.code < 400 }.map(\.address)
        row.recipientCount = row.recipients.count
        row.generation = Int(transaction.generation)
        return row
    }

    // MARK: Trails

    /// The runs of a part, in order; those that belong to no mail get the number 0.
    static func entries(_ part: TrailPart, _ names: [String], transaction: UInt32) -> [TrailEntry] {
        var current: UInt32 = 0
        return part.records.map { record in
            switch record.hook {
            case .mailParse, .mailPre, .mail, .rcptParse, .rcptPre, .rcpt, .data, .dataHeadersEnd, .dataPostHeaders,
                .dataPost, .receivedLine, .queuePre, .queue, .resetTransaction:
                current = transaction
            case .connect, .ehloParse, .ehlo, .heloParse, .helo, .authParse, .auth, .authPlain, .authLogin,
                .authCramMD5, .quit, .disconnect, .postConnection, .preConnection:
                current = 0
            case .queuePost:
                // It runs when the mail's own record is written.
                current = transaction > 0 ? transaction - 1 : 0
            case .logging, .config, .userConfig, .postFork, .vrfy, .noop, .unrecognizedCommand, .deny, .ok, .help:
                break
            }
            return Self.entry(record, part, names, current)
        }
    }

    private static func entry(
        _ record: HookRecord, _ part: TrailPart, _ names: [String], _ transaction: UInt32
    ) -> TrailEntry {
        let slot = Int(record.plugin)
        var entry = TrailEntry(
            hook: record.hook.name, plugin: slot < names.count ? names[slot] : "?", verdict: record.verdict.name)
        entry.offset = Double(record.offset) * 1.024
        entry.transaction = transaction
        (entry.status, entry.text) = Self.split(part.text(of: record), isRefusal: record.verdict.isRefusal)
        // The field of a record ends at 4.29 s; its bucket goes on.
        let isFull = record.nanoseconds == .max
        let nanoseconds = isFull ? LatencyScale.upperBound(of: Int(record.bucket)) : UInt64(record.nanoseconds)
        entry.microseconds = Double(nanoseconds ?? UInt64(record.nanoseconds)) / 1000
        let flags: [(HookRecord.Flags, String)] = [
            (.shadow, "shadow"), (.threw, "threw"), (.timedOut, "timed_out"), (.breaker, "breaker"),
        ]
        entry.flags = flags.filter { record.flags.contains($0.0) }.map(\.1)
        entry.decided = record.flags.contains(.decided)
        return entry
    }

    /// Parts an enhanced status from the text behind it.
    private static func split(_ text: String, isRefusal: Bool) -> (status: String?, text: String) {
        guard isRefusal, let blank = text.firstIndex(of: " "), EnhancedStatus(String(text[..<blank])) != nil else {
            return (nil, text)
        }
        return (String(text[..<blank]), String(text[text.index(after: blank)...]))
    }

    // MARK: Decisions

    /// The plugin that left its verdict to the naughty plugin, if that one decided: the first that the note names.
    private static func naughty(_ plugin: String?, _ note: String?) -> String? {
        guard let plugin, plugin == "naughty" || plugin.hasPrefix("naughty:"), let note, note.hasPrefix("("),
            let end = note.firstIndex(of: ")")
        else { return nil }
        return String(note[note.index(after: note.startIndex)..<end])
    }

    private static func naughtyText(_ note: String) -> String {
        guard let end = note.firstIndex(of: ")") else { return note }
        let first = note[note.index(after: end)...].prefix { $0 != "\n" }
        return String(first.drop { $0 == " " })
    }

    /// What decided: the last refusal; without one, what took the message.
    static func decision(_ trail: [TrailEntry], naughty note: String?) -> Decision? {
        let refusal = trail.last {
            $0.decided && $0.verdict.hasPrefix("DENY") && !$0.flags.contains("shadow") && !$0.isTold
        }
        if let refusal {
            if let plugin = Self.naughty(refusal.plugin, note), let note {
                let origin = trail.last { $0.plugin == plugin }
                return Decision(
                    plugin: plugin, hook: origin?.hook ?? refusal.hook, verdict: refusal.verdict,
                    text: Self.naughtyText(note), status: refusal.status, via: refusal.plugin,
                    transaction: refusal.transaction)
            }
            return Self.decision(refusal)
        }
        let queued = trail.last { $0.decided && $0.hook == HookID.queue.name && !$0.flags.contains("shadow") }
        return queued.map { Self.decision($0) }
    }

    private static func decision(_ entry: TrailEntry) -> Decision {
        Decision(
            plugin: entry.plugin, hook: entry.hook, verdict: entry.verdict, text: entry.text, status: entry.status,
            via: nil, transaction: entry.transaction)
    }

    /// A session out of its records, oldest first, and of what it is now if it lives.
    static func detail(
        _ records: [NamedRecord], live: (row: SessionRow, trail: TrailPart, transaction: UInt32, naughty: String?)?,
        names: [String]
    ) -> SessionDetail? {
        var transactions: [TransactionRow] = []
        var trail: [TrailEntry] = []
        var dropped: UInt64 = 0
        var naughty: String?
        var row: SessionRow?
        for named in records {
            switch named.record {
            case .transaction(let transaction):
                transactions.append(Self.row(transaction))
                trail += Self.entries(transaction.trail, named.names, transaction: transaction.number)
                dropped += transaction.trail.dropped
                naughty = transaction.naughty ?? naughty
                if row == nil { row = Self.sessionRow(of: transaction) }
            case .session(let session):
                row = Self.row(session, named.names)
                let next = (transactions.last?.number ?? 0) + 1
                trail += Self.entries(session.trail, named.names, transaction: next)
                dropped += session.trail.dropped
                naughty = session.naughty ?? naughty
            case .connected(let session):
                if row == nil { row = Self.row(session, named.names) }
            }
        }
        if let live {
            row = live.row
            let number = live.transaction > 0 ? live.transaction : (transactions.last?.number ?? 0) + 1
            trail += Self.entries(live.trail, names, transaction: number)
            dropped += live.trail.dropped
            naughty = live.naughty ?? naughty
        }
        guard var row else { return nil }
        let decision = Self.decision(trail, naughty: naughty)
        if let decision, decision.via != nil { row.decidedBy = decision.plugin }
        let last = trail.last { !$0.isTold }
        return SessionDetail(
            session: row, transactions: transactions, trail: trail, dropped: dropped, lastHook: last?.hook,
            decision: decision)
    }
}

extension TrailEntry {
    /// Whether it only learned of an answer that another hook gave.
    fileprivate var isTold: Bool { self.hook == HookID.deny.name || self.hook == HookID.ok.name }
}
