// LogView.swift
//
// The log as it comes, newest last.

import QPTelemetry

/// Lines of the log.
enum LogView {
    static func table(_ input: ViewInput) -> Table {
        let lines = Self.merged(input.snapshot)
        let isSeveral = input.snapshot.hasSeveralServers
        let names = input.snapshot.servers.map(\.name)
        var clock = Clock(zone: input.state.zone)
        var rows: [TableRow] = []
        rows.reserveCapacity(lines.count)
        for (server, row) in lines {
            let style = Self.style(row.level)
            var spans = [Span(clock.text(row.time), .muted)]
            if isSeveral { spans.append(Span(names[server], .name)) }
            spans.append(Span(Self.short(row.level), style))
            spans.append(Span(Self.session(row), .muted))
            spans.append(Span(row.plugin ?? "", .name))
            spans.append(Span(row.hook ?? "", .muted))
            spans.append(Span(Self.text(row), style))
            rows.append(TableRow("\(server):\(row.sequence)", spans))
        }
        var table = Table(columns: Self.columns(input), rows: rows)
        table.captions = [Self.caption(input, lines.count)]
        table.empty = "no line has come yet"
        return table
    }

    private static func columns(_ input: ViewInput) -> [Column] {
        let text = max(20, input.size.columns * 2 / 5)
        var columns: [Column] = [.text("time", "TIME", 8...8, priority: 1)]
        if input.snapshot.hasSeveralServers { columns.append(.text("server", "SERVER", 6...16)) }
        return columns + [
            .text("level", "LEVEL", 6...6), .text("session", "SESSION", 14...15, priority: 3),
            .text("plugin", "PLUGIN", 8...(input.size.columns < 70 ? 10 : 18), priority: 2),
            .text("hook", "HOOK", 9...16, priority: 4),
            .text("text", "TEXT", text...text, isElastic: true),
        ]
    }

    /// Lines of all servers in the order of their time; each server's own stay in its order.
    private static func merged(_ snapshot: ConsoleSnapshot) -> [(server: Int, row: LogRow)] {
        let lines = snapshot.rows(\.log.rows)
        guard snapshot.hasSeveralServers else { return lines }
        // A server's clock may go back, its numbers do not.
        var latest = Array(repeating: -Double.infinity, count: snapshot.servers.count)
        let timed = lines.enumerated().map { place, line in
            if line.row.time > latest[line.server] { latest[line.server] = line.row.time }
            return (time: latest[line.server], place: place)
        }
        return timed.sorted { ($0.time, $0.place) < ($1.time, $1.place) }.map { lines[$0.place] }
    }

    /// Clock times; most lines have that of the one before.
    private struct Clock {
        let zone: Int
        private var second = -Double.infinity
        private var shown = ""

        init(zone: Int) { self.zone = zone }

        mutating func text(_ time: Double) -> String {
            let whole = time.rounded(.down)
            guard whole != self.second else { return self.shown }
            self.second = whole
            self.shown = TimeText.clock(time, zone: self.zone)
            return self.shown
        }
    }

    // MARK: Caption

    private static func caption(_ input: ViewInput, _ count: Int) -> [Span] {
        let wish = input.state.log
        let (lost, passed) = input.snapshot.servers.reduce((UInt64(0), UInt64(0))) {
            ($0.0 &+ $1.log.lost, $0.1 &+ $1.log.passed)
        }
        var spans = [Span(input.state[.log].isAtEnd ? "following" : "not following", .bold)]
        if lost > 0 { spans += [Span("  "), Span("\(CaptionText.exact(lost)) lost", .bad)] }
        spans += [Span("  level ", .muted), Span(wish.level.map(Self.short) ?? "of the outputs", .accent)]
        if !wish.plugins.isEmpty {
            spans += [Span("  plugins ", .muted), Span(wish.plugins.joined(separator: " "), .accent)]
        }
        if !wish.query.isEmpty { spans += [Span("  query ", .muted), Span(wish.query, .accent)] }
        spans.append(Span("  " + CaptionText.counted(count, "line"), .muted))
        if passed > 0 { spans.append(Span(", \(CaptionText.exact(passed)) older ones gone", .muted)) }
        return spans
    }

    // MARK: Lines

    /// Whether somebody should look at it: a warning, or worse.
    static func isProblem(_ level: String) -> Bool {
        switch level {
        case "LOGWARN", "LOGERROR", "LOGCRIT", "LOGALERT", "LOGEMERG": true
        default: false
        }
    }

    static func style(_ level: String) -> Style {
        switch level {
        case "LOGERROR", "LOGCRIT", "LOGALERT", "LOGEMERG": .bad
        case "LOGWARN": .warning
        case "LOGDEBUG": .muted
        default: .plain
        }
    }

    private static func short(_ level: String) -> String { level.hasPrefix("LOG") ? String(level.dropFirst(3)) : level }

    private static func session(_ row: LogRow) -> String {
        guard let session = row.session else { return "" }
        return row.transaction > 0 ? "\(session).\(row.transaction)" : session
    }

    /// The text, and the facts beside it.
    static func text(_ row: LogRow) -> String {
        if row.fields.isEmpty { return row.text }
        return row.fields.sorted { $0.key < $1.key }.reduce(into: row.text) { $0 += " \($1.key)=\($1.value)" }
    }
}
