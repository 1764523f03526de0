// ConsoleSettings.swift
//
// The file ~/.config/qpconsole/settings: what an operator wants every time.

import QPTelemetry

/// Settings, as the file has them; `nil` and empty: nothing was said.
struct ConsoleSettings: Hashable, Sendable {
    var servers: [String] = []
    var view: ViewName?
    var interval: Double?
    var isASCII: Bool?
    var isRaw: Bool?
    var hidesZero: Bool?
    var colors: String?
    var mouse: Bool?
    /// By views.
    var columns: [ViewName: [String]] = [:]
    var sorts: [ViewName: Table.Sort] = [:]

    static let colorNames = ["auto", "256", "16", "none"]
    private static let names = [
        "ascii", "colors", "columns", "hide_zero", "interval", "mouse", "raw", "server", "sort", "view",
    ]

    /// Why a line is none: `settings:3: error: ...`.
    struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        var file: String
        var line: Int
        var text: String

        var description: String { "\(self.file):\(self.line): error: \(self.text)" }
    }

    /// Nothing is said.
    init() {}

    /// Reads a file: a name and its value a line; blank lines and those that begin with `#` do not count.
    init(_ text: String, file: String) throws(Problem) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).map(String.init)
            guard let name = words.first, !name.hasPrefix("#") else { continue }
            do throws(CommandLine.Problem) {
                try self.set(name, Array(words.dropFirst()))
            } catch {
                throw Problem(file: file, line: index + 1, text: error.text)
            }
        }
    }

    private mutating func set(_ name: String, _ words: [String]) throws(CommandLine.Problem) {
        switch name {
        case "server": self.servers.append(try Self.one(name, words))
        case "view": self.view = try Self.view(try Self.one(name, words))
        case "interval":
            guard let seconds = CommandLine.seconds(try Self.one(name, words)), (0.1...3600).contains(seconds) else {
                throw CommandLine.Problem("interval is 0.1 to 3600 seconds")
            }
            self.interval = seconds
        case "ascii": self.isASCII = try Self.isOn(name, words)
        case "raw": self.isRaw = try Self.isOn(name, words)
        case "hide_zero": self.hidesZero = try Self.isOn(name, words)
        case "mouse": self.mouse = try Self.isOn(name, words)
        case "colors":
            let value = try Self.one(name, words)
            guard Self.colorNames.contains(value) else {
                throw CommandLine.Problem("colors is one of \(Self.colorNames.joined(separator: ", "))")
            }
            self.colors = value
        case "columns":
            guard let view = words.first, words.count > 1 else { throw CommandLine.Problem("columns VIEW NAME...") }
            self.columns[try Self.view(view)] = Array(words.dropFirst())
        case "sort":
            guard let view = words.first, (2...3).contains(words.count),
                ["asc", "desc"].contains(words.last ?? "") || words.count == 2
            else { throw CommandLine.Problem("sort VIEW COLUMN [asc|desc]") }
            self.sorts[try Self.view(view)] = Table.Sort(column: words[1], isDescending: words.last == "desc")
        default:
            let nearest = EditDistance.nearest(to: name, in: Self.names).map { "; did you mean '\($0)'?" }
            throw CommandLine.Problem("unknown setting '\(ScreenText.plain(String(name.prefix(40))))'\(nearest ?? "")")
        }
    }

    private static func one(_ name: String, _ words: [String]) throws(CommandLine.Problem) -> String {
        guard let word = words.first, words.count == 1 else { throw CommandLine.Problem("\(name) has one value") }
        return word
    }

    private static func isOn(_ name: String, _ words: [String]) throws(CommandLine.Problem) -> Bool {
        guard words == ["on"] || words == ["off"] else { throw CommandLine.Problem("\(name) is on or off") }
        return words == ["on"]
    }

    private static func view(_ name: String) throws(CommandLine.Problem) -> ViewName {
        guard let view = ViewName(rawValue: name) else {
            throw CommandLine.Problem(
                "unknown view '\(ScreenText.plain(String(name.prefix(40))))'; there are: "
                    + ViewName.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return view
    }

    // MARK: Writing

    /// Settings out of what was chosen.
    init(_ model: ConsoleModel) {
        self.view = model.state.view == .session ? .sessions : model.state.view
        self.interval = model.state.interval
        self.isRaw = model.state.isRaw
        self.hidesZero = model.state.hidesZero
        for (view, list) in model.state.lists {
            if !list.columns.isEmpty { self.columns[view] = list.columns }
            if let sort = list.sort { self.sorts[view] = sort }
        }
    }

    private var lines: [(key: String, line: String)] {
        func onOff(_ value: Bool) -> String { value ? "on" : "off" }
        var lines: [(key: String, line: String)] = []
        if let view { lines.append(("view", "view \(view.rawValue)")) }
        if let interval { lines.append(("interval", "interval \(NumberText.fixed(interval, 1))")) }
        if let isRaw { lines.append(("raw", "raw \(onOff(isRaw))")) }
        if let hidesZero { lines.append(("hide_zero", "hide_zero \(onOff(hidesZero))")) }
        for (view, columns) in self.columns.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append(("columns \(view.rawValue)", "columns \(view.rawValue) \(columns.joined(separator: " "))"))
        }
        for (view, sort) in self.sorts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let order = sort.isDescending ? "desc" : "asc"
            lines.append(("sort \(view.rawValue)", "sort \(view.rawValue) \(sort.column) \(order)"))
        }
        return lines
    }

    /// A file with these settings in the place of what it said of them; everything else stays as it was.
    func replacing(in text: String) -> String {
        var left = self.lines
        var result: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let words = line.split(separator: " ").map(String.init)
            let long = words.prefix(2).joined(separator: " ")
            let key = ["columns", "sort"].contains(words.first ?? "") ? long : words.first ?? ""
            // Columns and orders that were taken back are not said any more.
            if ["columns", "sort"].contains(words.first ?? ""), !left.contains(where: { $0.key == key }) { continue }
            if let place = left.firstIndex(where: { $0.key == key }) {
                result.append(left.remove(at: place).line)
            } else {
                result.append(line)
            }
        }
        while result.last == "" { result.removeLast() }
        return (result + left.map(\.line)).joined(separator: "\n") + "\n"
    }

    /// Applies them to a state.
    func apply(to state: inout ViewState) {
        if let view { state.view = view }
        if let interval { state.interval = interval }
        if let isASCII { state.isASCII = isASCII }
        if let isRaw { state.isRaw = isRaw }
        if let hidesZero { state.hidesZero = hidesZero }
        for (view, columns) in self.columns { state[view].columns = columns }
        for (view, sort) in self.sorts { state[view].sort = sort }
    }
}
