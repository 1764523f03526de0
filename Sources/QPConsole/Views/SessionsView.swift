// SessionsView.swift
//
// Who is connected, or was: a row for each session, with what every plugin said to it.

import QPTelemetry

/// Lists of sessions.
enum SessionsView {
    /// A session, and the place of its server.
    struct Item: Sendable {
        var server: Int
        var row: SessionRow

        var id: String { "\(self.server):\(self.row.id)" }
    }

    static func table(_ input: ViewInput) -> Table {
        input.state.grouping == .none ? Self.list(input) : Self.tree(input)
    }

    /// What the signs in the columns of plugins mean.
    static func legend(_ glyphs: Glyphs) -> [(String, String)] {
        PluginMark.allCases.map { ($0.glyph(glyphs), $0.meaning) } + [
            (">", "runs now"), (" ", "was not asked"),
        ]
    }

    // MARK: A row each

    private static func list(_ input: ViewInput) -> Table {
        let kind = input.state.sessionKind
        let items = Self.items(input)
        let sort = Self.sort(input)
        let fields = SessionColumns(input, isTree: false).fields
        // What one server sends is in order already.
        let isSeveral = input.snapshot.hasSeveralServers
        let sorted = isSeveral ? Self.sorted(items, by: sort, fields) : items
        let marks = Self.marks(input, items)
        var table = Table(
            columns: Self.columns(fields, marks),
            rows: sorted.map { TableRow($0.id, Self.spans($0, fields, marks, input.glyphs)) })
        table.keepNumbersWhole()
        table.sort = sort
        table.empty = Self.empty(input)
        table.captions = Self.captions(input)
        if !isSeveral, let server = input.snapshot.servers.first, let page = server.sessions[kind] {
            let first = min(max(server.sessionsWish[kind]?.offset ?? 0, 0), 1_000_000)
            let known = first + table.rows.count
            table.firstIndex = first
            table.total = max(known, page.total ?? (page.next == nil ? known : known + 1))
        }
        return table
    }

    /// The sessions that are there, server by server.
    static func items(_ input: ViewInput) -> [Item] {
        input.snapshot.servers.enumerated().flatMap { index, server in
            (server.sessions[input.state.sessionKind]?.sessions ?? []).map { Item(server: index, row: $0) }
        }
    }

    static func marks(_ input: ViewInput, _ items: [Item]) -> SessionMarks {
        SessionMarks(input.snapshot, items.map(\.row), priorities: SessionColumns.markPriorities)
    }

    /// The order that was asked for; without one, the longest sessions or the newest first.
    static func sort(_ input: ViewInput) -> Table.Sort {
        let kind = input.state.sessionKind
        // What one server was asked with is what its rows are sorted by.
        if !input.snapshot.hasSeveralServers, let wish = input.snapshot.servers.first?.sessionsWish[kind] {
            return Table.Sort(column: wish.sort.rawValue, isDescending: wish.isDescending)
        }
        if let sort = input.state[.sessions].sort, SessionSort(rawValue: sort.column) != nil { return sort }
        return Table.Sort(column: (kind == .live ? SessionSort.age : .started).rawValue, isDescending: true)
    }

    static func sorted(_ items: [Item], by sort: Table.Sort, _ fields: [TableField<Item>]) -> [Item] {
        guard let field = fields.first(where: { $0.column.id == sort.column }) else { return items }
        let keyed = items.enumerated().map { (place: $0.offset, key: field.key($0.element), item: $0.element) }
        return keyed.sorted { left, right in
            guard left.key != right.key else { return left.place < right.place }
            return sort.isDescending ? left.key > right.key : left.key < right.key
        }.map(\.item)
    }

    /// Marks stand before the first column that says what the client said.
    static func columns(_ fields: [TableField<Item>], _ marks: SessionMarks) -> [Column] {
        let place = Self.placeOfMarks(fields)
        return fields[..<place].map(\.column) + marks.columns + fields[place...].map(\.column)
    }

    static func spans(
        _ item: Item, _ fields: [TableField<Item>], _ marks: SessionMarks, _ glyphs: Glyphs
    ) -> [Span] {
        let place = Self.placeOfMarks(fields)
        return fields[..<place].map { $0.span(item) } + marks.spans(of: item.row, glyphs)
            + fields[place...].map { $0.span(item) }
    }

    private static func placeOfMarks(_ fields: [TableField<Item>]) -> Int {
        fields.lastIndex { $0.column.id == SessionColumns.beforeMarks }.map { $0 + 1 } ?? fields.count
    }
}
