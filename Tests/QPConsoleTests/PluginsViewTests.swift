// PluginsViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct PluginsViewTests {
    private func table(_ fixture: Fixture, _ change: (inout ViewState) -> Void = { _ in }) -> Table {
        PluginsView.table(ServerViews.input(fixture, change: change))
    }

    @Test(arguments: [
        ("0:dnsbl", "code", "dns"), ("0:dnsbl", "plugin", "dnsbl"), ("0:dnsbl", "mode", "on"),
        ("0:dnsbl", "breaker", "-"), ("0:dnsbl", "runs", "4.7M"), ("0:dnsbl", "deny", "182k"),
        ("0:dnsbl", "soft", "162k"), ("0:dnsbl", "ok", "436k"), ("0:dnsbl", "errors", "12"),
        ("0:dnsbl", "p50", "8.4ms"), ("0:dnsbl", "p95", "21ms"), ("0:dnsbl", "p99", "84ms"),
        ("0:dnsbl", "share", "4%"), ("0:dnsbl", "difference", "-"), ("0:dnsbl", "change", "47"),
        ("0:dnsbl", "average10", "47"), ("0:dnsbl", "average1000", "47"), ("0:dnsbl", "hooks", "connect rcpt"),
        ("0:dnsbl", "file", "plugins:14"), ("0:badmailfrom", "mode", "shadow•"),
        ("0:badmailfrom", "difference", "120/34k"), ("0:virus/clamdscan", "breaker", "half"),
        ("0:virus/clamdscan", "errors", "431"), ("0:virus/clamdscan", "waiting", "3"),
    ])
    func cells(_ row: String, _ column: String, _ expected: String) {
        #expect(self.table(.ordinary).text(row, column) == expected)
    }

    @Test(arguments: [
        (50, ["code", "plugin", "mode", "runs", "deny", "p95"]),
        (80, ["code", "plugin", "mode", "breaker", "runs", "deny", "soft", "errors", "p95", "change", "waiting"]),
    ])
    func columnsThatFit(_ width: Int, _ expected: [String]) {
        #expect(PluginsView.table(ServerViews.input(.ordinary, Size(width, 16))).shown(width) == expected)
    }

    @Test func allColumnsAtLast() {
        let table = self.table(.ordinary)
        #expect(table.shown(250).count == table.columns.count)
        #expect(table.columns.allSatisfy { $0.isSortable })
    }

    @Test(
        arguments: [
            (nil, true, ["hosts_allow", "relay", "count_unrecognized_commands"]),
            ("runs", true, ["dnsbl", "hosts_allow", "queue/maildir"]),
            ("plugin", false, ["badmailfrom", "count_unrecognized_commands", "dnsbl"]),
            ("mode", true, ["badmailfrom", "hosts_allow", "relay"]),
            ("breaker", true, ["virus/clamdscan", "hosts_allow", "relay"]),
            ("difference", true, ["badmailfrom", "hosts_allow", "relay"]),
            ("p95", true, ["dnsbl", "relay", "quit_fortune"]),
        ] as [(String?, Bool, [String])])
    func orders(_ column: String?, _ isDescending: Bool, _ expected: [String]) {
        let table = self.table(.ordinary) {
            $0[.plugins].sort = column.map { Table.Sort(column: $0, isDescending: isDescending) }
        }
        #expect(Array(table.texts("plugin").prefix(3)) == expected)
    }

    @Test func zeroIsHidden() {
        let all = self.table(.crowded)
        let used = self.table(.crowded) { $0.hidesZero = true }
        #expect(all.text("0:rhsbl", "runs") == "0")
        #expect(used.text("0:rhsbl", "runs") == nil)
        // It ran in shadow mode.
        #expect(used.text("0:badmailfrom", "runs") == "0")
        #expect(self.table(.empty) { $0.hidesZero = true }.empty == "no plugin ran yet")
    }

    @Test func captions() {
        let caption = self.table(.crowded).captions[0].map(\.text).joined()
        #expect(caption == "34 plugins, 1 shadow, 1 off  • badmailfrom: mode shadow, by uid 0")
        #expect(self.table(.empty).captions[0].map(\.text).joined() == "9 plugins")
        let several = PluginsView.table(ServerViews.input(.ordinary, others: true)).captions[0]
        #expect(several.map(\.text).joined().hasSuffix("mx2 badmailfrom: mode shadow, by uid 0"))
    }

    @Test func theChosenRowIsExplained() {
        let table = self.table(.ordinary) { $0[.plugins].selectedID = "0:badmailfrom" }
        let text = table.captions[1].map(\.text).joined()
        #expect(text == "badmailfrom reject 1  limit 30s  on error standard  • mode shadow, by uid 0, 1h ago")
        #expect(PluginsView.table(ServerViews.input(.ordinary, Size(50, 16))).captions.count == 1)
    }

    @Test func whatIsNotAsUsualStandsOut() {
        let table = self.table(.crowded)
        #expect(table.span("0:badmailfrom", "mode")?.style == .warning)
        #expect(table.span("0:rhsbl", "mode")?.style == .bad)
        #expect(table.span("0:virus/clamdscan", "breaker") == Span("open", .bad))
        #expect(table.span("0:dnsbl", "mode")?.style == .plain)
    }
}
