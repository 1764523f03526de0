// ClaimTests.swift
//
// What qpsmtpd's manual promises of hooks and their answers, one claim a test.

import QPActors
import QPHooks
import QPSMTP
import QPTelemetry
import QPTestKit
import Testing

/// A plugin that answers one hook and writes down that it was asked.
private func answering(
    _ name: String, _ hook: HookID, _ code: ReturnCode, _ diary: Diary = Diary()
) -> EngineHarness.Entry {
    .init(name) { hooks in
        hooks.answer(
            hook,
            .atOnce { _ in
                diary.write(name)
                return code
            })
    }
}

@Suite struct ClaimTests {
    // MARK: Loading and state

    @Test("claim 1: without plugins no recipient and no mail is accepted") func nothingButSMTP() {
        let client = EngineHarness([], seams: testSeams()).connect()
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [220, 250, 250])
        let reply = client.say("RCPT TO:<c@d.example>").first ?? ""
        #expect(reply.hasPrefix("450 ") && reply.contains("no plugin decided if relaying is allowed"))
        client.send("DATA\r\n")
        #expect(client.codes() == [503])
    }

    @Test(
        "claim 3: a plugin has to allow or to deny recipients",
        arguments: [
            Row("allowed", ReturnCode.ok, 250), Row("denied", .deny, 550), Row("no opinion", .declined, 450),
        ])
    func recipientsNeedADecision(_ row: Row<ReturnCode, Int>) {
        let client = EngineHarness([answering("one", .rcpt, row.input)], seams: testSeams()).connect()
        client.beginMail()
        #expect(client.codes().last == row.expected)
    }

    @Test("claim 6: the order of lines is the order of hooks", arguments: [["one", "two"], ["two", "one"]])
    func order(_ names: [String]) {
        let plugins = names.map { name in
            EngineHarness.Entry(name) { hooks in hooks.on(.mail) { _, _ in .deny("refused by \(name)") } }
        }
        let client = EngineHarness(plugins, seams: testSeams()).connect()
        client.say("EHLO a.example")
        #expect(client.say("MAIL FROM:<a@b.example>").first?.contains("refused by \(names[0])") == true)
    }

    @Test("claim 21: two sessions at once share what is outside, and nothing else") func sharedClient() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("counts") { hooks in
                    hooks.on(.mail) { event, session async throws in
                        session.notes["mine"] = .string(event.sender.address)
                        let sum = try await session.store.add(1, to: "mails")
                        try await session.clock.sleep(for: .seconds(1))
                        diary.write("\(sum) \(session.notes["mine"] == .string(event.sender.address))")
                        return .declined
                    }
                }
            ], seams: testSeams())
        let clients = ["one", "two"].map { name in
            let client = harness.connect()
            client.send("EHLO a.example\r\nMAIL FROM:<\(name)@b.example>\r\n")
            return client
        }
        harness.advance(by: .seconds(2))
        for client in clients { #expect(client.codes() == [220, 250, 250]) }
        #expect(diary.lines.sorted() == ["1 true", "2 true"])
    }

    @Test("claim 36: a handler knows its plugin and hook, connection, transaction and temporary places")
    func whatAHandlerKnows() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("knows") { hooks in
                    hooks.on(.mail) { _, session async throws in
                        diary.write("\(session.pluginName) \(session.hook.name)")
                        diary.write("\(session.connection.remoteAddress) \(session.connection.remotePort)")
                        diary.write("\(session.transaction.number)")
                        let file = try await session.files.temporaryFile()
                        let folder = try await session.files.temporaryDirectory()
                        diary.write("\(file.hasPrefix("/spool/")) \(folder.hasPrefix("/spool/")) \(file != folder)")
                        return .declined
                    }
                }
            ], seams: testSeams())
        let client = harness.connect(from: "192.0.2.9", port: 4711)
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [220, 250, 250])
        #expect(diary.lines == ["knows mail", "192.0.2.9 4711", "1", "true true true"])
    }

    // MARK: Return rules

    @Test(
        "claim 41: an answer is a constant and, if the plugin likes, a text",
        arguments: [
            Row("with a text", "please not", "please not"), Row("without", "", "sender refused"),
        ])
    func constantAndText(_ row: Row<String, String>) {
        let harness = EngineHarness(
            [.init("says") { hooks in hooks.on(.mail) { _, _ in .deny(row.input) } }], seams: testSeams())
        let client = harness.connect()
        client.say("EHLO a.example")
        let reply = client.say("MAIL FROM:<a@b.example>").first ?? ""
        #expect(reply.hasPrefix("550 5.7.1 \(row.expected) ["))
    }

    @Test(
        "claim 42: plugins are asked until one does not decline",
        arguments: [
            Row("nobody decides", ReturnCode.declined, ["one", "two", "three"]), Row("OK", .ok, ["one", "two"]),
            Row("DENY", .deny, ["one", "two"]), Row("DONE", .done, ["one", "two"]),
        ])
    func untilOneDecides(_ row: Row<ReturnCode, [String]>) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                answering("one", .mail, .declined, diary), answering("two", .mail, row.input, diary),
                answering("three", .mail, .declined, diary),
            ], seams: testSeams())
        harness.connect().send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(diary.lines == row.expected)
    }

    @Test("claim 45: a handler belongs to its plugin and is given the transaction") func firstArguments() {
        struct Counting: Plugin {
            static let name = "counting"
            static let manual = "counting\n\nFor tests."
            let diary: Diary

            init(_ setup: PluginSetup) throws(PluginError) { self.diary = Diary() }
            init(_ diary: Diary) { self.diary = diary }
            func register(on hooks: inout HookTable) { hooks.on(.rcpt, self.recipient) }

            @Sendable
            func recipient(_ event: RecipientEvent, in session: SessionContext) -> Verdict<Void> {
                self.diary.write("\(session.transaction.sender?.address ?? "none") \(event.recipient.address)")
                return .ok
            }
        }
        let diary = Diary()
        let harness = EngineHarness([.init("counting", Counting(diary))], seams: testSeams())
        harness.connect().beginMail()
        #expect(diary.lines == ["a@b.example c@d.example"])
    }

    @Test(
        "claim 46: answers of hooks that only tell are ignored, but end the chain",
        arguments: [HookID.disconnect, .postConnection, .deny, .ok])
    func ignoredAnswers(_ hook: HookID) {
        let diary = Diary()
        let speaker = EngineHarness.Entry("speaker") { hooks in
            hooks.on(.noop) { _, _ in hook == .deny ? .deny("no") : .ok }
        }
        let harness = EngineHarness(
            [speaker, answering("first", hook, .denyDisconnect, diary), answering("second", hook, .declined, diary)],
            seams: testSeams())
        let client = harness.connect()
        client.send("NOOP\r\nQUIT\r\n")
        #expect(client.codes() == [220, hook == .deny ? 500 : 250, 221])
        #expect(Set(diary.lines) == ["first"])
    }

    // MARK: Arrival and greeting

    @Test("claim 47: pre-connection runs before there is a session; who is refused there gets none")
    func beforeTheSession() {
        let diary = Diary()
        let harness = EngineHarness(
            [answering("refuses", .preConnection, .deny), answering("session", .connect, .declined, diary)],
            seams: testSeams())
        let client = harness.connect()
        #expect(client.codes() == [550])
        #expect(client.isClosed)
        #expect(diary.lines.isEmpty)
        #expect(harness.statistics("refuses", .preConnection).count(.deny) == 1)
        #expect(harness.core.serverCounters().refusedPlugin == 1)
        #expect(harness.supervisor.sessions == 0)
    }

    @Test("claim 48: pre-connection is told both ends, the limit and who is connected") func arrivalFacts() {
        let diary = Diary()
        var settings = EngineHarness.quietSettings
        settings.limits.maxConnectionsPerAddress = 7
        let harness = EngineHarness(
            [
                .init("looks") { hooks in
                    hooks.on(.preConnection) { event, arrival in
                        let connection = arrival.connection
                        diary.write(
                            "\(connection.remoteAddress) \(connection.remotePort) \(connection.localAddress) "
                                + "\(connection.localPort) \(event.maxConnectionsPerAddress) "
                                + "\(event.liveAddresses.count(of: connection.remoteAddress)) "
                                + "\(event.liveAddresses.all().count)")
                        return .declined
                    }
                }
            ], settings: settings, seams: testSeams())
        let first = harness.connect(from: "192.0.2.1", port: 1)
        let second = harness.connect(from: "192.0.2.1", port: 2)
        _ = harness.connect(from: "192.0.2.2", port: 3)
        first.vanish()
        second.vanish()
        _ = harness.connect(from: "192.0.2.1", port: 4)
        #expect(
            diary.lines == [
                "192.0.2.1 1 192.0.2.25 25 7 0 0", "192.0.2.1 2 192.0.2.25 25 7 1 1", "192.0.2.2 3 192.0.2.25 25 7 0 2",
                "192.0.2.1 4 192.0.2.25 25 7 0 1",
            ])
    }

    @Test(
        "claim 49: what pre-connection answers",
        arguments: [
            Row("DENY", ReturnCode.deny, [550]), Row("DENY_DISCONNECT", .denyDisconnect, [550]),
            Row("DENYSOFT", .denysoft, [451]), Row("DENYSOFT_DISCONNECT", .denysoftDisconnect, [451]),
            Row("OK", .ok, [220]), Row("DONE", .done, [220]), Row("DECLINED", .declined, [220]),
        ])
    func arrivalAnswers(_ row: Row<ReturnCode, [Int]>) {
        let client = EngineHarness([answering("one", .preConnection, row.input)], seams: testSeams()).connect()
        #expect(client.codes() == row.expected)
        #expect(client.isClosed == (row.expected != [220]))
    }

    @Test(
        "claim 52: what connect answers",
        arguments: [
            Row("OK: the greeting, nobody else is asked", ReturnCode.ok, ([220], 0)),
            Row("DONE: the plugin has greeted", .done, ([], 0)), Row("DENY", .deny, ([550], 0)),
            Row("DENYSOFT", .denysoft, ([450], 0)), Row("DECLINED: the next one", .declined, ([220], 1)),
        ])
    func connectAnswers(_ row: Row<ReturnCode, ([Int], Int)>) {
        let diary = Diary()
        let harness = EngineHarness(
            [answering("one", .connect, row.input), answering("two", .connect, .declined, diary)], seams: testSeams())
        let client = harness.connect()
        #expect(client.codes() == row.expected.0)
        #expect(client.isClosed == row.input.isRefusal)
        #expect(diary.lines.count == row.expected.1)
    }

    @Test(
        "claim 53: helo and ehlo give exactly one reply",
        arguments: [
            Row("OK", ReturnCode.ok, [250]), Row("DECLINED", .declined, [250]), Row("DONE", .done, []),
            Row("DENY", .deny, [550]), Row("DENYSOFT", .denysoft, [450]),
            Row("DENY_DISCONNECT", .denyDisconnect, [550]),
            Row("DENYSOFT_DISCONNECT", .denysoftDisconnect, [450]),
        ], ["HELO", "EHLO"])
    func hellos(_ row: Row<ReturnCode, [Int]>, _ verb: String) {
        let diary = Diary()
        let table: @Sendable (inout HookTable) -> Void = { hooks in
            let handler: @Sendable (HelloEvent, SessionContext) -> Verdict<Void> = { event, _ in
                diary.write(event.host)
                return .constant(row.input, ())
            }
            if verb == "HELO" { hooks.on(.helo, handler) } else { hooks.on(.ehlo, handler) }
        }
        let client = EngineHarness([.init("one", table)], seams: testSeams()).connect()
        _ = client.codes()
        client.send("\(verb) a.example\r\n")
        #expect(client.codes() == row.expected)
        #expect(client.isClosed == (row.input == .denyDisconnect || row.input == .denysoftDisconnect))
        #expect(diary.lines == ["a.example"])
    }
}
