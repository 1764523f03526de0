// LogViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

/// Lines of the log.
struct LogViewTests {
    private static func row(_ sequence: UInt64, _ time: Double, _ change: (inout LogRow) -> Void = { _ in }) -> LogRow {
        var row = LogRow(sequence: sequence, time: time, level: "LOGINFO", text: "text \(sequence)")
        change(&row)
        return row
    }

    private static func table(_ servers: [[LogRow]], lost: UInt64 = 0, _ change: (inout ViewState) -> Void = { _ in })
        -> Table
    {
        let servers = servers.enumerated().map { place, rows in
            var server = ServerState(label: "mx\(place)")
            server.log.append(rows, lost: lost)
            return server
        }
        var state = ViewState()
        state.isASCII = true
        change(&state)
        return LogView.table(ViewInput(snapshot: ConsoleSnapshot(servers: servers), state: state, size: Size(120, 20)))
    }

    @Test func cells() {
        let table = Self.table([
            [
                Self.row(7, 3661.9) {
                    ($0.plugin, $0.hook, $0.session, $0.transaction) = ("dnsbl", "connect", "427ppwh0nhgm", 2)
                    ($0.level, $0.fields) = ("LOGWARN", ["b": "2", "a": "1"])
                }
            ]
        ])
        let expected = [
            "time": "01:01:01", "level": "WARN", "session": "427ppwh0nhgm.2", "plugin": "dnsbl", "hook": "connect",
            "text": "text 7 a=1 b=2",
        ]
        for (column, text) in expected { #expect(table.cell("0:7", column)?.text == text, "\(column)") }
        #expect(table.cell("0:7", "text")?.style == .warning)
    }

    @Test func clockTimesInAZone() {
        #expect(
            Self.table([[Self.row(1, 0), Self.row(2, 0.9), Self.row(3, 1)]]) { $0.zone = 3600 }.values("time")
                == ["01:00:00", "01:00:00", "01:00:01"])
        #expect(Self.table([[Self.row(1, .nan), Self.row(2, .infinity)]]).values("time") == ["--:--:--", "--:--:--"])
    }

    @Test(arguments: [
        ("LOGDEBUG", false), ("LOGINFO", false), ("LOGNOTICE", false), ("LOGWARN", true), ("LOGERROR", true),
        ("LOGCRIT", true), ("LOGALERT", true), ("LOGEMERG", true), ("", false), ("warn", false),
    ])
    func problems(_ level: String, _ expected: Bool) {
        #expect(LogView.isProblem(level) == expected)
    }

    @Test func serversAreMergedByTime() {
        let table = Self.table([
            [Self.row(1, 10), Self.row(2, 30), Self.row(3, 20)], [Self.row(1, 5), Self.row(2, 25), Self.row(3, .nan)],
        ])
        // A clock that went back, or is none, does not change the order of a server's own lines.
        #expect(table.rows.map(\.id) == ["1:1", "0:1", "1:2", "1:3", "0:2", "0:3"])
        #expect(table.values("server").first == "mx1")
    }

    @Test func caption() {
        let table = Self.table([[Self.row(1, 1)]], lost: 12) { state in
            state.log = LogWish(level: "LOGDEBUG", plugins: ["dnsbl", "relay:LOGINFO"], query: "rcpts>5")
            state[.log].isAtEnd = true
        }
        #expect(
            table.captionTexts == [
                "following  12 lost  level DEBUG  plugins dnsbl relay:LOGINFO  query rcpts>5  1 line"
            ])
        #expect(table.captions[0].contains(Span("12 lost", .bad)))
        #expect(Self.table([[]]).captionTexts == ["not following  level of the outputs  0 lines"])
    }

    @Test func whatMadeRoomIsCounted() {
        let rows = (0..<3000).map { Self.row(UInt64($0), Double($0)) }
        #expect(Self.table([rows]).captionTexts[0].hasSuffix("2,000 lines, 1,000 older ones gone"))
    }

    @Test func columnsGiveWay() {
        func shown(_ width: Int) -> [String] {
            let input = ViewInput(snapshot: Fixture.ordinary.snapshot, state: ViewState(), size: Size(width, 20))
            return LogView.table(input).visible(width)
        }
        #expect(shown(50) == ["time", "level", "plugin", "text"])
        #expect(shown(80) == ["time", "level", "session", "plugin", "text"])
        #expect(shown(120) == ["time", "level", "session", "plugin", "hook", "text"])
    }
}
