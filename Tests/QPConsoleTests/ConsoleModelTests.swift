// ConsoleModelTests.swift
//
// Keys in, orders and screens out.

import QPTelemetry
import Testing

@testable import QPConsole

/// A console with one server, as somebody with hands uses it.
struct Desk {
    var model: ConsoleModel
    var effects: [ConsoleModel.Effect] = []

    init(_ fixture: Fixture = .ordinary, servers: Int = 1, size: Size = Size(120, 40)) {
        self.model = ConsoleModel(
            servers: (0..<servers).map { "server \($0)" }, size: size, now: Fixture.now)
        for index in 0..<servers { self.model.snapshot.servers[index] = fixture.server }
        for index in 0..<servers { self.model.snapshot.servers[index].whoami?.role = .admin }
        self.model.settle()
    }

    /// Types keys; `<Enter>` and the like are one key each.
    mutating func type(_ text: String) {
        var rest = text[...]
        while let first = rest.first {
            if first == "<", let end = rest.firstIndex(of: ">"), let key = Self.named[String(rest[...end])] {
                self.press(key)
                rest = rest[rest.index(after: end)...]
            } else {
                self.press(.character(first))
                rest = rest.dropFirst()
            }
        }
    }

    mutating func press(_ key: Key) { self.effects += self.model.received(.key(key)) }

    mutating func hear(_ content: News.Content, from server: Int = 0) {
        self.effects += self.model.received(.news([News(server, content)]))
    }

    var orders: [Order] {
        self.effects.compactMap { if case .perform(let order, _) = $0 { order } else { nil } }
    }

    var screen: String { self.model.draw().lines.joined(separator: "\n") }

    static let named: [String: Key] = [
        "<Enter>": .enter, "<Esc>": .escape, "<Tab>": .tab, "<Down>": .down, "<Up>": .up, "<End>": .end,
        "<Home>": .home, "<PgDn>": .pageDown, "<^R>": .control("r"), "<^S>": .control("s"), "<BS>": .backspace,
        "<F10>": .function(10), "<F5>": .function(5), "<F9>": .function(9), "<^U>": .control("u"),
    ]
}

@Suite struct ConsoleModelTests {
    @Test(arguments: ViewName.allCases.filter { $0 != .help })
    func digitsShowViews(_ view: ViewName) {
        var desk = Desk()
        desk.press(.character(view.key))
        #expect(desk.model.state.view == view)
        #expect(desk.model.needs.first == .overview)
    }

    struct Typed: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var keys: String
        var orders: [Order]

        init(_ name: String, _ keys: String, _ orders: [Order]) {
            self.testDescription = name
            self.keys = keys
            self.orders = orders
        }
    }

    private static var first: SessionRow {
        Fixture.ordinary.server.sessions[.live]?.sessions.first ?? SessionRow(id: "")
    }

    private static var plugin: String { Fixture.ordinary.server.plugins.first?.name ?? "" }

    @Test(arguments: [
        Typed("a kick asks first", "2K", []),
        Typed("a kick that is meant", "2Ky", [.kick(Self.first.id)]),
        Typed("F9 too", "2<F9>y", [.kick(Self.first.id)]),
        Typed("no is no", "2Kn", []),
        Typed("Enter is no, unless moved", "2K<Enter>", []),
        Typed("Esc is no", "2K<Esc>y", []),
        Typed("a command says what it means", ":kick abc<Enter>", [.kick("abc")]),
        Typed("its beginning will do", ":ki abc<Enter>", [.kick("abc")]),
        Typed(
            "a ban is looked at first", ":ban 192.0.2.0/24 1h dictionary attack<Enter>",
            [.previewBan(BanRequest(network: "192.0.2.0/24", timeToLive: 3600, reason: "dictionary attack"))]),
        Typed("a ban without a time", ":ban 192.0.2.1<Enter>", [.previewBan(BanRequest(network: "192.0.2.1"))]),
        Typed("no network, no ban", ":ban example.com<Enter>", []),
        Typed("a ban of a row", "2B<^U>198.51.100.7<Enter>", [.previewBan(BanRequest(network: "198.51.100.7"))]),
        Typed("shadow", "4sy", [.patch(Self.plugin, PluginPatch(mode: "shadow"))]),
        Typed("mode from a list", "4mf", [.patch(Self.plugin, PluginPatch(mode: "off"))]),
        Typed("mode by command", ":mode rcpt_ok shadow<Enter>", [.patch("rcpt_ok", PluginPatch(mode: "shadow"))]),
        Typed("no such mode", ":mode rcpt_ok sideways<Enter>", []),
        Typed("time limit", ":limit rcpt_ok 5s<Enter>", [.patch("rcpt_ok", PluginPatch(timeLimit: 5))]),
        Typed("level", ":level rcpt_ok LOGDEBUG<Enter>", [.patch("rcpt_ok", PluginPatch(logLevel: "LOGDEBUG"))]),
        Typed("reload", "0<^R>y", [.reload]),
        Typed("reload anywhere", "1<^R>y", [.reload]),
        Typed("go back", "0uy", [.goBack]),
        Typed("soft bounce", "0oy", [.softBounce(true)]),
        Typed("drain", "0Dy", [.drain(true)]),
        Typed("drain by command", ":drain off<Enter>", [.drain(false)]),
        Typed("half a command", ":drain<Enter>", []),
        Typed("no command", ":format disk<Enter>", []),
        Typed("a key that means nothing here", "1K", []),
    ])
    func orders(_ row: Typed) {
        var desk = Desk()
        desk.type(row.keys)
        #expect(desk.orders == row.orders)
    }

    @Test(arguments: [
        "2K", "4s", "4m", "0<^R>", ":kick abc<Enter>", ":drain on<Enter>", "0u", "2B", ":ban 192.0.2.1<Enter>",
    ])
    func readOnlyChangesNothing(_ keys: String) {
        var desk = Desk()
        desk.model.state.isReadOnly = true
        desk.type(keys)
        #expect(desk.orders == [])
        #expect(desk.screen.contains("--readonly"))
        #expect(desk.model.prompt == nil && desk.model.dialog == nil)
    }

    @Test func viewersAreToldWhatIsMissing() {
        var desk = Desk()
        desk.model.snapshot.servers[0].whoami = Whoami(
            name: "grafana", role: .viewer, source: "127.0.0.1", hidesAddresses: true)
        desk.type("2K")
        #expect(desk.model.dialog == nil)
        #expect(desk.screen.contains("this needs the role operator; grafana is viewer"))
    }

    @Test func kickSaysWhom() {
        var desk = Desk()
        desk.type("2K")
        #expect(desk.screen.contains("End this session with 421?"))
        #expect(desk.screen.contains(Self.first.id) && desk.screen.contains(Self.first.peer))
    }

    @Test func taggedRowsAreKickedTogether() {
        var desk = Desk()
        desk.type("2  Ky")
        let ids = (Fixture.ordinary.server.sessions[.live]?.sessions ?? []).prefix(2).map(\.id)
        #expect(Set(desk.orders) == Set(ids.map { Order.kick($0) }))
        #expect(desk.model.state[.sessions].tagged.isEmpty)
    }

    @Test func banShowsWhomItHits() {
        var desk = Desk()
        let request = BanRequest(network: "192.0.2.0/24", timeToLive: 3600)
        var preview = BanPreview(
            network: "192.0.2.0/24", live: 7, lastHour: 31, messagesLastHour: 4, needsForce: [], examples: [Self.first])
        desk.hear(.order(.previewBan(request), .preview(request, preview)))
        #expect(desk.screen.contains("connected now: 7, in the last hour: 31, mails these brought: 4"))
        desk.type("y")
        #expect(desk.orders == [.ban(request)])

        preview.needsForce = ["holds 127.0.0.1, which is this machine"]
        desk.effects = []
        desk.hear(.order(.previewBan(request), .preview(request, preview)))
        #expect(desk.screen.contains("against it: holds 127.0.0.1"))
        desk.type("y")
        #expect(desk.orders == [])
        desk.type("f")
        #expect(desk.orders == [.ban(BanRequest(network: "192.0.2.0/24", timeToLive: 3600, force: true))])
    }

    @Test func theSelectionStaysOnItsRow() throws {
        var desk = Desk()
        desk.type("2jj")
        let wanted = try #require(desk.model.selectedRow?.id)
        var page = try #require(desk.model.snapshot.servers[0].sessions[.live])
        page.sessions.insert(SessionRow(id: "zzzzzzzzzzzz"), at: 1)
        page.sessions[0].age += 1
        desk.hear(.answer(.sessions(SessionsWish(), page)))
        #expect(desk.model.selectedRow?.id == wanted)
        #expect(desk.model.state[.sessions].selected == 3)
    }

    @Test func frozenScreensStay() throws {
        var desk = Desk()
        desk.type("4z")
        let before = desk.model.draw()
        var plugins = desk.model.snapshot.servers[0].plugins
        plugins[0].runs &+= 1_000_000
        desk.hear(.answer(.plugins(plugins)))
        #expect(desk.model.draw() == before)
        desk.type("z")
        #expect(desk.model.draw() != before)
        #expect(!desk.screen.contains("FROZEN"))
    }

    @Test func filterIsAppliedWhileTyped() {
        var desk = Desk()
        desk.type("4\\rcpt_o")
        #expect(desk.model.table?.rows.map { $0.id } == ["0:rcpt_ok"])
        desk.type("<Esc>")
        #expect((desk.model.table?.rows.count ?? 0) > 1)
    }

    @Test func sessionsAreFilteredByTheServer() {
        var desk = Desk()
        desk.type("2;ip=192.0.2.0/24<Enter>\\spam<Enter>")
        let wishes = desk.model.needs.compactMap { if case .sessions(let wish) = $0 { wish } else { nil } }
        #expect(wishes.map(\.query) == ["(ip=192.0.2.0/24) and \"spam\""])
    }

    @Test func aQueryThatIsNoneSaysWhere() {
        var desk = Desk()
        desk.type("2;plugni=x<Enter>")
        #expect(desk.screen.contains("column 1: unknown field 'plugni'; did you mean 'plugin'?"))
        #expect(desk.model.prompt != nil)
    }

    @Test func tabCompletes() {
        var desk = Desk()
        desk.type(":mo<Tab>rcpt_o<Tab>sh<Tab>")
        #expect(desk.model.prompt?.editor.text == "mode rcpt_ok shadow ")
        desk.type("<Enter>")
        #expect(desk.orders == [.patch("rcpt_ok", PluginPatch(mode: "shadow"))])
    }

    @Test func historyComesBack() {
        var desk = Desk()
        desk.type(":interval 5<Enter>:interval 2<Enter>:<Up><Up>")
        #expect(desk.model.prompt?.editor.text == "interval 5")
        desk.type("<Enter>")
        #expect(desk.model.state.interval == 5)
    }

    /// Numbers of servers are what servers say.
    @Test(arguments: [Int.max, .min, -1, 0])
    func absurdTotals(_ total: Int) {
        var desk = Desk(servers: 2)
        for index in 0..<2 {
            desk.model.snapshot.servers[index].overview?.sessions = total
            desk.model.snapshot.servers[index].overview?.sessionsLimit = total
            desk.model.snapshot.servers[index].sessions[.live]?.total = total
        }
        desk.type("2G/nowhere to be found<Enter>nNg<PgDn>kj")
        #expect(desk.screen.contains("is not found"))
        var single = Desk()
        single.model.snapshot.servers[0].sessions[.live]?.total = total
        single.type("2G/nowhere to be found<Enter>nNg<PgDn>kj")
        #expect(single.screen.contains("is not found"))
    }

    @Test func restartsBeginAnew() {
        var desk = Desk()
        var overview = desk.model.snapshot.servers[0].overview ?? Overview()
        overview.processId += 1
        overview.uptime = 1
        desk.hear(.answer(.overview(overview)))
        #expect(desk.screen.contains("the server was started again"))
        #expect(desk.model.snapshot.servers[0].plugins.isEmpty)
    }

    @Test(arguments: [
        (LinkState.down("127.0.0.1:8025: connection refused; trying again"), "connection refused; trying again"),
        (.refused("401: the token is not known there"), "401: the token is not known there"),
        (.foreign("speaks no API of version 1 that this console knows"), "no API of version 1"),
    ])
    func troubleIsOneLine(_ link: LinkState, _ text: String) {
        var desk = Desk()
        desk.type("4")
        desk.hear(.link(link))
        #expect(desk.screen.split(separator: "\n").filter { $0.contains(text) }.count == 1)
        desk.hear(.link(.up))
        #expect(!desk.screen.contains(text))
    }

    @Test func severalServersAreNamed() {
        var desk = Desk(servers: 2)
        desk.model.snapshot.servers[1].overview?.name = "mx2.example.com"
        desk.type("2")
        #expect(desk.screen.contains("2 of 2 servers") && desk.screen.contains("SERVER"))
        desk.type("1S<^R>y")
        #expect(desk.effects.contains(.perform(.reload, server: 1)))
    }

    @Test func copiesAndScreensHoldNoControls() throws {
        var desk = Desk(.hostile)
        desk.type("2y<^S>")
        let texts = desk.effects.flatMap { effect -> [String] in
            switch effect {
            case .copy(let text): [text]
            case .save(let lines): lines
            default: []
            }
        }
        #expect(texts.count > 10)
        #expect(!texts.contains { $0.unicodeScalars.contains { $0.isTreacherous || $0.value == 0x7F } })
    }

    /// Whatever is pressed in whatever order, the screen stays a screen.
    @Test(arguments: Fixture.allCases)
    func anyKeysAtAnySize(_ fixture: Fixture) {
        let keys =
            Keymap.bindings.flatMap(\.keys) + ViewName.allCases.map { Key.character($0.key) }
            + "abcxyzY\"()= 0149/:;".map { Key.character($0) } + [
                .backspace, .delete, .mouse(Mouse(kind: .press, column: 5, row: 4)),
            ]
        var desk = Desk(fixture)
        var state: UInt64 = 42
        for round in 0..<500 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            desk.press(keys[Int(state >> 33) % keys.count])
            if round % 20 == 0 {
                let columns = Int(state >> 40) % 200 + 1
                _ = desk.model.received(.resized(Size(columns, Int(state >> 50) % 60 + 1)))
            }
            let grid = desk.model.draw()
            #expect(grid.size == Size(max(desk.model.size.columns, 1), max(desk.model.size.rows, 1)))
            #expect(!grid.cells.contains { $0.text.unicodeScalars.contains { $0.isTreacherous } })
        }
    }
}
