// ListViewsTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

/// What holds for every list of sessions, lines, bans and configurations: nothing that a server says does more to a
/// terminal than to be shown, and everything stays in its place.
struct ListViewsTests {
    struct Shown: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let state: ViewState
    }

    private static func shown(_ view: ViewName, _ name: String = "", _ change: (inout ViewState) -> Void = { _ in })
        -> Shown
    {
        var state = ViewState()
        state.view = view
        state.session = SessionPlace(server: 0, id: Fixture.sessionID)
        change(&state)
        return Shown(testDescription: "\(view.rawValue) \(name)", state: state)
    }

    static let all: [Shown] =
        SessionKind.allCases.map { kind in Self.shown(.sessions, kind.rawValue) { $0.sessionKind = kind } }
        + [
            Self.shown(.sessions, "grouped") { $0.grouping = .network },
            Self.shown(.sessions, "opened") { ($0.grouping, $0.expandedGroup) = (.network, Fixture.hostileTexts[0]) },
            Self.shown(.sessions, "queried") { $0.sessionsQuery = Fixture.hostileTexts[1] },
            Self.shown(.log),
            Self.shown(.log, "narrowed") { $0.log = LogWish(plugins: Fixture.hostileTexts, query: "\u{1b}") },
            Self.shown(.bans),
            Self.shown(.bans, "sorted") { $0[.bans].sort = Table.Sort(column: "left", isDescending: true) },
            Self.shown(.config), Self.shown(.config, "compared") { $0.configFrom = .min },
        ] + SessionPart.allCases.map { part in Self.shown(.session, part.rawValue) { $0.sessionPart = part } }

    private static let sizes = [
        Size(1, 1), Size(20, 4), Size(50, 16), Size(50, 20), Size(80, 20), Size(120, 36), Size(200, 20),
    ]

    private static let snapshots = Dictionary(
        uniqueKeysWithValues: Fixture.allCases.map { fixture in
            var snapshot = fixture.snapshot
            if let group = snapshot.servers.first?.top.first?.value {
                snapshot.servers[0].sessionsWish[.live]?.query = "ip=\(group)"
            }
            return (fixture, snapshot)
        })

    private static func snapshot(_ fixture: Fixture, isSeveral: Bool) -> ConsoleSnapshot {
        var snapshot = Self.snapshots[fixture] ?? ConsoleSnapshot(servers: [])
        guard isSeveral else { return snapshot }
        snapshot.servers += Self.snapshots[.ordinary]?.servers ?? []
        snapshot.servers.append(ServerState(label: Fixture.hostileTexts[0]))
        return snapshot
    }

    @Test(arguments: all, Fixture.allCases)
    func nothingEscapes(_ shown: Shown, _ fixture: Fixture) {
        for (place, size) in Self.sizes.enumerated() {
            let snapshot = Self.snapshot(fixture, isSeveral: place % 2 == 1)
            for isASCII in [false, true] {
                var state = shown.state
                (state.isASCII, state.isRaw) = (isASCII, isASCII)
                let input = ViewInput(snapshot: snapshot, state: state, size: size)
                #expect(Self.faults(input) == [], "\(size)")
            }
        }
    }

    /// Lines that should not be as they are.
    private static func faults(_ input: ViewInput) -> [String] {
        guard case .table(let table) = ViewContent.of(input.state.view, input) else { return ["not a table"] }
        let grid = table.draw(input.size, Table.Window(), isASCII: input.state.isASCII)
        guard grid.size == input.size else { return ["another size"] }
        return grid.lines.enumerated().filter { row, line in
            let columns = (0..<grid.columns).reduce(0) { $0 + ScreenText.columns(of: grid[$1, row].text) }
            return columns != grid.columns || line.unicodeScalars.contains { $0.isTreacherous }
                || input.state.isASCII && !line.utf8.allSatisfy { $0 < 0x7F }
        }.map(\.element)
    }

    @Test(arguments: all)
    func rowsHaveNamesOfTheirOwn(_ shown: Shown) {
        for fixture in [Fixture.ordinary, .crowded] {
            let snapshot = Self.snapshot(fixture, isSeveral: true)
            let input = ViewInput(snapshot: snapshot, state: shown.state, size: Size(80, 20))
            guard case .table(let table) = ViewContent.of(shown.state.view, input) else { continue }
            #expect(Set(table.rows.map(\.id)).count == table.rows.count)
            #expect(table.rows.allSatisfy { $0.isLine || $0.spans.count == table.columns.count })
        }
    }

    /// Dictionaries have an order of their own; what is shown does not.
    @Test(arguments: Fixture.allCases)
    func theSameAgain(_ fixture: Fixture) {
        let again = fixture.snapshot
        for shown in Self.all {
            let rows = [Self.snapshot(fixture, isSeveral: false), again].map { snapshot -> [TableRow] in
                var snapshot = snapshot
                snapshot.servers[0].sessionsWish[.live]?.query = ""
                let input = ViewInput(snapshot: snapshot, state: shown.state, size: Size(80, 20))
                guard case .table(let table) = ViewContent.of(shown.state.view, input) else { return [] }
                return table.rows
            }
            #expect(rows[0] == rows[1], "\(shown)")
        }
    }
}
