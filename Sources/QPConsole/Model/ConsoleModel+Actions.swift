// ConsoleModel+Actions.swift
//
// What keys do that only look.

import QPTelemetry

extension ConsoleModel {
    /// Does what a key asks for.
    mutating func perform(_ action: Action) -> [Effect] {
        switch action {
        case .quit: return [.quit]
        case .repaint: return [.repaint]
        case .suspend: return [.suspend]
        case .copy: return self.copy()
        case .saveScreen: return [.save(self.draw().lines)]
        case .kick, .ban, .liftBan, .shadow, .mode, .reload, .goBack, .softBounce, .drain:
            self.steer(action)
        case .up, .down, .pageUp, .pageDown, .home, .end: self.walk(action)
        case .search, .filter, .query, .command: self.beginPrompt(action)
        case .findNext: self.findMatch(1)
        case .findPrevious: self.findMatch(-1)
        case .sort: self.chooseSort()
        case .sortPrevious: self.sort(step: -1)
        case .sortNext: self.sort(step: 1)
        case .reverseSort:
            if let column = (self.state.list.sort ?? self.table?.sort)?.column { self.reverse(column) }
        case .freeze, .raw, .hideZero, .faster, .slower, .nextServer, .level, .figure, .sessionKind, .tree,
            .nextPart, .previousPart, .left, .right:
            self.turn(action)
        case .help: self.open(.help)
        case .back: self.goBack()
        case .enter, .explain, .logOfRow, .follow, .tag: self.act(action)
        case .nextProblem: self.findProblem(1)
        case .previousProblem: self.findProblem(-1)
        }
        return []
    }

    // MARK: Walking

    private mutating func walk(_ action: Action) {
        switch action {
        case .up: self.move(by: -1)
        case .down: self.move(by: 1)
        case .pageUp: self.page(-1)
        case .pageDown: self.page(1)
        case .home: self.move(by: -1_000_000_000)
        default: self.move(by: 1_000_000_000)
        }
    }

    private mutating func goBack() {
        if !self.state.list.search.isEmpty {
            self.state.list.search = ""
        } else if !self.state.list.filter.isEmpty {
            self.state.list.filter = ""
        } else if !self.state.list.tagged.isEmpty {
            self.state.list.tagged = []
        } else if let view = self.trail.popLast() {
            self.state.view = view
        }
        self.settle()
    }

    private mutating func findMatch(_ direction: Int) {
        let text = self.state.list.search
        guard !text.isEmpty else { return self.say("nothing is looked for: / begins a search") }
        if !self.find(direction, { $0.text.lowercased().contains(text) }) { self.say("\"\(text)\" is not found") }
    }

    private mutating func findProblem(_ direction: Int) {
        let problems = Set(
            self.shown.rows(\.log.rows).filter { LogView.isProblem($0.row.level) }
                .map { RowName(server: $0.server, String($0.row.sequence)).id })
        if !self.find(direction, { problems.contains($0.id) }) { self.say("no warning or error is here") }
    }

    private mutating func reverse(_ column: String) {
        let sort = self.state.list.sort ?? self.table?.sort
        self.state.list.sort = Table.Sort(column: column, isDescending: !(sort?.isDescending ?? false))
        self.settle()
    }

    private mutating func chooseSort() {
        guard let table else { return }
        let keys = "abcdefghijklmoprstuvwxyz"
        let items = zip(table.columns.filter(\.isSortable), keys).map { column, key in
            Dialog.Item(key: .character(key), title: column.id, choice: .sort(column.id))
        }
        guard !items.isEmpty else { return self.say("these rows keep their order") }
        self.dialog = Dialog(title: "Sort by", items: items)
    }

    // MARK: Settings of the view

    private mutating func turn(_ action: Action) {
        switch action {
        case .freeze:
            self.frozen = self.frozen == nil ? self.snapshot : nil
            self.state.isFrozen = self.frozen != nil
        case .raw: self.state.isRaw.toggle()
        case .hideZero: self.state.hidesZero.toggle()
        case .faster: self.changeInterval(-1)
        case .slower: self.changeInterval(1)
        case .nextServer:
            self.state.server = (self.state.server + 1) % max(1, self.snapshot.servers.count)
            self.say("keys act on \(self.snapshot.servers[self.state.server].name)")
        case .level: self.cycleLevel()
        case .figure: self.state.matrixFigure = Self.next(self.state.matrixFigure, 1)
        case .sessionKind:
            self.state.sessionKind = Self.next(self.state.sessionKind, 1)
            self.state[.sessions] = self.fresh(self.state[.sessions])
        case .tree:
            self.state.grouping = Self.next(self.state.grouping, 1)
            self.state.expandedGroup = nil
            self.state[.sessions] = self.fresh(self.state[.sessions])
        case .nextPart: self.turnPart(1)
        case .previousPart: self.turnPart(-1)
        case .left: self.turnHook(-1)
        case .right: self.turnHook(1)
        default: break
        }
        self.settle()
    }

    /// A list from its beginning, with what was chosen for it.
    private func fresh(_ list: ListState) -> ListState {
        var list = list
        (list.selected, list.selectedID, list.top, list.tagged) = (0, nil, 0, [])
        return list
    }

    private static func next<Value: CaseIterable & Equatable>(_ value: Value, _ step: Int) -> Value {
        let all = Array(Value.allCases)
        guard let place = all.firstIndex(of: value) else { return value }
        return all[(place + step + all.count) % all.count]
    }

    static let intervals = [0.5, 1, 2, 5, 10, 30, 60]

    private mutating func changeInterval(_ step: Int) {
        let all = Self.intervals
        let place = all.firstIndex { $0 >= self.state.interval } ?? all.count - 1
        self.state.interval = all[min(max(place + step, 0), all.count - 1)]
        self.say("every \(NumberText().duration(self.state.interval))")
    }

    private mutating func cycleLevel() {
        let levels: [String?] = [nil, "LOGDEBUG", "LOGINFO", "LOGNOTICE", "LOGWARN", "LOGERROR"]
        let place = levels.firstIndex(of: self.state.log.level) ?? 0
        var wish = self.state.log
        wish.level = levels[(place + 1) % levels.count]
        self.wantLog(wish)
    }

    /// Other lines of the log: those that are here do not belong to them.
    mutating func wantLog(_ wish: LogWish) {
        guard wish != self.state.log else { return }
        self.state.log = wish
        for index in self.snapshot.servers.indices { self.snapshot.servers[index].log.removeAll() }
        self.state[.log].isAtEnd = true
    }

    private mutating func turnPart(_ step: Int) {
        switch self.state.view {
        case .session: self.state.sessionPart = Self.next(self.state.sessionPart, step)
        case .top: self.state.topField = Self.next(self.state.topField, step)
        case .histogram:
            let plugins = HistogramView.choices(self.shown).map(\.plugin)
            guard !plugins.isEmpty else { return }
            let place = plugins.firstIndex(of: self.state.histogramPlugin) ?? 0
            self.state.histogramPlugin = plugins[(place + step + plugins.count) % plugins.count]
            self.state.histogramHook = ""
        default: break
        }
        self.state.list = self.fresh(self.state.list)
    }

    private mutating func turnHook(_ step: Int) {
        let choices = HistogramView.choices(self.shown)
        guard let hooks = choices.first(where: { $0.plugin == self.state.histogramPlugin })?.hooks, !hooks.isEmpty
        else {
            return
        }
        let place = hooks.firstIndex(of: self.state.histogramHook) ?? 0
        self.state.histogramHook = hooks[(place + step + hooks.count) % hooks.count]
    }

    // MARK: Rows

    private mutating func act(_ action: Action) {
        switch action {
        case .enter: self.openRow()
        case .tag: self.tag()
        case .follow: self.follow()
        case .explain:
            guard let place = self.selectedSession else { return self.say("this row is no session") }
            self.openSession(place, .explain)
        case .logOfRow: self.showLogOfRow()
        default: break
        }
    }

    /// The session that the selected row is about.
    var selectedSession: SessionPlace? {
        switch self.state.view {
        case .session: return self.state.session
        case .sessions:
            guard let row = self.selectedRow, let name = RowName(row.id) else { return nil }
            return SessionPlace(server: name.server, id: name.rest)
        case .log:
            guard let row = self.selectedLogRow, let session = row.row.session else { return nil }
            return SessionPlace(server: row.server, id: session)
        default: return nil
        }
    }

    private var selectedLogRow: (server: Int, row: LogRow)? {
        guard let id = self.selectedRow?.id, let name = RowName(id), let sequence = UInt64(name.rest) else {
            return nil
        }
        guard self.shown.servers.indices.contains(name.server) else { return nil }
        return self.shown.servers[name.server].log.rows.first { $0.sequence == sequence }.map { (name.server, $0) }
    }

    /// The plugin that the selected row is about.
    var selectedPlugin: (server: Int, name: String)? {
        guard self.state.view == .plugins, let id = self.selectedRow?.id, let name = RowName(id) else { return nil }
        return (name.server, name.rest)
    }

    /// Shows a session.
    mutating func openSession(_ place: SessionPlace, _ part: SessionPart? = nil) {
        if place != self.state.session {
            self.state.session = place
            self.state[.session] = ListState()
            for index in self.snapshot.servers.indices { self.snapshot.servers[index].dialogue.removeAll() }
        }
        if let part { self.state.sessionPart = part }
        self.open(.session)
    }

    private mutating func openRow() {
        guard let row = self.selectedRow else { return }
        switch self.state.view {
        case .sessions where row.id.hasPrefix("group:"):
            let group = String(row.id.dropFirst("group:".count))
            self.state.expandedGroup = self.state.expandedGroup == group ? nil : group
            self.settle()
        case .sessions, .log:
            guard let place = self.selectedSession else { return self.say("this line is about no session") }
            self.openSession(place)
        case .plugins:
            self.state.histogramPlugin = RowName(row.id)?.rest ?? ""
            self.state.histogramHook = ""
            self.open(.histogram)
        case .matrix:
            self.state.histogramPlugin = ""
            self.state.histogramHook = row.id.hasPrefix("hook:") ? String(row.id.dropFirst(5)) : ""
            self.open(.histogram)
        case .top:
            guard let name = RowName(row.id) else { return }
            self.state.sessionsQuery = self.queryOfTop(name.rest)
            self.state.grouping = .none
            self.state[.sessions] = self.fresh(self.state[.sessions])
            self.open(.sessions)
        case .bans: self.openBan(row)
        case .config:
            guard let name = RowName(row.id), name.rest.hasPrefix("gen:") else { return }
            let number = Int(name.rest.dropFirst(4))
            self.state.configFrom = self.state.configFrom == number ? nil : number
        default: break
        }
    }

    private mutating func openBan(_ row: TableRow) {
        guard let name = RowName(row.id), self.shown.servers.indices.contains(name.server),
            let ban = self.shown.servers[name.server].bans.first(where: { $0.id == name.rest })
        else { return }
        self.state.sessionsQuery = "ip=\(ban.network)"
        self.state.sessionKind = .refused
        self.state[.sessions] = self.fresh(self.state[.sessions])
        self.open(.sessions)
    }

    /// The query for sessions that have a value of the field that is counted.
    private func queryOfTop(_ value: String) -> String {
        let quoted = Self.quoted(value)
        switch self.state.topField {
        case .address, .network: return QueryNetwork(value) != nil ? "ip=\(value)" : "ip^=\(quoted)"
        case .helo: return "helo=\(quoted)"
        case .domain: return value.isEmpty ? "sender=\"\"" : "sender~\(Self.quoted("@" + Self.literal(value) + "$"))"
        case .sender: return "sender=\(quoted)"
        case .recipient: return "recipient=\(quoted)"
        case .reason: return "reason=\(quoted)"
        case .code: return Int(value) != nil ? "code=\(value)" : "reason=\(quoted)"
        case .plugin: return "plugin=\(quoted)"
        case .listener: return "listener=\(quoted)"
        }
    }

    /// A text as a regular expression that matches itself. In a query's quotes `\.` stays what it is.
    private static func literal(_ text: String) -> String {
        text.map { $0.isLetter || $0.isNumber || $0 == "-" ? String($0) : "[\($0)]" }.joined()
    }

    private mutating func tag() {
        guard let id = self.selectedRow?.id, self.selectedSession != nil else { return }
        if self.state.list.tagged.remove(id) == nil { self.state.list.tagged.insert(id) }
        self.move(by: 1)
    }

    private mutating func follow() {
        switch self.state.view {
        case .log:
            self.state[.log].isAtEnd.toggle()
            self.settle()
        case .sessions, .session:
            guard let place = self.selectedSession else { return self.say("this row is no session") }
            self.openSession(place, .dialogue)
            self.state[.session].isAtEnd = true
            self.settle()
        default: break
        }
    }

    private mutating func showLogOfRow() {
        var wish = LogWish()
        wish.level = self.state.log.level
        switch self.state.view {
        case .plugins:
            guard let plugin = self.selectedPlugin else { return }
            wish.plugins = [plugin.name]
        case .matrix:
            guard let id = self.selectedRow?.id, id.hasPrefix("hook:") else { return }
            wish.query = "hook=\(Self.quoted(String(id.dropFirst(5))))"
        default:
            guard let place = self.selectedSession else { return self.say("this row is no session") }
            wish.query = "id=\(Self.quoted(place.id))"
        }
        self.wantLog(wish)
        self.open(.log)
    }

    private mutating func copy() -> [Effect] {
        guard let row = self.selectedRow else { return [] }
        let text = ScreenText.plain(row.text, isASCII: self.state.isASCII)
        self.say("copied \(text.count) characters")
        return [.copy(text)]
    }

    // MARK: Mouse

    mutating func clicked(_ mouse: Mouse) -> [Effect] {
        switch mouse.kind {
        case .wheelUp: self.move(by: -3)
        case .wheelDown: self.move(by: 3)
        case .press, .double:
            if mouse.row == Frame.tabsRow {
                if let view = Frame.view(at: mouse.column, self) { self.show(view) }
            } else if mouse.row == self.size.rows - 1 {
                guard let action = Frame.action(at: mouse.column, self) else { return [] }
                return self.perform(action)
            } else {
                self.clickedRow(mouse)
            }
        }
        return []
    }

    private mutating func clickedRow(_ mouse: Mouse) {
        guard let table else { return }
        let line = mouse.row - Frame.headRows - table.captions.count
        if table.hasHeading, line == 0 {
            guard let column = table.column(at: mouse.column, width: self.contentSize.columns), column.isSortable else {
                return
            }
            return self.sort(by: column.id)
        }
        let place = self.state.list.top + line - (table.hasHeading ? 1 : 0)
        guard line >= 0, place >= 0, place < table.total, table.row(at: place)?.isSelectable != false else { return }
        self.state.list.isAtEnd = false
        self.state.list.selected = place
        self.state.list.selectedID = table.row(at: place)?.id
        self.settle()
        if mouse.kind == .double { self.openRow() }
    }
}
