// ConnectionPluginTests.swift
//
// RFC 5321 §3.1, §7.8

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("temp_disable_connection")
struct TempDisableConnectionTests {
    @Test("claim 15: temp_disable_connection answers connect with 450 and closes")
    func wholeSession() throws {
        let engine = Engine([try Engine.entry(TempDisableConnection.self)])
        let client = engine.harness.connect()
        let replies = client.replies()
        #expect(replies.count == 1)
        #expect(replies.first?.hasPrefix("450 ") ?? false)
        #expect(replies.first?.contains("Sorry, server is temporarily unavailable.") ?? false)
        #expect(client.isClosed)
    }

    @Test func noArguments() {
        #expect(throws: PluginError.self) { try PluginHarness(TempDisableConnection.self, arguments: ["now", "1"]) }
    }
}

@Suite("connection_time")
struct ConnectionTimeTests {
    @Test(
        arguments: [
            Row("nothing", .zero, "0.000"), Row("a bit", .milliseconds(7), "0.007"),
            Row("some", .milliseconds(61_250), "61.250"), Row("rounded down", .microseconds(1_999), "0.001"),
            Row("a clock set back", .seconds(-5), "0.000"),
        ] as [Row<Duration, String>])
    func durations(_ row: Row<Duration, String>) async throws {
        let harness = try PluginHarness(ConnectionTime.self)
        harness.clock.advance(by: row.input)
        #expect(try await harness.run(.postConnection) == .declined)
        #expect(harness.log.lines == ["LOGNOTICE Connection time from 192.0.2.1: \(row.expected) s."])
    }

    @Test func ownLevel() async throws {
        let harness = try PluginHarness(ConnectionTime.self, arguments: ["loglevel", "7"])
        _ = try await harness.run(.postConnection)
        #expect(harness.log.events.map(\.level) == [.debug])
    }

    @Test("claim 51: hosts_allow limits an address with 451; connection_time logs seconds from accept to the end")
    func bothExamples() throws {
        let stranger = EngineHarness.Entry("history") { hooks in
            hooks.on(.preConnection) { _, arrival in
                arrival.notes[NoteKey<Int>("karma_history")] = 0
                return .declined
            }
        }
        let engine = Engine([stranger, try Engine.entry(HostsAllow.self), try Engine.entry(ConnectionTime.self)])
        let first = engine.harness.connect()
        #expect(first.codes() == [220])
        let second = engine.harness.connect()
        let reply = second.replies().first ?? ""
        #expect(reply.hasPrefix("451 "))
        #expect(reply.contains("too many connections from 192.0.2.1, try again later"))
        #expect(second.isClosed)

        engine.harness.advance(by: .milliseconds(1250))
        #expect(first.say("QUIT").first?.hasPrefix("221") ?? false)
        #expect(engine.log.lines.contains("LOGNOTICE Connection time from 192.0.2.1: 1.250 s."))
        #expect(engine.harness.connect().codes() == [220])
    }
}

@Suite("loadcheck")
struct LoadCheckTests {
    @Test(
        arguments: [
            Row("idle", "0.10 1.00 9.00 1/200 4711\n", .declined),
            Row("at the limit", "7.00 0.00 0.00 1/200 4711\n", .declined),
            Row("above", "7.01 0.00 0.00 1/200 4711\n", .denysoft),
            Row("far above", "250.33 0.00 0.00 1/200 4711\n", .denysoft),
            Row("no number", "high\n", .declined),
            Row("no finite number", "inf 0 0\n", .declined),
            Row("nothing", "", .declined),
            Row("no file", nil, .declined),
        ] as [Row<String?, ReturnCode>])
    func loads(_ row: Row<String?, ReturnCode>) async throws {
        let harness = try PluginHarness(LoadCheck.self)
        if let text = row.input { harness.files.put(text, at: "/proc/loadavg") }
        let verdict = try await harness.run(.connect)
        #expect(verdict.code == row.expected)
        if row.expected == .denysoft { #expect(verdict.text.contains("load too high")) }
    }

    @Test func readAgainWhenOld() async throws {
        let harness = try PluginHarness(LoadCheck.self, arguments: ["max_load", "2.5", "cache_time", "5"])
        harness.files.put("3.0 0 0", at: "/proc/loadavg")
        #expect(try await harness.run(.connect).code == .denysoft)
        harness.files.put("0.1 0 0", at: "/proc/loadavg")
        harness.clock.advance(by: .milliseconds(4_999))
        harness.connect(from: "192.0.2.2")
        #expect(try await harness.run(.connect).code == .denysoft)
        harness.clock.advance(by: .milliseconds(1))
        #expect(try await harness.run(.connect) == .declined)
    }

    @Test(arguments: [["max_load", "high"], ["max_load", "-1"], ["cache_time", "-1"], ["max", "7"], ["max_load"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(LoadCheck.self, arguments: arguments) }
    }

    @Test func aProgramIsNotRun() throws {
        let harness = try PluginHarness(LoadCheck.self, arguments: ["uptime", "/usr/bin/uptime"])
        #expect(harness.warnings.count == 1)
    }
}

@Suite("random_error")
struct RandomErrorTests {
    @Test func always() async throws {
        let harness = try PluginHarness(RandomError.self, arguments: ["100"])
        #expect(harness.hooks == [.connect, .helo, .ehlo, .mail, .rcpt, .data, .dataPost])
        var codes: [ReturnCode: Int] = [:]
        for _ in 0..<1000 { codes[try await harness.run(.connect).code, default: 0] += 1 }
        #expect(Set(codes.keys) == [.denysoft, .denysoftDisconnect])
        #expect((350...450).contains(codes[.denysoftDisconnect] ?? 0))
    }

    @Test(arguments: [Row("off", "-1", 0), Row("never", "0", 0), Row("half of the mails", "50", 1000)])
    func mails(_ row: Row<String, Int>) async throws {
        let harness = try PluginHarness(RandomError.self, arguments: [row.input])
        var failed = 0
        for _ in 0..<2000 {
            var isGood = true
            for _ in 0..<6 where try await harness.run(.dataPost).code != .declined { isGood = false }
            if !isGood { failed += 1 }
        }
        #expect((row.expected - row.expected / 10...row.expected + row.expected / 10).contains(failed))
    }

    @Test func aNoteTakesThePlaceOfTheArgument() async throws {
        let harness = try PluginHarness(RandomError.self, arguments: ["-1"])
        harness.session.notes["random_fail_%"] = .int(100)
        #expect(try await harness.run(.mail, MailEvent(testing: "a@b.example")).denial?.text == "random failure")
    }

    @Test(arguments: [["101"], ["often"], ["nan"], ["1", "2"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(RandomError.self, arguments: arguments) }
    }
}
