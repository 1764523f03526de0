// ServerViewTests.swift
//
// What holds for every view of servers and plugins, whatever a server says and however small the screen is.

import QPTelemetry
import Testing

@testable import QPConsole

/// Views of servers and plugins, as tests want them.
enum ServerViews {
    static let views: [ViewName] = [.overview, .plugins, .matrix, .top, .histogram, .backends]
    static let sizes = [Size(50, 16), Size(80, 20), Size(120, 36), Size(200, 60), Size(9, 3), Size(1, 1)]

    /// A view's input; with `others`, four servers of which one answers, one is another one that answers, one cannot be
    /// reached and one has not answered yet.
    static func input(
        _ fixture: Fixture, _ size: Size = Size(120, 36), others: Bool = false,
        change: (inout ViewState) -> Void = { _ in }
    ) -> ViewInput {
        var snapshot = self.snapshots[fixture] ?? fixture.snapshot
        if others {
            var second = self.snapshots[.ordinary]?.servers[0] ?? Fixture.ordinary.server
            second.overview?.name = "mx2.example.com"
            second.overview?.isDraining = true
            var third = ServerState(label: "mx3.example.com:8443")
            third.link = .down("connection refused; tried again in 5 s")
            snapshot.servers += [second, third, ServerState(label: "mx4.example.com:8443")]
        }
        var state = ViewState()
        change(&state)
        return ViewInput(snapshot: snapshot, state: state, size: size)
    }

    /// Made once: some are large.
    private static let snapshots = Dictionary(
        Fixture.allCases.map { ($0, $0.snapshot) }, uniquingKeysWith: { first, _ in first })

    static func grid(_ view: ViewName, _ input: ViewInput) -> Grid {
        switch ViewContent.of(view, input) {
        case .grid(let grid): grid
        case .table(let table): table.draw(input.size, Table.Window(), isASCII: input.state.isASCII)
        }
    }

    static func text(_ view: ViewName, _ input: ViewInput) -> String {
        self.grid(view, input).lines.joined(separator: "\n")
    }
}

extension Table {
    /// What stands in a column of a row.
    func span(_ row: String, _ column: String) -> Span? {
        guard let place = self.columns.firstIndex(where: { $0.id == column }) else { return nil }
        return self.rows.first { $0.id == row }?.spans[place]
    }

    func text(_ row: String, _ column: String) -> String? { self.span(row, column)?.text }

    /// What stands in a column, from the first row to the last.
    func texts(_ column: String) -> [String] { self.rows.compactMap { self.text($0.id, column) } }

    /// Columns that are on the screen at a width.
    func shown(_ width: Int) -> [String] { self.layout(width).map { self.columns[$0.place].id } }
}

struct ServerViewTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let view: ViewName
        let fixture: Fixture
        let isASCII: Bool

        var testDescription: String { "\(self.view) of \(self.fixture)\(self.isASCII ? " in ASCII" : "")" }

        static let all = ServerViews.views.flatMap { view in
            Fixture.allCases.flatMap { fixture in
                [false, true].map { Self(view: view, fixture: fixture, isASCII: $0) }
            }
        }
    }

    @Test(arguments: Case.all)
    func screensAreSafeAndWhole(_ row: Case) {
        for size in ServerViews.sizes { self.check(row, size, others: false, isRaw: false) }
        self.check(row, Size(80, 20), others: true, isRaw: false)
        self.check(row, Size(80, 20), others: false, isRaw: true)
    }

    private func check(_ row: Case, _ size: Size, others: Bool, isRaw: Bool) {
        for figure in MatrixFigure.allCases where row.view == .matrix || figure == .runs {
            let input = ServerViews.input(row.fixture, size, others: others) { state in
                state.isASCII = row.isASCII
                state.isRaw = isRaw
                state.hidesZero = others
                state.matrixFigure = figure
            }
            let grid = ServerViews.grid(row.view, input)
            #expect(grid.size == size)
            let lines = grid.lines
            #expect(lines.filter { $0.unicodeScalars.contains { $0.isTreacherous } } == [])
            if row.isASCII { #expect(lines.filter { $0.unicodeScalars.contains { $0.value >= 0x7F } } == []) }
            let odd = lines.indices.filter { Self.columns(of: grid, $0) != size.columns }
            #expect(odd.map { lines[$0] } == [])
        }
    }

    /// Columns that a terminal would need for a row.
    private static func columns(of grid: Grid, _ row: Int) -> Int {
        grid.cells[row * grid.columns..<(row + 1) * grid.columns].reduce(0) { sum, cell in
            sum + (cell.text == " " ? 1 : ScreenText.columns(of: cell.text))
        }
    }

    @Test(arguments: ServerViews.views)
    func rowsHaveTheirOwnNames(_ view: ViewName) {
        for fixture in Fixture.allCases {
            guard case .table(let table) = ViewContent.of(view, ServerViews.input(fixture, others: true)) else {
                continue
            }
            #expect(Set(table.rows.map(\.id)).count == table.rows.count)
            #expect(Set(table.columns.map(\.id)).count == table.columns.count)
            #expect(table.rows.allSatisfy { $0.spans.count == table.columns.count })
        }
    }

    @Test(arguments: ServerViews.views)
    func everySortKeepsEveryRow(_ view: ViewName) {
        for fixture in Fixture.allCases {
            guard case .table(let natural) = ViewContent.of(view, ServerViews.input(fixture)) else { continue }
            for column in natural.columns where column.isSortable {
                for isDescending in [false, true] {
                    let sort = Table.Sort(column: column.id, isDescending: isDescending)
                    let input = ServerViews.input(fixture) { $0[view].sort = sort }
                    guard case .table(let table) = ViewContent.of(view, input) else { continue }
                    #expect(table.sort == sort)
                    #expect(Set(table.rows.map(\.id)) == Set(natural.rows.map(\.id)))
                }
            }
        }
    }

    @Test func aSortThatIsUnknownIsNone() {
        let input = ServerViews.input(.ordinary) {
            $0[.plugins].sort = Table.Sort(column: "nothing", isDescending: true)
        }
        #expect(PluginsView.table(input).sort == nil)
        #expect(PluginsView.table(input).rows == PluginsView.table(ServerViews.input(.ordinary)).rows)
    }

    @Test(arguments: ["plugins", "backends"])
    func severalServersHaveAColumn(_ name: String) throws {
        let view = try #require(ViewName(rawValue: name))
        guard case .table(let one) = ViewContent.of(view, ServerViews.input(.ordinary)),
            case .table(let several) = ViewContent.of(view, ServerViews.input(.ordinary, others: true))
        else { return }
        #expect(!one.columns.contains { $0.id == "server" })
        #expect(several.columns.first?.title == "SERVER")
        #expect(several.rows.count == 2 * one.rows.count)
        #expect(Set(several.texts("server")) == ["mx1.example.com", "mx2.example.com"])
        #expect(several.rows.contains { $0.id.hasPrefix("1:") })
        #expect(several.shown(50).first == "server")
    }
}
