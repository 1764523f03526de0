// OverviewView.swift
//
// How the servers are, at a glance: rates, alarms, sessions, verdicts, what is slow.

import QPTelemetry

/// The first view.
enum OverviewView {
    /// From so many columns on there are two blocks side by side.
    private static let wide = 100
    private static let gap = 3

    static func draw(_ input: ViewInput) -> Grid {
        var grid = Grid(input.size, isASCII: input.state.isASCII)
        guard let sum = OverviewSum(input.snapshot) else {
            for (line, server) in input.snapshot.servers.enumerated() { grid.put(Self.waiting(server), at: 0, line) }
            return grid
        }
        let top = Self.drawTrouble(input.snapshot, in: &grid)
        guard grid.columns >= Self.wide else {
            let blocks = [
                Self.rates(input, sum), Self.alarms(input, sum, width: grid.columns),
                Self.sessions(input, sum, width: grid.columns),
            ]
            let servers = Self.servers(input, sum, width: grid.columns)
            let plugins = [Self.slowest(input, most: 5), Self.verdicts(input, width: grid.columns)]
            // A line for each of several servers says more than what their plugins do.
            let rest = input.snapshot.hasSeveralServers ? [servers] + plugins : plugins + [servers]
            OverviewBlock.place(blocks + rest, in: &grid, at: 0, top, width: grid.columns)
            return grid
        }
        let left = (grid.columns - Self.gap) / 2
        let right = grid.columns - Self.gap - left
        OverviewBlock.place(
            [Self.rates(input, sum), Self.sessions(input, sum, width: left), Self.verdicts(input, width: left)],
            in: &grid, at: 0, top, width: left)
        OverviewBlock.place(
            [
                Self.alarms(input, sum, width: right), Self.servers(input, sum, width: right),
                Self.slowest(input, most: 15),
            ], in: &grid, at: left + Self.gap, top, width: right)
        return grid
    }

    private static func waiting(_ server: ServerState) -> [Span] {
        switch server.link {
        case .connecting, .up: [Span("waiting for the first answer of ", .muted), Span(server.label, .name)]
        case .down(let text), .refused(let text), .foreign(let text):
            [Span(server.label, .name), Span(": "), Span(text, .bad)]
        }
    }

    /// One server that cannot be reached any more: what is shown is what it said last. Several have a line each.
    /// - Returns: the first line that is free.
    private static func drawTrouble(_ snapshot: ConsoleSnapshot, in grid: inout Grid) -> Int {
        guard !snapshot.hasSeveralServers, let server = snapshot.servers.first, let text = server.link.text else {
            return 0
        }
        grid.put([Span(server.name, .name), Span(": "), Span(text, .bad), Span("; as it was last", .muted)], at: 0, 0)
        return 1
    }
}
