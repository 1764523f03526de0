// TopView.swift
//
// What most sessions have in common.

import QPTelemetry

/// A row for each value, the most frequent first.
enum TopView {
    /// A value on all servers.
    private struct Entry {
        let server: Int
        let value: String
        var count: UInt64
        var session: String
        var rank = 0
    }

    static func table(_ input: ViewInput) -> Table {
        let entries = Self.entries(input)
        let sum = entries.reduce(UInt64(0)) { $0 &+ $1.count }
        var table = Table(
            Self.fields(input, sum: sum, most: entries.first?.count ?? 0),
            entries.map { (id: "\($0.server):\($0.value)", row: $0) }, sort: input.state[.top].sort)
        table.captions = Self.captions(input, values: entries.count, sum: sum)
        let isAnswered = input.snapshot.servers.contains { $0.topField == input.state.topField }
        table.empty = isAnswered ? "no session has one" : "waiting for the answer"
        return table
    }

    /// The values of the field that was chosen; answers for another one are from before.
    private static func entries(_ input: ViewInput) -> [Entry] {
        var places: [String: Int] = [:]
        var entries: [Entry] = []
        for (server, row) in input.snapshot.rows({ $0.topField == input.state.topField ? $0.top : [] }) {
            let count = UInt64(clamped: row.count)
            if let place = places[row.value] {
                entries[place].count &+= count
            } else {
                places[row.value] = entries.count
                entries.append(Entry(server: server, value: row.value, count: count, session: row.session))
            }
        }
        let sorted = entries.enumerated().sorted { left, right in
            let counts = (left.element.count, right.element.count)
            return counts.0 != counts.1 ? counts.0 > counts.1 : left.offset < right.offset
        }
        return sorted.enumerated().map { place, entry in
            var entry = entry.element
            entry.rank = place + 1
            return entry
        }
    }

    private static let barWidth = 10

    private static func fields(_ input: ViewInput, sum: UInt64, most: UInt64) -> [TableField<Entry>] {
        [
            .number("rank", "#", 3...5, priority: 3, key: { .number(Double($0.rank)) }) { Span("\($0.rank)", .muted) },
            .count("count", "COUNT", 6...20, input, style: .bold, \.count),
            .number("share", "SHARE", 5...8, priority: 2, key: { .count($0.count) }) {
                input.shareSpan(.share($0.count, of: sum))
            },
            .bar("bar", width: Self.barWidth, priority: 4) {
                let share = Double.share($0.count, of: most)
                return Span(Bars.bar(share, width: Self.barWidth, input.glyphs), .heat(share))
            },
            .text("value", input.state.topField.rawValue.uppercased(), 20...300) {
                Self.value($0.value, input.state.topField)
            },
            .text("session", "NEWEST", 12...16, priority: 1) { Span($0.session, .muted) },
        ]
    }

    private static func value(_ value: String, _ field: TopField) -> Span {
        guard value.isEmpty else { return Span(value) }
        // The null sender of RFC 5321 §4.5.5 is a value like any other.
        return field == .sender ? Span("<>") : Span("(none)", .muted)
    }

    // MARK: Captions

    private static func captions(_ input: ViewInput, values: Int, sum: UInt64) -> [[Span]] {
        let fields = TopField.allCases.map { field in
            [field == input.state.topField ? Span("[\(field.rawValue)]", .accent) : Span(field.rawValue, .muted)]
        }
        var sessions = [Span(input.state.sessionKind.rawValue, .name), Span(" sessions", .muted)]
        if !input.state.sessionsQuery.isEmpty {
            sessions += [Span(" where ", .muted), Span(input.state.sessionsQuery)]
        }
        if values > 0 {
            let words = values == 1 ? "1 value" : "\(values) values"
            sessions.append(Span(", \(words), \(input.numbers.count(sum)) in all", .muted))
        }
        return Flow.lines(fields, width: input.size.columns, gap: 1, isASCII: input.state.isASCII) + [sessions]
    }
}
