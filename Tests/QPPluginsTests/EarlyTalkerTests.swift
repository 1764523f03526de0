// EarlyTalkerTests.swift
//
// RFC 5321 §4.3.1, RFC 2920 §3.1

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("earlytalker")
struct EarlyTalkerTests {
    @Test(
        arguments: [
            Row("default is temp", [], .denysoft),
            Row("perm", ["reject_type", "perm"], .deny),
            Row("disconnect", ["reject_type", "disconnect"], .denyDisconnect),
            Row("reject 0 only logs", ["reject", "0"], .declined),
            Row("naughty waits", ["reject", "naughty"], .declined),
            Row("deferred", ["defer-reject", "1"], .declined),
            Row("action deny", ["action", "deny"], .deny),
            Row("action denysoft", ["action", "denysoft"], .denysoft),
            Row("action log", ["action", "log"], .declined),
            Row("a given type is stronger", ["action", "denysoft", "reject_type", "perm"], .deny),
        ] as [Row<[String], ReturnCode>])
    func talksBeforeTheGreeting(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try PluginHarness(EarlyTalker.self, arguments: row.input)
        harness.client.send("EHLO x\r\n")
        #expect(try await harness.run(.connect).code == row.expected)
        #expect(harness.session.notes[NoteKey<Int>("earlytalker")] == 1)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == -1)
        let isNaughty = harness.session.notes[NoteKey<String>("naughty")] != nil
        #expect(isNaughty == row.input.contains("naughty"))
    }

    @Test func silence() async throws {
        let harness = try PluginHarness(EarlyTalker.self)
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.session.notes["earlytalker"] == nil)
        #expect(harness.log.lines == ["LOGINFO pass, not spontaneous"])
    }

    @Test(arguments: ["relay", "whitelisthost", "good history"])
    func spared(_ why: String) async throws {
        let harness = try PluginHarness(EarlyTalker.self, arguments: ["check-at", "CONNECT", "check-at", "DATA"])
        harness.client.send("EHLO x\r\n")
        switch why {
        case "relay": harness.session.isRelayClient = true
        case "whitelisthost": harness.session.notes[why] = .int(1)
        default: harness.session.notes["karma_history"] = .int(6)
        }
        #expect(try await harness.run(.connect) == .declined)
        #expect(try await harness.run(.data, DataEvent(isChunked: false)) == .declined)
        #expect(harness.session.notes["earlytalker"] == nil)
    }

    @Test func historyOfFiveIsNotEnough() async throws {
        let harness = try PluginHarness(EarlyTalker.self)
        harness.client.send("EHLO x\r\n")
        harness.session.notes["karma_history"] = .int(5)
        #expect(try await harness.run(.connect).code == .denysoft)
    }

    @Test func refusedAtMail() async throws {
        let harness = try PluginHarness(EarlyTalker.self, arguments: ["defer-reject", "1", "reject_type", "perm"])
        let mail = try MailEvent(testing: "ann@ok.example")
        #expect(try await harness.run(.mail, mail) == .declined)
        harness.client.send("EHLO x\r\n")
        #expect(try await harness.run(.connect) == .declined)
        #expect(try await harness.run(.mail, mail).code == .deny)
        harness.session.isRelayClient = true
        #expect(try await harness.run(.mail, mail) == .declined)
    }

    @Test(
        arguments: [
            Row("connect by default", [], [.connect]),
            Row("deferred", ["defer-reject", "1"], [.connect, .mail]),
            Row("data only", ["check-at", "DATA"], [.data]),
            Row("both", ["check-at", "connect", "check-at", "data"], [.connect, .data]),
        ] as [Row<[String], Set<HookID>>])
    func places(_ row: Row<[String], Set<HookID>>) throws {
        #expect(try PluginHarness(EarlyTalker.self, arguments: row.input).hooks == row.expected)
    }

    @Test func chunksMayComeAtOnce() async throws {
        let harness = try PluginHarness(EarlyTalker.self, arguments: ["check-at", "DATA"])
        harness.client.send("Subject: x\r\n")
        #expect(try await harness.run(.data, DataEvent(isChunked: true)) == .declined)
        #expect(try await harness.run(.data, DataEvent(isChunked: false)).code == .denysoft)
    }

    @Test("claim 59: octets before 354 are refused with check-at DATA, in one packet with DATA and later ones")
    func talksBeforeTheMessage() throws {
        for (text, rest, code) in [
            ("DATA\r\nSubject: early\r\n\r\nbody\r\n.\r\n", "", 554), ("DATA\r\n", "Subject: early\r\n", 554),
            ("DATA\r\n", "", 354),
        ] {
            let engine = Engine([try Engine.entry(EarlyTalker.self, ["check-at", "DATA", "reject_type", "perm"])])
            let client = engine.harness.connect()
            client.say("EHLO client.example")
            client.say("MAIL FROM:<ann@ok.example>")
            client.say("RCPT TO:<bob@ok.example>")
            client.send(text)
            engine.harness.advance(by: .milliseconds(500))
            if !rest.isEmpty { client.send(rest) }
            engine.harness.advance(by: .seconds(1))
            #expect(client.codes().first == code)
        }
    }

    @Test func aNoteSaysHowLong() throws {
        let slow = EngineHarness.Entry("slow") { hooks in
            hooks.on(.connect) { _, session in
                session.notes["earlytalker_wait"] = .int(5)
                return .declined
            }
        }
        let engine = Engine([slow, try Engine.entry(EarlyTalker.self)])
        let client = engine.harness.connect()
        engine.harness.advance(by: .milliseconds(4_900))
        #expect(client.replies().isEmpty)
        client.send("EHLO x\r\n")
        engine.harness.advance(by: .milliseconds(50))
        #expect(client.codes() == [450])
        #expect(client.isClosed)
    }

    @Test(arguments: [
        ["wait", "26"], ["wait", "-1"], ["wait", "nan"], ["check-at", "MAIL"], ["action", "burn"], ["wait"],
        ["reject_type", "soon"], ["wait", "1", "wait", "2"],
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(EarlyTalker.self, arguments: arguments) }
    }
}
