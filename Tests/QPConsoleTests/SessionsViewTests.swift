// SessionsViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

/// Lists of sessions: what stands in which column, in what order, and what gives way.
struct SessionsViewTests {
    private static func input(
        _ servers: [ServerState], _ state: ViewState = ViewState(), _ size: Size = Size(120, 20)
    ) -> ViewInput {
        ViewInput(snapshot: ConsoleSnapshot(servers: servers, now: 1000), state: state, size: size)
    }

    private static func row(_ id: String, _ change: (inout SessionRow) -> Void = { _ in }) -> SessionRow {
        var row = SessionRow(id: id)
        change(&row)
        return row
    }

    private static func server(
        _ rows: [SessionRow], _ kind: SessionKind = .live, plugins: [String] = [], total: Int? = nil, next: Int? = nil
    ) -> ServerState {
        var server = ServerState(label: "mx1")
        server.sessions[kind] = SessionPage(sessions: rows, total: total, next: next)
        server.plugins = plugins.map { PluginRow(name: $0) }
        return server
    }

    // MARK: Cells

    struct Sample: CustomTestStringConvertible {
        let testDescription: String
        var kind = SessionKind.live
        let column: String
        let expected: Span
        let change: @Sendable (inout SessionRow) -> Void
    }

    @Test(arguments: [
        Sample(testDescription: "the null sender", column: "sender", expected: Span("<>")) { $0.sender = "" },
        Sample(testDescription: "no mail yet", column: "sender", expected: Span("")) { _ in },
        Sample(testDescription: "no recipients of no mail", column: "rcpts", expected: Span("")) { _ in },
        Sample(testDescription: "no recipients yet", column: "rcpts", expected: Span("0", .muted)) { $0.sender = "" },
        Sample(testDescription: "age", column: "age", expected: Span("1m1s")) { $0.age = 61 },
        Sample(testDescription: "an age that is none", column: "age", expected: Span("-")) { $0.age = -3 },
        Sample(testDescription: "seconds before the name", column: "running", expected: Span(" 3.4s dnsbl@connect")) {
            ($0.plugin, $0.hook, $0.running) = ("dnsbl", "connect", 3.4)
        },
        Sample(testDescription: "a long run", column: "running", expected: Span("  42s dnsbl@?", .bad)) {
            ($0.plugin, $0.running) = ("dnsbl", 42)
        },
        Sample(testDescription: "notes by name", column: "notes", expected: Span("asn=AS1 karma=-2", .muted)) {
            $0.notes = ["karma": "-2", "asn": "AS1"]
        },
        Sample(testDescription: "when it began", kind: .ended, column: "started", expected: Span("10s")) {
            $0.startedAt = 990
        },
        Sample(testDescription: "a clock that is ahead", kind: .ended, column: "started", expected: Span("0")) {
            $0.startedAt = 1010
        },
        Sample(testDescription: "why", kind: .refused, column: "reason", expected: Span("go away", .bad)) {
            ($0.code, $0.reason) = (554, "go away")
        },
        Sample(testDescription: "why not now", kind: .ended, column: "code", expected: Span("451", .warning)) {
            ($0.code, $0.reason) = (451, "later")
        },
        Sample(
            testDescription: "what was taken", kind: .ended, column: "reason", expected: Span("2 mails queued", .good)
        ) {
            $0.messages = 2
        },
    ])
    func cells(_ sample: Sample) {
        var state = ViewState()
        state.sessionKind = sample.kind
        let server = Self.server([Self.row("a", sample.change)], sample.kind)
        #expect(SessionsView.table(Self.input([server], state)).cell("0:a", sample.column) == sample.expected)
    }

    // MARK: Marks

    @Test(arguments: zip(PluginMark.allCases, [" .", " o", " !", " d", " X"]))
    func marks(_ mark: PluginMark, _ expected: String) {
        var state = ViewState()
        state.isASCII = true
        let server = Self.server([Self.row("a") { $0.marks = ["relay": mark] }], plugins: ["relay"])
        #expect(SessionsView.table(Self.input([server], state)).cell("0:a", "mark:relay")?.text == expected)
    }

    @Test func marksOfARunningPlugin() {
        let server = Self.server(
            [
                Self.row("a") { ($0.marks, $0.plugin) = (["relay": .ok], "relay") },
                Self.row("b") { $0.plugin = "relay" },
                Self.row("c"),
            ], plugins: ["relay"])
        #expect(SessionsView.table(Self.input([server])).values("mark:relay") == [">o", "> ", ""])
    }

    @Test func marksKeepTheOrderOfTheConfiguration() {
        var first = Self.server(
            [Self.row("a") { $0.marks = ["zeta": .ok, "gone": .ok] }], plugins: ["zeta", "idle", "alpha"])
        first.plugins[2].runs = 5
        first.plugins[2].hooks = ["rcpt"]
        let second = Self.server([Self.row("b") { $0.marks = ["other": .ok] }], plugins: ["zeta", "other"])
        let table = SessionsView.table(Self.input([first, second]))
        #expect(
            table.columns.map(\.id).filter { $0.hasPrefix("mark:") }
                == ["mark:zeta", "mark:alpha", "mark:other", "mark:gone"])
    }

    @Test func pluginsThatRefuseStayLongest() {
        let names = (0..<20).map { "plugin\($0)" }
        var marks = Dictionary(uniqueKeysWithValues: names.map { ($0, PluginMark.declined) })
        marks["plugin17"] = .refused
        let server = Self.server([Self.row("a") { $0.marks = marks }], plugins: names)
        let table = SessionsView.table(Self.input([server]))
        for width in [50, 80, 120] { #expect(table.visible(width).contains("mark:plugin17"), "\(width)") }
        #expect(!table.visible(50).contains("mark:plugin5"))
    }

    @Test func legendNamesEveryMark() {
        let legend = SessionsView.legend(Glyphs(isASCII: true))
        #expect(legend.map(\.0) == [".", "o", "!", "d", "X", ">", " "])
        #expect(legend.allSatisfy { !$0.1.isEmpty })
    }

    // MARK: Columns

    @Test func columnsGiveWay() {
        let table = SessionsView.table(
            ViewInput(snapshot: Fixture.ordinary.snapshot, state: ViewState(), size: Size(80, 20)))
        func marks(_ width: Int) -> Int { table.visible(width).count { $0.hasPrefix("mark:") } }
        #expect(Set(table.visible(50)).isSuperset(of: ["peer", "age", "phase"]))
        #expect(marks(50) >= 3)
        #expect(Set(table.visible(80)).isSuperset(of: ["peer", "age", "phase", "helo"]))
        #expect(marks(80) >= 6)
        #expect(Set(table.visible(120)).isSuperset(of: ["peer", "age", "phase", "helo", "sender", "running"]))
        #expect(table.visible(250).contains("notes"))
    }

    @Test func whatTheEndpointSortsByIsSortable() {
        let table = SessionsView.table(Self.input([Self.server([])]))
        #expect(Set(table.columns.filter(\.isSortable).map(\.id)) == Set(SessionSort.allCases.map(\.rawValue)))
    }

    @Test func refusedOnesNeverSaidAnything() {
        var state = ViewState()
        state.sessionKind = .refused
        let table = SessionsView.table(Self.input([Self.server([], .refused)], state))
        #expect(!table.columns.contains { ["helo", "sender", "rcpts"].contains($0.id) })
    }

    // MARK: Places and order

    @Test(arguments: [
        (10_000 as Int?, 300 as Int?, 10_000), (nil, 300, 103), (nil, nil, 102), (5, nil, 102),
    ])
    func places(_ total: Int?, _ next: Int?, _ expected: Int) {
        var server = Self.server([Self.row("a"), Self.row("b")], total: total, next: next)
        server.sessionsWish[.live] = SessionsWish(offset: 100)
        let table = SessionsView.table(Self.input([server]))
        #expect(table.firstIndex == 100)
        #expect(table.total == expected)
        #expect(table.row(at: 101)?.id == "0:b")
    }

    @Test func rowsOfOneServerStayInItsOrder() {
        var server = Self.server([Self.row("b") { $0.age = 1 }, Self.row("a") { $0.age = 2 }])
        server.sessionsWish[.live] = SessionsWish(sort: .helo, isDescending: false)
        let table = SessionsView.table(Self.input([server]))
        #expect(table.rows.map(\.id) == ["0:b", "0:a"])
        #expect(table.sort == Table.Sort(column: "helo", isDescending: false))
    }

    struct Order: CustomTestStringConvertible {
        let sort: Table.Sort?
        let expected: [String]
        var testDescription: String { self.sort?.column ?? "as it is" }
    }

    @Test(arguments: [
        Order(sort: nil, expected: ["1:d", "0:a", "0:b", "1:c"]),
        Order(sort: Table.Sort(column: "nothing", isDescending: false), expected: ["1:d", "0:a", "0:b", "1:c"]),
        Order(sort: Table.Sort(column: "age", isDescending: false), expected: ["1:c", "0:b", "0:a", "1:d"]),
        Order(sort: Table.Sort(column: "peer", isDescending: false), expected: ["1:c", "0:a", "1:d", "0:b"]),
        Order(sort: Table.Sort(column: "phase", isDescending: true), expected: ["0:b", "0:a", "1:c", "1:d"]),
        Order(sort: Table.Sort(column: "octets", isDescending: true), expected: ["1:d", "0:a", "0:b", "1:c"]),
        Order(sort: Table.Sort(column: "running", isDescending: true), expected: ["1:c", "0:a", "0:b", "1:d"]),
    ])
    func serversAreMerged(_ order: Order) {
        let first = Self.server([
            Self.row("a") { ($0.age, $0.peer) = (30, "192.0.2.9") },
            Self.row("b") { ($0.age, $0.peer, $0.phase) = (20, "2001:db8::1", .data) },
        ])
        let second = Self.server(
            [
                Self.row("c") { ($0.age, $0.peer, $0.plugin, $0.running) = (.nan, "9.0.2.10", "x", 4) },
                Self.row("d") { ($0.age, $0.peer, $0.octets) = (40, "192.0.2.10", 5) },
            ], total: 500)
        var state = ViewState()
        state[.sessions].sort = order.sort
        let table = SessionsView.table(Self.input([first, second], state))
        #expect(table.rows.map(\.id) == order.expected)
        #expect((table.firstIndex, table.total) == (0, 4))
        #expect(table.columns.first?.id == "server")
    }

    // MARK: Captions

    @Test func captions() {
        var server = Self.server([Self.row("a")], total: 10_000)
        server.overview = Overview()
        server.overview?.sessions = 10_000
        server.overview?.sessionsLimit = 12_000
        server.sessions[.live]?.missingLoops = [1]
        #expect(
            SessionsView.table(Self.input([server])).captionTexts == [
                "live sessions: 10,000 of 12,000 allowed, oldest first, 1 of 10,000 loaded",
                "loop 1 does not answer: its sessions are missing",
            ])
        server.sessions[.live]?.missingLoops = [1, 3, 4]
        server.sessions[.live]?.total = 37
        var state = ViewState()
        state.sessionsQuery = "rcpts>5"
        #expect(
            SessionsView.table(Self.input([server], state)).captionTexts == [
                "live sessions: 37 of 10,000 match, oldest first, 1 of 37 loaded", "query: rcpts>5",
                "loops 1, 3 and 4 do not answer: their sessions are missing",
            ])
        #expect(
            SessionsView.table(Self.input([server, ServerState(label: "b")])).captionTexts.last
                == "mx1: loops 1, 3 and 4 do not answer: their sessions are missing")
        state = ViewState()
        state.sessionKind = .ended
        #expect(SessionsView.table(Self.input([server], state)).captionTexts == ["ended sessions, newest first"])
        state[.sessions].sort = Table.Sort(column: "age", isDescending: true)
        #expect(SessionsView.table(Self.input([server], state)).captionTexts == ["ended sessions, longest first"])
        state.sessionKind = .live
        state[.sessions].sort = Table.Sort(column: "helo", isDescending: false)
        #expect(
            SessionsView.table(Self.input([server], state)).captionTexts.first?.contains("sorted by helo, 1 of 37")
                == true)
    }

    @Test(arguments: [
        (SessionKind.live, "nobody is connected"), (.ended, "no session has ended yet"),
        (.refused, "nobody was refused"),
    ])
    func nobody(_ kind: SessionKind, _ expected: String) {
        var state = ViewState()
        state.sessionKind = kind
        #expect(SessionsView.table(Self.input([Self.server([], kind)], state)).empty == expected)
        #expect(SessionsView.table(Self.input([ServerState(label: "mx1")], state)).empty == "asking")
        state.sessionsQuery = "helo=x"
        #expect(SessionsView.table(Self.input([Self.server([], kind)], state)).empty == "no session matches")
    }

    // MARK: Groups

    private static func grouped(_ rows: [SessionRow] = [], query: String = "") -> ServerState {
        var server = Self.server(rows)
        server.topField = .network
        server.top = [
            TopRow(value: "192.0.2.0/24", count: 3, session: "a"),
            TopRow(value: "10.0.0.0/24", count: 12, session: "b"),
        ]
        server.sessionsWish[.live] = SessionsWish(query: query)
        return server
    }

    @Test func groupsLargestFirst() {
        var state = ViewState()
        (state.grouping, state.isASCII) = (.network, true)
        let table = SessionsView.table(Self.input([Self.grouped()], state, Size(50, 16)))
        #expect(
            table.draw(Size(50, 4), Table.Window(), isASCII: true).lines == [
                "live sessions: 0, grouped by network",
                "  NETWORK      SESSIONS",
                "+ 10.0.0.0/24        12  #########################",
                "+ 192.0.2.0/24        3  ######",
            ])
        #expect(table.rows.map(\.id) == ["group:10.0.0.0/24", "group:192.0.2.0/24"])
    }

    @Test func aGroupIsOpened() {
        var state = ViewState()
        (state.grouping, state.expandedGroup, state.isASCII) = (.network, "10.0.0.0/24", true)
        let server = Self.grouped([Self.row("x"), Self.row("y")], query: "ip=10.0.0.0/24")
        let table = SessionsView.table(Self.input([server], state))
        #expect(table.rows.map(\.id) == ["group:10.0.0.0/24", "0:x", "0:y", "group:192.0.2.0/24"])
        #expect(table.values("tree") == ["|-", "`-"])
        #expect(table.values("id") == ["x", "y"])
        #expect(table.rows[0].spans[0].text == "- ")
        #expect((table.firstIndex, table.total) == (0, 4))
    }

    @Test func sessionsOfAnotherQuestionAreNotShown() {
        var state = ViewState()
        (state.grouping, state.expandedGroup) = (.network, "10.0.0.0/24")
        let table = SessionsView.table(Self.input([Self.grouped([Self.row("x")], query: "")], state))
        #expect(table.rows.map(\.id) == ["group:10.0.0.0/24", "asking", "group:192.0.2.0/24"])
        #expect(table.rows[1].isSelectable == false)
    }

    @Test func groupsOfServersAreAdded() {
        var state = ViewState()
        (state.grouping, state.expandedGroup) = (.network, "10.0.0.0/24")
        var huge = Self.grouped([Self.row("y")], query: "ip=10.0.0.0/24")
        huge.top[1].count = .max
        let table = SessionsView.table(
            Self.input([Self.grouped([Self.row("x")], query: "ip=10.0.0.0/24"), huge, ServerState(label: "c")], state))
        #expect(table.rows.map(\.id) == ["group:10.0.0.0/24", "0:x", "1:y", "group:192.0.2.0/24"])
        #expect(table.rows[0].text.contains("9,223,372,036,854,775,807"))
        #expect(table.rows[3].text.contains("  6  "))
    }

    @Test func groupsOfAnotherFieldAreNotShown() {
        var state = ViewState()
        state.grouping = .address
        let table = SessionsView.table(Self.input([Self.grouped()], state))
        #expect(table.rows.isEmpty)
        #expect(table.empty == "counting")
    }

    // MARK: A picture

    @Test func picture() {
        var state = ViewState()
        state.isASCII = true
        let size = Size(80, 8)
        let table = SessionsView.table(ViewInput(snapshot: Fixture.ordinary.snapshot, state: state, size: size))
        #expect(
            table.draw(size, Table.Window(), isASCII: true).lines.joined(separator: "\n") == """
                live sessions: 48 of 1,000 allowed, oldest first
                PEER              AGEv PHASE   hal rly cuc dns bmf qft rok mdr HELO
                198.51.100.7      1h6m connect  .
                198.51.101.10   33m20s data     .   .   .   .   X   d  >       mx4.sender.examp~
                198.51.102.13   22m13s idle     .   d   .                      [198.51.100.23]
                198.51.103.16   16m40s leaving  .   o   .   .   .   .   o   .  localhost
                2001:db8:4::14  13m20s rcpt     .   .   .   .   .              smtp-out-12.bulk~
                198.51.100.22    11m6s helo     .   .
                """)
    }
}
