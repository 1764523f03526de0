// ConfigViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

/// Configurations and how they differ.
struct ConfigViewTests {
    private static func table(
        _ servers: [ServerState], compared: Int? = nil, size: Size = Size(100, 30)
    ) -> Table {
        var state = ViewState()
        state.configFrom = compared
        return ConfigView.table(
            ViewInput(snapshot: ConsoleSnapshot(servers: servers, now: 1000), state: state, size: size))
    }

    private static func server(_ change: (inout Generations) -> Void = { _ in }) -> ServerState {
        var server = ServerState(label: "mx1")
        server.overview = Overview()
        server.overview?.generation = 3
        var generations = Generations(
            generations: [
                GenerationRow(
                    number: 3, isCurrent: true, loadedAt: 940, plugins: 7, warnings: ["plugins:2: warning: odd"]),
                GenerationRow(number: 2, isCurrent: false, loadedAt: 0, plugins: 1, warnings: ["old"]),
            ], changedFiles: [], refusal: [], refusedAt: nil)
        change(&generations)
        server.generations = generations
        return server
    }

    @Test func whatRuns() {
        let table = Self.table([Self.server()])
        #expect(
            table.rowTexts == [
                "configuration 3 runs  accepting  soft bounce off",
                "CONFIGURATIONS  Enter compares with the running one, u goes back",
                "* 3  loaded      1m ago  00:15:40  7 plugins  runs  1 warning", "    plugins:2: warning: odd",
                "  2  loaded       - ago  00:00:00  1 plugin  1 warning", "ON DISK  what runs",
                "DIFFERENCE  - only on disk  + only in the running one", "  none",
            ])
        #expect(table.rows.map(\.id).filter { $0.contains(":gen:") } == ["0:gen:3", "0:gen:2"])
        #expect(
            table.rows.filter { !$0.isSelectable }.map { $0.spans[0].text } == [
                "CONFIGURATIONS", "ON DISK", "DIFFERENCE",
            ])
        #expect(Set(table.rows.map(\.id)).count == table.rows.count)
    }

    @Test func switches() {
        var server = Self.server()
        server.overview?.isDraining = true
        server.overview?.isSoftBouncing = true
        let row = Self.table([server]).rows.first
        #expect(row?.text.contains("DRAINING") == true)
        #expect(row?.spans.contains(Span("SOFT BOUNCE: every 5xx leaves as 4xx", .warning)) == true)
    }

    @Test func aRefusedReload() {
        let table = Self.table([
            Self.server {
                ($0.refusal, $0.refusedAt) = (["plugins:12: error: no"], 990)
                $0.changedFiles = ["plugins", "rcpthosts"]
            }
        ])
        #expect(table.rowTexts.contains("LAST RELOAD  refused 10s ago; the running configuration goes on"))
        #expect(table.rows.contains { $0.spans == [Span("  plugins:12: error: no", .bad)] })
        #expect(table.rowTexts.contains("ON DISK  not what runs: plugins and rcpthosts; ^R reads them"))
    }

    @Test func differences() {
        var server = Self.server()
        server.difference = [FileDifference(file: "plugins", removed: ["a"], added: ["b", "c"])]
        let table = Self.table([server], compared: 2)
        #expect(
            table.rowTexts.suffix(5) == [
                "DIFFERENCE  - only in configuration 2  + only in the running one", "  plugins", "  - a", "  + b",
                "  + c",
            ])
        #expect(table.rows.suffix(3).map { $0.spans[0].style } == [.bad, .good, .good])
        #expect(table.rows.first { $0.id == "0:gen:2" }?.text.hasSuffix("compared  1 warning") == true)
        #expect(table.rowTexts.contains("    old"))
    }

    @Test func severalServers() {
        var down = ServerState(label: "mx2")
        down.link = .down("cannot connect")
        let table = Self.table([Self.server(), down])
        #expect(table.rowTexts.first?.hasPrefix("mx1  configuration 3 runs") == true)
        #expect(table.rowTexts.suffix(2) == ["mx2", "  cannot connect"])
        #expect(Set(table.rows.map(\.id)).count == table.rows.count)
    }
}
