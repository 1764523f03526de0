// TopViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct TopViewTests {
    private func table(_ fixture: Fixture, others: Bool = false, _ change: (inout ViewState) -> Void = { _ in })
        -> Table
    {
        TopView.table(ServerViews.input(fixture, others: others, change: change))
    }

    @Test(arguments: [
        ("rank", "1"), ("count", "900"), ("share", "62%"), ("bar", "██████████"), ("value", "198.51.100.0/24"),
        ("session", "427ppwh0nh10"),
    ])
    func cells(_ column: String, _ expected: String) {
        #expect(self.table(.ordinary).text("0:198.51.100.0/24", column) == expected)
    }

    @Test(
        arguments: [
            (nil, true, ["198.51.100.0/24", "198.51.101.0/24"]),
            ("count", false, ["198.51.121.0/24", "198.51.122.0/24"]),
            ("value", true, ["2001:db8:4::/48", "198.51.129.0/24"]),
            ("rank", true, ["198.51.129.0/24", "198.51.128.0/24"]),
        ] as [(String?, Bool, [String])])
    func orders(_ column: String?, _ isDescending: Bool, _ expected: [String]) {
        let table = self.table(.ordinary) {
            $0[.top].sort = column.map { Table.Sort(column: $0, isDescending: isDescending) }
        }
        #expect(Array(table.texts("value").prefix(2)) == expected)
    }

    @Test(arguments: [
        (50, ["rank", "count", "share", "value", "session"]),
        (80, ["rank", "count", "share", "bar", "value", "session"]), (30, ["count", "value"]),
    ])
    func columnsThatFit(_ width: Int, _ expected: [String]) {
        #expect(self.table(.ordinary).shown(width) == expected)
    }

    @Test func captions() {
        let table = self.table(.ordinary) {
            $0.sessionKind = .ended
            $0.sessionsQuery = "rcpts>5"
        }
        #expect(
            table.captions.map { $0.map(\.text).joined() } == [
                "address [network] helo domain sender recipient reason code plugin listener",
                "ended sessions where rcpts>5, 30 values, 1.4k in all",
            ])
        #expect(TopView.table(ServerViews.input(.ordinary, Size(50, 16))).captions.count == 3)
    }

    @Test func anotherFieldIsWaitedFor() {
        let table = self.table(.ordinary) { $0.topField = .helo }
        #expect(table.rows.isEmpty && table.empty == "waiting for the answer")
        #expect(self.table(.empty).empty == "no session has one")
    }

    @Test func severalServersAreMerged() {
        var (first, second) = (Fixture.empty.server, Fixture.empty.server)
        first.top = [TopRow(value: "a", count: 3, session: "x"), TopRow(value: "b", count: 2, session: "y")]
        second.top = [
            TopRow(value: "c", count: 4, session: "z"), TopRow(value: "b", count: 5, session: "q"),
            TopRow(value: "c", count: -9, session: "r"),
        ]
        let snapshot = ConsoleSnapshot(servers: [first, second])
        let table = TopView.table(ViewInput(snapshot: snapshot, state: ViewState(), size: Size(80, 20)))
        #expect(table.rows.map(\.id) == ["0:b", "1:c", "0:a"])
        #expect(table.texts("count") == ["7", "4", "3"])
        #expect(table.texts("share") == ["50%", "29%", "21%"])
        #expect(!table.columns.contains { $0.id == "server" })
    }

    @Test(arguments: [(TopField.sender, "<>"), (.helo, "(none)")])
    func theEmptyValueHasAName(_ field: TopField, _ expected: String) {
        var server = Fixture.empty.server
        server.topField = field
        server.top = [TopRow(value: "", count: 1, session: "x")]
        var state = ViewState()
        state.topField = field
        let input = ViewInput(snapshot: ConsoleSnapshot(servers: [server]), state: state, size: Size(80, 20))
        #expect(TopView.table(input).text("0:", "value") == expected)
    }
}
