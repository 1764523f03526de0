// BatchReport.swift
//
// What a view knows, printed once: for people in a pipe, and as JSON for programs.

import FoundationEssentials
import QPTelemetry

/// What one look at all servers brought.
struct BatchReport: Sendable {
    enum Format: String, Sendable, CaseIterable {
        case text, json
    }

    /// What was asked, and what is known.
    var model: ConsoleModel
    /// What went wrong, by the place of the server.
    var failures: [Int: String] = [:]
    /// Rows that are printed at the most.
    var limit = 100

    // MARK: Text

    /// The view, line by line, as wide as the screen; without blanks at the ends of lines.
    var lines: [String] {
        var lines: [String] = []
        switch self.model.content {
        case .grid(let grid): lines = grid.lines
        case .table(let table):
            let rows = min(table.rows.count, self.limit)
            let size = Size(self.model.size.columns, table.captions.count + (table.hasHeading ? 1 : 0) + max(rows, 1))
            lines = table.draw(size, Table.Window(top: table.firstIndex), isASCII: self.model.state.isASCII).lines
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// What went wrong, a line each.
    var problems: [String] {
        self.failures.sorted { $0.key < $1.key }.map { server, text in
            let label = self.model.snapshot.servers[server].label
            return ScreenText.plain(text.contains(label) ? text : "\(label): \(text)")
        }
    }

    // MARK: JSON

    /// One server's part.
    struct Part: Encodable {
        var server: String
        var error: String?
        var overview: Overview?
        var rates: RateSeries?
        var sessions: SessionPage?
        var session: SessionDetail?
        var plugins: [PluginRow]?
        var hooks: [HookRow]?
        var top: [TopRow]?
        var bans: [BanRow]?
        var generations: Generations?
        var difference: [FileDifference]?
        var backends: [BackendRow]?
        var log: [LogRow]?
    }

    private func part(_ index: Int, _ server: ServerState) -> Part {
        var part = Part(server: server.label, error: self.failures[index])
        guard part.error == nil else { return part }
        switch self.model.state.view {
        case .overview, .help:
            part.overview = server.overview
            part.rates = server.rates
            part.plugins = server.plugins
            part.hooks = server.hooks
        case .sessions: part.sessions = server.sessions[self.model.state.sessionKind]
        case .session: part.session = server.detail
        case .plugins: part.plugins = server.plugins
        case .matrix, .histogram: part.hooks = server.hooks
        case .log: part.log = server.log.rows
        case .top: part.top = server.top
        case .bans: part.bans = server.bans
        case .config:
            part.generations = server.generations
            part.difference = server.difference
        case .backends: part.backends = server.backends
        }
        return part
    }

    /// A list with an object for each server, in names of the API. Nothing in it does more than to be shown.
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let parts = self.model.snapshot.servers.enumerated().map { self.part($0, $1) }
        var octets: [UInt8] = []
        for scalar in String(decoding: try encoder.encode(parts), as: UTF8.self).unicodeScalars {
            // Line ends of the text itself; in strings they are escaped already.
            if scalar == "\n" || !scalar.isTreacherous {
                octets += Array(String(scalar).utf8)
            } else {
                octets += scalar.jsonEscape
            }
        }
        return octets
    }
}
