// BansView.swift
//
// Networks that may not connect.

import QPTelemetry

/// Bans.
enum BansView {
    private struct Item {
        var server: Int
        var ban: BanRow
    }

    static func table(_ input: ViewInput) -> Table {
        let rows = input.snapshot.rows(\.bans)
        var table = Table(
            Self.fields(input),
            rows.map { (id: "\($0.server):\($0.row.id)", row: Item(server: $0.server, ban: $0.row)) },
            sort: input.state[.bans].sort)
        let hits = rows.reduce(UInt64(0)) { $0 &+ $1.row.hits }
        table.captions = [
            [
                Span(CaptionText.counted(rows.count, "ban"), .bold),
                Span(", \(CaptionText.counted(Int(clamping: hits), "connection")) turned away"),
            ]
        ]
        table.empty = "nobody is banned; B bans a network"
        return table
    }

    private static func fields(_ input: ViewInput) -> [TableField<Item>] {
        let numbers = input.numbers
        let reason = max(10, input.size.columns / 4)
        var fields: [TableField<Item>] = []
        if input.snapshot.hasSeveralServers { fields.append(.server(input) { input.snapshot.servers[$0.server].name }) }
        return fields + [
            .text("network", "NETWORK", 15...43, key: { .address(Self.address($0.ban.network)) }) {
                Span($0.ban.network, .name)
            },
            .number("left", "LEFT", 7...7, priority: 1, key: { .number(Self.left($0.ban, input) ?? .infinity) }) {
                guard let left = Self.left($0.ban, input) else { return Span("forever") }
                return left > 0 ? Span(numbers.duration(left)) : Span("over", .muted)
            },
            .count("hits", "HITS", 5...7, priority: 2, input) { $0.ban.hits },
            .text("by", "BY", 6...16, priority: 4) { Span($0.ban.by) },
            .number("since", "SINCE", 6...7, priority: 5, key: { .known(input.ago($0.ban.createdAt)) }) {
                Span(numbers.duration(input.ago($0.ban.createdAt)), .muted)
            },
            .text("reason", "REASON", reason...reason, priority: 3, isElastic: true) { Span($0.ban.reason) },
        ]
    }

    /// Seconds until it is over; `nil`: it stays.
    private static func left(_ ban: BanRow, _ input: ViewInput) -> Double? {
        guard let end = ban.expiresAt, end.isFinite else { return nil }
        return max(0, end - input.snapshot.now)
    }

    private static func address(_ network: String) -> String {
        network.split(separator: "/").first.map { String($0) } ?? network
    }
}
