// ConsoleModel+Commands.swift
//
// What commands do.

import QPTelemetry

extension ConsoleModel {
    /// Runs a line. What is wrong with it is said.
    mutating func run(_ line: String) -> [Effect] {
        let words = line.split(separator: " ").map(String.init)
        guard let name = words.first else { return [] }
        // What begins only one command is that command.
        let fitting = CommandLine.entries.filter { $0.name.hasPrefix(name) }
        guard let entry = fitting.first(where: { $0.name == name }) ?? (fitting.count == 1 ? fitting[0] : nil) else {
            let nearest = EditDistance.nearest(to: name, in: CommandLine.entries.map(\.name))
            let hint =
                fitting.isEmpty
                ? nearest.map { "; did you mean '\($0)'?" } ?? "" : ": " + fitting.map(\.name).joined(separator: ", ")
            self.say("there is no command '\(name)'\(hint)", .bad)
            return []
        }
        let arguments = Array(words.dropFirst())
        do throws(CommandLine.Problem) {
            if let effects = try self.look(entry, arguments) { return effects }
            return try self.order(entry, arguments)
        } catch {
            self.say(error.text, .bad)
            return []
        }
    }

    private typealias Problem = CommandLine.Problem

    /// Commands that change nothing on a server; `nil`: it is none of them.
    private mutating func look(_ entry: CommandLine.Entry, _ words: [String]) throws(CommandLine.Problem) -> [Effect]? {
        switch entry.name {
        case "quit": return [.quit]
        case "save": return [.save(self.draw().lines)]
        case "write": return [.writeSettings]
        case "help": self.open(.help)
        case "view": self.show(try Self.one(ViewName.self, entry, words))
        case "top":
            self.state.topField = try Self.one(TopField.self, entry, words)
            self.show(.top)
        case "group":
            self.state.grouping = try Self.one(Grouping.self, entry, words)
            self.state.expandedGroup = nil
            self.show(.sessions)
        case "state":
            self.state.sessionKind = try Self.one(SessionKind.self, entry, words)
            self.show(.sessions)
        case "interval":
            guard let seconds = words.first.flatMap(CommandLine.seconds), (0.1...3600).contains(seconds) else {
                throw Problem("interval SECONDS: 0.1 to 3600")
            }
            self.state.interval = seconds
        case "filter": self.state.list.filter = words.joined(separator: " ")
        case "query": try self.query(words.joined(separator: " "))
        case "columns": try self.chooseColumns(words)
        case "sort": try self.sortRows(words)
        case "diff":
            let number = words.first.flatMap { Int($0) }
            guard words.isEmpty || number != nil else { throw Problem(entry.usage) }
            self.state.configFrom = number
            self.show(.config)
        case "log": try self.followLog(words)
        case "explain":
            guard let id = words.first, words.count == 1 else { throw Problem(entry.usage) }
            let session = String(id.split(separator: ".").first ?? "")
            self.openSession(SessionPlace(server: self.serverOfOrder, id: session), .explain)
        case "server": try self.chooseServer(words.joined(separator: " "))
        default: return nil
        }
        return []
    }

    /// Commands that change a server. A command is written out, so only bans ask: of them nobody knows whom they hit.
    private mutating func order(_ entry: CommandLine.Entry, _ words: [String]) throws(CommandLine.Problem) -> [Effect] {
        let server = self.serverOfOrder
        guard self.maySteer(server) else { return [] }
        let order: Order
        switch entry.name {
        case "kick":
            guard let id = words.first, words.count == 1 else { throw Problem(entry.usage) }
            order = .kick(id)
        case "ban": order = .previewBan(try CommandLine.ban(words))
        case "lift":
            guard let network = words.first, words.count == 1 else { throw Problem(entry.usage) }
            guard let ban = self.shown.servers[server].bans.first(where: { $0.network == network || $0.id == network })
            else { throw Problem("no ban of \(network) is known here; the view Bans (9) has them") }
            order = .liftBan(ban.id)
        case "mode":
            guard words.count == 2, ["on", "shadow", "off"].contains(words[1]) else { throw Problem(entry.usage) }
            order = .patch(words[0], PluginPatch(mode: words[1]))
        case "level":
            guard words.count == 2 else { throw Problem(entry.usage) }
            order = .patch(words[0], PluginPatch(logLevel: words[1]))
        case "limit":
            guard words.count == 2, let seconds = CommandLine.seconds(words[1]) else { throw Problem(entry.usage) }
            order = .patch(words[0], PluginPatch(timeLimit: seconds))
        case "reload": order = .reload
        case "go-back": order = .goBack
        case "drain": order = .drain(try Self.isOn(entry, words))
        case "soft-bounce": order = .softBounce(try Self.isOn(entry, words))
        default: throw Problem(entry.usage)
        }
        return [.perform(order, server: server)]
    }

    private static func isOn(_ entry: CommandLine.Entry, _ words: [String]) throws(CommandLine.Problem) -> Bool {
        guard words == ["on"] || words == ["off"] else { throw Problem(entry.usage) }
        return words == ["on"]
    }

    private static func one<Value: RawRepresentable<String> & CaseIterable>(
        _ type: Value.Type, _ entry: CommandLine.Entry, _ words: [String]
    ) throws(CommandLine.Problem) -> Value {
        guard let word = words.first, words.count == 1, let value = Value(rawValue: word) else {
            throw Problem("\(entry.usage): " + Value.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    private mutating func query(_ text: String) throws(CommandLine.Problem) {
        do {
            _ = try Query(text)
        } catch {
            throw Problem(error.description)
        }
        self.wantQuery(text)
    }

    private mutating func chooseColumns(_ words: [String]) throws(CommandLine.Problem) {
        guard case .table(let table) = self.wholeContent else { throw Problem("this view has no columns") }
        if let unknown = words.first(where: { $0 != "marks" && table.places(of: $0).isEmpty }) {
            var known = table.columns.map(\.id).filter { !$0.hasPrefix("mark:") }
            if known.count < table.columns.count { known.append("marks") }
            throw Problem("there is no column '\(unknown)'; there are: \(known.joined(separator: ", "))")
        }
        self.state.list.columns = words
        self.columnSets[self.state.view.rawValue] = words.isEmpty ? nil : words
    }

    private mutating func sortRows(_ words: [String]) throws(CommandLine.Problem) {
        guard let table, let column = words.first else { throw Problem("sort COLUMN [asc|desc]") }
        let known = table.columns.filter(\.isSortable).map(\.id)
        guard known.contains(column) else {
            throw Problem("these rows cannot be sorted by '\(column)'; there are: \(known.joined(separator: ", "))")
        }
        self.sort(by: column)
        if words.count > 1 { self.state.list.sort?.isDescending = words[1] == "desc" }
    }

    private mutating func followLog(_ words: [String]) throws(CommandLine.Problem) {
        var wish = LogWish()
        wish.query = self.state.log.query
        for word in words {
            if CommandLine.levels.contains(word) {
                wish.level = word
            } else {
                let level = word.split(separator: ":").last.map(String.init) ?? ""
                if word.contains(":LOG"), !CommandLine.levels.contains(level) {
                    throw Problem("\(level) is no level; there are: \(CommandLine.levels.joined(separator: ", "))")
                }
                wish.plugins.append(word)
            }
        }
        self.wantLog(wish)
        self.show(.log)
    }

    private mutating func chooseServer(_ name: String) throws(CommandLine.Problem) {
        guard let place = self.snapshot.servers.firstIndex(where: { $0.name == name || $0.label == name }) else {
            throw Problem("there is no server '\(name)'")
        }
        self.state.server = place
    }
}
