// CommandPluginTests.swift
//
// RFC 5321 §4.1.1.10, §4.2.4

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("count_unrecognized_commands")
struct CountUnrecognizedCommandsTests {
    private let event = UnknownCommandEvent(verb: "foo", argument: nil)

    @Test func closesAtTheLimit() async throws {
        let harness = try PluginHarness(CountUnrecognizedCommands.self, arguments: ["2"])
        #expect(try await harness.run(.unrecognizedCommand, self.event) == .declined)
        for count in 2...4 {
            let verdict = try await harness.run(.unrecognizedCommand, self.event)
            #expect(verdict.code == .denyDisconnect)
            #expect(verdict.text.hasPrefix("Closing connection, \(count) unrecognized commands."))
        }
        #expect(harness.session.notes[NoteKey<Int>("unrec_cmd_count")] == 4)
    }

    @Test func fourIsTheDefault() async throws {
        let harness = try PluginHarness(CountUnrecognizedCommands.self)
        for _ in 1...3 { #expect(try await harness.run(.unrecognizedCommand, self.event) == .declined) }
        #expect(try await harness.run(.unrecognizedCommand, self.event).code == .denyDisconnect)
    }

    @Test("claim 40: unknown commands are counted for the connection, whatever RSET forgets")
    func forTheConnection() throws {
        let engine = Engine([try Engine.entry(CountUnrecognizedCommands.self, ["4"])])
        for _ in 0..<2 {
            let client = engine.harness.connect()
            client.say("EHLO client.example")
            _ = client.replies()
            var codes: [Int] = []
            for line in ["XA", "MAIL FROM:<a@b.example>", "XB", "RSET", "XC", "RSET", "XD"] {
                client.send(line + "\r\n")
                codes += client.codes()
            }
            #expect(codes == [500, 250, 500, 250, 500, 250, 521])
            #expect(client.isClosed)
        }
    }

    @Test(arguments: [["0"], ["-1"], ["many"], ["1", "2"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(CountUnrecognizedCommands.self, arguments: arguments) }
    }
}

@Suite("quit_fortune")
struct QuitFortuneTests {
    private func harness(_ output: String?, status: Int32 = 0) throws -> PluginHarness {
        let harness = try PluginHarness(QuitFortune.self)
        harness.introduce("old.example", extended: false)
        let result = ProgramResult(status: status, output: Array((output ?? "").utf8))
        if output != nil { harness.files.program("/usr/games/fortune", result) }
        return harness
    }

    @Test(
        "claim 70: quit_fortune bids clients that said HELO farewell in several lines, others in one",
        arguments: [Row("HELO", "HELO", 3), Row("EHLO", "EHLO", 1)])
    func farewells(_ row: Row<String, Int>) throws {
        let engine = Engine([try Engine.entry(QuitFortune.self)])
        let saying = ProgramResult(status: 0, output: Array("Haste\nmakes waste.\n".utf8))
        engine.files.program("/usr/games/fortune", saying)
        let client = engine.harness.connect()
        client.say("\(row.input) client.example")
        client.send("QUIT\r\n")
        engine.harness.settle { client.isClosed }
        let replies = client.replies()
        #expect(replies.count == row.expected)
        #expect(replies.dropLast().allSatisfy { $0.hasPrefix("221-") })
        #expect(replies.last?.hasPrefix("221 ") == true)
        #expect(replies.contains { $0.contains("  / makes waste.") } == (row.expected > 1))
        #expect(client.isClosed)
    }

    @Test func oldClientsGetASaying() async throws {
        let harness = try self.harness("Haste\nmakes waste.\n")
        #expect(try await harness.run(.quit, CommandEvent(argument: nil)) == .done)
        #expect(harness.responses.map(\.code) == [221])
        let lines = ["mx.example.org closing connection.", "  / Haste", "  / makes waste."]
        #expect(harness.responses.first?.lines == lines)
    }

    @Test func othersDoNot() async throws {
        let harness = try self.harness("Haste\n")
        harness.introduce("new.example")
        #expect(try await harness.run(.quit, CommandEvent(argument: nil)) == .declined)
        harness.connect()
        #expect(try await harness.run(.quit, CommandEvent(argument: nil)) == .declined)
        #expect(harness.responses.isEmpty)
    }

    @Test func noProgramNoSaying() async throws {
        #expect(try await self.harness(nil).run(.quit, CommandEvent(argument: nil)) == .declined)
        #expect(try await self.harness("x", status: 1).run(.quit, CommandEvent(argument: nil)) == .declined)
        #expect(try await self.harness("").run(.quit, CommandEvent(argument: nil)) == .declined)
    }
}

@Suite("noop_counter")
struct NoopCounterTests {
    private func noop(_ harness: PluginHarness) async throws -> ReturnCode {
        try await harness.run(.noop, CommandEvent(argument: nil)).code
    }

    @Test func closesAtTheLimit() async throws {
        let harness = try PluginHarness(NoopCounter.self)
        for _ in 1...2 { #expect(try await self.noop(harness) == .declined) }
        #expect(try await self.noop(harness) == .denyDisconnect)
    }

    @Test func anotherCommandEndsTheRow() async throws {
        let harness = try PluginHarness(NoopCounter.self, arguments: ["2"])
        #expect(try await self.noop(harness) == .declined)
        #expect(try await harness.run(.mail, MailEvent(testing: "ann@client.example")) == .declined)
        #expect(try await self.noop(harness) == .declined)
        #expect(try await self.noop(harness) == .denyDisconnect)
        #expect(!harness.hooks.contains(.unrecognizedCommand))
    }

    @Test(arguments: [["0"], ["-1"], ["many"], ["1", "2"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(NoopCounter.self, arguments: arguments) }
    }
}

@Suite("dont_require_anglebrackets and parse_addr_withhelo")
struct PathPluginTests {
    @Test(
        "claim 54: a plugin puts the angle brackets around a sender",
        arguments: [
            Row("none", "ann@client.example", "<ann@client.example>"),
            Row("there already", "<ann@client.example>", nil),
            Row("an address literal", "ann@[192.0.2.1]", "<ann@[192.0.2.1]>"),
        ] as [Row<String, String?>])
    func senders(_ row: Row<String, String?>) async throws {
        let harness = try PluginHarness(DontRequireAngleBrackets.self)
        let verdict = try await harness.run(.mailPre, PathEvent(path: row.input, parameters: []))
        #expect(verdict.value == row.expected)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == row.expected.map { _ in -2 })
    }

    /// As clients send them: the sender that recipients' plugins see, or the refusal.
    @Test(arguments: [
        Row("in brackets", "FROM:<ask@perl.org>", "ask@perl.org"), Row("bare", "FROM:ask@perl.org", "ask@perl.org"),
        Row("a literal", "FROM:ask@[1.2.3.4]", "ask@[1.2.3.4]"), Row("null", "FROM:<>", ""),
        Row("nothing", "FROM:", ""), Row("a parameter", "FROM:<ask@perl.org> SIZE=1230", "ask@perl.org"),
        Row("bare with a parameter", "FROM:ask@perl.org SIZE=1230", "ask@perl.org"),
        Row("a long name", "FROM:<ask@p.qpsmtpd-test.askask.com> SIZE=1230", "ask@p.qpsmtpd-test.askask.com"),
        Row("an unknown parameter", "FROM:<ask@perl.org> SIZE=1230 CORRECT-WITHOUT-ARG", "555"),
        Row("a blank", "FROM:<ask @perl.org>", "501"), Row("bare with a blank", "FROM:ask me@perl.org", "501"),
    ])
    func wholeSessions(_ row: Row<String, String>) throws {
        let seen = EngineHarness.Entry("sees") { hooks in
            hooks.on(.rcpt) { _, session in
                session.log.info("from \(session.transaction.sender?.address ?? "nobody")")
                return .declined
            }
        }
        let engine = Engine([try Engine.entry(DontRequireAngleBrackets.self), seen])
        let client = engine.harness.connect()
        client.say("EHLO client.example")
        client.send("MAIL \(row.input)\r\nRCPT TO:bob@example.org\r\nRSET\r\nRCPT TO:bob@example.org\r\n")
        let codes = client.codes()
        let isRefused = Int(row.expected) != nil
        #expect(codes == (isRefused ? [Int(row.expected) ?? 0, 503, 250, 503] : [250, 250, 250, 503]))
        let seenSenders = engine.log.lines.filter { $0.hasPrefix("LOGINFO from ") }
        #expect(seenSenders == (isRefused ? [] : ["LOGINFO from \(row.expected)"]))
    }

    @Test("claim 57: and around a recipient")
    func recipients() async throws {
        let harness = try PluginHarness(DontRequireAngleBrackets.self)
        let verdict = try await harness.run(.rcptPre, PathEvent(path: "bob@example.org", parameters: []))
        #expect(verdict.value == "<bob@example.org>")
    }

    @Test(arguments: [
        Row("a path", "FROM:<ann@client.example>", LineParser.Result.parsed("<ann@client.example>", rest: [])),
        Row("a blank before it", "from: <ann@client.example> ", .parsed("<ann@client.example>", rest: [])),
        Row("the null sender", "FROM:<>", .parsed("<>", rest: [])),
        Row("a bracket in quotes", "FROM:<\"a>b\"@c.example>", .parsed("<\"a>b\"@c.example>", rest: [])),
        Row("parameters", "FROM:<ann@client.example> SIZE=10", .failed("No parameters allowed in MAIL")),
        Row("without brackets", "FROM:ann@client.example", .parsed("ann@client.example", rest: [])),
        Row("and parameters", "FROM:ann@client.example SIZE=1", .failed("No parameters allowed in MAIL")),
        Row("postmaster", "FROM:postmaster", .parsed("<postmaster>", rest: [])),
        Row("not closed", "FROM:<ann", .failed("Could not parse your MAIL command")),
        Row("another word", "TO:<ann@client.example>", .failed("Could not parse your MAIL command")),
        Row("nothing", "", .failed("Could not parse your MAIL command")),
    ])
    func lines(_ row: Row<String, LineParser.Result>) async throws {
        let harness = try PluginHarness(ParseAddrWithHelo.self)
        harness.introduce("old.example", extended: false)
        let event = ParseEvent(verb: "mail", argument: row.input)
        let parser = try #require(try await harness.run(.mailParse, event).value)
        #expect(try parser.parse("mail", row.input) == row.expected)
        harness.introduce("new.example")
        #expect(try await harness.run(.mailParse, event).code == .declined)
    }
}

@Suite("discard_mail")
struct DiscardMailTests {
    private func verdict(marked: NoteValue?) async throws -> Verdict<Delivery> {
        let harness = try PluginHarness(DiscardMail.self)
        try harness.mail(to: ["bob@example.org"], "Message-Id: <1@client.example>\nSubject: x\n\nhello\n")
        if let marked { harness.session.transaction.notes["discard_mail"] = marked }
        return try await harness.run(.queue)
    }

    @Test("claim 101: a marked message is accepted with its Message-Id, and dropped")
    func marked() async throws {
        let verdict = try await self.verdict(marked: .int(1))
        #expect(verdict.code == .ok && verdict.text == "Queued! <1@client.example>")
    }

    @Test("claim 102: all others go on to the plugins behind it", arguments: [nil, NoteValue.int(0)])
    func others(_ mark: NoteValue?) async throws {
        #expect(try await self.verdict(marked: mark).code == .declined)
    }
}
