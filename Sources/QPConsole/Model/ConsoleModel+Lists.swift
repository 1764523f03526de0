// ConsoleModel+Lists.swift
//
// Walking through rows: the selection stays on its row while rows come, go and change places.

extension ConsoleModel {
    /// The room between the head and the foot of the screen.
    var contentSize: Size {
        Size(max(self.size.columns, 1), max(self.size.rows - Frame.headRows - Frame.footRows, 1))
    }

    /// What the view shows now, before filter and columns.
    var wholeContent: ViewContent {
        ViewContent.of(
            self.state.view, ViewInput(snapshot: self.shown, state: self.state, size: self.contentSize))
    }

    /// What the view shows now, filtered, with the columns that the operator wants.
    var content: ViewContent {
        let whole = self.wholeContent
        guard case .table(var table) = whole else { return whole }
        let list = self.state.list
        // Sessions are filtered where they are: the console has only some of them.
        if self.state.view != .sessions, !list.filter.isEmpty { table.keep(rowsWith: list.filter) }
        table.choose(columns: list.columns)
        if !list.filter.isEmpty {
            table.captions.append([
                Span("filter: ", .muted), Span(list.filter, .accent), Span("  (Esc ends it)", .muted),
            ])
        }
        return .table(table)
    }

    /// The rows that the view shows; `nil`: it shows a picture.
    var table: Table? {
        guard self.state.view != .overview, case .table(let table) = self.content else { return nil }
        return table
    }

    /// The row that keys act on.
    var selectedRow: TableRow? {
        guard let table else { return nil }
        return table.row(at: self.state.list.selected)
    }

    /// Brings selection and place on the screen in line with the rows there are.
    mutating func settle() {
        guard let table else { return }
        var list = self.state.list
        if list.isAtEnd {
            list.selected = max(0, table.total - 1)
        } else if list.selected > 0, let id = list.selectedID, let place = table.index(of: id) {
            // The first row stays the first: whoever has not moved sees what is on top.
            list.selected = place
        }
        list.selected = min(max(list.selected, 0), max(0, table.total - 1))
        list.selected = self.nearestSelectable(list.selected, in: table, step: 1)
        list.selectedID = table.row(at: list.selected)?.id
        let rows = table.visibleRows(self.contentSize)
        if list.selected < list.top { list.top = list.selected }
        if list.selected >= list.top + rows { list.top = list.selected - rows + 1 }
        list.top = min(max(list.top, 0), max(0, table.total - rows))
        // Lines above the first row that one can stand on.
        if list.selected < rows, !(0..<list.selected).contains(where: { table.row(at: $0)?.isSelectable != false }) {
            list.top = 0
        }
        self.state.list = list
    }

    private func nearestSelectable(_ place: Int, in table: Table, step: Int) -> Int {
        for direction in [step, -step] {
            var candidate = place
            while candidate >= 0, candidate < table.total {
                guard let row = table.row(at: candidate), !row.isSelectable else { return candidate }
                candidate += direction
            }
        }
        return place
    }

    /// Moves the selection by so many rows.
    mutating func move(by step: Int) {
        guard let table, table.total > 0 else { return }
        var list = self.state.list
        let last = table.total - 1
        var place = min(max(list.selected + min(max(step, -last - 1), last + 1), 0), last)
        place = self.nearestSelectable(place, in: table, step: step < 0 ? -1 : 1)
        list.selected = place
        list.selectedID = table.row(at: place)?.id
        list.isAtEnd = self.state.view == .log && place == last && step > 0
        self.state.list = list
        self.settle()
    }

    /// Moves by a screen.
    mutating func page(_ direction: Int) {
        guard let table else { return }
        self.move(by: direction * max(1, table.visibleRows(self.contentSize) - 1))
    }

    /// Selects the next row, from the selected one on, that fulfils a condition; among those that are here.
    mutating func find(_ direction: Int, _ condition: (TableRow) -> Bool) -> Bool {
        guard let table, !table.rows.isEmpty else { return false }
        let count = table.rows.count
        let start = min(max(self.state.list.selected - table.firstIndex, 0), count - 1)
        for distance in 1...count {
            let place = ((start + direction * distance) % count + count) % count
            let row = table.rows[place]
            guard row.isSelectable, condition(row) else { continue }
            self.state.list.isAtEnd = false
            self.state.list.selected = table.firstIndex + place
            self.state.list.selectedID = row.id
            self.settle()
            return true
        }
        return false
    }

    // MARK: Sorting

    /// Sorts by another column; the same one turns around.
    mutating func sort(by column: String) {
        var list = self.state.list
        if list.sort?.column == column {
            list.sort?.isDescending.toggle()
        } else {
            let isNumber = self.table?.columns.first { $0.id == column }?.alignment == .right
            list.sort = Table.Sort(column: column, isDescending: isNumber)
        }
        list.selected = 0
        list.top = 0
        self.state.list = list
        self.settle()
    }

    /// Sorts by the next column that can be sorted by.
    mutating func sort(step: Int) {
        guard let table else { return }
        let columns = table.columns.filter(\.isSortable).map(\.id)
        guard !columns.isEmpty else { return }
        let place = (self.state.list.sort ?? table.sort).flatMap { columns.firstIndex(of: $0.column) }
        let next = place.map { ($0 + step + columns.count) % columns.count } ?? (step > 0 ? 0 : columns.count - 1)
        self.sort(by: columns[next])
    }
}

extension Table {
    /// Leaves only rows that have a text in them; lines that head others stay.
    mutating func keep(rowsWith text: String) {
        let text = text.lowercased()
        self.rows = self.rows.filter { !$0.isSelectable || $0.text.lowercased().contains(text) }
        self.firstIndex = 0
        self.total = self.rows.count
        self.empty = "nothing has \"\(text)\" in it"
    }

    /// The places of columns that a word names: one, or `marks` for those of all plugins.
    func places(of name: String) -> [Int] {
        self.columns.indices.filter { place in
            self.columns[place].id == name || name == "marks" && self.columns[place].id.hasPrefix("mark:")
        }
    }

    /// Leaves only these columns, in this order; names that it does not have do not count.
    mutating func choose(columns names: [String]) {
        let places = names.flatMap(self.places(of:))
        guard !places.isEmpty else { return }
        self.columns = places.map { self.columns[$0] }
        for index in self.rows.indices where !self.rows[index].isLine {
            let spans = self.rows[index].spans
            self.rows[index].spans = places.map { spans.indices.contains($0) ? spans[$0] : Span("") }
        }
    }
}
