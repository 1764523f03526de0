// HTTPConfigTests.swift

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("http_config")
struct HTTPConfigTests {
    static let first = "http://a.example/", second = "https://b.example/get?file="

    private static func page(_ text: String, status: Int = 200) -> Result<HTTPResponse, EffectError> {
        .success(HTTPResponse(status: status, body: Array(text.utf8)))
    }

    /// A plugin that was asked for `rcpthosts` already.
    private func harness(_ more: [String] = []) throws -> PluginHarness {
        let harness = try PluginHarness(HTTPConfig.self, arguments: [Self.first, Self.second] + more)
        #expect(try harness.run(.config, ConfigEvent(name: "rcpthosts")).code == .declined)
        return harness
    }

    private func lines(_ harness: PluginHarness, _ name: String = "rcpthosts") throws -> [String]? {
        try harness.run(.config, ConfigEvent(name: name)).value
    }

    struct Pages: Sendable {
        let first: Result<HTTPResponse, EffectError>?
        let second: Result<HTTPResponse, EffectError>?

        init(_ first: Result<HTTPResponse, EffectError>?, _ second: Result<HTTPResponse, EffectError>? = nil) {
            self.first = first
            self.second = second
        }
    }

    private static let table: [Row<Pages, [String]?>] = [
        Row("nobody has it", Pages(nil), nil),
        Row("the first has it", Pages(Self.page("one"), Self.page("two")), ["one"]),
        Row("the second has it", Pages(nil, Self.page("two")), ["two"]),
        Row("the first has nothing in it", Pages(Self.page("# one\r\n \r\n"), Self.page("two")), ["two"]),
        Row("410", Pages(Self.page("gone", status: 410), Self.page("two")), ["two"]),
        Row("the first fails", Pages(.failure(.timedOut("a")), Self.page("two")), ["two"]),
        Row("blanks and comments", Pages(Self.page("\n# no\n  a b \t\r\n\tc\n")), ["a b", "c"]),
        Row("an inclusion is a line like others", Pages(Self.page("$include /etc/passwd")), ["$include /etc/passwd"]),
        Row("an error page", Pages(Self.page("sorry", status: 500)), nil),
        Row("what is no text", Pages(Self.page("a\u{0}b")), nil),
        Row("no UTF-8", Pages(.success(HTTPResponse(status: 200, body: [0x61, 0xFF]))), nil),
        Row(
            "too much", Pages(.success(HTTPResponse(status: 200, body: Array(repeating: 0x61, count: 1 << 20 + 1)))),
            nil),
        Row(
            "all that is allowed", Pages(Self.page(String(repeating: "a", count: 1000))),
            [String(repeating: "a", count: 1000)]),
    ]

    @Test(arguments: Self.table)
    func pages(_ row: Row<Pages, [String]?>) async throws {
        let harness = try self.harness()
        harness.http[Self.first + "rcpthosts"] = row.input.first
        harness.http[Self.second + "rcpthosts"] = row.input.second
        try await harness.plugin.prepare(harness.background)
        #expect(try self.lines(harness) == row.expected)
        #expect(harness.configChanges == (row.expected == nil ? [] : [["rcpthosts"]]))
        #expect(harness.http.requests.allSatisfy { $0.method == "GET" && $0.body.isEmpty })
    }

    @Test func handlersNeverFetch() async throws {
        let harness = try self.harness()
        #expect(harness.http.requests == [])
        harness.http[Self.first + "rcpthosts"] = Self.page("one")
        try await harness.plugin.prepare(harness.background)
        let requests = harness.http.requests.count
        #expect(try self.lines(harness) == ["one"])
        #expect(harness.http.requests.count == requests)
        // What was tried is left to the next round.
        try await harness.plugin.prepare(harness.background)
        #expect(harness.http.requests.count == requests)
    }

    @Test(arguments: ["", ".hidden", "../me", "a/b", "/etc/passwd", "a b", "a?b", "a%2Fb", "\u{E4}"])
    func namesThatAreNotAskedFor(_ name: String) async throws {
        let harness = try PluginHarness(HTTPConfig.self, arguments: [Self.first])
        #expect(try self.lines(harness, name) == nil)
        try await harness.plugin.prepare(harness.background)
        #expect(harness.http.requests == [])
    }

    @Test func namesAreBounded() async throws {
        let harness = try PluginHarness(HTTPConfig.self, arguments: [Self.first])
        for number in 0..<1000 { _ = try self.lines(harness, "name\(number)") }
        try await harness.plugin.prepare(harness.background)
        #expect(harness.http.requests.count == 256)
    }

    private func expect(_ harness: PluginHarness, _ lines: [String]) throws {
        #expect(try self.lines(harness) == lines)
    }

    /// Runs the work beside sessions through some rounds; each round is set up, then the clock moves.
    private func rounds(_ harness: PluginHarness, _ rounds: [(Duration, () throws -> Void)]) async throws {
        let (plugin, background, clock) = (harness.plugin, harness.background, harness.clock)
        try await plugin.prepare(background)
        let work = Task { try await plugin.run(background) }
        for (pause, change) in rounds {
            await clock.untilSleeping()
            try change()
            clock.advance(by: pause)
        }
        await clock.untilSleeping()
        work.cancel()
        _ = await work.result
    }

    @Test func pagesAreFetchedAgain() async throws {
        let harness = try self.harness(["interval", "60"])
        harness.http[Self.first + "rcpthosts"] = Self.page("one")
        try await self.rounds(
            harness,
            [
                (.seconds(60), { harness.http[Self.first + "rcpthosts"] = Self.page("two") }),
                (.seconds(60), { try self.expect(harness, ["two"]) }),
                (
                    .seconds(60),
                    {
                        #expect(harness.configChanges == [["rcpthosts"], ["rcpthosts"]])
                        harness.http[Self.first + "rcpthosts"] = nil
                    }
                ),
            ])
        #expect(try self.lines(harness) == nil)
        #expect(harness.configChanges.count == 3)
    }

    @Test func namesThatComeLaterAreFetchedSoon() async throws {
        let harness = try self.harness()
        harness.http[Self.first + "later"] = Self.page("late")
        #expect(try self.lines(harness, "later") == nil)
        try await self.rounds(harness, [])
        #expect(try self.lines(harness, "later") == ["late"])

        #expect(try self.lines(harness, "latest") == nil)
        harness.http[Self.first + "latest"] = Self.page("last")
        let (plugin, background) = (harness.plugin, harness.background)
        let work = Task { try await plugin.run(background) }
        await harness.clock.untilSleeping()
        harness.clock.advance(by: .seconds(30))
        await harness.clock.untilSleeping()
        work.cancel()
        _ = await work.result
        #expect(try self.lines(harness, "latest") == ["last"])
    }

    @Test func failuresKeepWhatWasSaidAndAreToldOnce() async throws {
        let harness = try self.harness()
        let page = Self.first + "rcpthosts"
        harness.http[page] = Self.page("one")
        try await self.rounds(
            harness,
            [
                (.seconds(300), { harness.http[page] = .failure(.timedOut("HTTP from a.example")) }),
                (.seconds(30), { harness.http[page] = Self.page("no", status: 503) }),
                (.seconds(30), { try self.expect(harness, ["one"]) }),
                (.seconds(30), { harness.http[page] = Self.page("two") }),
            ])
        #expect(try self.lines(harness) == ["two"])
        #expect(
            harness.log.lines.filter { !$0.hasPrefix("LOGINFO") } == [
                "LOGERROR error, \(Self.first): HTTP from a.example: timed out; what it said last stays",
                "LOGNOTICE pass, \(Self.first) answers again",
            ])
    }

    @Test func silentServersAreNotAskedForTheRest() async throws {
        let harness = try PluginHarness(HTTPConfig.self, arguments: [Self.first])
        for number in 0..<100 {
            _ = try self.lines(harness, "name\(number)")
            harness.http[Self.first + "name\(number)"] = .failure(.timedOut("HTTP from a.example"))
        }
        try await harness.plugin.prepare(harness.background)
        #expect(harness.http.requests.count <= 8)
        #expect(harness.log.lines.count == 1)
    }

    @Test(arguments: [
        [], ["interval", "60"], ["ftp://a.example/"], ["http://a.example"], ["http:///x"], ["http://a:b@c.example/"],
        ["http://a.example/#x"], ["http://a.example/\u{1}"], [Self.first, "interval"], [Self.first, "interval", "9"],
        [Self.first, "interval", "x"], [Self.first, "colour", "blue"], Array(repeating: Self.first, count: 9),
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(HTTPConfig.self, arguments: arguments) }
    }
}
