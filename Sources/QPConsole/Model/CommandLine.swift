// CommandLine.swift
//
// What can be typed behind the colon: reading it, and completing it.

import QPTelemetry

/// Commands by name.
enum CommandLine {
    /// Why a line is no command.
    struct Problem: Error, Hashable, Sendable {
        var text: String

        init(_ text: String) { self.text = text }
    }

    /// What an argument of a command can be, for completion.
    enum Argument: Hashable, Sendable {
        case words([String])
        case plugin, column, server, view
        case free
    }

    /// A command, what follows it, and what it does.
    struct Entry: Sendable {
        let name: String
        let arguments: [Argument]
        let usage: String
        let summary: String
    }

    /// Words that are known at this moment.
    struct Words: Hashable, Sendable {
        var plugins: [String] = []
        var columns: [String] = []
        var servers: [String] = []
    }

    private static let onOff = Argument.words(["on", "off"])
    static let levels = ["LOGDEBUG", "LOGINFO", "LOGNOTICE", "LOGWARN", "LOGERROR", "LOGCRIT", "LOGALERT", "LOGEMERG"]

    static let entries: [Entry] = [
        Entry(
            name: "ban", arguments: [.free], usage: "ban NETWORK [TIME] [REASON]",
            summary: "bans a network, after a look at whom it hits"),
        Entry(
            name: "columns", arguments: [.column], usage: "columns [NAME ...]",
            summary: "shows these columns only, in this order; none: all"),
        Entry(
            name: "diff", arguments: [.free], usage: "diff [NUMBER]",
            summary: "compares with another configuration, or the files"),
        Entry(name: "drain", arguments: [Self.onOff], usage: "drain on|off", summary: "turns new connections away"),
        Entry(name: "explain", arguments: [.free], usage: "explain ID", summary: "what became of a session or mail"),
        Entry(name: "filter", arguments: [.free], usage: "filter [TEXT]", summary: "shows rows with this text only"),
        Entry(name: "go-back", arguments: [], usage: "go-back", summary: "returns to the configuration before"),
        Entry(
            name: "group", arguments: [.words(Grouping.allCases.map(\.rawValue))],
            usage: "group none|address|network", summary: "puts sessions together"),
        Entry(name: "help", arguments: [], usage: "help", summary: "keys and commands"),
        Entry(name: "interval", arguments: [.free], usage: "interval SECONDS", summary: "how often is looked"),
        Entry(name: "kick", arguments: [.free], usage: "kick ID", summary: "ends a session"),
        Entry(
            name: "level", arguments: [.plugin, .words(Self.levels + ["default"])], usage: "level PLUGIN LEVEL|default",
            summary: "how much of a plugin goes to the log"),
        Entry(name: "lift", arguments: [.free], usage: "lift NETWORK", summary: "lifts a ban"),
        Entry(
            name: "limit", arguments: [.plugin, .free], usage: "limit PLUGIN SECONDS",
            summary: "how long a plugin may take"),
        Entry(
            name: "log", arguments: [.plugin], usage: "log [PLUGIN[:LEVEL] ...] [LEVEL]",
            summary: "follows the log, of these plugins only"),
        Entry(
            name: "mode", arguments: [.plugin, .words(["on", "shadow", "off"])], usage: "mode PLUGIN on|shadow|off",
            summary: "whether a plugin decides"),
        Entry(name: "query", arguments: [.free], usage: "query [CONDITIONS]", summary: "shows what fulfils them only"),
        Entry(name: "quit", arguments: [], usage: "quit", summary: "ends the console"),
        Entry(name: "reload", arguments: [], usage: "reload", summary: "reads the configuration again"),
        Entry(name: "save", arguments: [], usage: "save", summary: "writes the screen to a file"),
        Entry(name: "server", arguments: [.server], usage: "server NAME", summary: "whom keys act on"),
        Entry(
            name: "soft-bounce", arguments: [Self.onOff], usage: "soft-bounce on|off",
            summary: "lets every 5xx leave as 4xx"),
        Entry(
            name: "sort", arguments: [.column, .words(["asc", "desc"])], usage: "sort COLUMN [asc|desc]",
            summary: "puts rows into this order"),
        Entry(
            name: "state", arguments: [.words(SessionKind.allCases.map(\.rawValue))],
            usage: "state live|ended|refused", summary: "which sessions"),
        Entry(
            name: "top", arguments: [.words(TopField.allCases.map(\.rawValue))], usage: "top FIELD",
            summary: "counts the values of a field"),
        Entry(name: "view", arguments: [.view], usage: "view NAME", summary: "shows a view"),
        Entry(
            name: "write", arguments: [], usage: "write", summary: "keeps view, interval, columns and marks as settings"
        ),
    ]

    /// A ban in words: `192.0.2.0/24 1h dictionary attack`.
    static func ban(_ words: [String]) throws(Problem) -> BanRequest {
        guard let network = words.first else { throw Problem("which network? ban NETWORK [TIME] [REASON]") }
        guard QueryNetwork(network) != nil else { throw Problem("\(network) is no address and no network") }
        var rest = words.dropFirst()
        var request = BanRequest(network: network)
        if let word = rest.first, let time = Self.seconds(word) {
            guard (1...31_536_000).contains(time) else { throw Problem("a ban lasts from 1s to 365d, or for good") }
            request.timeToLive = time
            rest = rest.dropFirst()
        } else if let word = rest.first, word.first?.isNumber == true {
            throw Problem("\(word) is no time: 30s, 10m, 1h, 7d")
        }
        if !rest.isEmpty { request.reason = rest.joined(separator: " ") }
        return request
    }

    /// `30`, `30s`, `5m`, `2h`, `7d`, `1.5h` in seconds.
    static func seconds(_ text: String) -> Double? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let last = text.last else { return nil }
        let unit = units[last]
        guard let number = Double(unit == nil ? text : String(text.dropLast())), number.isFinite, number >= 0 else {
            return nil
        }
        return number * (unit ?? 1)
    }

    // MARK: Completion

    /// What a line becomes, and what could follow.
    struct Completion: Hashable, Sendable {
        var text: String?
        var hint: String
    }

    /// Completes the last word of a line as far as there is one way only.
    static func complete(_ line: String, _ known: Words) -> Completion {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let last = words.last ?? ""
        guard words.count > 1 else {
            return Self.complete(last, from: Self.entries.map(\.name), before: "")
        }
        guard let entry = Self.entries.first(where: { $0.name == words[0] }) else {
            return Completion(hint: "there is no command '\(words[0])'")
        }
        guard
            let argument = entry.arguments.last.map({
                entry.arguments.count >= words.count - 1 ? entry.arguments[words.count - 2] : $0
            })
        else { return Completion(hint: entry.usage) }
        let candidates: [String]
        switch argument {
        case .words(let words): candidates = words
        case .plugin: candidates = known.plugins
        case .column: candidates = known.columns
        case .server: candidates = known.servers
        case .view: candidates = ViewName.allCases.map(\.rawValue)
        case .free: return Completion(hint: entry.usage)
        }
        return Self.complete(last, from: candidates, before: words.dropLast().joined(separator: " ") + " ")
    }

    private static func complete(_ word: String, from candidates: [String], before: String) -> Completion {
        let fitting = candidates.filter { $0.lowercased().hasPrefix(word.lowercased()) }.sorted()
        guard let first = fitting.first else { return Completion(hint: "nothing begins with '\(word)'") }
        if fitting.count == 1 { return Completion(text: before + first + " ", hint: "") }
        var common = first
        for candidate in fitting {
            while !candidate.hasPrefix(common) { common.removeLast() }
        }
        return Completion(text: common.count > word.count ? before + common : nil, hint: fitting.joined(separator: " "))
    }
}
