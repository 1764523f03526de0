// SessionsView+Captions.swift
//
// What stands above a list of sessions: how many there are, in what order, and who is missing.

import QPTelemetry

extension SessionsView {
    static func captions(_ input: ViewInput) -> [[Span]] {
        var lines = [Self.headline(input)]
        let query = input.state.sessionsQuery
        if !query.isEmpty { lines.append([Span("query: ", .muted), Span(query, .accent)]) }
        for (index, server) in input.snapshot.servers.enumerated() {
            guard let missing = server.sessions[input.state.sessionKind]?.missingLoops, !missing.isEmpty else {
                continue
            }
            lines.append([Span(input.named(index, Self.missing(missing)), .bad)])
        }
        return lines
    }

    private static func headline(_ input: ViewInput) -> [Span] {
        var parts = [Self.counts(input)]
        if input.snapshot.hasSeveralServers {
            let up = input.snapshot.servers.filter { $0.sessions[input.state.sessionKind] != nil }.count
            parts.append("on \(up) of \(input.snapshot.servers.count) servers")
        }
        switch input.state.grouping {
        case .none: parts.append(Self.order(Self.sort(input), input.state.sessionKind))
        case .address: parts.append("grouped by address")
        case .network: parts.append("grouped by network")
        }
        let pages = input.snapshot.servers.compactMap { $0.sessions[input.state.sessionKind] }
        let loaded = pages.reduce(0) { $0.adding($1.sessions.count) }
        let total = pages.reduce(0) { $0.adding(max($1.total ?? 0, 0)) }
        if input.state.grouping == .none, loaded < total {
            parts.append("\(CaptionText.exact(loaded)) of \(CaptionText.exact(total)) loaded")
        }
        return [Span("\(input.state.sessionKind.rawValue) sessions", .bold), Span(parts.joined(separator: ", "))]
    }

    /// `: 12 of 2,000 allowed`, or how many match.
    private static func counts(_ input: ViewInput) -> String {
        guard input.state.sessionKind == .live else { return "" }
        let pages = input.snapshot.servers.compactMap { $0.sessions[.live] }
        let overviews = input.snapshot.servers.compactMap(\.overview)
        let matching = pages.reduce(0) { $0.adding(max($1.total ?? $1.sessions.count, 0)) }
        let isNarrowed = !input.state.sessionsQuery.isEmpty || !input.state[.sessions].filter.isEmpty
        if input.state.grouping == .none, isNarrowed, !pages.isEmpty {
            let all = overviews.reduce(0) { $0.adding(max($1.sessions, 0)) }
            return ": \(CaptionText.exact(matching)) of \(CaptionText.exact(all)) match"
        }
        let limit = overviews.reduce(0) { $0.adding(max($1.sessionsLimit, 0)) }
        let live =
            input.state.grouping == .none && !pages.isEmpty
            ? matching : overviews.reduce(0) { $0.adding(max($1.sessions, 0)) }
        return ": \(CaptionText.exact(live))" + (limit > 0 ? " of \(CaptionText.exact(limit)) allowed" : "")
    }

    private static func order(_ sort: Table.Sort, _ kind: SessionKind) -> String {
        switch (sort.column, sort.isDescending) {
        case ("started", true): "newest first"
        case ("started", false): "oldest first"
        // Of those that live, it is both how long they last and when they began.
        case ("age", let isDescending) where kind == .live: isDescending ? "oldest first" : "newest first"
        case ("age", let isDescending): isDescending ? "longest first" : "shortest first"
        case (let column, let isDescending): "sorted by \(column)" + (isDescending ? ", largest first" : "")
        }
    }

    private static func missing(_ loops: [Int]) -> String {
        let numbers = loops.prefix(20).map { String($0) }
        return loops.count == 1
            ? "loop \(numbers[0]) does not answer: its sessions are missing"
            : "loops \(CaptionText.list(numbers)) do not answer: their sessions are missing"
    }

    /// Why there are no rows.
    static func empty(_ input: ViewInput) -> String {
        let kind = input.state.sessionKind
        guard input.snapshot.servers.contains(where: { $0.sessions[kind] != nil }) else { return "asking" }
        let isNarrowed = !input.state.sessionsQuery.isEmpty || !input.state[.sessions].filter.isEmpty
        if isNarrowed { return "no session matches" }
        switch kind {
        case .live: return "nobody is connected"
        case .ended: return "no session has ended yet"
        case .refused: return "nobody was refused"
        }
    }
}
