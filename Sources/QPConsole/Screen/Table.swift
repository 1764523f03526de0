// Table.swift
//
// Rows and columns, before anybody knows how much room there is.

/// A column of a table.
struct Column: Hashable, Sendable {
    /// What settings and sorting call it.
    var id: String
    var title: String
    /// Columns of the screen that it needs at least, and takes at most.
    var least: Int
    var most: Int
    /// 0: stays whatever happens; the higher, the sooner it goes when the screen is narrow.
    var priority: Int
    var alignment = Alignment.left
    /// Whether it takes what is left over.
    var isElastic = false
    /// Whether rows can be sorted by it.
    var isSortable = false

    /// A column of texts.
    static func text(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, isElastic: Bool = false,
        isSortable: Bool = false
    ) -> Self {
        Self(
            id: id, title: title, least: range.lowerBound, most: range.upperBound, priority: priority,
            isElastic: isElastic, isSortable: isSortable)
    }

    /// A column of numbers.
    static func number(
        _ id: String, _ title: String, _ range: ClosedRange<Int>, priority: Int = 0, isSortable: Bool = false
    ) -> Self {
        Self(
            id: id, title: title, least: range.lowerBound, most: range.upperBound, priority: priority,
            alignment: .right, isSortable: isSortable)
    }
}

/// A row of a table.
struct TableRow: Hashable, Sendable {
    /// What stays the same while the row moves; unique in its table.
    var id: String
    /// A span for each column; or, in a `line`, pieces that run across all columns.
    var spans: [Span]
    var isLine = false
    /// A row that one can stand on.
    var isSelectable = true

    init(_ id: String, _ spans: [Span]) {
        self.id = id
        self.spans = spans
    }

    /// A row across all columns.
    static func line(_ id: String, _ spans: [Span], isSelectable: Bool = true) -> Self {
        var row = Self(id, spans)
        row.isLine = true
        row.isSelectable = isSelectable
        return row
    }

    /// Everything that it says, for searching and copying.
    var text: String { self.spans.map(\.text).filter { !$0.isEmpty }.joined(separator: self.isLine ? "" : " ") }
}

/// What a view has to show as rows.
struct Table: Hashable, Sendable {
    struct Sort: Hashable, Sendable {
        var column: String
        var isDescending: Bool
    }

    var columns: [Column]
    var rows: [TableRow]
    /// The place of the first of `rows` among all there are, and how many these are.
    var firstIndex = 0
    var total: Int
    var sort: Sort?
    /// Lines above it.
    var captions: [[Span]] = []
    /// What is said if there are no rows.
    var empty = "nothing to show"

    init(columns: [Column], rows: [TableRow]) {
        self.columns = columns
        self.rows = rows
        self.total = rows.count
    }

    /// Rows that are on the screen at this size.
    func visibleRows(_ size: Size) -> Int {
        max(1, size.rows - self.captions.count - (self.hasHeading ? 1 : 0))
    }

    var hasHeading: Bool { self.columns.contains { !$0.title.isEmpty } }

    /// The loaded row at a place among all.
    func row(at index: Int) -> TableRow? {
        let place = index - self.firstIndex
        return self.rows.indices.contains(place) ? self.rows[place] : nil
    }

    /// The place of a row among all, if it is loaded.
    func index(of id: String) -> Int? {
        self.rows.firstIndex { $0.id == id }.map { $0 + self.firstIndex }
    }
}
