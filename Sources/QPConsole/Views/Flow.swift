// Flow.swift
//
// Words and small facts in as many lines as they need.

/// A fact in a cell of its own: a caption at the left, a value at the right.
struct Fact: Hashable, Sendable {
    var caption: String
    var value: Span

    init(_ caption: String, _ value: Span) {
        self.caption = caption
        self.value = value
    }

    init(_ caption: String, _ value: String) { self.init(caption, Span(value)) }
}

/// Breaks what is too long for a line.
enum Flow {
    /// Items one after the other, each whole on one line.
    static func lines(_ items: [[Span]], width: Int, gap: Int = 2, isASCII: Bool) -> [[Span]] {
        var lines: [[Span]] = []
        var used = 0
        for item in items {
            let columns = item.reduce(0) { $0 + ScreenText.columns(of: $1.text, isASCII: isASCII) }
            if let last = lines.indices.last, used + gap + columns <= width {
                lines[last].append(Span(String(repeating: " ", count: gap)))
                lines[last] += item
                used += gap + columns
            } else {
                lines.append(item)
                used = columns
            }
        }
        return lines
    }

    /// A text in lines of at most so many columns; beyond so many lines the rest stays on the last, to be cut there.
    static func wrap(_ text: String, width: Int, limit: Int, isASCII: Bool) -> [String] {
        let glyphs = ScreenText.glyphs(text, isASCII: isASCII)
        guard width > 0 else { return [] }
        var lines: [String] = []
        var rest = glyphs[...]
        while !rest.isEmpty, lines.count < limit - 1 {
            let end = Self.end(of: rest, width: width)
            guard end < rest.endIndex else { break }
            lines.append(rest[..<end].map(\.text).joined())
            rest = rest[end...].drop { $0.text == " " }
        }
        if !rest.isEmpty { lines.append(rest.map(\.text).joined()) }
        return lines
    }

    /// Where a line ends: before a blank if there is one in its second half.
    private static func end(of glyphs: ArraySlice<Glyph>, width: Int) -> Int {
        var used = 0
        var end = glyphs.endIndex
        for index in glyphs.indices {
            used += glyphs[index].columns
            if used > width {
                end = index
                break
            }
        }
        guard end < glyphs.endIndex, glyphs[end].text != " " else { return end }
        let line = glyphs[..<max(end, glyphs.startIndex + 1)]
        guard let blank = line.lastIndex(where: { $0.text == " " }), blank - glyphs.startIndex >= width / 2 else {
            return line.endIndex
        }
        return blank
    }

    /// How many lines facts take in cells of at least so many columns.
    static func lines(of facts: [Fact], cell: Int, width: Int) -> Int {
        let across = Self.across(Self.width(of: facts, cell: cell), width: width)
        return (facts.count + across - 1) / across
    }

    /// Paints facts in cells that stay where they are while values change.
    static func put(_ facts: [Fact], cell: Int, in grid: inout Grid, from line: Int, to end: Int) {
        let cell = Self.width(of: facts, cell: cell)
        let across = Self.across(cell, width: grid.columns)
        for (index, fact) in facts.enumerated() {
            let (row, column) = (line + index / across, index % across * (cell + Self.gap))
            guard row < end else { return }
            let width = min(cell, grid.columns - column)
            let value = min(ScreenText.columns(of: fact.value.text, isASCII: grid.isASCII), width)
            grid.put(fact.caption, at: column, row, width: max(0, width - value - 1), .muted)
            grid.put(fact.value.text, at: column + width - value, row, width: value, fact.value.style)
        }
    }

    private static let gap = 2

    /// Wider than usual where a value would be cut.
    private static func width(of facts: [Fact], cell: Int) -> Int {
        facts.reduce(cell) { max($0, $1.caption.count + 1 + min(ScreenText.columns(of: $1.value.text), 2 * cell)) }
    }

    private static func across(_ cell: Int, width: Int) -> Int { max(1, (width + Self.gap) / (cell + Self.gap)) }
}
