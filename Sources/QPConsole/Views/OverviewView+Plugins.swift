// OverviewView+Plugins.swift
//
// What plugins say, and which of them take long.

import QPTelemetry

extension OverviewView {
    // MARK: Verdicts

    /// Columns of a verdict with its count and share.
    private static let verdictCell = 22

    static func verdicts(_ input: ViewInput, width: Int) -> OverviewBlock {
        var all = HookTally(plugin: "", hook: "")
        for tally in input.snapshot.hookTallies { all.add(tally) }
        let runs = all.ok &+ all.declined &+ all.denied &+ all.deferred
        let kinds: [(name: String, count: UInt64, style: Style)] = [
            ("ok", all.ok, .good), ("declined", all.declined, .muted), ("denied", all.denied, .bad),
            ("deferred", all.deferred, .warning), ("errors", all.errors, .bad), ("timeouts", all.timeouts, .bad),
        ].filter { $0.count > 0 || !input.state.hidesZero }
        let facts = kinds.map { kind in
            let share = input.numbers.share(.share(kind.count, of: runs))
            let padded = String(repeating: " ", count: max(0, 5 - share.count)) + share
            return Fact(
                kind.name,
                Span("\(input.numbers.count(kind.count)) \(padded)", kind.count == 0 ? .muted : .plain))
        }
        let lines = Flow.lines(of: facts, cell: Self.verdictCell, width: width)
        return OverviewBlock(heights: [1 + lines, max(1 + lines, 1 + kinds.count)]) { size in
            var grid = Grid(size, isASCII: input.state.isASCII)
            let beside = Span("\(input.numbers.count(runs)) runs", .heading)
            OverviewBlock.heading("VERDICTS", [beside], in: &grid)
            if size.rows > kinds.count, width > 30 {
                let rows = kinds.map {
                    MeterRow($0.name, input.countSpan($0.count), .share($0.count, of: runs), $0.style)
                }
                MeterRow.draw(rows, input, in: &grid)
            } else {
                Flow.put(facts, cell: Self.verdictCell, in: &grid, from: 1, to: size.rows)
            }
            return grid
        }
    }

    // MARK: Slow hooks

    static func slowest(_ input: ViewInput, most: Int) -> OverviewBlock {
        let rows = input.snapshot.rows(\.hooks).filter { $0.row.p95?.isFinite == true }.enumerated()
            .sorted { left, right in
                let times = (left.element.row.p95 ?? 0, right.element.row.p95 ?? 0)
                return times.0 != times.1 ? times.0 > times.1 : left.offset < right.offset
            }.prefix(most).map(\.element)
        return OverviewBlock(heights: OverviewBlock.rows(1 + min(max(1, rows.count), 2), 1 + rows.count)) { size in
            let names = input.snapshot.shortNames
            var fields: [TableField<(server: Int, row: HookRow)>] = [
                .text("hook", "SLOWEST HOOKS", 16...60, isElastic: true) {
                    Span("\($0.row.plugin)@\($0.row.hook)", .name)
                },
                .duration("p50", "p50", 5...10, priority: 2, input, \.row.p50),
                .duration("p95", "p95", 5...10, input, \.row.p95),
                .duration("p99", "p99", 5...10, priority: 1, input, \.row.p99),
                .count("runs", "runs", 5...20, priority: 3, input, \.row.runs),
            ]
            if input.snapshot.hasSeveralServers {
                let server = TableField<(server: Int, row: HookRow)>.text("server", "server", 8...16, priority: 2) {
                    Span(names[$0.server], .muted)
                }
                fields.insert(server, at: 1)
            }
            var table = Table(fields.map(\.unsorted), rows.map { (id: "", row: $0) }, sort: nil)
            table.empty = "no hook ran yet"
            return table.draw(size, Table.Window(), isASCII: input.state.isASCII)
        }
    }
}
