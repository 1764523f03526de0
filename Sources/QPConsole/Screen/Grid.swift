// Grid.swift
//
// A screen as a value: cells that views write and a terminal paints.

/// One column of one row.
struct Cell: Hashable, Sendable {
    /// What stands there; empty in the second column of a wide character.
    var text = " "
    var style = Style.plain

    static let blank = Cell()
}

/// A rectangle of cells.
struct Grid: Hashable, Sendable {
    let size: Size
    let isASCII: Bool
    private(set) var cells: [Cell]

    /// A blank one, of at most 1,000 columns and 4,000 rows.
    init(_ size: Size, isASCII: Bool = false) {
        self.size = Size(min(max(size.columns, 1), 1000), min(max(size.rows, 1), 4000))
        self.isASCII = isASCII
        self.cells = Array(repeating: .blank, count: self.size.columns * self.size.rows)
    }

    var columns: Int { self.size.columns }
    var rows: Int { self.size.rows }

    /// The cell at a place; blank outside.
    subscript(column: Int, row: Int) -> Cell {
        guard self.holds(column, row) else { return .blank }
        return self.cells[row * self.columns + column]
    }

    private func holds(_ column: Int, _ row: Int) -> Bool {
        column >= 0 && row >= 0 && column < self.columns && row < self.rows
    }

    private mutating func set(_ column: Int, _ row: Int, _ cell: Cell) {
        guard self.holds(column, row) else { return }
        self.cells[row * self.columns + column] = cell
    }

    /// Writes a text, made fit for a screen, into at most `width` columns. What does not fit ends in a sign that
    /// something is missing.
    /// - Returns: the columns it took.
    @discardableResult
    mutating func put(
        _ text: String, at column: Int, _ row: Int, width: Int = Int.max, _ style: Style = .plain,
        alignment: Alignment = .left
    ) -> Int {
        let room = min(width, self.columns - column)
        guard room > 0, row >= 0, row < self.rows else { return 0 }
        var glyphs = ScreenText.glyphs(text, isASCII: self.isASCII, limit: room)
        var used = glyphs.reduce(0) { $0 + $1.columns }
        if used > room {
            while used > room - 1, let last = glyphs.popLast() { used -= last.columns }
            glyphs.append(Glyph(text: Glyphs(isASCII: self.isASCII).more, columns: 1))
            used += 1
        }
        var place = column
        if alignment == .right, width != Int.max { place += room - used }
        for glyph in glyphs {
            self.set(place, row, Cell(text: glyph.text, style: style))
            if glyph.columns == 2 { self.set(place + 1, row, Cell(text: "", style: style)) }
            place += glyph.columns
        }
        return used
    }

    /// Writes pieces one after the other.
    /// - Returns: the column behind the last one.
    @discardableResult
    mutating func put(_ spans: [Span], at column: Int, _ row: Int, width: Int = Int.max) -> Int {
        var place = column
        let end = width == Int.max ? self.columns : min(self.columns, column + width)
        for span in spans where place < end {
            place += self.put(span.text, at: place, row, width: end - place, span.style)
        }
        return place
    }

    /// Changes how cells of a row look.
    mutating func restyle(row: Int, from column: Int = 0, width: Int = Int.max, _ change: (inout Style) -> Void) {
        guard row >= 0, row < self.rows, column < self.columns, width > 0 else { return }
        let end = width == Int.max ? self.columns : min(self.columns, column + width)
        for place in max(column, 0)..<max(end, max(column, 0)) { change(&self.cells[row * self.columns + place].style) }
    }

    /// Copies another grid onto this one.
    mutating func place(_ other: Grid, at column: Int, _ row: Int) {
        for line in 0..<other.rows {
            for place in 0..<other.columns { self.set(column + place, row + line, other[place, line]) }
        }
    }

    /// A row as text, without blanks at its end.
    func text(row: Int) -> String {
        var result = ""
        for column in 0..<self.columns { result += self[column, row].text }
        while result.last == " " { result.removeLast() }
        return result
    }

    /// All rows as text.
    var lines: [String] { (0..<self.rows).map(self.text(row:)) }
}

/// A piece of text that looks the same throughout.
struct Span: Hashable, Sendable {
    var text: String
    var style: Style

    init(_ text: String, _ style: Style = .plain) {
        self.text = text
        self.style = style
    }
}

/// Where a text stands in its column.
enum Alignment: Hashable, Sendable {
    case left, right
}
