// ConsoleModel+Prompts.swift
//
// Lines that the operator types: search, filter, query, ban, command.

import QPTelemetry

extension ConsoleModel {
    private static let historyLimit = 50

    /// Begins a line.
    mutating func beginPrompt(_ action: Action) {
        switch action {
        case .search: self.prompt = Prompt(.search, history: self.history[.search] ?? [])
        case .filter: self.prompt = Prompt(.filter, self.state.list.filter, history: self.history[.filter] ?? [])
        case .query:
            let query = self.state.view == .log ? self.state.log.query : self.state.sessionsQuery
            self.prompt = Prompt(.query, query, history: self.history[.query] ?? [])
            self.prompt?.hint = "conditions, as in: plugin=rcpt_ok and ip=192.0.2.0/24; empty shows all"
        default: self.prompt = Prompt(.command, history: self.history[.command] ?? [])
        }
    }

    /// A key while a line is typed.
    mutating func type(_ key: Key) -> [Effect] {
        guard var prompt = self.prompt else { return [] }
        switch key {
        case .escape, .control("c"), .control("g"):
            self.prompt = nil
            if prompt.purpose == .filter { self.state.list.filter = prompt.before }
            self.settle()
            return []
        case .enter: return self.finish(prompt)
        case .up: prompt.recall(-1)
        case .down: prompt.recall(1)
        case .tab where prompt.purpose == .command:
            let completion = CommandLine.complete(prompt.editor.before, self.completionWords)
            if let text = completion.text { prompt.editor.replace(text) }
            prompt.hint = completion.hint
            self.prompt = prompt
            return []
        case .backspace where prompt.editor.text.isEmpty:
            self.prompt = nil
            return []
        default:
            guard prompt.editor.edit(key) else { return [] }
        }
        prompt.hint = self.objection(to: prompt)
        self.prompt = prompt
        if prompt.purpose == .filter {
            self.state.list.filter = prompt.editor.text
            self.settle()
        }
        return []
    }

    /// What is wrong with a line, while it is typed.
    private func objection(to prompt: Prompt) -> String {
        guard prompt.purpose == .query else { return "" }
        do {
            _ = try Query(prompt.editor.text)
            return ""
        } catch {
            return error.description
        }
    }

    private mutating func finish(_ prompt: Prompt) -> [Effect] {
        let text = prompt.editor.text
        switch prompt.purpose {
        case .query:
            if let problem = Optional(self.objection(to: prompt)), !problem.isEmpty {
                self.prompt?.hint = problem
                return []
            }
            self.wantQuery(text)
        case .filter: self.state.list.filter = text
        case .search:
            self.state.list.search = text.lowercased()
            if !text.isEmpty, !self.find(1, { $0.text.lowercased().contains(text.lowercased()) }) {
                self.say("\"\(text)\" is not found")
            }
        case .ban:
            do {
                let request = try CommandLine.ban(text.split(separator: " ").map(String.init))
                self.prompt = nil
                self.remember(prompt)
                return [.perform(.previewBan(request), server: self.serverOfOrder)]
            } catch {
                self.prompt?.hint = error.text
                return []
            }
        case .command:
            self.prompt = nil
            self.remember(prompt)
            let effects = self.run(text)
            self.settle()
            return effects
        }
        self.prompt = nil
        self.remember(prompt)
        self.settle()
        return []
    }

    private mutating func remember(_ prompt: Prompt) {
        let text = prompt.editor.text
        guard !text.isEmpty else { return }
        var lines = self.history[prompt.purpose] ?? []
        lines.removeAll { $0 == text }
        lines.append(text)
        self.history[prompt.purpose] = Array(lines.suffix(Self.historyLimit))
    }

    /// Another query for what the view shows.
    mutating func wantQuery(_ text: String) {
        if self.state.view == .log {
            var wish = self.state.log
            wish.query = text
            self.wantLog(wish)
        } else {
            self.state.sessionsQuery = text
            var list = self.state[.sessions]
            (list.selected, list.selectedID, list.top, list.tagged) = (0, nil, 0, [])
            self.state[.sessions] = list
        }
    }

    /// Words that commands may be completed with.
    var completionWords: CommandLine.Words {
        var words = CommandLine.Words()
        for server in self.snapshot.servers {
            words.servers.append(server.name)
            for plugin in server.plugins where !words.plugins.contains(plugin.name) {
                words.plugins.append(plugin.name)
            }
        }
        words.columns = self.table?.columns.map(\.id) ?? []
        return words
    }
}
