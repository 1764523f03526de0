// OverviewView+Server.swift
//
// The server as a process, or a line for each of several.

import QPTelemetry

extension OverviewView {
    static func servers(_ input: ViewInput, _ sum: OverviewSum, width: Int) -> OverviewBlock {
        guard !input.snapshot.hasSeveralServers, let server = sum.servers.first, let overview = server.overview else {
            return Self.list(input)
        }
        let facts = Self.facts(server, overview, input)
        let stuck = overview.loops.filter { $0.stuck != nil }.map { Self.stuck($0, input) }
        let loops = overview.loops.count > 1 ? Self.loops(overview, input) : []
        let factLines = Flow.lines(of: facts, cell: Self.factCell, width: width)
        let loopLines = Flow.lines(of: loops, cell: Self.loopCell, width: width)
        let least = 1 + min(stuck.count, 2) + min(factLines, 1)
        let most = max(least, 1 + stuck.count + factLines + loopLines)
        return OverviewBlock(heights: OverviewBlock.rows(least, most)) { size in
            var grid = Grid(size, isASCII: input.state.isASCII)
            OverviewBlock.heading("SERVER", Self.head(server, overview, input), in: &grid)
            let shown = size.rows < 1 + stuck.count + factLines ? stuck.prefix(2) : stuck[...]
            for (index, line) in shown.enumerated() { grid.put(line, at: 0, index + 1) }
            let first = 1 + shown.count
            Flow.put(facts, cell: Self.factCell, in: &grid, from: first, to: min(size.rows, first + factLines))
            Flow.put(loops, cell: Self.loopCell, in: &grid, from: first + factLines, to: size.rows)
            return grid
        }
    }

    // MARK: One server

    /// Columns of a fact, and of an event loop.
    private static let factCell = 18
    private static let loopCell = 13

    private static func head(_ server: ServerState, _ overview: Overview, _ input: ViewInput) -> [Span] {
        var spans = [Span(server.name, .heading), Span(overview.version, .heading)]
        if overview.isDraining { spans.append(Span("draining", .warning)) }
        if overview.isSoftBouncing { spans.append(Span("soft bounce", .warning)) }
        return spans.filter { !$0.text.isEmpty }
    }

    private static func facts(_ server: ServerState, _ overview: Overview, _ input: ViewInput) -> [Fact] {
        let lag = overview.loops.map(\.lag.orZero).max()
        let plugins =
            server.plugins.isEmpty
            ? Set(server.hooks.filter(\.configured).map(\.plugin)).count : server.plugins.count
        let descriptors = Double.share(
            UInt64(clamped: overview.descriptors), of: UInt64(clamped: overview.descriptorsLimit))
        let limit = overview.descriptorsLimit > 0 ? "/" + input.numbers.count(overview.descriptorsLimit) : ""
        return [
            Fact("up", input.numbers.duration(overview.uptime)),
            Fact("memory", input.numbers.octets(overview.memory)),
            Fact(
                "files",
                Span(input.numbers.count(overview.descriptors) + limit, descriptors >= 0.8 ? .warning : .plain)),
            Fact("most lag", input.durationSpan(lag)), Fact("loops", "\(overview.loops.count)"),
            Fact("generation", "\(overview.generation)"), Fact("plugins", "\(plugins)"),
            Fact("log dropped", input.countSpan(overview.logDropped, .warning)),
            Fact("events dropped", input.countSpan(overview.eventsDropped, .warning)),
            Fact("pid", "\(overview.processId)"),
        ]
    }

    private static func stuck(_ loop: LoopRow, _ input: ViewInput) -> [Span] {
        var spans = [Span("loop \(loop.number) stuck \(input.numbers.duration(loop.stuck))", .bad)]
        if let plugin = loop.plugin {
            spans += [Span("  "), Span(plugin, .name)]
            if let hook = loop.hook { spans += [Span(" at ", .muted), Span(hook, .name)] }
        }
        if let session = loop.session { spans += [Span("  session ", .muted), Span(session)] }
        return spans
    }

    private static func loops(_ overview: Overview, _ input: ViewInput) -> [Fact] {
        overview.loops.map { loop in
            let value = loop.stuck == nil ? input.durationSpan(loop.lag) : Span("stuck", .bad)
            return Fact("loop \(loop.number)", value)
        }
    }

    // MARK: Several servers

    private static func list(_ input: ViewInput) -> OverviewBlock {
        let servers = input.snapshot.servers
        return OverviewBlock(heights: OverviewBlock.rows(1 + min(servers.count, 3), 1 + servers.count)) { size in
            let fields = Self.fields(input)
            let table = Table(fields.map(\.unsorted), servers.map { (id: "", row: $0) }, sort: nil)
            var grid = table.draw(size, Table.Window(), isASCII: input.state.isASCII)
            // What is wrong takes the place of numbers.
            let column = (table.layout(size.columns).first?.width ?? 0) + 1
            for (index, server) in servers.enumerated() {
                guard let text = server.link.text else { continue }
                grid.put(text, at: column, index + 1, server.link == .connecting ? .muted : .bad)
            }
            return grid
        }
    }

    private static func fields(_ input: ViewInput) -> [TableField<ServerState>] {
        /// Blank while the server cannot be reached.
        func known(_ span: @escaping (Overview) -> Span) -> (ServerState) -> Span {
            { server in
                guard server.link == .up else { return Span("") }
                return server.overview.map(span) ?? Span("-", .muted)
            }
        }
        func number(
            _ id: String, _ title: String, priority: Int, _ span: @escaping (Overview) -> Span
        ) -> TableField<ServerState> {
            .number(id, title, max(5, title.count)...20, priority: priority, key: { _ in .number(0) }, known(span))
        }
        return [
            .text("name", "SERVERS", 15...30) { Span($0.name, .name) }.keeping(20),
            .text("link", "link", 4...11) { Self.link($0) }.keeping(11),
            number("sessions", "sess", priority: 0) { input.countSpan(UInt64(clamped: $0.sessions)) },
            number("rate", "conn/s", priority: 1) { input.rateSpan($0.rates["connections"]?.tenSeconds) },
            number("queued", "mail/s", priority: 4) { input.rateSpan($0.rates["messages_queued"]?.tenSeconds) },
            number("lag", "lag", priority: 5) { input.durationSpan($0.loops.map(\.lag.orZero).max()) },
            .text("version", "version", 7...16, priority: 3, known { Span($0.version, .muted) }),
            number("uptime", "up", priority: 2) { Span(input.numbers.duration($0.uptime)) },
        ]
    }

    /// Blank where the text of the link takes the place of everything.
    private static func link(_ server: ServerState) -> Span {
        guard server.link == .up else { return Span("") }
        if server.overview?.isDraining == true { return Span("draining", .warning) }
        if server.overview?.isSoftBouncing == true { return Span("soft bounce", .warning) }
        return Span("up", .good)
    }
}
