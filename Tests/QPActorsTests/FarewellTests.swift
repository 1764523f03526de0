// FarewellTests.swift
//
// Every way out of a session: farewell hooks once, places and files given back, the queue's answer kept.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

/// A way out of a session.
struct WayOut: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The codes after the greeting and before the end.
    let codes: [Int]
    /// What the watching plugin sees, in order.
    let hooks: [String]
    let go: @Sendable (EngineHarness, TestClient) -> Void

    init(
        _ name: String, _ codes: [Int], _ hooks: [String],
        _ go: @escaping @Sendable (EngineHarness, TestClient) -> Void
    ) {
        self.testDescription = name
        self.codes = codes
        self.hooks = hooks
        self.go = go
    }

    /// hooks.md §3: who ends it decides the order.
    static let clients = ["reset_transaction", "disconnect", "post-connection"]
    static let servers = ["disconnect", "reset_transaction", "post-connection"]
    static let mail = "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
    static let begun = ["reset_transaction"]

    static let all: [WayOut] = [
        WayOut("QUIT", [221], Self.servers) { _, client in client.send("QUIT\r\n") },
        WayOut("QUIT in a mail", [250, 250, 250, 221], Self.begun + Self.servers) { _, client in
            client.send(Self.mail + "QUIT\r\n")
        },
        WayOut("QUIT pipelined with more behind it", [221], Self.servers) { _, client in
            client.send("QUIT\r\nNOOP\r\n")
        },
        WayOut("vanishes idle", [], Self.clients) { _, client in client.vanish() },
        WayOut("half-closes idle", [], Self.clients) { _, client in client.finish() },
        WayOut("half-closes after complete commands", [250, 250], Self.clients) { _, client in
            client.send("NOOP\r\nNOOP\r\nNOO")
            client.finish()
        },
        WayOut("vanishes in DATA", [250, 250, 250, 354], Self.begun + Self.clients) { _, client in
            client.send(Self.mail + "DATA\r\nSubject: x\r\n\r\nhalf")
            client.vanish()
        },
        WayOut("half-closes in DATA", [250, 250, 250, 354, 451], Self.begun + Self.clients) { _, client in
            client.send(Self.mail + "DATA\r\nSubject: x\r\n\r\nhalf")
            client.finish()
        },
        WayOut("half-closes in a chunk", [250, 250, 250, 451], Self.begun + Self.clients) { _, client in
            client.send(Self.mail + "BDAT 100\r\nSubject: x\r\n\r\nhalf")
            client.finish()
        },
        WayOut("half-closes right after the dot", [250, 250, 250, 354, 250], Self.begun + Self.begun + Self.clients) {
            _, client in
            client.send(Self.mail + "DATA\r\nSubject: x\r\n\r\nwhole\r\n.\r\n")
            client.finish()
        },
        WayOut("vanishes while a handler waits", [250], Self.begun + Self.clients) { _, client in
            client.send("EHLO a.example\r\nMAIL FROM:<slow@b.example>\r\n")
            client.vanish()
        },
        WayOut("half-closes while a handler waits: its answer is sent", [250, 250], Self.begun + Self.clients) {
            harness, client in
            client.send("EHLO a.example\r\nMAIL FROM:<slow@b.example>\r\n")
            client.finish()
            harness.advance(by: .seconds(21))
        },
        WayOut("vanishes while data_post waits", [250, 250, 250, 354], Self.begun + Self.clients) { _, client in
            client.send(Self.mail + "DATA\r\nSubject: slow filter\r\n\r\n.\r\n")
            client.vanish()
        },
        WayOut("command timeout", [421], Self.servers) { harness, _ in harness.advance(by: .seconds(301)) },
        WayOut("timeout in DATA", [250, 250, 250, 354, 421], Self.begun + Self.servers) { harness, client in
            client.send(Self.mail + "DATA\r\n")
            harness.advance(by: .seconds(181))
        },
        WayOut("refused with _DISCONNECT", [250, 550], Self.begun + Self.servers) { _, client in
            client.send("EHLO a.example\r\nMAIL FROM:<bad@b.example>\r\nNOOP\r\n")
        },
        WayOut("too many errors", [500, 500, 500, 421], Self.servers) { _, client in
            client.send("X\r\nX\r\nX\r\nX\r\n")
        },
        WayOut("shut down idle", [421], Self.servers) { _, client in client.shutDown() },
        WayOut("shut down in a mail", [250, 250, 250, 421], Self.begun + Self.servers) { _, client in
            client.send(Self.mail)
            client.shutDown()
        },
        WayOut("shut down while a handler waits", [250, 421], Self.begun + Self.servers) { _, client in
            client.send("EHLO a.example\r\nMAIL FROM:<slow@b.example>\r\n")
            client.shutDown()
        },
        WayOut("shut down in DATA", [250, 250, 250, 354, 421], Self.begun + Self.servers) { _, client in
            client.send(Self.mail + "DATA\r\nSubject: x\r\n\r\n")
            client.shutDown()
        },
        WayOut("a client that never reads", [], Self.servers) { harness, client in
            client.setWritable(false)
            client.send("NOOP\r\n")
            harness.advance(by: .seconds(301))
        },
    ]
}

@Suite struct FarewellTests {
    private func harness(_ diary: Diary, _ gate: Gate = Gate()) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        settings.limits.maxErrors = 2
        return EngineHarness(
            [
                watching(diary),
                .init("slow") { hooks in
                    hooks.on(.mail) { event, session async throws in
                        if event.sender.description.contains("slow") {
                            try await session.clock.sleep(for: .seconds(20))
                        }
                        return event.sender.description.contains("bad") ? .denyDisconnect() : .declined
                    }
                    hooks.on(.dataPost) { _, session async throws in
                        if session.transaction.message?.header.first("Subject")?.value.contains("slow") == true {
                            try await session.clock.sleep(for: .seconds(20))
                        }
                        return .declined
                    }
                    hooks.on(.rcpt) { _, _ in .ok }
                    hooks.on(.queue) { _, session async throws in
                        if session.transaction.sender?.description.contains("gate") == true {
                            await gate.wait()
                            diary.write("delivered, cancelled: \(Task.isCancelled)")
                        }
                        return .ok
                    }
                },
            ], settings: settings, seams: testSeams())
    }

    @Test(arguments: WayOut.all)
    func wayOut(_ way: WayOut) {
        let diary = Diary()
        let harness = self.harness(diary)
        let client = harness.connect()
        #expect(client.codes() == [220])
        way.go(harness, client)
        if way.testDescription != "a client that never reads" { #expect(client.codes() == way.codes) }
        #expect(client.isClosed)
        #expect(diary.lines == way.hooks)
        #expect(harness.supervisor.sessions == 0)
        #expect(harness.spool.files == 0)
        harness.advance(by: .seconds(1000))
        #expect(diary.lines == way.hooks)
    }

    /// Between the final dot and its answer a queue handler is left alone, whoever wants to go.
    @Test(arguments: [
        Row("vanish", "vanish", [250, 250, 250, 354]),
        Row("half-close", "finish", [250, 250, 250, 354, 250]),
        Row("shut down", "shutDown", [250, 250, 250, 354, 250, 421]),
        Row("session timeout", "wait", [250, 250, 250, 354, 250]),
    ])
    func queueIsNotCut(_ row: Row<String, [Int]>) {
        let diary = Diary()
        let gate = Gate()
        let harness = self.harness(diary, gate)
        let client = harness.connect()
        #expect(client.codes() == [220])
        if row.input == "wait" {
            for _ in 0..<28 {
                harness.advance(by: .seconds(250))
                client.say("RSET")
            }
            harness.advance(by: .seconds(100))
            diary.forget()
        }
        client.send("EHLO a.example\r\nMAIL FROM:<gate@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n")
        switch row.input {
        case "vanish": client.vanish()
        case "finish": client.finish()
        case "shutDown": client.shutDown()
        default: harness.advance(by: .seconds(150))
        }
        harness.loop.run()
        #expect(diary.lines == ["reset_transaction"])
        #expect(harness.supervisor.sessions == 1)
        gate.open()
        harness.loop.run()
        #expect(client.codes() == row.expected)
        if row.input == "wait" {
            harness.advance(by: .seconds(1))
            #expect(client.codes() == [421])
        }
        let farewell = row.input == "vanish" || row.input == "finish" ? WayOut.clients : WayOut.servers
        #expect(diary.lines == ["reset_transaction", "delivered, cancelled: false", "reset_transaction"] + farewell)
        #expect(harness.supervisor.sessions == 0)
        #expect(harness.core.serverCounters().queued == 1)
    }

    /// The mail is safe once queue said so, even if those who are told of it take their time.
    @Test func acknowledgedThoughTellersAreSlow() {
        let harness = EngineHarness(
            [
                .init("teller") { hooks in
                    hooks.on(.ok) { event, session async throws in
                        if event.hook == .queue { try await session.clock.sleep(for: .seconds(5)) }
                        return .declined
                    }
                    hooks.on(.resetTransaction) { _, session async throws in
                        try await session.clock.sleep(for: .seconds(1))
                        return .declined
                    }
                },
                accepting,
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        harness.advance(by: .seconds(2))
        client.send("DATA\r\n.\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354])
        client.shutDown()
        harness.advance(by: .seconds(3))
        client.shutDown()
        harness.advance(by: .seconds(4))
        #expect(client.codes() == [250, 421])
        harness.advance(by: .seconds(10))
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
    }

    /// A farewell handler that hangs gets 5 s; the next hook runs all the same.
    @Test(arguments: [HookID.disconnect, .resetTransaction, .postConnection])
    func hangingFarewell(_ hook: HookID) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                watching(diary),
                .init("hangs") { hooks in
                    hooks.answer(
                        hook,
                        .waiting { session in
                            try await session.clock.sleep(for: .seconds(100))
                            return .declined
                        })
                },
            ], seams: testSeams())
        let client = harness.connect()
        client.vanish()
        #expect(harness.supervisor.sessions == 1)
        harness.advance(by: .milliseconds(5200))
        #expect(diary.lines == WayOut.clients)
        #expect(harness.supervisor.sessions == 0)
        #expect(harness.statistics("hangs", hook).timeouts == 1)
    }

    @Test(
        "claim 37: temporary files and folders go with the mail",
        arguments: ["RSET\r\n", "DATA\r\n.\r\n", "QUIT\r\n", "EHLO x\r\n", ""])
    func temporaryFilesGo(_ end: String) {
        let files = TestFiles()
        let seams = Seams(
            resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(),
            store: TestStore(clock: ManualClock()), files: files, random: SeededRandom(),
            offloader: InlineOffloader(), log: CapturingLog())
        let harness = EngineHarness(
            [
                .init("writes") { hooks in
                    hooks.on(.mail) { _, session async throws in
                        try await session.files.append([1], to: try await session.files.temporaryFile())
                        let folder = try await session.files.temporaryDirectory()
                        try await session.files.append([1], to: folder + "/inside")
                        return .declined
                    }
                }, accepting,
            ], seams: seams)
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250, 250, 250])
        #expect(files.files.count == 2)
        if end.isEmpty { client.vanish() } else { client.send(end) }
        #expect(files.files.isEmpty)
        #expect(files.folders.keys.sorted() == ["/", "/spool"])
    }

    /// Spool files go with the mail, however it ends.
    @Test(arguments: ["RSET", "vanish", "QUIT", "queued", "too big"])
    func spoolFilesGo(_ end: String) {
        var settings = EngineHarness.quietSettings
        settings.sizeThreshold = 100
        settings.databytes = 10000
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("keeps") { hooks in
                    hooks.on(.rcpt) { _, _ in .ok }
                    hooks.on(.queue) { _, session in
                        diary.write("\(session.transaction.message?.isSpooled == true)")
                        return .ok
                    }
                    if end == "RSET" || end == "QUIT" { hooks.on(.dataPost) { _, _ in .done } }
                }
            ], settings: settings, seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\nSubject: x\r\n\r\n" + String(repeating: "line of text\r\n", count: 50))
        #expect(harness.spool.files == 1)
        if end == "too big" { client.send(String(repeating: "line of text\r\n", count: 5000)) }
        if end != "vanish" { client.send(".\r\n") }
        switch end {
        case "RSET", "QUIT":
            #expect(harness.spool.files == 1)
            client.say(end)
        case "vanish": client.vanish()
        case "queued": #expect(diary.lines == ["true"])
        default: break
        }
        #expect(harness.spool.files == 0)
    }
}
