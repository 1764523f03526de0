// ConversationTests.swift
//
// Plugins that speak with the client themselves.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@Suite struct ConversationTests {
    private func harness(
        _ bag: Mailbag = Mailbag(), timeout: Duration = .seconds(30),
        _ change: (inout ServerSettings) -> Void = { _ in },
        _ table: @escaping @Sendable (inout HookTable) -> Void
    ) -> EngineHarness {
        var policy = PluginPolicy()
        policy.timeout = timeout
        var settings = EngineHarness.quietSettings
        change(&settings)
        return EngineHarness(
            [.init("talks", policy: policy, table), bag.entry], settings: settings, seams: testSeams())
    }

    // MARK: connect

    @Test(arguments: [true, false])
    func ownGreeting(_ waits: Bool) {
        let harness = self.harness { hooks in
            hooks.answer(
                .connect,
                waits
                    ? .waiting { session in
                        session.conversation?.send(Reply(220, "hello\nthere"))
                        try await session.clock.sleep(for: .seconds(1))
                        return .done
                    }
                    : .atOnce { session in
                        session.respond(Reply(220, "hello\nthere"))
                        return .done
                    })
        }
        let client = harness.connect()
        #expect(client.replies() == ["220-hello", "220 there"])
        client.send("NOOP\r\n")
        harness.advance(by: .seconds(2))
        #expect(client.codes() == [250])
    }

    @Test(arguments: [
        Row("silent", nil, 220), Row("talks at once", 0.0, 554), Row("talks soon", 1.5, 554),
        Row("talks later", 3.0, 220),
    ])
    func earlyTalkers(_ row: Row<Double?, Int>) {
        let harness = self.harness { hooks in
            hooks.on(.connect) { _, session async throws in
                guard await session.input.arrives(within: .seconds(2)) else { return .declined }
                session.respond(Reply(554, "too early"))
                return .denyDisconnect()
            }
        }
        let client = harness.connect()
        if let time = row.input {
            harness.advance(by: .seconds(time))
            client.send("EHLO x\r\n")
        }
        harness.advance(by: .seconds(3))
        #expect(client.codes().first == row.expected)
        #expect(client.isClosed == (row.expected == 554))
    }

    // MARK: data

    /// Seed 59: also bytes that came in the same packet.
    @Test(arguments: [Row("same packet", 0.0, 554), Row("soon", 0.5, 554), Row("after the 354", 2.0, 354)])
    func bodyBefore354(_ row: Row<Double, Int>) {
        let harness = self.harness { hooks in
            hooks.on(.data) { _, session in session.input.waitingOctets > 0 ? .deny("too early") : .declined }
            hooks.on(.data) { _, session async throws in
                await session.input.arrives(within: .seconds(1)) ? .deny("too early") : .declined
            }
        }
        let client = harness.connect()
        client.beginMail()
        _ = client.codes()
        if row.input == 0 {
            client.send("DATA\r\nSubject: x\r\n")
        } else {
            client.send("DATA\r\n")
            harness.advance(by: .seconds(row.input))
            client.send("Subject: x\r\n")
        }
        harness.advance(by: .seconds(2))
        #expect(client.codes().first == row.expected)
        #expect(harness.statistics("talks", .data).runs == (row.input == 0 ? 1 : 2))
    }

    private static func receiving(_ hooks: inout HookTable, _ diary: Diary) {
        hooks.on(.data) { _, session async throws in
            guard let conversation = session.conversation else { return .deny("no wire") }
            conversation.send(Reply(354, "mine"))
            do throws(EffectError) {
                diary.write("\(try await conversation.receiveMessage())")
                if session.notes["drop"] == nil { conversation.queue() }
            } catch {
                diary.write("\(error)")
                session.respond(Reply(552, "refused by plugin"))
            }
            return .done
        }
        hooks.on(.noop) { _, session in
            session.notes["drop"] = .bool(true)
            return .declined
        }
    }

    @Test("claim 60: a data handler takes the message itself", arguments: [1, 1000])
    func receivesItself(_ size: Int) {
        let diary = Diary()
        let bag = Mailbag()
        let harness = self.harness(bag) { Self.receiving(&$0, diary) }
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354])
        let bytes = Array("Subject: x\r\n\r\n..dot\r\n.\r\nRSET\r\n".utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            client.send(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(client.codes() == [250, 250])
        #expect(diary.lines == ["20"])
        #expect(bag.texts.first?.hasSuffix("Subject: x\r\n\r\n.dot\r\n") == true)
        #expect(bag.texts.first?.contains("Received: from") == true)

        // Without `queue` the plugin has all the say, also after a mail that it had queued.
        client.send(
            "NOOP\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\nRCPT TO:<e@d.example>\r\n")
        #expect(client.codes() == [250, 250, 250, 354, 250])
        #expect(bag.messages.count == 1)
    }

    @Test(arguments: [
        Row("too big", String(repeating: "0123456789\r\n", count: 20) + ".\r\n", "message exceeds the size limit"),
        Row("bare LF", "a\nb\r\n.\r\n", "message has bare CR or LF line ends"),
        Row("smuggling", "a\r\n.\nMAIL FROM:<e@f.example>\r\n.\r\n", "message has bare CR or LF line ends"),
    ])
    func refusedMessages(_ row: Row<String, String>) {
        let diary = Diary()
        let bag = Mailbag()
        let harness = self.harness(bag) {
            $0.databytes = 100
        } _: {
            Self.receiving(&$0, diary)
        }
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\nA: b\r\n\r\n" + row.input + "RSET\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354, 552, 250])
        #expect(diary.lines == [row.expected])
        #expect(bag.messages.isEmpty)
    }

    @Test(arguments: ["vanish", "finish", "silence", "handler's time"])
    func unfinishedMessages(_ how: String) {
        let diary = Diary()
        let harness = self.harness(timeout: how == "silence" ? .seconds(1000) : .seconds(30)) {
            Self.receiving(&$0, diary)
        }
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\nSubject: x\r\n\r\nhalf")
        switch how {
        case "vanish": client.vanish()
        case "finish": client.finish()
        default: harness.advance(by: .seconds(how == "silence" ? 99 : 31))
        }
        harness.loop.run()
        switch how {
        case "vanish", "finish":
            #expect(harness.supervisor.sessions == 0)
            #expect(diary.lines == ["message: closed by the other side"] || how == "vanish")
        case "silence":
            // The chain's own budget of 100 s is shorter than data_timeout.
            harness.advance(by: .seconds(2))
            #expect(client.codes() == [220, 250, 250, 250, 354, 451])
        default:
            #expect(client.codes() == [220, 250, 250, 250, 354, 451])
            #expect(harness.statistics("talks", .data).timeouts == 1)
        }
    }

    // MARK: unrecognized_command

    private static func toy(_ hooks: inout HookTable, _ diary: Diary, limit: Int = 100) {
        hooks.on(.unrecognizedCommand) { event, session async throws in
            guard event.verb == "xtest" || event.verb == "xbytes", let conversation = session.conversation else {
                return .declined
            }
            conversation.send(Reply(334, "go on"))
            do throws(EffectError) {
                if event.verb == "xtest" {
                    let line = try await conversation.readLine(limit: limit, timeout: .seconds(10))
                    diary.write(String(decoding: line, as: UTF8.self))
                } else {
                    var bytes: [UInt8] = []
                    while bytes.count < 10 { bytes += try await conversation.readBytes(atMost: 10 - bytes.count) }
                    diary.write(String(decoding: bytes, as: UTF8.self))
                }
                conversation.send(Reply(250, "thank you"))
            } catch {
                diary.write("\(error)")
                conversation.send(Reply(501, "\(error)"))
            }
            return .done
        }
    }

    @Test(arguments: [
        Row("a line", ["XTEST\r\n", "answer\r\nNOOP\r\n"], "334 250 250 answer"),
        Row("in one packet", ["XTEST\r\nanswer\r\nNOOP\r\n"], "334 250 250 answer"),
        Row("byte by byte", "XTEST\r\nanswer\r\nNOOP\r\n".map(String.init), "334 250 250 answer"),
        Row("an empty line", ["XTEST\r\n\r\nNOOP\r\n"], "334 250 250 "),
        Row("two dialogues", ["XTEST\r\none\r\nXTEST\r\n", "two\r\n"], "334 250 334 250 one two"),
        Row("bytes", ["XBYTES\r\n", "012345", "6789NOOP\r\n"], "334 250 250 0123456789"),
        Row("bytes in one packet", ["XBYTES\r\n0123456789NOOP\r\n"], "334 250 250 0123456789"),
        Row(
            "too long", ["XTEST\r\n" + String(repeating: "x", count: 200) + "\r\nNOOP\r\n"],
            "334 501 250 line: more data than allowed"),
        Row("not ours", ["XOTHER\r\nNOOP\r\n"], "500 250"),
    ])
    func dialogue(_ row: Row<[String], String>) {
        let diary = Diary()
        let harness = self.harness { Self.toy(&$0, diary) }
        let client = harness.connect()
        _ = client.codes()
        for piece in row.input { client.send(piece) }
        let said = (client.codes().map { "\($0)" } + diary.lines).joined(separator: " ")
        #expect(said == row.expected)
    }

    @Test func silentDialogue() {
        let diary = Diary()
        let harness = self.harness { Self.toy(&$0, diary) }
        let client = harness.connect()
        client.send("XTEST\r\nhal")
        harness.advance(by: .seconds(11))
        client.send("f\r\nNOOP\r\n")
        #expect(client.codes() == [220, 334, 501, 500, 250])
        #expect(diary.lines == ["line: timed out"])
        client.send("XTEST\r\n")
        client.finish()
        harness.loop.run()
        #expect(diary.lines == ["line: timed out", "line: closed by the other side"])
        #expect(harness.supervisor.sessions == 0)
    }

    /// A handler that has run out of time takes no more of the client's input, and says nothing any more.
    @Test func stragglersHaveNoWire() {
        let diary = Diary()
        let gate = Gate()
        let harness = self.harness(timeout: .seconds(5)) { hooks in
            hooks.on(.unrecognizedCommand) { _, session async throws in
                guard let conversation = session.conversation else { return .declined }
                do throws(EffectError) {
                    _ = try await conversation.readLine(timeout: .seconds(1000))
                    diary.write("read")
                } catch {
                    diary.write("\(error)")
                }
                await gate.wait()
                do throws(EffectError) {
                    diary.write(String(decoding: try await conversation.readLine(), as: UTF8.self))
                } catch {
                    diary.write("\(error)")
                }
                conversation.send(Reply(250, "late"))
                return .done
            }
            hooks.on(.noop) { _, session async throws in
                try await session.clock.sleep(for: .seconds(1))
                return .declined
            }
        }
        let client = harness.connect()
        client.send("XTEST\r\n")
        harness.advance(by: .seconds(6))
        #expect(client.codes() == [220, 500])
        client.send("NOOP\r\nRSET\r\n")
        gate.open()
        harness.loop.run()
        #expect(diary.lines == ["line: timed out", "conversation: closed by the other side"])
        harness.advance(by: .seconds(2))
        #expect(client.codes() == [250, 250])
    }

    /// The wire is for the hooks where the client waits for a word.
    @Test func whereTheWireIs() {
        let diary = Diary()
        let hooks: [HookID] = [
            .connect, .ehlo, .mail, .rcpt, .data, .dataPost, .queue, .noop, .unrecognizedCommand, .quit, .disconnect,
        ]
        let harness = self.harness { table in
            for hook in hooks {
                table.answer(
                    hook,
                    .waiting { session in
                        if session.conversation != nil { diary.write(hook.name) }
                        return .declined
                    })
            }
        }
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\n.\r\nNOOP\r\nXTEST\r\nQUIT\r\n")
        #expect(client.isClosed)
        #expect(diary.lines == ["connect", "data", "unrecognized_command"])
    }
}
