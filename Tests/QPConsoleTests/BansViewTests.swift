// BansViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

/// Bans.
struct BansViewTests {
    private static func ban(_ id: String, _ network: String, expiresAt: Double? = nil, hits: UInt64 = 0) -> BanRow {
        BanRow(id: id, network: network, reason: "why", by: "ann", createdAt: 940, expiresAt: expiresAt, hits: hits)
    }

    private static func table(_ servers: [[BanRow]], sort: Table.Sort? = nil) -> Table {
        let servers = servers.enumerated().map { place, rows in
            var server = ServerState(label: "mx\(place)")
            server.bans = rows
            return server
        }
        var state = ViewState()
        state[.bans].sort = sort
        return BansView.table(
            ViewInput(snapshot: ConsoleSnapshot(servers: servers, now: 1000), state: state, size: Size(80, 20)))
    }

    private static let bans = [
        Self.ban("a", "203.0.113.0/24", expiresAt: 1090, hits: 5), Self.ban("b", "9.0.0.0/8", hits: 70),
        Self.ban("c", "2001:db8::/32", expiresAt: 900, hits: 6), Self.ban("d", "10.0.0.0/8", expiresAt: .nan),
    ]

    @Test func cells() {
        let table = Self.table([Self.bans])
        #expect(table.values("left") == ["1m30s", "forever", "over", "forever"])
        #expect(table.values("since") == ["1m", "1m", "1m", "1m"])
        #expect(table.cell("0:a", "network")?.text == "203.0.113.0/24")
        #expect(table.cell("0:b", "hits")?.text == "70")
        #expect(table.cell("0:b", "by")?.text == "ann")
        #expect(table.cell("0:b", "reason")?.text == "why")
        #expect(table.captionTexts == ["4 bans, 81 connections turned away"])
    }

    @Test(arguments: [
        (Table.Sort(column: "hits", isDescending: true), ["b", "c", "a", "d"]),
        (Table.Sort(column: "left", isDescending: false), ["c", "a", "b", "d"]),
        (Table.Sort(column: "network", isDescending: false), ["b", "d", "a", "c"]),
        (Table.Sort(column: "nothing", isDescending: false), ["a", "b", "c", "d"]),
    ])
    func order(_ sort: Table.Sort, _ expected: [String]) {
        let table = Self.table([Self.bans], sort: sort)
        #expect(table.rows.map(\.id) == expected.map { "0:" + $0 })
        #expect(table.sort == (sort.column == "nothing" ? nil : sort))
    }

    @Test func severalServers() {
        let table = Self.table([[Self.ban("a", "10.0.0.0/8")], [Self.ban("a", "10.0.0.0/8", hits: .max)]])
        #expect(table.rows.map(\.id) == ["0:a", "1:a"])
        #expect(table.values("server") == ["mx0", "mx1"])
    }

    @Test func columnsGiveWay() {
        let table = Self.table([Self.bans])
        #expect(Set(table.visible(50)).isSuperset(of: ["network", "left", "hits", "reason"]))
        #expect(table.visible(80) == ["network", "left", "hits", "by", "since", "reason"])
        #expect(Self.table([[]]).total == 0)
    }
}
