// SequenceTests.swift
//
// The order of hooks in a session, transactions and their numbers, what lives how long, the order of replies.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

/// Keeps a session's inputs.
final class InputList: SessionRecorder {
    private let kept = Mutex<[SessionInput]>([])

    var inputs: [SessionInput] { self.kept.withLock { $0 } }
    func record(_ input: SessionInput, at nanoseconds: Int64) { self.kept.withLock { $0.append(input) } }
}

@Suite struct SequenceTests {
    /// A plugin on every hook of a session that writes down its name.
    private func listening(_ diary: Diary) -> EngineHarness.Entry {
        EngineHarness.Entry("listening") { hooks in
            for hook in HookID.allCases where hook != .deny && hook != .ok {
                hooks.answer(
                    hook,
                    .atOnce { _ in
                        diary.write(hook.name)
                        return hook == .rcpt || hook == .queue ? .ok : .declined
                    })
            }
        }
    }

    /// hooks.md §3. One reset_transaction for a client that vanishes inside DATA, and farewell hooks after timeouts, are
    /// choices of ours.
    @Test(arguments: [
        Row("accept", "", "pre-connection connect"),
        Row("EHLO", "EHLO x\r\n", "ehlo_parse ehlo"),
        Row("HELO", "HELO x\r\n", "helo_parse helo"),
        Row("MAIL", "MAIL FROM:<a@b.example>\r\n", "reset_transaction mail_parse mail_pre mail"),
        Row("RCPT", "RCPT TO:<c@d.example>\r\n", "rcpt_parse rcpt_pre rcpt"),
        Row("DATA", "DATA\r\n", "data"),
        Row("header", "Subject: x\r\n\r\n", "data_headers_end"),
        Row(
            "final dot", "body\r\n.\r\n",
            "data_post_headers received_line data_post queue_pre queue reset_transaction queue_post"),
        Row("second MAIL", "MAIL FROM:<a@b.example>\r\n", "reset_transaction mail_parse mail_pre mail"),
        Row("RSET", "RSET\r\n", "reset_transaction"),
        Row("DATA without MAIL", "DATA\r\n", ""),
        Row("MAIL with a wrong path", "MAIL FROM:a@b\r\n", "reset_transaction mail_parse mail_pre"),
        Row("NOOP", "NOOP\r\n", "noop"),
        Row("VRFY", "VRFY x\r\n", "vrfy"),
        Row("HELP", "HELP\r\n", "help"),
        Row("other", "XTEST\r\n", "unrecognized_command"),
        Row("QUIT", "QUIT\r\n", "quit disconnect reset_transaction post-connection"),
    ])
    func orderOfHooks(_ row: Row<String, String>) {
        let script = [
            "", "EHLO x\r\n", "HELO x\r\n", "MAIL FROM:<a@b.example>\r\n", "RCPT TO:<c@d.example>\r\n", "DATA\r\n",
            "Subject: x\r\n\r\n", "body\r\n.\r\n", "MAIL FROM:<a@b.example>\r\n", "RSET\r\n", "DATA\r\n",
            "MAIL FROM:a@b\r\n", "NOOP\r\n", "VRFY x\r\n", "HELP\r\n", "XTEST\r\n", "QUIT\r\n",
        ]
        let isLater = row.testDescription == "second MAIL" || row.testDescription == "DATA without MAIL"
        let last = isLater ? script.lastIndex(of: row.input) : script.firstIndex(of: row.input)
        let diary = Diary()
        let harness = EngineHarness([self.listening(diary)], seams: testSeams())
        let client = harness.connect()
        for line in script[..<(last ?? 0)] { client.send(line) }
        if !row.input.isEmpty {
            diary.forget()
            client.send(row.input)
        }
        #expect(diary.lines.joined(separator: " ") == row.expected)
    }

    /// With BDAT the data hook runs at the first chunk, the header's with the octet that ends it.
    @Test func orderOfHooksInChunks() {
        let diary = Diary()
        let harness = EngineHarness([self.listening(diary)], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        diary.forget()
        client.send("BDAT 10\r\nSubject: a")
        #expect(diary.lines == ["data"])
        client.send("BDAT 8\r\n\r\n\r\nbodyBDAT 0 LAST\r\n")
        #expect(
            diary.lines.joined(separator: " ")
                == "data data_headers_end data_post_headers received_line data_post queue_pre queue "
                + "reset_transaction queue_post")
        #expect(client.codes() == [220, 250, 250, 250, 250, 250, 250])
    }

    /// The id with the mail's number stands in replies and in Received.
    @Test func transactionNumbers() throws {
        let bag = Mailbag()
        let log = CapturingLog()
        let harness = EngineHarness(
            [
                bag.entry,
                .init("refuses") { hooks in
                    hooks.on(.mail) { _, session in
                        session.transaction.number == 3 ? .deny("third") : .declined
                    }
                },
            ], seams: testSeams(log))
        let client = harness.connect()
        client.say("EHLO x")
        let plain = try #require(client.say("XTEST").first)
        let id = try #require(plain.split(separator: "[").last?.dropLast())
        #expect(id.count == 12)
        for number in 1...2 {
            client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n")
            #expect(client.said().hasSuffix("250 2.0.0 queued [\(id).\(number)]"))
            #expect(bag.texts.last?.contains("id <\(id).\(number)@") == true)
        }
        #expect(client.say("MAIL FROM:<a@b.example>") == ["550 5.7.1 third [\(id).3]"])
        #expect(log.events.contains { $0.session?.description == String(id) && $0.transaction == 2 })
    }

    @Test("claim 38: connection notes live from arrival to the end") func connectionNotes() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("notes") { hooks in
                    hooks.on(.preConnection) { _, arrival in
                        arrival.notes["arrival"] = .int(1)
                        return .declined
                    }
                    hooks.on(.connect) { _, session in
                        diary.write("\(session.notes["arrival"] != nil) \(session.notes["connect"] == nil)")
                        session.notes["connect"] = .int(2)
                        return .declined
                    }
                    hooks.on(.postConnection) { _, session in
                        diary.write("\(session.notes["arrival"] != nil) \(session.notes["connect"] != nil)")
                        return .declined
                    }
                },
                accepting,
            ], seams: testSeams())
        for _ in 0..<2 {
            let client = harness.connect()
            client.beginMail()
            client.say("RSET")
            client.say("EHLO again")
            client.say("QUIT")
        }
        #expect(diary.lines == Array(repeating: "true true", count: 4))
    }

    @Test(
        "claim 39: transaction notes live for one mail",
        arguments: [
            Row("queue", "DATA\r\n.\r\n", "queue true"),
            Row("RSET", "RSET\r\nNOOP\r\n", "noop false"),
            Row("next MAIL", "RSET\r\nMAIL FROM:<next@b.example>\r\n", "next false"),
            Row("EHLO", "EHLO again\r\nNOOP\r\n", "noop false"),
            Row("after the mail", "DATA\r\n.\r\nNOOP\r\n", "queue true,noop false"),
            Row("during the mail", "NOOP\r\n", "noop true"),
        ])
    func transactionNotes(_ row: Row<String, String>) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("notes") { hooks in
                    hooks.on(.mail) { event, session in
                        if event.sender.description.contains("next") {
                            diary.write("next \(session.transaction.notes["mine"] != nil)")
                        } else {
                            session.transaction.notes["mine"] = .string("here")
                        }
                        return .declined
                    }
                    hooks.on(.noop) { _, session in
                        diary.write("noop \(session.transaction.notes["mine"] != nil)")
                        return .declined
                    }
                    hooks.on(.queue) { _, session in
                        diary.write("queue \(session.transaction.notes["mine"] != nil)")
                        return .declined
                    }
                },
                accepting,
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        client.send(row.input)
        #expect(diary.lines.joined(separator: ",") == row.expected)
    }

    /// RFC 5321 §4.1.4: EHLO and HELO start over.
    @Test(arguments: ["EHLO b.example", "HELO b.example"])
    func helloResets(_ hello: String) {
        let diary = Diary()
        let harness = EngineHarness([watching(diary), accepting], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(diary.lines == ["reset_transaction"])
        client.say(hello)
        #expect(diary.lines == ["reset_transaction", "reset_transaction"])
        client.send("RCPT TO:<c@d.example>\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [503, 250])
    }

    /// What a data_headers_end handler changes stays changed when the whole message is there.
    @Test(arguments: ["DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n", "BDAT 20 LAST\r\nSubject: x\r\n\r\nbody\r\n"])
    func earlyHeaderEdits(_ input: String) {
        let bag = Mailbag()
        let harness = EngineHarness(
            [
                .init("edits") { hooks in
                    hooks.on(.dataHeadersEnd) { _, session in
                        session.transaction.replaceHeader("Subject", with: "y")
                        session.transaction.addHeader("X-Early", "1")
                        return .declined
                    }
                },
                bag.entry,
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        client.send(input)
        #expect(bag.texts.first?.contains("X-Early: 1\r\n") == true)
        #expect(bag.texts.first?.hasSuffix("Subject: y\r\n\r\nbody\r\n") == true)
    }

    // MARK: The order of replies

    /// Replies come in the order of commands, whoever waits.
    @Test func pipelining() {
        let harness = EngineHarness(
            [
                .init("slow") { hooks in
                    hooks.on(.rcpt) { event, session async throws in
                        let name = event.recipient.description
                        if name.contains("slow") { try await session.clock.sleep(for: .seconds(2)) }
                        return name.contains("no") ? .deny() : .ok
                    }
                    hooks.on(.noop) { _, _ in .deny() }
                    hooks.on(.queue) { _, _ in .ok }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.send(
            "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<slow@d.example>\r\nNOOP\r\nRCPT TO:<no@d.example>\r\n"
                + "RCPT TO:<slow.no@d.example>\r\nRCPT TO:<c@d.example>\r\nVRFY x\r\nDATA\r\n")
        #expect(client.codes() == [220, 250, 250])
        harness.advance(by: .seconds(3))
        #expect(client.codes() == [250, 500, 550])
        harness.advance(by: .seconds(3))
        #expect(client.codes() == [550, 250, 252, 354])
        client.send("Subject: x\r\n\r\nQUIT\r\n.\r\nRSET\r\nQUIT\r\n")
        #expect(client.codes() == [250, 250, 221])
    }

    /// The same bytes, cut anywhere, give the same answers.
    @Test(arguments: [1, 2, 3, 7, 100])
    func cuts(_ size: Int) {
        let bag = Mailbag()
        let harness = EngineHarness([bag.entry], seams: testSeams())
        let client = harness.connect()
        let input = Array(
            ("EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
                + "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nBDAT 4\r\nA: bBDAT 8 LAST\r\n\r\n\r\n.\r\n.NOOP\r\n")
                .utf8)
        for start in stride(from: 0, to: input.count, by: size) {
            client.send(Array(input[start..<min(start + size, input.count)]))
        }
        #expect(client.codes() == [220, 250, 250, 250, 354, 250, 250, 250, 250, 250, 250])
        #expect(bag.texts.first?.hasSuffix("Subject: x\r\n\r\n.dot\r\n") == true)
        #expect(bag.texts.last?.hasSuffix("A: b\r\n\r\n.\r\n.") == true)
    }

    /// 64 commands in one turn, then the others.
    @Test func fairness() {
        let inputs = InputList()
        let harness = EngineHarness([accepting], seams: testSeams())
        let client = harness.connect(recorder: inputs)
        client.send(String(repeating: "NOOP\r\n", count: 200))
        #expect(client.codes().count == 201)
        #expect(inputs.inputs.count { $0 == .continued } == 3)
    }

    /// Reading stops when 64 kB wait behind a hook, and goes on afterwards.
    @Test func backPressure() {
        let harness = EngineHarness(
            [
                .init("slow") { hooks in
                    hooks.on(.noop) { _, session async throws in
                        try await session.clock.sleep(for: .seconds(1))
                        return .declined
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.send("NOOP\r\n" + String(repeating: "RSET\r\n", count: 10000))
        #expect(!client.isPaused)
        client.send(String(repeating: "RSET\r\n", count: 1000))
        #expect(client.isPaused)
        harness.advance(by: .seconds(2))
        #expect(!client.isPaused)
        #expect(client.codes().count == 11002)
    }

    /// Nothing is worked on while the client does not read.
    @Test func unreadReplies() {
        let harness = EngineHarness([accepting], seams: testSeams())
        let client = harness.connect()
        client.setWritable(false)
        client.send(String(repeating: "NOOP\r\n", count: 100))
        #expect(client.isPaused)
        #expect(client.codes() == [220])
        client.setWritable(true)
        #expect(!client.isPaused)
        #expect(client.codes().count == 100)
    }
}
