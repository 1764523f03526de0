// Table+Reading.swift
//
// What tests read out of tables.

@testable import QPConsole

extension Table {
    /// What stands in a column of a row; `nil`: there is no such row or column.
    func cell(_ id: String, _ column: String) -> Span? {
        guard let row = self.rows.first(where: { $0.id == id }),
            let place = self.columns.firstIndex(where: { $0.id == column }), row.spans.indices.contains(place)
        else { return nil }
        return row.spans[place]
    }

    /// What stands in a column, row by row; lines are left out.
    func values(_ column: String) -> [String] {
        guard let place = self.columns.firstIndex(where: { $0.id == column }) else { return [] }
        return self.rows.filter { !$0.isLine }.map { $0.spans[place].text }
    }

    /// Columns that are shown at a width.
    func visible(_ width: Int) -> [String] { self.layout(width).map { self.columns[$0.place].id } }

    /// Lines above the rows, as text.
    var captionTexts: [String] { self.captions.map { $0.map(\.text).joined() } }

    /// Rows as text.
    var rowTexts: [String] { self.rows.map(\.text) }
}
