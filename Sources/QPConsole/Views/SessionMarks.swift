// SessionMarks.swift
//
// What each plugin said in a session, in a column of three each.

import QPTelemetry

/// The columns of plugins in a list of sessions.
struct SessionMarks {
    /// A plugin, and how soon its column goes when the screen is narrow.
    struct Entry: Hashable {
        var name: String
        var code: String
        var priority: Int
    }

    /// More would be for nobody to read.
    private static let limit = 100

    let entries: [Entry]

    /// Plugins that ran or may run in sessions, in the order of the configuration; behind them those of earlier
    /// configurations that sessions still have.
    ///
    /// Of `priorities` each goes to four columns, from those that matter most; the last is that of all others, and of
    /// plugins that the sessions here have nothing of.
    init(_ snapshot: ConsoleSnapshot, _ rows: [SessionRow], priorities: [Int]) {
        var found = Found(rows)
        var names: [String] = []
        var seen: Set<String> = []
        for (_, plugin) in snapshot.rows(\.plugins) {
            guard found.present.contains(plugin.name) || plugin.runs > 0 && plugin.isAskedInSessions else { continue }
            if seen.insert(plugin.name).inserted { names.append(plugin.name) }
            if plugin.deny > 0 || plugin.soft > 0 { found.refusing.insert(plugin.name) }
        }
        names += found.present.subtracting(seen).sorted()
        names = Array(names.prefix(Self.limit))
        let codes = PluginCode.codes(for: names, length: 3)
        let ranked = names.indices.sorted { left, right in
            (found.rank(names[left]), left) < (found.rank(names[right]), right)
        }
        var places = Array(repeating: 0, count: names.count)
        for (rank, index) in ranked.enumerated() {
            let step = found.present.contains(names[index]) ? rank / 4 : priorities.count - 1
            places[index] = priorities[min(step, priorities.count - 1)] + rank
        }
        self.entries = zip(names, places).map { name, priority in
            Entry(name: name, code: codes[name] ?? "", priority: priority)
        }
    }

    /// What the sessions that are there say about plugins.
    private struct Found {
        var present: Set<String> = []
        var refusedHere: Set<String> = []
        /// Refused or deferred ever.
        var refusing: Set<String> = []

        init(_ rows: [SessionRow]) {
            for row in rows {
                for (name, mark) in row.marks {
                    self.present.insert(name)
                    if mark == .refused { self.refusedHere.insert(name) }
                }
                if let plugin = row.plugin { self.present.insert(plugin) }
            }
        }

        func rank(_ name: String) -> Int {
            if self.refusedHere.contains(name) { return 0 }
            guard self.present.contains(name) else { return 3 }
            return self.refusing.contains(name) ? 1 : 2
        }
    }

    var columns: [Column] {
        self.entries.map { .text("mark:\($0.name)", $0.code, 3...3, priority: $0.priority) }
    }

    func spans(of row: SessionRow, _ glyphs: Glyphs) -> [Span] {
        self.entries.map { entry in
            let mark = row.marks[entry.name]
            var span = mark.map { Span(" " + $0.glyph(glyphs), $0.style) } ?? Span("")
            if row.plugin == entry.name {
                span = Span(">" + (mark?.glyph(glyphs) ?? " "), Style(tone: .accent, isBold: true))
            }
            if row.decidedBy == entry.name { span.style.isBold = true }
            return span
        }
    }
}

extension PluginMark {
    /// The sign in a column.
    func glyph(_ glyphs: Glyphs) -> String {
        switch self {
        case .declined: glyphs.dot
        case .ok: "o"
        case .failed: "!"
        case .deferred: "d"
        case .refused: "X"
        }
    }

    var style: Style {
        switch self {
        case .declined: .muted
        case .ok: .good
        case .failed, .deferred: .warning
        case .refused: .bad
        }
    }

    /// What it means, in words.
    var meaning: String {
        switch self {
        case .declined: "ran, had no opinion"
        case .ok: "accepted"
        case .failed: "failed: an error, out of time, or its breaker is open"
        case .deferred: "deferred: the client may try again"
        case .refused: "refused"
        }
    }
}

extension PluginRow {
    /// Whether any of its hooks belongs to a session.
    fileprivate var isAskedInSessions: Bool {
        !self.hooks.allSatisfy { ["logging", "config", "user_config", "post-fork"].contains($0) }
    }
}
