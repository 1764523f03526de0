// BackendsViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct BackendsViewTests {
    private static let hop = "0:next_hop:mailstore.example.com:24"

    private func table(_ fixture: Fixture, _ change: (inout ViewState) -> Void = { _ in }) -> Table {
        BackendsView.table(ServerViews.input(fixture, change: change))
    }

    @Test(arguments: [
        ("kind", "next_hop"), ("name", "mailstore.example.com:24"), ("state", "failing"), ("flight", "12"),
        ("oldest", "31s"), ("requests", "220k"), ("errors", "4.0k"), ("p95", "1.9s"),
        ("error", "cannot connect: connection refused"), ("when", "2.0s"),
    ])
    func cells(_ column: String, _ expected: String) {
        #expect(self.table(.ordinary).text(Self.hop, column) == expected)
    }

    @Test func whatIsNotKnownIsBlank() {
        let table = self.table(.ordinary)
        #expect(table.text("0:disk:trails", "p95") == "-")
        #expect(table.text("0:disk:trails", "when") == "-")
        #expect(table.text("0:disk:trails", "error") == "")
    }

    @Test(arguments: [
        (Self.hop, Style.bad), ("0:disk:trails", .good), ("0:http:reputation.example.net", .muted),
    ])
    func states(_ row: String, _ expected: Style) {
        #expect(self.table(.ordinary).span(row, "state")?.style == expected)
    }

    @Test(
        arguments: [
            (nil, true, "127.0.0.1:53"), ("state", true, "mailstore.example.com:24"),
            ("state", false, "reputation.example.net"), ("requests", true, "127.0.0.1:53"),
            ("p95", true, "mailstore.example.com:24"), ("when", true, "mailstore.example.com:24"),
            ("name", true, "trails"),
        ] as [(String?, Bool, String)])
    func orders(_ column: String?, _ isDescending: Bool, _ expected: String) {
        let table = self.table(.ordinary) {
            $0[.backends].sort = column.map { Table.Sort(column: $0, isDescending: isDescending) }
        }
        #expect(table.texts("name").first == expected)
    }

    @Test(arguments: [
        (50, ["kind", "name", "state", "errors", "p95"]),
        (80, ["kind", "name", "state", "flight", "errors", "p95", "error"]),
        (
            120,
            ["kind", "name", "state", "flight", "oldest", "requests", "errors", "p95", "when", "error"]
        ),
    ])
    func columnsThatFit(_ width: Int, _ expected: [String]) {
        #expect(BackendsView.table(ServerViews.input(.ordinary, Size(width, 20))).shown(width) == expected)
    }

    @Test func unusedOnesAreHidden() {
        #expect(self.table(.ordinary).rows.count == 5)
        #expect(self.table(.ordinary) { $0.hidesZero = true }.rows.count == 4)
        #expect(self.table(.empty) { $0.hidesZero = true }.empty == "none was used yet")
    }

    @Test func captions() {
        #expect(self.table(.ordinary).captions[0].map(\.text).joined() == "5 backends, 1 failing")
        #expect(self.table(.empty).captions[0].map(\.text).joined() == "1 backend, none failing")
    }
}
