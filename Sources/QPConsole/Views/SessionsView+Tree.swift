// SessionsView+Tree.swift
//
// Sessions by where they come from: addresses or networks, one of them opened.

import QPTelemetry

extension SessionsView {
    /// Sessions from one place.
    private struct Group {
        var value: String
        var count: Int
    }

    /// Columns of lines that stand for a group.
    private struct GroupLayout {
        let value: Int
        let count: Int
        let bar: Int

        init(_ groups: [Group], _ width: Int, _ glyphs: Glyphs) {
            let widest = groups.map { ScreenText.columns(of: $0.value, isASCII: glyphs.isASCII) }.max() ?? 0
            self.count = max(8, groups.map { CaptionText.exact($0.count).count }.max() ?? 0)
            self.value = max(7, min(widest, 43, width - self.count - 4))
            self.bar = max(0, min(40, width - self.value - self.count - 5))
        }
    }

    static func tree(_ input: ViewInput) -> Table {
        let groups = Self.groups(input)
        let layout = GroupLayout(groups, input.size.columns, input.glyphs)
        let most = groups.map(\.count).max() ?? 0
        let expanded = input.state.expandedGroup.flatMap { name in groups.first { $0.value == name }?.value }
        let items = expanded.map { Self.loaded($0, input) } ?? []
        let fields = SessionColumns(input, isTree: true).fields
        let marks = Self.marks(input, items)
        var rows: [TableRow] = []
        for group in groups {
            let isExpanded = group.value == expanded
            rows.append(Self.line(group, isExpanded, of: most, layout, input.glyphs))
            if isExpanded { rows += Self.branches(items, fields, marks, input) }
        }
        let columns = expanded == nil ? [Self.heading(layout, input)] : Self.columns(fields, marks)
        var table = Table(columns: columns, rows: rows)
        table.keepNumbersWhole()
        if expanded != nil { table.sort = Self.sort(input) }
        table.captions = Self.captions(input)
        table.empty = Self.isCounted(input) ? Self.empty(input) : "counting"
        return table
    }

    private static func field(_ input: ViewInput) -> TopField {
        input.state.grouping == .address ? .address : .network
    }

    private static func isCounted(_ input: ViewInput) -> Bool {
        input.snapshot.servers.contains { $0.topField == Self.field(input) }
    }

    /// Groups of all servers, largest first.
    private static func groups(_ input: ViewInput) -> [Group] {
        var counts: [String: Int] = [:]
        for server in input.snapshot.servers where server.topField == Self.field(input) {
            for row in server.top { counts[row.value, default: 0] = (counts[row.value] ?? 0).adding(max(row.count, 0)) }
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { Group(value: $0.key, count: $0.value) }
    }

    /// The sessions of a group, once servers were asked for them.
    private static func loaded(_ group: String, _ input: ViewInput) -> [Item] {
        let kind = input.state.sessionKind
        let items = Self.items(input).filter { item in
            input.snapshot.servers[item.server].sessionsWish[kind]?.query.contains(group) == true
        }
        return Self.sorted(items, by: Self.sort(input), SessionColumns(input, isTree: true).fields)
    }

    private static func heading(_ layout: GroupLayout, _ input: ViewInput) -> Column {
        let name = CaptionText.padded(Self.field(input).rawValue.uppercased(), layout.value, input.glyphs)
        let count = CaptionText.padded("SESSIONS", layout.count, isRight: true, input.glyphs)
        return .text("group", "  " + name + " " + count, 10...1000, isElastic: true)
    }

    private static func line(
        _ group: Group, _ isExpanded: Bool, of most: Int, _ layout: GroupLayout, _ glyphs: Glyphs
    ) -> TableRow {
        let share = most > 0 ? Double(group.count) / Double(most) : 0
        let count = CaptionText.padded(CaptionText.exact(group.count), layout.count, isRight: true, glyphs)
        return .line(
            "group:\(group.value)",
            [
                Span(isExpanded ? "- " : "+ ", .accent),
                Span(CaptionText.padded(group.value, layout.value, glyphs) + " ", .name), Span(count + "  "),
                Span(Bars.bar(share, width: layout.bar, glyphs), .heat(share)),
            ])
    }

    private static func branches(
        _ items: [Item], _ fields: [TableField<Item>], _ marks: SessionMarks, _ input: ViewInput
    ) -> [TableRow] {
        guard !items.isEmpty else {
            let text = " asking for its sessions"
            return [.line("asking", [Span(input.glyphs.lastBranch + text, .muted)], isSelectable: false)]
        }
        return items.enumerated().map { place, item in
            var spans = Self.spans(item, fields, marks, input.glyphs)
            let glyph = place == items.count - 1 ? input.glyphs.lastBranch : input.glyphs.branch
            if !spans.isEmpty { spans[0] = Span(glyph, .muted) }
            return TableRow(item.id, spans)
        }
    }
}
