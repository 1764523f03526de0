// GridChangesTests.swift
//
// What is written when a screen changes.

import Testing

@testable import QPConsole

@Suite struct GridChangesTests {
    private static func grid(_ lines: [String], columns: Int = 8) -> Grid {
        var grid = Grid(Size(columns, lines.count))
        for (row, line) in lines.enumerated() { grid.put(line, at: 0, row) }
        return grid
    }

    private static func runs(_ old: Grid?, _ new: Grid, within size: Size = Size(100, 100), isUnicode: Bool = true)
        -> [PaintRun]
    {
        var fit = GlyphFit(isUnicode: isUnicode) { CharacterWidth.columns(of: $0) ?? -1 }
        return GridChanges.runs(from: old, to: new, within: size, fit: &fit)
    }

    @Test func everythingAtFirst() {
        let runs = Self.runs(nil, Self.grid(["ab", "漢c"]))
        #expect(
            runs == [
                PaintRun(column: 0, row: 0, text: "ab      ", style: .plain),
                PaintRun(column: 0, row: 1, text: "漢c     ", style: .plain),
            ])
    }

    @Test(
        arguments: [
            ("abcdef", "abcdef", []), ("abcdef", "abXdeY", ["2:X", "5:Y"]), ("abcdef", "abXYef", ["2:XY"]),
            ("a漢b", "a漢c", ["3:c"]), ("a漢b", "a字b", ["1:字"]), ("a漢b", "axyb", ["1:xy"]), ("axyb", "a漢b", ["1:漢"]),
            // The other half, too.
            ("漢字", "a漢 ", ["0:a漢 "]), ("e", "e\u{301}", ["0:e\u{301}"]), ("abcdefgh", "", ["0:        "]),
        ] as [(String, String, [String])])
    func differences(_ old: String, _ new: String, _ expected: [String]) {
        let runs = Self.runs(Self.grid([old]), Self.grid([new]))
        #expect(runs.map { "\($0.column):\($0.text)" } == expected)
    }

    @Test func stylesPartRuns() {
        var old = Self.grid(["abcd"], columns: 4)
        var new = old
        new.restyle(row: 0, from: 1, width: 2) { $0.isBold = true }
        #expect(Self.runs(old, new) == [PaintRun(column: 1, row: 0, text: "bc", style: .bold)])
        #expect(Self.runs(nil, new).map(\.text) == ["a", "bc", "d"])
        // Half of a wide character brings the other half.
        old = Self.grid(["漢b"], columns: 4)
        new = old
        new.restyle(row: 0, from: 1, width: 1) { $0.isBold = true }
        #expect(Self.runs(old, new) == [PaintRun(column: 0, row: 0, text: "漢", style: .plain)])
    }

    @Test func anotherSizeIsPaintedAnew() {
        #expect(Self.runs(Self.grid(["ab"], columns: 3), Self.grid(["ab"], columns: 4)).map(\.text) == ["ab  "])
        #expect(Self.runs(nil, Self.grid(["abcdef", "x"]), within: Size(3, 1)).map(\.text) == ["abc"])
        // No half of a character at the edge.
        #expect(Self.runs(nil, Self.grid(["ab漢"]), within: Size(3, 1)).map(\.text) == ["ab?"])
    }

    @Test(arguments: [
        ("a", 1, "a"), ("", 1, " "), ("", 2, "  "), ("é", 1, "é"), ("漢", 2, "漢"), ("漢", 1, "?"), ("é", 2, "? "),
        ("a", 2, "a "), ("e\u{301}", 1, "e\u{301}"), ("\u{301}", 1, "?"), ("\u{1b}", 1, "?"), ("ab", 1, "?"),
        ("\u{7f}", 1, "?"),
    ])
    func glyphs(_ text: String, _ columns: Int, _ shown: String) {
        var fit = GlyphFit(isUnicode: true) { CharacterWidth.columns(of: $0) ?? -1 }
        #expect(fit.text(text, columns: columns) == shown)
        #expect(fit.text(text, columns: columns) == shown, "remembered")
    }

    @Test func asciiOnly() {
        #expect(Self.runs(nil, Self.grid(["aé漢█b"]), isUnicode: false).map(\.text) == ["a?? ?b  "])
    }

    @Test(arguments: Fixture.hostileTexts)
    func hostileTexts(_ text: String) {
        var grid = Grid(Size(40, 1))
        grid.put(text, at: 0, 0)
        for run in Self.runs(nil, grid) {
            #expect(!run.text.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) })
            #expect(ScreenText.columns(of: run.text) == 40)
        }
    }
}
