// BackendsView.swift
//
// What servers depend on outside of them.

import QPTelemetry

/// A row for each backend.
enum BackendsView {
    /// A backend of a server.
    private struct Entry {
        let server: Int
        let serverName: String
        let backend: BackendRow

        var id: String { "\(self.server):\(self.backend.kind):\(self.backend.name)" }
    }

    static func table(_ input: ViewInput) -> Table {
        let all = input.snapshot.rows(\.backends).map { server, row in
            Entry(server: server, serverName: input.snapshot.servers[server].name, backend: row)
        }
        let shown = input.state.hidesZero ? all.filter { $0.backend.state != "unused" } : all
        var table = Table(
            Self.fields(input), shown.map { (id: $0.id, row: $0) }, sort: input.state[.backends].sort)
        table.captions = [Self.caption(all.map(\.backend))]
        table.empty = all.isEmpty ? "no backends yet" : "none was used yet"
        return table
    }

    private static func fields(_ input: ViewInput) -> [TableField<Entry>] {
        var fields: [TableField<Entry>] = input.snapshot.hasSeveralServers ? [.server(input, \.serverName)] : []
        fields += [
            .text("kind", "KIND", 5...8, priority: 1) { Span($0.backend.kind, .muted) }.keeping(8),
            .text("name", "NAME", 12...36) { Span($0.backend.name, .name) }
                .keeping(input.size.columns < 80 ? 14 : 24),
            .text("state", "STATE", 7...8, key: { Self.rank($0.backend.state) }) { Self.state($0.backend.state) },
            .count("flight", "FLIGHT", 6...10, priority: 4, input) { UInt64(clamped: $0.backend.inFlight) },
            .duration("oldest", "OLDEST", 6...10, priority: 4, input, \.backend.oldestWait),
            .count("requests", "REQUESTS", 8...20, priority: 6, input, \.backend.requests),
            .count("errors", "ERRORS", 6...20, priority: 1, input, style: .bad, \.backend.errors),
            .duration("p95", "P95", 5...10, priority: 2, input, \.backend.p95),
            .number("when", "WHEN", 5...10, priority: 5, key: { .known($0.backend.lastErrorAt) }) {
                Self.when($0.backend, input)
            },
            .text("error", "LAST ERROR", 14...300, priority: 3, isElastic: true) { Span($0.backend.lastError ?? "") },
        ]
        return fields
    }

    private static func state(_ state: String) -> Span {
        switch state {
        case "ok": Span(state, .good)
        case "unused": Span(state, .muted)
        default: Span(state, .bad)
        }
    }

    private static func rank(_ state: String) -> FieldKey {
        .number(state == "unused" ? 0 : state == "ok" ? 1 : 2)
    }

    /// How long ago it failed last.
    private static func when(_ backend: BackendRow, _ input: ViewInput) -> Span {
        guard let at = backend.lastErrorAt else { return Span("-", .muted) }
        return Span(input.numbers.duration(max(0, input.snapshot.now - at)))
    }

    private static func caption(_ backends: [BackendRow]) -> [Span] {
        let failing = backends.count { $0.state == "failing" }
        let count = Span(backends.count == 1 ? "1 backend" : "\(backends.count) backends", .muted)
        return [count, failing > 0 ? Span(", \(failing) failing", .bad) : Span(", none failing", .muted)]
    }
}
