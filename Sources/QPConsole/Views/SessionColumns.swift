// SessionColumns.swift
//
// What a list of sessions says of each; columns by which the server sorts have the names that it gives them.

import QPTelemetry

/// The columns beside those of plugins.
struct SessionColumns {
    typealias Item = SessionsView.Item
    typealias Field = TableField<Item>

    /// The column that the ones of plugins stand behind.
    static let beforeMarks = SessionSort.phase.rawValue
    /// With these there is room for eight plugins at 80 columns, and for four at 50.
    static let markPriorities = [30, 60, 81, 101, 101, 140]

    private let input: ViewInput
    private let isTree: Bool

    init(_ input: ViewInput, isTree: Bool) {
        self.input = input
        self.isTree = isTree
    }

    var fields: [Field] {
        switch self.input.state.sessionKind {
        case .live: self.head + self.live
        case .ended: self.head + self.ended
        case .refused: self.head + self.refused
        }
    }

    private var numbers: NumberText { self.input.numbers }

    // MARK: By kind

    private var head: [Field] {
        var fields: [Field] = []
        if self.isTree { fields.append(Self.fixed("tree", "", 2...2) { _ in Span("") }) }
        if self.input.snapshot.hasSeveralServers {
            fields.append(.server(self.input) { self.input.snapshot.servers[$0.server].name })
        }
        fields.append(Self.fixed("id", "ID", 12...12, priority: 90) { Span($0.row.id) })
        fields.append(.text("peer", "PEER", 15...39, key: { .address($0.row.peer) }, { Span($0.row.peer, .name) }))
        fields.append(Self.fixed("host", "HOST", 12...40, priority: 120) { Span($0.row.remoteHost ?? "", .muted) })
        fields.append(Self.fixed("listener", "LISTENER", 10...24, priority: 135) { Span($0.row.listener, .muted) })
        return fields
    }

    private var live: [Field] {
        [
            self.age("AGE", priority: 20), self.phase(priority: 10), self.helo, self.sender, self.recipients,
            self.messages,
        ] + self.traffic + [self.running, self.started(clock: true, priority: 130)] + self.access
    }

    private var ended: [Field] {
        [
            self.started(clock: false, priority: 10), self.age("LASTED", priority: 80), self.phase(priority: 100),
            self.helo, self.sender, self.recipients, self.messages,
        ] + self.traffic + self.access + self.outcome
    }

    /// These never said anything.
    private var refused: [Field] {
        [self.started(clock: false, priority: 10), self.age("LASTED", priority: 80), self.phase(priority: 130)]
            + [self.notes] + self.outcome
    }

    // MARK: Columns

    private func age(_ title: String, priority: Int) -> Field {
        .number("age", title, 6...7, priority: priority, key: { .known($0.row.age) }) {
            Span(self.numbers.duration($0.row.age))
        }
    }

    /// When it began: by the clock, or how long ago.
    private func started(clock: Bool, priority: Int) -> Field {
        .number("started", clock ? "STARTED" : "AGE", clock ? 8...8 : 6...7, priority: priority) {
            .known($0.row.startedAt)
        } _: {
            let moment = $0.row.startedAt
            if clock { return Span(TimeText.clock(moment, zone: self.input.state.zone), .muted) }
            return Span(self.numbers.duration(self.input.ago(moment)))
        }
    }

    private func phase(priority: Int) -> Field {
        .text("phase", "PHASE", 7...7, priority: priority, key: { .number(Double($0.row.phase.place)) }) {
            Span($0.row.phase.rawValue, $0.row.phase == .idle || $0.row.phase == .leaving ? .muted : .plain)
        }
    }

    private var helo: Field { .text("helo", "HELO", 16...40, priority: 50) { Span($0.row.helo ?? "") } }

    private var sender: Field {
        .text("sender", "SENDER", 14...40, priority: 80, key: { .text(($0.row.sender ?? "").lowercased()) }) {
            Span($0.row.shownSender)
        }
    }

    private var recipients: Field {
        .number("rcpts", "RCPTS", 5...6, priority: 100, key: { .number(Double($0.row.recipientCount)) }) {
            $0.row.sender == nil && $0.row.recipientCount == 0 ? Span("") : self.count($0.row.recipientCount)
        }
    }

    private var messages: Field {
        .number("messages", "MSGS", 4...6, priority: 100, key: { .number(Double($0.row.messages)) }) {
            self.count($0.row.messages)
        }
    }

    private var traffic: [Field] {
        [
            .number("octets", "OCTETS", 6...7, priority: 110, key: { .count($0.row.octets) }) {
                Span(self.numbers.octets($0.row.octets))
            },
            .number("rate", "RATE", 4...6, priority: 120, key: { .known($0.row.rate) }) {
                Span(self.numbers.rate($0.row.rate))
            },
        ]
    }

    /// Seconds stand first: they are what grows, and what is looked at when the name is cut.
    private var running: Field {
        .text("running", "RUNNING", 18...36, priority: 70, key: { .known($0.row.plugin == nil ? -1 : $0.row.running) })
        {
            guard let plugin = $0.row.plugin else { return Span("") }
            let seconds = $0.row.running ?? 0
            let time = self.numbers.duration(seconds)
            let blanks = String(repeating: " ", count: max(0, 5 - time.count))
            return Span(
                blanks + time + " " + plugin + "@" + ($0.row.hook ?? "?"),
                seconds > 30 ? .bad : seconds > 5 ? .warning : .plain)
        }
    }

    private var access: [Field] {
        [
            Self.fixed("tls", "TLS", 7...8, priority: 120) { Span($0.row.tls ?? "") },
            Self.fixed("user", "USER", 6...24, priority: 120) { Span($0.row.user ?? "") },
            self.notes,
        ]
    }

    private var notes: Field {
        Self.fixed("notes", "NOTES", 10...40, priority: 130) { Span($0.row.notesText, .muted) }
    }

    private var outcome: [Field] {
        let width = min(max(self.input.size.columns / 3 - 11, 12), 60)
        return [
            Self.fixed("by", "BY", 8...8, priority: 90) {
                Span($0.row.by ?? "", $0.row.by == "timeout" ? .warning : .plain)
            },
            Self.fixed("decided", "DECIDED BY", 12...24, priority: 70) { Span($0.row.decidedBy ?? "", .name) },
            Field(
                column: .number("code", "CODE", 4...4, priority: 10), key: { .number(Double($0.row.code ?? 0)) },
                span: { Span($0.row.code.map { String($0) } ?? "", $0.row.outcomeStyle) }),
            Field(
                column: .text("reason", "REASON", width...width, priority: 20, isElastic: true),
                key: { .text($0.row.reason ?? "") }, span: { Span($0.row.outcome, $0.row.outcomeStyle) }),
        ]
    }

    private func count(_ value: Int) -> Span { Span(self.numbers.count(value), value == 0 ? .muted : .plain) }

    /// A column of texts that the server does not sort by.
    private static func fixed(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, _ span: @escaping (Item) -> Span
    ) -> Field {
        Field(column: .text(id, title, range, priority: priority), key: { .text(span($0).text) }, span: span)
    }
}

extension FieldKey {
    /// An address, in the order of numbers; what is none stands behind.
    static func address(_ text: String) -> Self {
        guard case .address(let high, let low) = QueryValue(address: text) else { return .text("g" + text) }
        func digits(_ word: UInt64) -> String {
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return .text(digits(high) + digits(low))
    }
}

extension SessionRow {
    /// The sender as SMTP writes it if there is nothing to write; empty if there was no mail.
    var shownSender: String { self.sender.map { $0.isEmpty ? "<>" : $0 } ?? "" }

    var notesText: String {
        self.notes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// What became of it: the refusal, or what was taken.
    var outcome: String {
        if let reason, !reason.isEmpty { return reason }
        if self.code != nil { return "" }
        return self.messages > 0 ? CaptionText.counted(self.messages, "mail") + " queued" : ""
    }

    var outcomeStyle: Style {
        guard let code else { return self.messages > 0 ? .good : .plain }
        return code >= 500 ? .bad : .warning
    }
}
