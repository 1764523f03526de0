// MailClaimTests.swift
//
// What qpsmtpd's manual promises of the hooks of a mail and of the end of a session, one claim a test.

import QPActors
import QPHooks
import QPSMTP
import QPTelemetry
import QPTestKit
import Testing

@Suite struct MailClaimTests {
    private func answering(_ hook: HookID, _ code: ReturnCode) -> EngineHarness.Entry {
        .init("subject") { hooks in hooks.answer(hook, .atOnce { _ in code }) }
    }

    /// Sends a whole mail; gives the codes of what comes after 354.
    private func send(_ client: TestClient, _ text: String = "Subject: x\r\n\r\nbody\r\n") -> [Int] {
        client.beginMail()
        client.send("DATA\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354])
        client.send(text + ".\r\n")
        return client.codes()
    }

    // MARK: The envelope

    @Test("claim 55: mail gets the sender and its parameters") func senderAndParameters() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("sees") { hooks in
                    hooks.on(.mail) { event, _ in
                        let size = event.parameters.first { $0.keyword.lowercased() == "size" }
                        diary.write("\(event.sender.address) \(size?.value ?? "none")")
                        return .declined
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example> SIZE=10\r\n")
        #expect(client.codes() == [220, 250, 250])
        #expect(diary.lines == ["a@b.example 10"])
    }

    @Test(
        "claim 55: what mail answers",
        arguments: [
            Row("OK", ReturnCode.ok, [250]), Row("DECLINED", .declined, [250]), Row("DENY", .deny, [550]),
            Row("DENYSOFT", .denysoft, [450]), Row("DENY_DISCONNECT", .denyDisconnect, [550]),
            Row("DENYSOFT_DISCONNECT", .denysoftDisconnect, [421]), Row("DONE", .done, []),
        ])
    func mailAnswers(_ row: Row<ReturnCode, [Int]>) {
        let client = EngineHarness([self.answering(.mail, row.input)], seams: testSeams()).connect()
        client.say("EHLO a.example")
        client.send("MAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == row.expected)
        #expect(client.isClosed == (row.input == .denyDisconnect || row.input == .denysoftDisconnect))
    }

    @Test(
        "claim 58: what rcpt answers, and that nobody's opinion is a soft refusal",
        arguments: [
            Row("OK", ReturnCode.ok, [250]), Row("DECLINED", .declined, [450]), Row("DENY", .deny, [550]),
            Row("DENYSOFT", .denysoft, [450]), Row("DENY_DISCONNECT", .denyDisconnect, [550]),
            Row("DENYSOFT_DISCONNECT", .denysoftDisconnect, [421]), Row("DONE", .done, []),
        ])
    func recipientAnswers(_ row: Row<ReturnCode, [Int]>) {
        let client = EngineHarness([self.answering(.rcpt, row.input)], seams: testSeams()).connect()
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        _ = client.codes()
        client.send("RCPT TO:<c@d.example> NOTIFY=NEVER\r\n")
        #expect(client.codes() == row.expected)
        #expect(client.isClosed == (row.input == .denyDisconnect || row.input == .denysoftDisconnect))
    }

    // MARK: The message

    @Test(
        "claim 61: the word in Received, and a plugin's own line",
        arguments: [
            Row("HELO", ("HELO", false), " with SMTP "), Row("EHLO", ("EHLO", false), " with ESMTP "),
            Row("own line", ("EHLO", true), "own ESMTP"),
        ])
    func receivedLine(_ row: Row<(String, Bool), String>) {
        let bag = Mailbag()
        let harness = EngineHarness(
            [
                .init("line") { hooks in
                    hooks.on(.receivedLine) { event, _ in
                        row.input.1
                            ? .ok("Received: own \(event.protocolWord)\(event.authComment)\(event.tlsComment)")
                            : .declined
                    }
                }, bag.entry,
            ], seams: testSeams())
        let client = harness.connect()
        client.send("\(row.input.0) a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n")
        let text = (bag.texts.first ?? "").split(separator: "\r\n").joined(separator: " ").replacing("\t", with: " ")
        #expect(text.contains(row.expected), "\(text)")
        #expect(text.contains("own") == row.input.1)
    }

    @Test(
        "claim 62: what data_post answers",
        arguments: [
            Row("OK", ReturnCode.ok, ([250], true)), Row("DECLINED", .declined, ([250], true)),
            Row("DENY", .deny, ([552], false)), Row("DENYSOFT", .denysoft, ([452], false)),
            Row("DENY_DISCONNECT", .denyDisconnect, ([552], false)),
            Row("DENYSOFT_DISCONNECT", .denysoftDisconnect, ([452], false)), Row("DONE", .done, ([], false)),
        ])
    func afterTheMessage(_ row: Row<ReturnCode, ([Int], Bool)>) {
        let bag = Mailbag()
        let client = EngineHarness([self.answering(.dataPost, row.input), bag.entry], seams: testSeams()).connect()
        #expect(self.send(client) == row.expected.0)
        #expect(bag.messages.isEmpty != row.expected.1)
    }

    @Test(
        "claim 64: queue_pre may change the message, and with DONE keep it from the queue",
        arguments: [Row("OK", ReturnCode.ok, 1), Row("DECLINED", .declined, 1), Row("DONE", .done, 0)])
    func beforeTheQueue(_ row: Row<ReturnCode, Int>) {
        let bag = Mailbag()
        let harness = EngineHarness(
            [
                .init("adds") { hooks in
                    hooks.on(.queuePre) { _, session in
                        session.transaction.addHeader("X-Added", "late")
                        return .constant(row.input, ())
                    }
                }, bag.entry,
            ], seams: testSeams())
        #expect(self.send(harness.connect()) == (row.input == .done ? [] : [250]))
        #expect(bag.texts.count { $0.contains("X-Added: late\r\n") } == row.expected)
        #expect(bag.messages.count == row.expected)
    }

    @Test(
        "claim 65: what queue answers",
        arguments: [
            Row("OK", ReturnCode.ok, [250]), Row("DONE", .done, []), Row("DENY", .deny, [552]),
            Row("DENYSOFT", .denysoft, [452]), Row("DECLINED by all", .declined, [451]),
        ])
    func queueAnswers(_ row: Row<ReturnCode, [Int]>) {
        let recipients = EngineHarness.Entry("recipients") { hooks in hooks.on(.rcpt) { _, _ in .ok } }
        let harness = EngineHarness([recipients, self.answering(.queue, row.input)], seams: testSeams())
        #expect(self.send(harness.connect()) == row.expected)
    }

    @Test(
        "claim 67: queue_post comes after the queue, and what is not OK is logged as an error",
        arguments: [
            Row("OK", ReturnCode.ok, (1, false)), Row("DENY", .deny, (1, true)), Row("DENYSOFT", .denysoft, (1, true)),
        ])
    func afterTheQueue(_ row: Row<ReturnCode, (Int, Bool)>) {
        let log = CapturingLog()
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("after") { hooks in
                    hooks.on(.queuePost) { event, session in
                        diary.write("\(event.code.name) \(session.transaction.sender == nil)")
                        return .constant(row.input, ())
                    }
                }, accepting,
            ], seams: testSeams(log))
        #expect(self.send(harness.connect()) == [250])
        #expect(diary.lines == ["OK true"])
        #expect(log.lines.contains("LOGERROR queue_post: reason") == row.expected.1)
    }

    @Test("claim 68: reset_transaction runs at MAIL, after the queue and at every RSET") func resets() {
        let diary = Diary()
        let harness = EngineHarness([watching(diary), accepting], seams: testSeams())
        let client = harness.connect()
        var counts: [Int] = []
        for line in ["EHLO a.example\r\n", "MAIL FROM:<a@b.example>\r\n", "RCPT TO:<c@d.example>\r\n", "DATA\r\n.\r\n"]
        {
            client.send(line)
            counts.append(diary.lines.count)
        }
        for _ in 0..<2 {
            client.send("RSET\r\n")
            counts.append(diary.lines.count)
        }
        #expect(counts == [0, 1, 1, 2, 3, 4])
        #expect(Set(diary.lines) == ["reset_transaction"])
    }

    // MARK: The end

    @Test(
        "claim 69: quit says 221 unless a plugin has answered",
        arguments: [Row("DECLINED", ReturnCode.declined, [221]), Row("DONE", .done, [])])
    func quit(_ row: Row<ReturnCode, [Int]>) {
        let client = EngineHarness([self.answering(.quit, row.input)], seams: testSeams()).connect()
        _ = client.codes()
        client.send("QUIT\r\n")
        #expect(client.codes() == row.expected)
        #expect(client.isClosed)
    }

    /// docs/decisions/0008: also after DONE at quit.
    @Test(
        "claim 71: disconnect runs once, however the session ends",
        arguments: ["QUIT", "QUIT and DONE", "DENY_DISCONNECT", "vanish"])
    func disconnect(_ end: String) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                watching(diary),
                .init("ends") { hooks in
                    hooks.on(.quit) { _, _ in end == "QUIT and DONE" ? .done : .declined }
                    hooks.on(.noop) { _, _ in .denyDisconnect("enough") }
                },
            ], seams: testSeams())
        let client = harness.connect()
        switch end {
        case "vanish": client.vanish()
        case "DENY_DISCONNECT": client.send("NOOP\r\n")
        default: client.send("QUIT\r\n")
        }
        #expect(client.isClosed)
        #expect(diary.lines.count { $0 == "disconnect" } == 1)
    }

    @Test(
        "claim 73: post-connection runs once, last of all, also when the client says nothing", arguments: [true, false])
    func postConnection(_ vanishes: Bool) {
        let diary = Diary()
        let harness = EngineHarness([watching(diary)], seams: testSeams())
        let client = harness.connect()
        if vanishes { client.vanish() } else { client.send("QUIT\r\n") }
        #expect(diary.lines.count { $0 == "post-connection" } == 1)
        #expect(diary.lines.last == "post-connection")
    }

    @Test("claim 75: there is no hook unrecognized_command_parse") func noParserOfUnknownCommands() {
        #expect(HookID(name: "unrecognized_command_parse") == nil)
        #expect(HookID(name: "unrecognized_command") == .unrecognizedCommand)
    }

    @Test(
        "claim 79: deny learns who refused, where and why",
        arguments: [ReturnCode.deny, .denysoft, .denyDisconnect, .denysoftDisconnect])
    func denials(_ code: ReturnCode) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("counts") { hooks in
                    hooks.on(.deny) { event, _ in
                        diary.write("\(event.plugin) \(event.hook.name) \(event.code.name) \(event.text)")
                        return .denyDisconnect("ignored")
                    }
                    hooks.on(.ok) { event, _ in
                        if event.plugin == "subject" { diary.write("ok") }
                        return .declined
                    }
                }, self.answering(.mail, code),
            ], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(diary.lines == ["subject mail \(code.name) reason"])
        #expect(client.isClosed == (code == .denyDisconnect || code == .denysoftDisconnect))
    }

    @Test(
        "claim 80: ok learns of every other answer, DECLINED among them", arguments: [ReturnCode.ok, .declined, .done])
    func approvals(_ code: ReturnCode) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("counts") { hooks in
                    hooks.on(.ok) { event, _ in
                        if event.plugin == "subject" { diary.write("\(event.hook.name) \(event.code.name)") }
                        return .declined
                    }
                    hooks.on(.deny) { _, _ in
                        diary.write("deny")
                        return .declined
                    }
                }, self.answering(.mail, code),
            ], seams: testSeams())
        harness.connect().send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(diary.lines == ["mail \(code.name)"])
    }

    @Test(
        "claim 82: a plugin brings a new verb",
        arguments: [
            Row("known to it", "XTEST some words", [250]), Row("not known", "XOTHER", [500]),
            Row("refused", "XBAD", [500]), Row("refused for good", "XWORSE", [521]),
        ])
    func newVerb(_ row: Row<String, [Int]>) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("verbs") { hooks in
                    hooks.on(.unrecognizedCommand) { event, session in
                        switch event.verb {
                        case "xtest":
                            diary.write(event.argument ?? "")
                            session.respond(Reply(250, "tested"))
                            return .done
                        case "xbad": return .deny("bad")
                        case "xworse": return .denyDisconnect("worse")
                        default: return .declined
                        }
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        _ = client.codes()
        client.send(row.input + "\r\n")
        #expect(client.codes() == row.expected)
        #expect(client.isClosed == (row.expected == [521]))
        #expect(diary.lines == (row.expected == [250] ? ["some words"] : []))
    }
}
