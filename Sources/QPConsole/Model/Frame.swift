// Frame.swift
//
// What stands around every view: head, tabs, the operator's line, keys; and questions above it.

import QPTelemetry

/// The frame of the screen.
enum Frame {
    /// Lines above and below a view.
    static let headRows = 2
    static let footRows = 2
    static let tabsRow = 1

    /// Fewer are not drawn in.
    static let least = Size(20, 6)
}

extension ConsoleModel {
    /// The whole screen.
    func draw() -> Grid {
        var grid = Grid(self.size, isASCII: self.state.isASCII)
        guard self.size.columns >= Frame.least.columns, self.size.rows >= Frame.least.rows else {
            grid.put("too small", at: 0, 0)
            return grid
        }
        self.drawHead(&grid)
        Frame.drawTabs(&grid, self)
        switch self.content {
        case .grid(let picture): grid.place(picture, at: 0, Frame.headRows)
        case .table(let table):
            let list = self.state.list
            let window = Table.Window(
                top: list.top, selected: list.selected, tagged: list.tagged, search: list.search)
            grid.place(
                table.draw(self.contentSize, window, isASCII: self.state.isASCII), at: 0, Frame.headRows)
        }
        self.drawLine(&grid)
        Frame.drawKeys(&grid, self)
        if let dialog { Frame.draw(dialog, &grid) }
        return grid
    }

    /// Where the cursor is, if a line is typed.
    var cursor: (column: Int, row: Int)? {
        guard let prompt, self.dialog == nil else { return nil }
        let column = ScreenText.columns(of: prompt.label) + self.typed(prompt).before
        return (min(column, self.size.columns - 1), self.size.rows - 2)
    }

    /// The part of the line being typed that fits, and the columns before the cursor in it.
    private func typed(_ prompt: Prompt) -> (text: String, before: Int) {
        let room = max(1, self.size.columns - ScreenText.columns(of: prompt.label) - 1)
        var before = prompt.editor.before
        while ScreenText.columns(of: before, isASCII: self.state.isASCII) >= room, !before.isEmpty {
            before.removeFirst()
        }
        let behind = prompt.editor.text.dropFirst(prompt.editor.before.count)
        return (before + behind, ScreenText.columns(of: before, isASCII: self.state.isASCII))
    }

    // MARK: Head

    private func drawHead(_ grid: inout Grid) {
        grid.restyle(row: 0) { $0 = .bar }
        let numbers = NumberText(isRaw: self.state.isRaw)
        var parts: [Span] = []
        var place =
            1 + grid.put(self.headTitle, at: 1, 0, width: self.size.columns / 2, Style(tone: .bar, isBold: true))
        let up = self.shown.servers.compactMap(\.overview)
        if let first = up.first {
            func sum(_ name: String) -> Double { up.reduce(0) { $0 + ($1.rates[name]?.tenSeconds ?? 0) } }
            let sessions = up.reduce(0) { $0 &+ $1.sessions }
            let limit = up.reduce(0) { $0 &+ $1.sessionsLimit }
            let lost =
                up.reduce(UInt64(0)) { $0 &+ $1.logDropped &+ $1.eventsDropped }
                &+ self.shown.servers.reduce(0) { $0 &+ $1.log.lost &+ $1.dialogue.lost }
            parts.append(Span("\(numbers.count(sessions))/\(numbers.count(limit)) sessions", .bar))
            parts.append(Span("acc \(numbers.rate(sum("messages_queued")))/s", .bar))
            let refused =
                sum("refused") + sum("messages_rejected") + sum("messages_deferred") + sum("recipients_refused")
            parts.append(Span("ref \(numbers.rate(refused))/s", .bar))
            parts.append(Span("lost \(numbers.count(lost))", Style(tone: .bar, isBold: lost > 0)))
            if !self.shown.hasSeveralServers { parts.append(Span("up \(numbers.duration(first.uptime))", .bar)) }
            parts.append(Span("gen \(first.generation)", .bar))
        }
        if self.state.isFrozen { parts.insert(Span("FROZEN", Style(tone: .bar, isBold: true)), at: 0) }
        for part in parts where place + 2 + ScreenText.columns(of: part.text) <= self.size.columns {
            place += 2
            place += grid.put(part.text, at: place, 0, part.style)
        }
    }

    private var headTitle: String {
        guard self.shown.servers.count == 1, let server = self.shown.servers.first else {
            let up = self.shown.servers.filter { $0.link == .up }.count
            return "qpconsole  \(up) of \(self.shown.servers.count) servers"
        }
        let version = server.overview.map { " \($0.version)" } ?? ""
        return "qpserver\(version)  \(server.name)"
    }

    // MARK: The operator's line

    private func drawLine(_ grid: inout Grid) {
        let row = self.size.rows - 2
        if let prompt {
            let used = grid.put(prompt.label, at: 0, row, .accent)
            let text = self.typed(prompt).text
            let end = used + grid.put(text, at: used, row, Style(isBold: true))
            if !prompt.hint.isEmpty { grid.put(prompt.hint, at: end + 2, row, .warning) }
        } else if let message {
            grid.put(message.text, at: 0, row, Style(tone: message.tone, isBold: true))
        } else if let trouble = self.linkTrouble {
            grid.put(trouble, at: 0, row, Style(tone: .bad, isBold: true))
        } else if self.state.isFrozen {
            grid.put("frozen: z goes on", at: 0, row, .muted)
        }
    }

    /// What is wrong with the way to a server.
    private var linkTrouble: String? {
        for server in self.snapshot.servers {
            guard let text = server.link.text else { continue }
            return self.snapshot.hasSeveralServers && !text.contains(server.label) ? "\(server.name): \(text)" : text
        }
        return nil
    }
}

extension Frame {
    // MARK: Tabs

    private static func tabs(_ model: ConsoleModel) -> [(view: ViewName, text: String)] {
        let all = ViewName.allCases.filter { $0 != .help }
        let long = all.map { (view: $0, text: "\($0.key) \($0.title)") }
        let width = long.reduce(0) { $0 + $1.text.count + 2 }
        if width <= model.size.columns { return long }
        // Names where there is room for them, else the key alone but for the one that is shown.
        return all.map { view in
            (view: view, text: view == model.state.view ? "\(view.key) \(view.title)" : String(view.key))
        }
    }

    static func drawTabs(_ grid: inout Grid, _ model: ConsoleModel) {
        var place = 0
        for tab in Self.tabs(model) {
            var style = Style.muted
            if tab.view == model.state.view { style = Style(isBold: true, isUnderlined: true) }
            place += grid.put(tab.text, at: place, Self.tabsRow, style) + 2
        }
        let every = "every \(NumberText().duration(model.state.interval))"
        if place + every.count <= model.size.columns {
            grid.put(every, at: model.size.columns - every.count, Self.tabsRow, .muted)
        }
    }

    /// The view whose tab stands at a column.
    static func view(at column: Int, _ model: ConsoleModel) -> ViewName? {
        var place = 0
        for tab in Self.tabs(model) {
            if column >= place, column < place + tab.text.count { return tab.view }
            place += tab.text.count + 2
        }
        return nil
    }

    // MARK: Keys

    private static func keys(_ model: ConsoleModel) -> [(action: Action?, key: String, title: String)] {
        if let dialog = model.dialog {
            return dialog.items.map { (nil, $0.key.name, $0.title) } + [(nil, "Esc", "No")]
        }
        if let prompt = model.prompt {
            let more = prompt.purpose == .command ? [(nil, "Tab", "Complete")] : [(nil as Action?, "Up", "Before")]
            return [(nil, "Enter", "Do it"), (nil, "Esc", "Leave")] + more
        }
        return Keymap.footer(of: model.state.view, isReadOnly: model.state.isReadOnly).map { binding in
            (binding.action, binding.keys.first?.name ?? "", binding.action.title)
        }
    }

    static func drawKeys(_ grid: inout Grid, _ model: ConsoleModel) {
        var place = 0
        let row = model.size.rows - 1
        for (_, key, title) in Self.keys(model) {
            guard place + key.count + 1 + title.count <= model.size.columns else { break }
            place += grid.put(key, at: place, row, Style(tone: .accent, isBold: true))
            place += 1 + grid.put(title, at: place + 1, row, .muted) + 2
        }
    }

    /// What the key at a column of the last line does.
    static func action(at column: Int, _ model: ConsoleModel) -> Action? {
        var place = 0
        for (action, key, title) in Self.keys(model) {
            let width = key.count + 1 + title.count
            if column >= place, column < place + width { return action }
            place += width + 2
        }
        return nil
    }

    // MARK: Questions

    static func draw(_ dialog: Dialog, _ grid: inout Grid) {
        let glyphs = Glyphs(isASCII: grid.isASCII)
        let texts = [dialog.title] + dialog.lines + dialog.items.map { "  \($0.key.name)  \($0.title)" }
        let widest = texts.map { ScreenText.columns(of: $0, isASCII: grid.isASCII) }.max() ?? 0
        let width = min(grid.columns, widest + 4)
        let lines = min(dialog.lines.count, max(0, grid.rows - dialog.items.count - 4))
        let height = min(grid.rows, lines + dialog.items.count + 3)
        var box = Grid(Size(width, height), isASCII: grid.isASCII)
        let edge = String(repeating: glyphs.line, count: width)
        box.put(edge, at: 0, 0, .accent)
        box.put(" \(dialog.title) ", at: 1, 0, width: width - 2, Style(isBold: true))
        box.put(edge, at: 0, height - 1, .accent)
        for (index, line) in dialog.lines.prefix(lines).enumerated() {
            box.put(line, at: 2, 1 + index, width: width - 4)
        }
        for (index, item) in dialog.items.enumerated() {
            let row = 1 + lines + index
            box.put(item.key.name, at: 2, row, Style(tone: .accent, isBold: true))
            box.put(item.title, at: 4 + item.key.name.count, row, width: width - 6)
            if index == dialog.selected { box.restyle(row: row) { $0.isSelected = true } }
        }
        grid.place(box, at: (grid.columns - width) / 2, max(0, (grid.rows - height) / 2))
    }
}
