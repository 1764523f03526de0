// GridChanges.swift
//
// What has to be written so that one screen becomes another.

/// A piece of a row that looks the same throughout.
struct PaintRun: Hashable, Sendable {
    var column: Int
    var row: Int
    var text: String
    var style: Style
}

/// The difference of two screens.
enum GridChanges {
    /// Runs that make a new screen out of an old one, within a terminal's size; everything without an old one.
    static func runs(from old: Grid?, to new: Grid, within size: Size, fit: inout GlyphFit) -> [PaintRun] {
        let old = old?.size == new.size ? old : nil
        let columns = min(new.columns, size.columns)
        var runs: [PaintRun] = []
        for row in 0..<min(new.rows, size.rows) {
            var column = 0
            while column < columns {
                guard let old, old[column, row] == new[column, row] else {
                    column = Self.addRun(at: column, row, &runs, old, new, columns, &fit)
                    continue
                }
                column += 1
            }
        }
        return runs
    }

    /// Adds one run, beginning at a cell that changed.
    /// - Returns: the column behind it.
    private static func addRun(
        at column: Int, _ row: Int, _ runs: inout [PaintRun], _ old: Grid?, _ new: Grid, _ columns: Int,
        _ fit: inout GlyphFit
    ) -> Int {
        var start = column
        // Half of a wide character is written with its other half.
        if new[column, row].text.isEmpty, column > 0 { start -= 1 }
        let style = new[start, row].style
        var place = start
        var text = ""
        repeat {
            let width = place + 1 < columns && new[place + 1, row].text.isEmpty ? 2 : 1
            text += fit.text(new[place, row].text, columns: width)
            place += width
        } while place < columns && new[place, row].style == style && old?[place, row] != new[place, row]
        runs.append(PaintRun(column: start, row: row, text: text, style: style))
        return place
    }
}

/// Makes sure that characters take the columns that the screen has for them: the C library, whose tables curses goes
/// by, may know other widths, or no character but those of ASCII.
struct GlyphFit: Sendable {
    private let isUnicode: Bool
    private let width: @Sendable (Unicode.Scalar) -> Int
    /// Columns by text; a negative number if they are not the sum of its parts.
    private var known: [String: Int] = [:]

    /// What is known of the C library: its encoding, and columns of a character, negative if it cannot be shown.
    init(isUnicode: Bool, width: @escaping @Sendable (Unicode.Scalar) -> Int) {
        self.isUnicode = isUnicode
        self.width = width
    }

    /// The text of a cell, or signs that take its place.
    mutating func text(_ text: String, columns: Int) -> String {
        if text.utf8.count == 1, let octet = text.utf8.first, (0x20...0x7E).contains(octet) {
            return columns == 1 ? text : text + " "
        }
        if text.isEmpty { return String(repeating: " ", count: columns) }
        return self.columns(of: text) == columns ? text : columns == 1 ? "?" : "? "
    }

    private mutating func columns(of text: String) -> Int {
        guard self.isUnicode else { return -1 }
        if let known = self.known[text] { return known }
        if self.known.count > 4096 { self.known = [:] }
        var columns = -1
        for (index, scalar) in text.unicodeScalars.enumerated() {
            let width = self.width(scalar)
            guard index == 0 ? width > 0 : width == 0 else {
                columns = -1
                break
            }
            columns = index == 0 ? width : columns
        }
        self.known[text] = columns
        return columns
    }
}
