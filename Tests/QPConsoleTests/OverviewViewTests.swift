// OverviewViewTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct OverviewViewTests {
    private func lines(_ input: ViewInput) -> [String] { OverviewView.draw(input).lines }

    /// The line that begins with a word.
    private func line(_ start: String, _ input: ViewInput) -> String? {
        self.lines(input).first { $0.hasPrefix(start) }
    }

    // MARK: Waiting

    @Test(arguments: [
        (LinkState.connecting, "waiting for the first answer of mx9:8443"),
        (.up, "waiting for the first answer of mx9:8443"),
        (.down("connection refused"), "mx9:8443: connection refused"),
        (.refused("wrong token"), "mx9:8443: wrong token"),
        (.foreign("it speaks SMTP"), "mx9:8443: it speaks SMTP"),
    ])
    func beforeTheFirstAnswer(_ link: LinkState, _ expected: String) {
        var server = ServerState(label: "mx9:8443")
        server.link = link
        let input = ViewInput(
            snapshot: ConsoleSnapshot(servers: [server]), state: ViewState(), size: Size(80, 20))
        #expect(self.lines(input).filter { !$0.isEmpty } == [expected])
    }

    @Test func withoutAnyServer() {
        let input = ViewInput(snapshot: ConsoleSnapshot(servers: []), state: ViewState(), size: Size(50, 16))
        #expect(self.lines(input).allSatisfy { $0.isEmpty })
    }

    @Test func anAnswerThatIsOldSaysSo() {
        var server = Fixture.ordinary.server
        server.link = .down("connection refused")
        let input = ViewInput(snapshot: ConsoleSnapshot(servers: [server]), state: ViewState(), size: Size(80, 20))
        #expect(self.lines(input)[0] == "mx1.example.com: connection refused; as it was last")
        #expect(self.lines(input)[1].hasPrefix("RATES"))
    }

    // MARK: Rates

    @Test(arguments: [
        ("connections", ["14", "12", "9.9", "4.3M"]),
        ("mail queued", ["6.7", "6.1", "4.9", "2.1M"]),
        ("octets", ["518k", "471k", "377k", "157G"]),
        ("timeouts", ["0.02", "0.02", "0.02", "7.0k"]),
        ("hook p95", ["80ms", "80ms"]),
    ])
    func rates(_ name: String, _ expected: [String]) throws {
        let line = try #require(self.line(name, ServerViews.input(.ordinary)))
        let words = line.dropFirst(name.count).split(separator: " ").map(String.init)
        #expect(Array(words.prefix(expected.count)) == expected)
    }

    @Test(
        arguments: [
            ([], 4, "    "), ([1, 2, 4, 8], 4, "▁▂▄█"), ([9, 9, 0, 3], 2, " █"), ([5], 3, "  █"),
            ([.nan, -1, .infinity, 1], 4, "   █"), ([1, 1000], 2, "▁█"), ([1], 0, ""),
        ] as [([Double], Int, String)])
    func sparks(_ values: [Double], _ width: Int, _ expected: String) {
        #expect(Bars.spark(values, width: width, Glyphs(isASCII: false)) == expected)
    }

    @Test(
        arguments: [
            (0, ""), (-1, ""), (.nan, ""), (0.001, "."), (0.5, "##"), (1, "####"), (.infinity, "####"), (3, "####"),
        ] as [(Double, String)])
    func bars(_ share: Double, _ expected: String) {
        #expect(Bars.bar(share, width: 4, Glyphs(isASCII: true)) == expected)
    }

    @Test(
        arguments: [
            (nil, Style.plain), (0, .plain), (0.000_1, .plain), (.nan, .plain), (0.000_2, Style(tone: .heat(1))),
            (0.03, Style(tone: .heat(4))), (20, Style(tone: .heat(7))),
        ] as [(Double?, Style)])
    func heatOfLatencies(_ seconds: Double?, _ expected: Style) {
        #expect(Style.latency(seconds) == expected)
    }

    @Test func zeroIsHidden() {
        let shown = ServerViews.input(.ordinary) { $0.hidesZero = true }
        #expect(self.line("timeouts", shown) != nil)
        #expect(self.line("leaving", shown) == nil)
        let empty = ServerViews.input(.empty) { $0.hidesZero = true }
        #expect(self.line("connections", empty) == nil)
        #expect(self.lines(empty).contains { $0.contains("nothing happened yet") })
        #expect(self.line("connections", ServerViews.input(.empty)) != nil)
    }

    @Test func rawNumbersAreNeverCut() throws {
        for size in [Size(50, 16), Size(80, 20), Size(120, 36)] {
            let input = ServerViews.input(.crowded, size) { $0.isRaw = true }
            let line = try #require(self.line("connections", input))
            #expect(line.split(separator: " ").prefix(4).map(String.init) != [])
            #expect(line.contains(" 545.60 ") && line.contains("173600000"))
        }
    }

    // MARK: Other parts

    @Test(arguments: [Size(50, 16), Size(80, 20), Size(120, 36)])
    func whatMattersIsAlwaysThere(_ size: Size) {
        let text = ServerViews.text(.overview, ServerViews.input(.crowded, size))
        for word in [
            "RATES", "connections", "mail rejected", "ALARMS  8", "loop stuck", "SESSIONS", "10k of 12k", "queue",
        ] {
            #expect(text.contains(word), "\(word)")
        }
    }

    @Test func theWorstAlarmsComeFirst() {
        let lines = self.lines(ServerViews.input(.crowded))
        let kinds = ["loop stuck  ", "breaker open  ", "reload refused  ", "config differs  ", "soft bounce  "]
        let places = kinds.compactMap { kind in lines.firstIndex { $0.contains(kind) } }
        #expect(places.count == kinds.count)
        #expect(places == places.sorted())
        #expect(
            ServerViews.text(.overview, ServerViews.input(.crowded, Size(200, 50))).contains(
                "unknown plugin; plugins:14"))
    }

    @Test func alarmsThatDoNotFitAreCounted() {
        #expect(self.lines(ServerViews.input(.crowded, Size(50, 16))).contains("… 5 more"))
        #expect(ServerViews.text(.overview, ServerViews.input(.empty)).contains("no alarms"))
        let tones = Set(OverviewView.draw(ServerViews.input(.crowded)).cells.map(\.style.tone))
        #expect(tones.isSuperset(of: [.bad, .warning, .heading]))
    }

    @Test func partsOfTheServer() {
        let text = ServerViews.text(.overview, ServerViews.input(.crowded))
        for word in [
            "SERVER  mx1.example.com  1.4.2  soft bounce", "4711", "4d2h", "46M", "10k/16k",
            "loop 2 stuck 12s  uribl at data_post  session 427ppwh0nhgm", "karma@disconnect", "VERDICTS",
        ] {
            #expect(text.contains(word), "\(word)")
        }
    }

    @Test func verdictsAreThoseOfAllHooks() throws {
        let line = try #require(self.line("declined", ServerViews.input(.ordinary)))
        #expect(line.split(separator: " ").prefix(3) == ["declined", "13M", "88%"])
    }

    // MARK: Several servers

    @Test func severalServersAreSummedUp() throws {
        let input = ServerViews.input(.ordinary, others: true)
        let text = ServerViews.text(.overview, input)
        let line = try #require(self.line("connections", input))
        #expect(line.split(separator: " ").prefix(5) == ["connections", "27", "25", "20", "8.7M"])
        #expect(text.contains("96 of 2.0k, 5%"))
        #expect(text.contains("mx2: shadow"))
        for word in ["mx2.example.com", "draining", "connection refused; t", "connecting"] {
            #expect(text.contains(word), "\(word)")
        }
    }

    @Test(arguments: [
        (["mx1.example.com", "mx2.example.com"], ["mx1", "mx2"]),
        (["mx.example.com", "mx.example.net"], ["mx.example.com", "mx.example.net"]),
        (["192.0.2.1", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"]),
        (["mx1.example.com", "mx2.example.com:8443"], ["mx1", "mx2.example.com:8443"]),
        (["mx1.example.com"], [""]),
    ])
    func shortNames(_ names: [String], _ expected: [String]) {
        let snapshot = ConsoleSnapshot(servers: names.map { ServerState(label: $0) })
        #expect(snapshot.shortNames == expected)
    }

    @Test func aServerThatIsDownDoesNotCount() throws {
        var down = Fixture.crowded.server
        down.link = .down("gone")
        let snapshot = ConsoleSnapshot(servers: [Fixture.ordinary.server, down])
        #expect(OverviewSum(snapshot)?.sessions == 48)
        var alone = snapshot
        alone.servers.removeFirst()
        #expect(OverviewSum(alone)?.sessions == 10_000)
    }

    @Test func seriesEndTogether() {
        var (first, second) = (Fixture.empty.server, Fixture.empty.server)
        first.rates = RateSeries(start: 0, series: ["octets": [1, 2, 3], "latency_p95": [5, 1]])
        second.rates = RateSeries(start: 1, series: ["octets": [10, 20], "latency_p95": [2, 2, 2]])
        let sum = OverviewSum(ConsoleSnapshot(servers: [first, second]))
        #expect(sum?.series["octets"] == [1, 12, 23])
        #expect(sum?.series["latency_p95"] == [2, 5, 2])
    }

    // MARK: Room

    @Test(
        arguments: [
            ("little", 5, [3, 2, 0]), ("what is needed", 8, [3, 2, 3]), ("more for the first", 10, [5, 2, 3]),
            ("more for the second", 14, [7, 4, 3]), ("lines between", 16, [7, 4, 3]),
            ("more for the last", 17, [7, 4, 4]), ("all", 30, [7, 4, 6]),
        ] as [(String, Int, [Int])])
    func blocksShareTheRoom(_ name: String, _ rows: Int, _ expected: [Int]) {
        final class Sizes { var rows: [String: Int] = [:] }
        let sizes = Sizes()
        let wishes = [("a", [3, 5, 7]), ("b", [2, 4]), ("c", [3, 4, 5, 6])]
        let blocks = wishes.map { name, heights in
            OverviewBlock(heights: heights) { size in
                sizes.rows[name] = size.rows
                return Grid(size)
            }
        }
        var grid = Grid(Size(10, rows))
        OverviewBlock.place(blocks, in: &grid, at: 0, 0, width: 10)
        #expect(wishes.map { sizes.rows[$0.0] ?? 0 } == expected)
    }

    @Test(
        arguments: [
            ("one two three four", 9, 3, ["one two", "three", "four"]),
            ("one two three four", 9, 2, ["one two", "three four"]),
            ("onetwothree", 4, 9, ["onet", "woth", "ree"]),
            ("short", 20, 3, ["short"]), ("", 20, 3, []), ("漢字かな", 4, 9, ["漢字", "かな"]), ("漢字", 1, 9, ["漢", "字"]),
        ] as [(String, Int, Int, [String])])
    func textsAreWrapped(_ text: String, _ width: Int, _ limit: Int, _ expected: [String]) {
        #expect(Flow.wrap(text, width: width, limit: limit, isASCII: false) == expected)
    }
}
