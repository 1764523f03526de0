// Table+Drawing.swift
//
// A table in a rectangle: columns that do not fit are left out, least important ones first.

extension Table {
    /// What of a table is shown.
    struct Window: Hashable, Sendable {
        /// The first row on the screen, and the one that keys act on.
        var top = 0
        var selected: Int?
        var tagged: Set<String> = []
        /// What is looked for, in small letters.
        var search = ""
    }

    private static let gap = 1

    /// Columns that fit, by place, with their widths.
    func layout(_ width: Int) -> [(place: Int, width: Int)] {
        var shown = Array(self.columns.indices)
        func needed() -> Int { shown.reduce(-Self.gap) { $0 + self.columns[$1].least + Self.gap } }
        while needed() > width, shown.count > 1 {
            let last = shown.max { left, right in
                (self.columns[left].priority, left) < (self.columns[right].priority, right)
            }
            guard let last else { break }
            shown.removeAll { $0 == last }
        }
        var widths = Dictionary(uniqueKeysWithValues: shown.map { ($0, self.columns[$0].least) })
        var left = width - needed()
        // Important columns grow first, up to what their contents need.
        for place in shown.sorted(by: { (self.columns[$0].priority, $0) < (self.columns[$1].priority, $1) }) {
            guard left > 0 else { break }
            let column = self.columns[place]
            let wanted = min(max(self.naturalWidth(place), column.least), column.most)
            let more = min(left, wanted - column.least)
            widths[place] = column.least + more
            left -= more
        }
        if left > 0, let elastic = shown.last(where: { self.columns[$0].isElastic }) {
            widths[elastic, default: 0] += left
        }
        return shown.map { (place: $0, width: min(widths[$0] ?? 0, width)) }
    }

    private func naturalWidth(_ place: Int) -> Int {
        var width = self.columns[place].title.count + (self.columns[place].isSortable ? 1 : 0)
        for row in self.rows where !row.isLine && row.spans.indices.contains(place) {
            width = max(width, ScreenText.columns(of: row.spans[place].text))
            if width >= self.columns[place].most { break }
        }
        return width
    }

    /// Paints it.
    func draw(_ size: Size, _ window: Window, isASCII: Bool) -> Grid {
        var grid = Grid(size, isASCII: isASCII)
        var line = 0
        for caption in self.captions where line < size.rows {
            grid.put(caption, at: 0, line)
            line += 1
        }
        let layout = self.layout(size.columns)
        if self.hasHeading, line < size.rows {
            self.drawHeading(&grid, line, layout)
            line += 1
        }
        guard self.total > 0 else {
            grid.put(self.empty, at: 1, line, .muted)
            return grid
        }
        for index in window.top..<max(window.top, min(self.total, window.top + size.rows - line)) {
            let row = self.row(at: index)
            if let row { self.draw(row, &grid, line, layout, window) }
            if row == nil { grid.put(Glyphs(isASCII: isASCII).more, at: 0, line, .muted) }
            if index == window.selected { grid.restyle(row: line) { $0.isSelected = true } }
            line += 1
        }
        return grid
    }

    private func drawHeading(_ grid: inout Grid, _ line: Int, _ layout: [(place: Int, width: Int)]) {
        let glyphs = Glyphs(isASCII: grid.isASCII)
        grid.restyle(row: line) { $0 = .heading }
        var place = 0
        for (index, width) in layout {
            let column = self.columns[index]
            var title = column.title
            var style = Style.heading
            if self.sort?.column == column.id {
                title += self.sort?.isDescending == true ? glyphs.falling : glyphs.rising
                style.isUnderlined = true
            }
            grid.put(title, at: place, line, width: width, style, alignment: column.alignment)
            place += width + Self.gap
        }
    }

    private func draw(
        _ row: TableRow, _ grid: inout Grid, _ line: Int, _ layout: [(place: Int, width: Int)], _ window: Window
    ) {
        if row.isLine {
            grid.put(row.spans, at: 0, line)
        } else {
            var place = 0
            for (index, width) in layout {
                if row.spans.indices.contains(index) {
                    let span = row.spans[index]
                    grid.put(
                        span.text, at: place, line, width: width, span.style, alignment: self.columns[index].alignment)
                }
                place += width + Self.gap
            }
        }
        if window.tagged.contains(row.id) { grid.restyle(row: line) { $0.isTagged = true } }
        if !window.search.isEmpty, row.text.lowercased().contains(window.search) {
            grid.restyle(row: line) { $0.isUnderlined = true }
        }
    }

    /// The column of a heading that stands at a column of the screen.
    func column(at place: Int, width: Int) -> Column? {
        var start = 0
        for (index, width) in self.layout(width) {
            if place >= start, place < start + width { return self.columns[index] }
            start += width + Self.gap
        }
        return nil
    }
}
