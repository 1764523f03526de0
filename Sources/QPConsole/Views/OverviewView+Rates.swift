// OverviewView+Rates.swift
//
// How often things happen: now, lately, since the start, and second by second.

import QPTelemetry

extension OverviewView {
    /// Something that is counted.
    private struct Counter {
        let name: String
        let title: String
        /// What its little picture is painted in.
        let style: Style
        /// The higher, the sooner it goes when there is no room.
        let rank: Int
    }

    private static let counters = [
        Counter(name: "connections", title: "connections", style: .good, rank: 0),
        Counter(name: "refused", title: "refused", style: .bad, rank: 6),
        Counter(name: "messages_queued", title: "mail queued", style: .good, rank: 1),
        Counter(name: "messages_rejected", title: "mail rejected", style: .bad, rank: 2),
        Counter(name: "messages_deferred", title: "mail deferred", style: .warning, rank: 3),
        Counter(name: "recipients_accepted", title: "rcpts accepted", style: .good, rank: 8),
        Counter(name: "recipients_refused", title: "rcpts refused", style: .bad, rank: 7),
        Counter(name: "octets", title: "octets", style: .good, rank: 9),
        Counter(name: "replies_4xx", title: "replies 4xx", style: .warning, rank: 10),
        Counter(name: "replies_5xx", title: "replies 5xx", style: .bad, rank: 5),
        Counter(name: "timeouts", title: "timeouts", style: .warning, rank: 11),
        Counter(name: OverviewSum.latency, title: "hook p95", style: .name, rank: 4),
    ]

    static func rates(_ input: ViewInput, _ sum: OverviewSum) -> OverviewBlock {
        let shown = Self.counters.filter { counter in
            guard input.state.hidesZero else { return true }
            guard counter.name != OverviewSum.latency else {
                return sum.series[counter.name]?.contains { $0 > 0 } == true
            }
            return (sum.totals[counter.name] ?? 0) > 0
        }
        return OverviewBlock(heights: OverviewBlock.rows(1 + max(1, min(6, shown.count)), 1 + shown.count)) { size in
            let kept = Set(shown.map(\.rank).sorted().prefix(size.rows - 1))
            return Self.draw(shown.filter { kept.contains($0.rank) }, input, sum, size)
        }
    }

    private static func draw(_ counters: [Counter], _ input: ViewInput, _ sum: OverviewSum, _ size: Size) -> Grid {
        var table = Table(
            columns: [
                .text("name", "RATES", 14...14), .number("now", "now/s", 5...20), .number("minute", "1m", 5...20),
                .number("quarter", "15m", 5...20, priority: 3), .number("total", "total", 5...20, priority: 1),
                .text("last", "", 8...8, priority: 2, isElastic: true),
            ], rows: counters.map { Self.row($0, input, sum) })
        table.keepNumbersWhole()
        let width = table.width(of: "last", in: size.columns)
        if let last = table.columns.indices.last, width > 0 {
            table.columns[last].title = "last \(width) s"
            for (index, counter) in counters.enumerated() {
                let text = Bars.spark(sum.series[counter.name] ?? [], width: width, input.glyphs)
                table.rows[index].spans[last] = Span(text, counter.style)
            }
        }
        table.empty = "nothing happened yet"
        return table.draw(size, Table.Window(), isASCII: input.state.isASCII)
    }

    private static func row(_ counter: Counter, _ input: ViewInput, _ sum: OverviewSum) -> TableRow {
        if counter.name == OverviewSum.latency { return Self.latencyRow(counter, input, sum) }
        let rates = sum.rates[counter.name] ?? Rates()
        let values = [rates.tenSeconds, rates.minute, rates.quarterHour].map { value in
            let text =
                counter.name == "octets" ? input.numbers.octets(UInt64(clamped: value)) : input.numbers.rate(value)
            return Span(text, text == "0" ? .muted : .plain)
        }
        let total = sum.totals[counter.name] ?? 0
        let text = counter.name == "octets" ? input.numbers.octets(total) : input.numbers.count(total)
        var spans = [Span(counter.title)] + values + [Span(text, total == 0 ? .muted : .plain), Span("")]
        if spans[1].style == .plain { spans[1].style = .bold }
        return TableRow(counter.name, spans)
    }

    /// The worst second of each window that is known.
    private static func latencyRow(_ counter: Counter, _ input: ViewInput, _ sum: OverviewSum) -> TableRow {
        let series = sum.series[counter.name] ?? []
        let spans = [10, 60, 900].map { seconds in
            // A minute may be a second short: series begin with the process.
            guard seconds == 10 || series.count >= seconds else { return Span("") }
            return input.durationSpan(series.suffix(seconds).max().map { $0 / 1000 })
        }
        return TableRow(counter.name, [Span(counter.title)] + spans + [Span(""), Span("")])
    }
}
