// TableField.swift
//
// A table of values: what each column shows of them, and what they are sorted by.

/// What rows are sorted by in a column.
enum FieldKey: Hashable, Comparable, Sendable {
    case number(Double)
    case text(String)

    /// What is not known, or no number, is less than everything that is.
    static func known(_ value: Double?) -> Self {
        guard let value, !value.isNaN else { return .number(-.infinity) }
        return .number(value)
    }

    static func count(_ value: UInt64) -> Self { .number(Double(value)) }
}

/// A column with what its rows show and are sorted by.
struct TableField<Row> {
    var column: Column
    let key: (Row) -> FieldKey
    let span: (Row) -> Span
    /// Columns of the screen up to which texts stay whole before less important columns get any.
    var kept = 0

    /// A column of texts, sorted by what it shows unless something else is said.
    static func text(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, isElastic: Bool = false,
        key: ((Row) -> FieldKey)? = nil, _ span: @escaping (Row) -> Span
    ) -> Self {
        Self(
            column: .text(id, title, range, priority: priority, isElastic: isElastic, isSortable: true),
            key: key ?? { .text(span($0).text.lowercased()) }, span: span)
    }

    /// A column of numbers.
    static func number(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, key: @escaping (Row) -> FieldKey,
        _ span: @escaping (Row) -> Span
    ) -> Self {
        Self(column: .number(id, title, range, priority: priority, isSortable: true), key: key, span: span)
    }

    /// A column of counts.
    static func count(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, _ input: ViewInput,
        style: Style = .plain, _ value: @escaping (Row) -> UInt64
    ) -> Self {
        .number(id, title, range, priority: priority, key: { .count(value($0)) }) {
            input.countSpan(value($0), style)
        }
    }

    /// A column of durations in seconds, the longer the hotter.
    static func duration(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, _ input: ViewInput,
        _ value: @escaping (Row) -> Double?
    ) -> Self {
        .number(id, title, range, priority: priority, key: { .known(value($0)) }) { input.durationSpan(value($0)) }
    }

    /// A column of lengths, which nobody sorts by: there is a number for each.
    static func bar(
        _ id: String, width: Int, priority: Int = 0, isElastic: Bool = false, _ span: @escaping (Row) -> Span
    ) -> Self {
        Self(
            column: .text(id, "", width...width, priority: priority, isElastic: isElastic),
            key: { _ in .number(0) }, span: span)
    }

    /// The column that says which server a row is from.
    static func server(_ input: ViewInput, _ name: @escaping (Row) -> String) -> Self {
        .text("server", "SERVER", 6...16) { Span(name($0), .name) }.keeping(input.size.columns < 100 ? 8 : 16)
    }

    /// The same, with texts kept whole up to so many columns.
    func keeping(_ columns: Int) -> Self {
        var field = self
        field.kept = columns
        return field
    }

    /// The same, for tables that are not sorted.
    var unsorted: Self {
        var field = self
        field.column.isSortable = false
        return field
    }
}

extension Table {
    /// Rows that are all there, in the order that was chosen; where they are equal, and without one, as they come.
    init<Row>(_ fields: [TableField<Row>], _ rows: [(id: String, row: Row)], sort: Sort?) {
        var rows = rows
        var used: Sort?
        if let sort, let field = fields.first(where: { $0.column.id == sort.column && $0.column.isSortable }) {
            used = sort
            let keyed = rows.enumerated().map { (place: $0.offset, key: field.key($0.element.row), row: $0.element) }
            rows = keyed.sorted { left, right in
                guard left.key != right.key else { return left.place < right.place }
                return sort.isDescending ? left.key > right.key : left.key < right.key
            }.map(\.row)
        }
        self.init(
            columns: fields.map(\.column),
            rows: rows.map { row in TableRow(row.id, fields.map { $0.span(row.row) }) })
        self.sort = used
        self.keepNumbersWhole()
        for (place, field) in fields.enumerated() where field.kept > 0 { self.keep(place, upTo: field.kept) }
    }

    /// A number that is cut says something wrong: its column has the room it needs, or none.
    mutating func keepNumbersWhole() {
        for place in self.columns.indices where self.columns[place].alignment == .right {
            self.keep(place, upTo: Self.longestNumber)
        }
    }

    private mutating func keep(_ place: Int, upTo limit: Int) {
        let needed =
            self.rows.lazy.filter { $0.spans.indices.contains(place) }
            .map { ScreenText.columns(of: $0.spans[place].text) }.max() ?? 0
        self.columns[place].least = max(self.columns[place].least, min(needed, limit))
        self.columns[place].most = max(self.columns[place].most, self.columns[place].least)
    }

    /// What the largest count has, and some more.
    private static let longestNumber = 24

    /// Columns of the screen that a column gets.
    func width(of id: String, in width: Int) -> Int {
        self.layout(width).first { self.columns[$0.place].id == id }?.width ?? 0
    }
}

extension ViewInput {
    /// A count; zero recedes.
    func countSpan(_ value: UInt64, _ style: Style = .plain) -> Span {
        Span(self.numbers.count(value), value == 0 ? .muted : style)
    }

    /// So many a second; zero recedes.
    func rateSpan(_ value: Double?) -> Span {
        guard let value else { return Span("-", .muted) }
        return Span(self.numbers.rate(value), value > 0 ? .plain : .muted)
    }

    /// A duration, the longer the hotter.
    func durationSpan(_ seconds: Double?) -> Span {
        let text = self.numbers.duration(seconds)
        return Span(text, text == "-" || text == "0" ? .muted : .latency(seconds))
    }

    /// A part of a whole; zero recedes.
    func shareSpan(_ share: Double) -> Span { Span(self.numbers.share(share), share > 0 ? .heat(share) : .muted) }
}
