// OverviewView+Sessions.swift
//
// Alarms, and where sessions are.

import QPTelemetry

extension OverviewView {
    // MARK: Alarms

    /// Lines that one alarm may take.
    private static let alarmLines = 3
    /// Columns up to which texts of alarms begin below each other.
    private static let alarmHead = 31

    static func alarms(_ input: ViewInput, _ sum: OverviewSum, width: Int) -> OverviewBlock {
        guard !sum.alarms.isEmpty else {
            return OverviewBlock(heights: [1]) { size in
                var grid = Grid(size, isASCII: input.state.isASCII)
                OverviewBlock.heading("ALARMS", [Span("no alarms", Style(tone: .good))], in: &grid)
                return grid
            }
        }
        let count = sum.alarms.count
        let full = Self.alarmLines(input, sum, width: width, limit: Self.alarmLines)
        return OverviewBlock(heights: OverviewBlock.rows(1 + min(count, 4), 1 + full.count)) { size in
            var grid = Grid(size, isASCII: input.state.isASCII)
            OverviewBlock.heading("ALARMS", [Span("\(count)", .heading)], in: &grid)
            let isFull = full.count < size.rows
            var lines = isFull ? full : Self.alarmLines(input, sum, width: width, limit: 1)
            if lines.count > size.rows - 1 {
                let rest = lines.count - max(0, size.rows - 2)
                lines = lines.prefix(max(0, size.rows - 2)) + [[Span("\(input.glyphs.more) \(rest) more", .muted)]]
            }
            for (index, line) in lines.enumerated() { grid.put(line, at: 0, index + 1) }
            return grid
        }
    }

    private static func alarmLines(_ input: ViewInput, _ sum: OverviewSum, width: Int, limit: Int) -> [[Span]] {
        let isASCII = input.state.isASCII
        let heads = sum.alarms.map { server, alarm in
            let kind = alarm.kind.replacing("_", with: " ")
            return ScreenText.plain(server.isEmpty ? kind : "\(server): \(kind)", isASCII: isASCII)
        }
        let most = heads.map { ScreenText.columns(of: $0, isASCII: isASCII) }.max() ?? 0
        let aligned = min(most, Self.alarmHead, width / 2)
        return zip(sum.alarms, heads).flatMap { alarm, head in
            // Some have a line for each problem.
            let text = alarm.alarm.text.split(whereSeparator: \.isNewline).joined(separator: "; ")
            let style: Style = OverviewSum.isBad(alarm.alarm) ? .bad : .warning
            let length = ScreenText.columns(of: head, isASCII: isASCII)
            let used = max(length, aligned) + 2
            let head = head + String(repeating: " ", count: used - 2 - length)
            let room = width - used
            guard limit > 1, room >= 16 else { return [[Span(head, style), Span("  " + text)]] }
            let lines = Flow.wrap(text, width: room, limit: limit, isASCII: isASCII)
            return (lines.isEmpty ? [""] : lines).enumerated().map { index, line in
                index == 0
                    ? [Span(head, style), Span("  " + line)] : [Span(String(repeating: " ", count: used)), Span(line)]
            }
        }
    }

    // MARK: Sessions

    /// Columns of a phase with its count.
    private static let phaseCell = 11

    static func sessions(_ input: ViewInput, _ sum: OverviewSum, width: Int) -> OverviewBlock {
        let phases = Self.phases(sum).filter { $0.count > 0 || !input.state.hidesZero }
        let facts = phases.map { Fact($0.name, input.countSpan($0.count)) }
        let lines = Flow.lines(of: facts, cell: Self.phaseCell, width: width)
        return OverviewBlock(heights: [1 + lines, max(1 + lines, 1 + phases.count)]) { size in
            var grid = Grid(size, isASCII: input.state.isASCII)
            OverviewBlock.heading("SESSIONS", Self.gauge(input, sum, width: width), in: &grid)
            if size.rows > phases.count, width > 30 {
                let rows = phases.map { phase in
                    let share = Double.share(phase.count, of: sum.sessions)
                    return MeterRow(phase.name, input.countSpan(phase.count), share, .heat(share))
                }
                MeterRow.draw(rows, input, in: &grid)
            } else {
                Flow.put(facts, cell: Self.phaseCell, in: &grid, from: 1, to: size.rows)
            }
            return grid
        }
    }

    /// In the order of a session; what is not a phase is one row at the end.
    private static func phases(_ sum: OverviewSum) -> [(name: String, count: UInt64)] {
        var rest = sum.phases
        var result = SessionPhase.allCases.map { phase in
            (name: phase.rawValue, count: rest.removeValue(forKey: phase.rawValue) ?? 0)
        }
        let others = rest.values.reduce(UInt64(0), &+)
        if others > 0 { result.append((name: "other", count: others)) }
        return result
    }

    private static func gauge(_ input: ViewInput, _ sum: OverviewSum, width: Int) -> [Span] {
        let count = input.numbers.count(sum.sessions)
        guard let limit = sum.sessionsLimit else { return [Span(count, .heading)] }
        let share = Double.share(sum.sessions, of: limit)
        let text = "\(count) of \(input.numbers.count(limit)), \(input.numbers.share(share))"
        let style: Style = share >= 0.9 ? .bad : share >= 0.7 ? .warning : .good
        let room = width - 12 - text.count
        guard room >= 8 else { return [Span(text, share >= 0.7 ? style : .heading)] }
        return [Span(Bars.gauge(share, width: room, input.glyphs), style), Span(text, .heading)]
    }
}

/// A row of a part of the overview: a name, a number, how much of all that is.
struct MeterRow {
    let name: String
    let value: Span
    let share: Double
    let style: Style

    init(_ name: String, _ value: Span, _ share: Double, _ style: Style) {
        self.name = name
        self.value = value
        self.share = share
        self.style = style
    }

    /// Paints rows below the first line.
    static func draw(_ rows: [Self], _ input: ViewInput, in grid: inout Grid) {
        var table = Table(
            columns: [
                .text("name", "", 14...14), .number("value", "", 5...20), .number("share", "", 5...8),
                .text("bar", "", 8...8, isElastic: true),
            ],
            rows: rows.map { row in
                let share = Span(input.numbers.share(row.share), row.share > 0 ? .plain : .muted)
                return TableRow(row.name, [Span(row.name), row.value, share, Span("")])
            })
        table.keepNumbersWhole()
        let width = table.width(of: "bar", in: grid.columns)
        for (index, row) in rows.enumerated() {
            table.rows[index].spans[3] = Span(Bars.bar(row.share, width: width, input.glyphs), row.style)
        }
        guard grid.rows > 1 else { return }
        let size = Size(grid.columns, grid.rows - 1)
        grid.place(table.draw(size, Table.Window(), isASCII: grid.isASCII), at: 0, 1)
    }
}
