// MatrixViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct MatrixViewTests {
    private func table(_ fixture: Fixture, _ figure: MatrixFigure = .refusals, others: Bool = false) -> Table {
        MatrixView.table(ServerViews.input(fixture, others: others) { $0.matrixFigure = figure })
    }

    @Test(arguments: [
        (MatrixFigure.refusals, "hook:rcpt", "plugin:dnsbl", "7%"), (.refusals, "hook:rcpt", "all", "7%"),
        (.refusals, "hook:connect", "plugin:relay", "·"), (.refusals, "hook:connect", "plugin:badmailfrom", ""),
        (.refusals, "hook:mail", "plugin:badmailfrom", "-"), (.latency, "hook:rcpt", "plugin:dnsbl", "21ms"),
        (.latency, "hook:rcpt", "all", "21ms"), (.runs, "hook:rcpt", "plugin:dnsbl", "4.3M"),
        (.runs, "hook:rcpt", "all", "4.7M"), (.runs, "hook:queue", "plugin:queue/maildir", "2.0M"),
    ])
    func cells(_ figure: MatrixFigure, _ row: String, _ column: String, _ expected: String) {
        #expect(self.table(.ordinary, figure).text(row, column) == expected)
    }

    @Test func colours() {
        #expect(self.table(.ordinary).span("hook:rcpt", "plugin:dnsbl")?.style == .heat(0.07))
        #expect(self.table(.ordinary, .latency).span("hook:rcpt", "plugin:dnsbl")?.style == .latency(0.021))
        #expect(self.table(.ordinary, .runs).span("hook:rcpt", "plugin:dnsbl")?.style == .heat(1))
    }

    @Test func rowsAreInTheOrderOfASession() {
        #expect(
            self.table(.crowded).texts("hook") == [
                "pre-connection", "connect", "helo", "ehlo", "auth-plain", "auth-login", "mail", "rcpt", "data",
                "data_post", "queue", "unrecognized_command", "disconnect", "their_hook",
            ])
        #expect(
            HookOrder.sorted(["new", "quit", "connect", "newer", "connect"]) == ["connect", "quit", "new", "newer"])
        #expect(HookOrder.names.count == 39)
        #expect(Set(HookOrder.names).count == 39)
    }

    @Test func columnsAreInTheOrderOfTheConfiguration() {
        let table = self.table(.ordinary)
        #expect(
            table.columns.map(\.title) == [
                "HOOK", "hal", "rly", "cuc", "dns", "bmf", "qft", "rok", "cld", "mdr", "all",
            ])
        let widths = table.columns.dropFirst().map { $0.least == $0.most ? $0.least : 0 }
        #expect(widths.allSatisfy { $0 == 4 })
    }

    @Test(arguments: [50, 80, 120])
    func theBusiestPluginsStay(_ width: Int) {
        let table = MatrixView.table(ServerViews.input(.crowded, Size(width, 20)))
        let shown = table.shown(width)
        #expect(shown.first == "hook" && shown.last == "all")
        #expect(shown.contains("plugin:karma") && shown.contains("plugin:tls"))
        #expect(!shown.contains("plugin:rhsbl"))
        #expect(shown.count == (width == 50 ? 8 : width == 80 ? 13 : 21))
        // The legend speaks of these only.
        let legend = table.captions.dropFirst().flatMap { $0 }.map(\.text).joined()
        #expect(legend.contains("krm=karma") && !legend.contains("rhs="))
    }

    @Test func zeroIsHidden() {
        let table = MatrixView.table(ServerViews.input(.ordinary) { $0.hidesZero = true })
        #expect(!table.columns.contains { $0.id == "plugin:badmailfrom" })
        #expect(table.text("hook:mail", "hook") == nil)
        let empty = MatrixView.table(ServerViews.input(.empty) { $0.hidesZero = true })
        #expect(empty.rows.isEmpty && empty.empty == "no hook ran yet")
    }

    @Test func severalServersAreSummedUp() {
        #expect(self.table(.ordinary, .runs, others: true).text("hook:rcpt", "plugin:dnsbl") == "8.6M")
        #expect(self.table(.ordinary, .refusals, others: true).text("hook:rcpt", "plugin:dnsbl") == "7%")
        #expect(self.table(.ordinary, .latency, others: true).text("hook:rcpt", "plugin:dnsbl") == "21ms")
        #expect(!self.table(.ordinary, others: true).columns.contains { $0.id == "server" })
    }

    @Test(arguments: [
        (MatrixFigure.refusals, "[refusals] latency  runs   refused or deferred; · none, - did not run"),
        (.latency, " refusals [latency] runs   95th percentile of runs; - did not run"),
        (.runs, " refusals  latency [runs]  since the start; - did not run"),
    ])
    func captions(_ figure: MatrixFigure, _ expected: String) {
        #expect(self.table(.ordinary, figure).captions[0].map(\.text).joined() == expected)
    }

    @Test func nothingOverflows() {
        let table = self.table(.hostile, .runs)
        #expect(table.text("hook:connect", "plugin:nonsense") == "18447P")
        #expect(self.table(.hostile).text("hook:connect", "plugin:nonsense") == "100%")
        #expect(self.table(.hostile, .latency).text("hook:connect", "plugin:nonsense") == "·")
    }
}
