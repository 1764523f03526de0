// CommandClaimTests.swift
//
// What qpsmtpd's manual promises of parsing hooks and of the small commands, one claim a test.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct CommandClaimTests {
    /// A plugin that answers a command with what a test says, and writes down the client's words.
    private static func answering(
        _ hook: Hook<CommandEvent, Void>, _ verdict: Verdict<Void>, _ diary: Diary = Diary()
    ) -> EngineHarness.Entry {
        .init("answers") { hooks in
            hooks.on(hook) { event, session in
                diary.write(event.argument ?? "none")
                if verdict == .done, hook.id == .help { session.respond(Reply(502, "not implemented")) }
                return verdict
            }
        }
    }

    // MARK: Parsers

    @Test(
        "claim 74: a plugin's parser gets verb and line, and gives the pieces or says why there are none",
        arguments: [
            Row("the pieces", "MAIL ann", "250 "), Row("a reason", "MAIL eve", "501 5.5.4 only ann may write"),
        ])
    func ownParser(_ row: Row<String, String>) {
        let diary = Diary()
        let parser = LineParser { verb, argument in
            diary.write("\(verb)|\(argument)")
            return argument == "ann" ? .parsed("<ann@b.example>", rest: []) : .failed("only ann may write")
        }
        let harness = EngineHarness(
            [
                .init("parses") { hooks in hooks.on(.mailParse) { _, _ in .ok(parser) } },
                .init("sees") { hooks in
                    hooks.on(.mail) { event, _ in
                        diary.write(event.sender.address)
                        return .declined
                    }
                },
            ], seams: testSeams())
        let client = harness.connect()
        client.say("EHLO a.example")
        #expect(client.say(row.input).first?.hasPrefix(row.expected) == true)
        let isParsed = row.expected == "250 "
        #expect(diary.lines == (isParsed ? ["mail|ann", "ann@b.example"] : ["mail|eve"]))
    }

    @Test(
        "claim 76: a parser of HELO or EHLO gives another host name, and its other pieces to the hook",
        arguments: ["HELO", "EHLO"])
    func hostName(_ verb: String) {
        let diary = Diary()
        let bag = Mailbag()
        let parser = LineParser { verb, argument in .parsed("\(argument).inside.example", rest: [verb, "more"]) }
        let sees: @Sendable (HelloEvent, SessionContext) -> Verdict<Void> = { event, _ in
            diary.write(([event.host] + event.extras).joined(separator: " "))
            return .declined
        }
        let harness = EngineHarness(
            [
                .init("parses") { hooks in
                    hooks.on(.heloParse) { _, _ in .ok(parser) }
                    hooks.on(.ehloParse) { _, _ in .ok(parser) }
                    hooks.on(.helo, sees)
                    hooks.on(.ehlo, sees)
                }, bag.entry,
            ], seams: testSeams())
        let client = harness.connect()
        client.send("\(verb) short\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354, 250])
        #expect(diary.lines == ["short.inside.example \(verb.lowercased()) more"])
        let received = (bag.texts.first ?? "").split(separator: "\r\n").first { $0.hasPrefix("Received: ") }
        #expect(received?.contains("short.inside.example") == true)
    }

    @Test(
        "claim 77: when a parser of MAIL or RCPT fails, its text goes out with 501",
        arguments: [Row("with a text", "no such form", "no such form"), Row("without", "", "syntax error in command")],
        ["MAIL", "RCPT"])
    func failedParser(_ row: Row<String, String>, _ verb: String) {
        let parser = LineParser { _, _ in .failed(row.input) }
        let harness = EngineHarness(
            [
                .init("parses") { hooks in
                    if verb == "MAIL" {
                        hooks.on(.mailParse) { _, _ in .ok(parser) }
                    } else {
                        hooks.on(.rcptParse) { _, _ in .ok(parser) }
                    }
                }, accepting,
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        let codes = verb == "MAIL" ? [220, 250, 501, 503] : [220, 250, 250, 501]
        let replies = client.replies()
        #expect(replies.filter { !$0.hasPrefix("250-") }.compactMap { Int($0.prefix(3)) } == codes)
        #expect(replies.contains { $0.hasPrefix("501 5.5.4 \(row.expected) [") })
    }

    @Test("claim 77: an address may lack its brackets, which mail_pre and rcpt_pre add; the rest are parameters")
    func parsedWithoutBrackets() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("parses") { hooks in
                    hooks.on(.mailParse) { _, _ in
                        .ok(LineParser { _, _ in .parsed("a@b.example", rest: ["SIZE=10", "SMTPUTF8"]) })
                    }
                    hooks.on(.rcptParse) { _, _ in
                        .ok(LineParser { _, _ in .parsed("c@d.example", rest: ["NOTIFY=NEVER"]) })
                    }
                    hooks.on(.mailPre) { event, _ in .ok("<\(event.path)>") }
                    hooks.on(.rcptPre) { event, _ in .ok("<\(event.path)>") }
                    hooks.on(.mail) { event, _ in
                        diary.write("\(event.sender) \(event.parameters.map(\.description))")
                        return .declined
                    }
                    hooks.on(.rcpt) { event, _ in
                        diary.write("\(event.recipient) \(event.parameters.map(\.description))")
                        return .ok
                    }
                }, accepting,
            ], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO a.example\r\nMAIL from ann\r\nRCPT to carl\r\n")
        #expect(client.codes() == [220, 250, 250, 250])
        #expect(
            diary.lines == [
                "<a@b.example> [\"size=10\", \"smtputf8\"]", "<c@d.example> [\"notify=NEVER\"]",
            ])
    }

    // MARK: HELP, VRFY, NOOP

    @Test(
        "claim 83: help says what a plugin says, DENY is a syntax error, and with DONE the plugin has answered",
        arguments: [
            Row("DONE", Verdict<Void>.done, "502 not implemented"), Row("DENY", .deny(), "500 5.5.2 syntax error"),
            Row("DENY with a text", .deny("no such topic"), "500 5.5.2 no such topic"),
            Row("OK with a text", .ok("ask ann"), "214 2.0.0 ask ann"),
            Row("DECLINED with a text", .declinedSaying("ask bob"), "214 2.0.0 ask bob"),
            Row("DENYSOFT with a text", .denysoft("ask eve"), "214 2.0.0 ask eve"),
            Row("no text", .declined, "214-2.0.0 qpserver"),
        ])
    func help(_ row: Row<Verdict<Void>, String>) {
        let diary = Diary()
        let client = EngineHarness([Self.answering(.help, row.input, diary)], seams: testSeams()).connect()
        _ = client.replies()
        let replies = client.say("HELP mail from")
        #expect(replies.first?.hasPrefix(row.expected) == true, "\(replies)")
        #expect(replies.count { !$0.hasPrefix("214-") } == 1)
        client.say("HELP")
        #expect(diary.lines == ["mail from", "none"])
    }

    @Test(
        "claim 84: vrfy advises to send a mail, unless a plugin knows better",
        arguments: [
            Row("DECLINED", Verdict<Void>.declined, [252]), Row("OK", .ok("Ann <ann@b.example>"), [250]),
            Row("DENY", .deny("not here"), [554]), Row("DONE", .done, []), Row("DENYSOFT", .denysoft("later"), [252]),
        ])
    func verify(_ row: Row<Verdict<Void>, [Int]>) {
        let client = EngineHarness([Self.answering(.vrfy, row.input)], seams: testSeams()).connect()
        _ = client.replies()
        let replies = client.say("VRFY ann")
        #expect(replies.compactMap { Int($0.prefix(3)) } == row.expected)
        if row.expected == [250] || row.expected == [554] {
            #expect(replies.first?.contains(row.input.text) == true)
        }
        #expect(!client.isClosed)
    }

    @Test(
        "claim 85: noop is 250, unless a plugin that saw the client's words refuses or has answered",
        arguments: [
            Row("DECLINED", Verdict<Void>.declined, [250]), Row("OK", .ok, [250]), Row("DONE", .done, []),
            Row("DENY_DISCONNECT", .denyDisconnect("enough"), [500]), Row("DENY", .deny("stop"), [500]),
        ])
    func noop(_ row: Row<Verdict<Void>, [Int]>) {
        let diary = Diary()
        let client = EngineHarness([Self.answering(.noop, row.input, diary)], seams: testSeams()).connect()
        _ = client.replies()
        let replies = client.say("NOOP some words")
        #expect(replies.compactMap { Int($0.prefix(3)) } == row.expected)
        #expect(replies.allSatisfy { row.expected == [250] || $0.contains(row.input.text) })
        #expect(client.isClosed == (row.input.code == .denyDisconnect))
        #expect(diary.lines == ["some words"])
    }
}
