// Style.swift
//
// What a part of the screen means; the terminal decides what that looks like.

/// How a cell is shown.
struct Style: Hashable, Sendable {
    /// What it says. Colours are only ever a second hint: without them everything is still there to read.
    enum Tone: Hashable, Sendable {
        case plain
        /// Captions, units, what is of no interest now.
        case muted
        /// Headings of tables.
        case heading
        /// Names: of plugins, hooks, servers.
        case name
        case good
        case warning
        case bad
        /// Keys in the footer, matches of a search.
        case accent
        /// The bar at the head.
        case bar
        /// How much, 0 (nothing) to 7 (all).
        case heat(UInt8)
    }

    var tone = Tone.plain
    var isBold = false
    /// The row that keys act on.
    var isSelected = false
    /// A row that was tagged.
    var isTagged = false
    var isUnderlined = false

    static let plain = Style()
    static let muted = Style(tone: .muted)
    static let heading = Style(tone: .heading, isBold: true)
    static let name = Style(tone: .name)
    static let good = Style(tone: .good)
    static let warning = Style(tone: .warning)
    static let bad = Style(tone: .bad)
    static let accent = Style(tone: .accent)
    static let bar = Style(tone: .bar)
    static let bold = Style(isBold: true)

    /// A share (0...1) as a colour; zero and what is no number have none.
    static func heat(_ share: Double) -> Style {
        guard share > 0 else { return .plain }
        return Style(tone: .heat(UInt8(min(max((share * 7).rounded(.up), 1), 7))))
    }
}

/// Characters that are drawn with.
struct Glyphs: Sendable {
    let isASCII: Bool

    /// From nothing to full.
    var levels: [String] {
        self.isASCII
            ? [" ", ".", ":", "-", "=", "+", "*", "#", "@"] : [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    }
    /// A bar that grows to the right.
    var block: String { self.isASCII ? "#" : "█" }
    var line: String { self.isASCII ? "-" : "─" }
    var column: String { self.isASCII ? "|" : "│" }
    var more: String { self.isASCII ? "~" : "…" }
    var rising: String { self.isASCII ? "^" : "▲" }
    var falling: String { self.isASCII ? "v" : "▼" }
    var branch: String { self.isASCII ? "|-" : "├─" }
    var lastBranch: String { self.isASCII ? "`-" : "└─" }
    var dot: String { self.isASCII ? "." : "·" }
    var arrow: String { self.isASCII ? "->" : "→" }
    var tag: String { self.isASCII ? "*" : "•" }
}

/// Columns and rows.
struct Size: Hashable, Sendable {
    var columns: Int
    var rows: Int

    init(_ columns: Int, _ rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}
