// ConsoleModel+Orders.swift
//
// What keys do that changes a server: nothing without a question that says whom it hits.

import QPTelemetry

extension ConsoleModel {
    /// Begins something that changes a server.
    mutating func steer(_ action: Action) {
        guard self.maySteer(self.serverOfOrder) else { return }
        switch action {
        case .kick: self.askKick()
        case .ban: self.beginBan()
        case .liftBan: self.askLift()
        case .shadow: self.askShadow()
        case .mode: self.askMode()
        case .reload:
            self.ask(
                "Read the configuration of \(self.serverName) again?",
                ["If anything in it is wrong, the one that runs goes on."], .reload)
        case .goBack:
            self.ask(
                "Go back to the configuration before?", ["The files stay as they are, of \(self.serverName)."], .goBack)
        case .softBounce:
            let isOn = self.overviewOfOrder?.isSoftBouncing != true
            self.ask(
                isOn ? "Let every 5xx leave as 4xx?" : "Refuse for good again?", ["On \(self.serverName)."],
                .softBounce(isOn))
        case .drain:
            let isOn = self.overviewOfOrder?.isDraining != true
            self.ask(
                isOn ? "Turn new connections away?" : "Take connections again?",
                ["On \(self.serverName)." + (isOn ? " Sessions that are there go on." : "")], .drain(isOn))
        default: break
        }
    }

    /// The server that the selected row is of, or else the one that was chosen.
    var serverOfOrder: Int {
        let row: Int?
        switch self.state.view {
        case .session: row = self.state.session?.server
        case .sessions, .plugins, .bans, .config, .log, .top: row = self.selectedRow.flatMap { RowName($0.id)?.server }
        default: row = nil
        }
        let server = row ?? self.state.server
        return self.snapshot.servers.indices.contains(server) ? server : 0
    }

    private var overviewOfOrder: Overview? {
        self.snapshot.servers.indices.contains(self.serverOfOrder)
            ? self.snapshot.servers[self.serverOfOrder].overview : nil
    }

    private var serverName: String {
        self.snapshot.servers.indices.contains(self.serverOfOrder)
            ? self.snapshot.servers[self.serverOfOrder].name : "the server"
    }

    /// Whether orders have a chance at all; says why not.
    mutating func maySteer(_ server: Int) -> Bool {
        guard !self.state.isReadOnly else {
            self.say("started with --readonly: nothing is changed", .warning)
            return false
        }
        guard self.snapshot.servers.indices.contains(server) else { return false }
        if let who = self.snapshot.servers[server].whoami, who.role < .operator_ {
            self.say("this needs the role operator; \(who.name) is \(who.role.rawValue)", .warning)
            return false
        }
        return true
    }

    /// Asks whether one order is meant.
    private mutating func ask(_ title: String, _ lines: [String], _ order: Order) {
        self.ask(title, lines, [order], server: self.serverOfOrder)
    }

    private mutating func ask(_ title: String, _ lines: [String], _ orders: [Order], server: Int) {
        self.dialog = Dialog(
            title: title, lines: lines,
            items: [
                Dialog.Item(key: .character("y"), title: "Yes", choice: .orders(orders, server: server)),
                Dialog.Item(key: .character("n"), title: "No", choice: .nothing),
            ], selected: 1)
    }

    // MARK: Sessions

    private mutating func askKick() {
        var places: [SessionPlace] = []
        if self.state.view == .sessions {
            places = self.state.list.tagged.sorted().compactMap { id in
                RowName(id).map { SessionPlace(server: $0.server, id: $0.rest) }
            }
        }
        if places.isEmpty, let place = self.selectedSession { places = [place] }
        guard !places.isEmpty else { return self.say("this row is no session") }
        let lines =
            places.prefix(5).map { self.describe($0) } + (places.count > 5 ? ["and \(places.count - 5) more"] : [])
        self.dialog = Dialog(
            title: places.count == 1 ? "End this session with 421?" : "End \(places.count) sessions with 421?",
            lines: lines,
            items: [
                Dialog.Item(
                    key: .character("y"), title: "Yes",
                    choice: .several(places.map { ServerOrder(server: $0.server, order: .kick($0.id)) })),
                Dialog.Item(key: .character("n"), title: "No", choice: .nothing),
            ], selected: 1)
    }

    private func sessionRow(_ place: SessionPlace) -> SessionRow? {
        guard self.shown.servers.indices.contains(place.server) else { return nil }
        let server = self.shown.servers[place.server]
        if server.detailID == place.id, let detail = server.detail { return detail.session }
        return server.sessions.values.lazy.flatMap(\.sessions).first { $0.id == place.id }
    }

    private func describe(_ place: SessionPlace) -> String {
        guard let row = self.sessionRow(place) else { return place.id }
        let parts = [
            place.id, row.peer, row.remoteHost, row.helo.map { "helo \($0)" },
            row.sender.map { $0.isEmpty ? "from <>" : "from \($0)" },
        ]
        return parts.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: "  ")
    }

    // MARK: Bans

    private mutating func beginBan() {
        var network = ""
        switch self.state.view {
        case .sessions, .session:
            if let id = self.selectedRow?.id, id.hasPrefix("group:") {
                network = String(id.dropFirst("group:".count))
            } else if let place = self.selectedSession {
                network = self.sessionRow(place)?.peer ?? ""
            }
        case .top where self.state.topField == .address || self.state.topField == .network:
            network = self.selectedRow.flatMap { RowName($0.id)?.rest } ?? ""
        default: break
        }
        if !network.isEmpty, QueryNetwork(network) == nil {
            return self.say("the address of this row is hidden from us", .warning)
        }
        self.prompt = Prompt(
            .ban, network.isEmpty ? "" : network + " 1h ", history: self.history[.ban] ?? [])
        self.prompt?.hint = "NETWORK [TIME] [REASON]; whom it would hit is shown first"
    }

    /// Asks about a ban whose preview has come.
    mutating func ask(aboutBan request: BanRequest, _ preview: BanPreview, _ server: Int) {
        let numbers = NumberText()
        let time = request.timeToLive.map { "for \(numbers.duration($0))" } ?? "until it is lifted"
        var lines = [
            "\(preview.network) \(time), on \(self.snapshot.servers[server].name)",
            "connected now: \(preview.live), in the last hour: \(preview.lastHour)"
                + ", mails these brought: \(preview.messagesLastHour)",
        ]
        lines += preview.needsForce.map { "against it: \($0)" }
        lines += preview.examples.prefix(4).map { row in
            [row.id, row.peer, row.helo ?? "", row.sender ?? ""].filter { !$0.isEmpty }.joined(separator: "  ")
        }
        var request = request
        var items: [Dialog.Item] = []
        if preview.needsForce.isEmpty {
            items.append(
                Dialog.Item(key: .character("y"), title: "Ban", choice: .orders([.ban(request)], server: server)))
        } else {
            request.force = true
            items.append(
                Dialog.Item(
                    key: .character("f"), title: "Ban by force", choice: .orders([.ban(request)], server: server)))
        }
        items.append(Dialog.Item(key: .character("n"), title: "No", choice: .nothing))
        self.dialog = Dialog(title: "Ban?", lines: lines, items: items, selected: items.count - 1)
    }

    private mutating func askLift() {
        guard let id = self.selectedRow?.id, let name = RowName(id), self.shown.servers.indices.contains(name.server),
            let ban = self.shown.servers[name.server].bans.first(where: { $0.id == name.rest })
        else { return }
        self.ask("Lift the ban of \(ban.network)?", [ban.reason].filter { !$0.isEmpty }, .liftBan(ban.id))
    }

    // MARK: Plugins

    private func pluginRow(_ server: Int, _ name: String) -> PluginRow? {
        guard self.shown.servers.indices.contains(server) else { return nil }
        return self.shown.servers[server].plugins.first { $0.name == name }
    }

    private mutating func askShadow() {
        guard let plugin = self.selectedPlugin, let row = self.pluginRow(plugin.server, plugin.name) else {
            return self.say("this row is no plugin")
        }
        let mode = row.mode == "shadow" ? "on" : "shadow"
        self.ask(
            mode == "on" ? "Let \(plugin.name) decide again?" : "Put \(plugin.name) into shadow mode?",
            mode == "on" ? [] : ["It is asked, counted and compared, and decides nothing."],
            [.patch(plugin.name, PluginPatch(mode: mode))], server: plugin.server)
    }

    private mutating func askMode() {
        guard let plugin = self.selectedPlugin, let row = self.pluginRow(plugin.server, plugin.name) else {
            return self.say("this row is no plugin")
        }
        let choices: [(Character, String, String)] = [
            ("o", "on", "on: it decides"), ("s", "shadow", "shadow: it is asked and decides nothing"),
            ("f", "off", "off: it is not asked"),
        ]
        self.dialog = Dialog(
            title: "Mode of \(plugin.name), now \(row.mode)",
            items: choices.map { key, mode, title in
                Dialog.Item(
                    key: .character(key), title: title,
                    choice: .orders([.patch(plugin.name, PluginPatch(mode: mode))], server: plugin.server))
            } + [Dialog.Item(key: .character("n"), title: "as it is", choice: .nothing)],
            selected: choices.firstIndex { $0.1 == row.mode } ?? 3)
    }

    // MARK: Answers

    /// A key while a question is asked.
    mutating func answer(_ key: Key) -> [Effect] {
        guard var dialog = self.dialog else { return [] }
        switch key {
        case .escape, .character("q"):
            self.dialog = nil
            return []
        case .up, .character("k"), .left, .backTab: dialog.selected = max(0, dialog.selected - 1)
        case .down, .character("j"), .right, .tab: dialog.selected = min(dialog.items.count - 1, dialog.selected + 1)
        case .enter:
            guard dialog.items.indices.contains(dialog.selected) else { return [] }
            return self.choose(dialog.items[dialog.selected].choice)
        default:
            guard let item = dialog.items.first(where: { $0.key == key }) else { return [] }
            return self.choose(item.choice)
        }
        self.dialog = dialog
        return []
    }

    private mutating func choose(_ choice: Dialog.Choice) -> [Effect] {
        self.dialog = nil
        switch choice {
        case .nothing: return []
        case .sort(let column):
            self.sort(by: column)
            return []
        case .orders(let orders, let server): return orders.map { .perform($0, server: server) }
        case .several(let orders):
            self.state.list.tagged = []
            return orders.map { .perform($0.order, server: $0.server) }
        }
    }
}
