// ScreenPartsTests.swift
//
// Texts, grids, tables and numbers, before any view uses them.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct ScreenPartsTests {
    @Test(arguments: [
        ("plain", "plain", 5),
        ("a\u{1b}[2Jb", "a\\x1b[2Jb", 9),
        ("tab\tCR\rLF\n", "tab\\tCR\\rLF\\n", 13),
        ("\u{0}\u{7f}", "\\x00\\x7f", 8),
        ("\u{9b}31m", "\\u{9b}31m", 9),
        ("a\u{202e}b", "a\\u{202e}b", 10),
        ("漢字", "漢字", 4),
        ("e\u{301}x", "e\u{301}x", 2),
        ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}", 1),
        ("\u{301}x", " \u{301}x", 2),
        ("👍", "👍", 2),
        ("👍🏽", "👍\\u{1f3fd}", 11),
        ("שלום", "שלום", 4),
        ("\u{e000}", "\\u{e000}", 8),
    ])
    func texts(_ text: String, _ shown: String, _ columns: Int) {
        #expect(ScreenText.plain(text) == shown)
        #expect(ScreenText.columns(of: text) == columns)
        #expect(ScreenText.plain(text, isASCII: true).utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    }

    @Test(arguments: [
        ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abcdef", 1, "…"), ("漢字", 4, "漢字"), ("漢字", 3, "漢…"),
        ("漢字", 2, "…"), ("a漢b", 3, "a…"), ("abc", 0, ""),
    ])
    func cutting(_ text: String, _ width: Int, _ shown: String) {
        var grid = Grid(Size(10, 1))
        let used = grid.put(text, at: 0, 0, width: width)
        #expect(grid.text(row: 0) == shown && used <= width)
    }

    @Test func nothingIsWrittenOutside() {
        var grid = Grid(Size(3, 2))
        for (column, row) in [(-5, 0), (0, -1), (3, 0), (0, 2), (2, 1), (1000, 1000)] {
            grid.put("漢漢", at: column, row)
            grid.restyle(row: row, from: column) { $0.isSelected = true }
        }
        grid.place(Grid(Size(9, 9)), at: 1, 1)
        #expect(grid.cells.count == 6)
    }

    @Test(arguments: [
        (0.0, "0"), (0.0000001, "<1us"), (0.00085, "850us"), (0.0021, "2.1ms"), (0.0123, "12ms"), (0.9994, "999ms"),
        (0.9999, "1.0s"), (3.42, "3.4s"), (59.9, "59s"), (300, "5m"), (7980, "2h13m"), (352_800, "4d2h"),
        (-1, "-"), (.nan, "-"), (.infinity, "-"),
    ])
    func durations(_ seconds: Double, _ text: String) {
        #expect(NumberText().duration(seconds) == text)
    }

    @Test(
        arguments: [
            (0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12k"), (999_400, "999k"), (999_600, "1.0M"),
            (UInt64.max, "18447P"),
        ] as [(UInt64, String)])
    func counts(_ value: UInt64, _ text: String) {
        #expect(NumberText().count(value) == text)
        #expect(NumberText(isRaw: true).count(value) == String(value))
    }

    @Test(arguments: [
        (0.0, "0"), (0.001, "<.01"), (0.25, "0.25"), (3.14, "3.1"), (42, "42"), (1234, "1.2k"), (.nan, "0"), (-1, "0"),
    ])
    func rates(_ value: Double, _ text: String) {
        #expect(NumberText().rate(value) == text)
    }

    @Test(arguments: [
        (0.0, 0, "00:00:00", "19700101-000000"), (1_795_867_200, 0, "12:00:00", "20261128-120000"),
        (1_795_867_200, 19_800, "17:30:00", "20261128-173000"), (951_782_399, 0, "23:59:59", "20000228-235959"),
        (951_782_400, 0, "00:00:00", "20000229-000000"), (-1, 0, "23:59:59", "19691231-235959"),
    ])
    func moments(_ seconds: Double, _ zone: Int, _ clock: String, _ stamp: String) {
        #expect(TimeText.clock(seconds, zone: zone) == clock)
        #expect(TimeText.stamp(seconds, zone: zone) == stamp)
    }

    @Test func columnsLeaveByPriority() {
        var table = Table(
            columns: [
                .text("a", "A", 5...5), .text("b", "B", 5...9, priority: 2), .text("c", "C", 5...5, priority: 1),
            ],
            rows: [TableRow("1", [Span("1"), Span("123456789"), Span("3")])])
        #expect(table.layout(40).map(\.width) == [5, 9, 5])
        #expect(table.layout(17).map(\.width) == [5, 5, 5])
        #expect(table.layout(16).map(\.place) == [0, 2])
        #expect(table.layout(7).map(\.place) == [0])
        #expect(table.layout(3).map(\.width) == [3])
        table.columns[2].isElastic = true
        #expect(table.layout(40).map(\.width) == [5, 9, 24])
    }

    @Test func trends() throws {
        var trend = Trend(100, at: 0)
        #expect(trend.change == nil)
        for second in 1...20 { trend.look(100 + UInt64(second) * 10, at: Double(second)) }
        #expect(trend.change == 10)
        #expect(trend.averages.allSatisfy { abs($0 - 10) < 1e-9 })
        trend.look(600, at: 21)
        #expect(trend.averages[0] > trend.averages[1] && trend.averages[1] >= trend.averages[2])
        trend.look(5, at: 22)
        #expect(trend.change == nil && trend.value == 5)
    }

    @Test func logsAreBoundedAndCountWhatTheyLose() {
        var tail = LogTail()
        let rows = (1...6000).map { LogRow(sequence: UInt64($0), time: 0, level: "LOGINFO", text: "") }
        for start in stride(from: 0, to: 6000, by: 500) { tail.append(Array(rows[start..<start + 500]), lost: 1) }
        #expect(tail.rows.last?.sequence == 6000)
        #expect(tail.rows.count <= LogTail.limit * 5 / 4)
        #expect(UInt64(tail.rows.count) + tail.passed == 6000 && tail.lost == 12)
        tail.append(Array(rows.suffix(100)), lost: 0)
        #expect(UInt64(tail.rows.count) + tail.passed == 6000)
    }
}
