// ShadowTests.swift
//
// A plugin in shadow mode is asked, counted and compared, and changes nothing.

import QPActors
import QPHooks
import QPSMTP
import QPTelemetry
import QPTestKit
import Testing

/// What a run left outside of the server.
private struct Traces: Equatable {
    var wire: [String] = []
    var messages: [String] = []
    var store: [String: [UInt8]] = [:]
    var connections: [Destination] = []
    var published: Int = 0
}

@Suite struct ShadowTests {
    private let seams: Seams
    private let store = TestStore(clock: ManualClock())
    private let connector = FakeConnector()
    private let http = FakeHTTP()
    private let files = TestFiles()

    init() {
        self.seams = Seams(
            resolver: FakeResolver(), connector: self.connector, http: self.http, store: self.store, files: self.files,
            random: SeededRandom(), offloader: InlineOffloader(), log: CapturingLog())
    }

    private func policy(_ mode: PluginMode) -> PluginPolicy {
        var policy = PluginPolicy()
        policy.mode = mode
        policy.timeout = .seconds(10)
        return policy
    }

    /// Does all that a plugin can do, on every hook of a mail. Waiting handlers take 2 s.
    private static func busy(_ hooks: inout HookTable, waits: Bool) {
        let all: [HookID] = [
            .connect, .helo, .ehlo, .mail, .rcpt, .data, .dataHeadersEnd, .dataPostHeaders, .dataPost, .queuePre,
            .queue, .vrfy, .noop, .help, .unrecognizedCommand, .quit, .resetTransaction, .disconnect, .mailPre,
        ]
        for hook in all {
            if waits {
                hooks.answer(
                    hook,
                    .waiting { session in
                        try await session.clock.sleep(for: .seconds(2))
                        await Self.outside(session)
                        Self.meddle(session)
                        return .denyDisconnect
                    })
            } else {
                hooks.answer(
                    hook,
                    .atOnce { session in
                        Self.meddle(session)
                        return hook == .rcpt ? .denysoftDisconnect : .done
                    })
            }
        }
    }

    private static func meddle(_ session: SessionContext) {
        session.notes["busy"] = .bool(true)
        session.transaction.notes["busy"] = .bool(true)
        session.isRelayClient = true
        session.transaction.addHeader("X-Busy", "1")
        session.transaction.removeHeader("Subject")
        session.transaction.replaceBody([0x21, 0x0D, 0x0A])
        session.transaction.setSender(.null)
        for recipient in session.transaction.recipients { session.transaction.removeRecipient(recipient.mailbox) }
        session.respond(Reply(250, "busy"))
        _ = session.random.next()
        session[StorageKey<String>("busy")] = "mine"
    }

    private static func outside(_ session: SessionContext) async {
        try? await session.store.set("key", to: [1])
        _ = try? await session.store.add(1, to: "count")
        _ = try? await session.connections.connect(to: .tcp(host: "next.example", port: 25))
        _ = try? await session.http.fetch(HTTPRequest(method: "POST", url: "http://hook.example/"))
        try? await session.files.makeDirectory("/mail")
        _ = try? await session.files.publish(FileContent(prefix: [1]), temporary: "/mail/tmp", final: "/mail/new")
        _ = try? await session.files.run(["/bin/true"])
    }

    private static let script = [
        "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<e@d.example>\r\nDATA\r\n",
        "Subject: x\r\n\r\nbody\r\n.\r\n", "NOOP\r\nVRFY x\r\nHELP\r\nXTEST\r\nRSET\r\n",
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nBDAT 12 LAST\r\nA: b\r\n\r\nbody", "QUIT\r\n",
    ]

    private func run(_ entries: [EngineHarness.Entry], _ bag: Mailbag) -> (EngineHarness, Traces) {
        let relay = EngineHarness.Entry("relay") { hooks in
            hooks.on(.rcpt) { _, session in session.isRelayClient || session.notes["busy"] != nil ? .deny() : .declined
            }
        }
        let harness = EngineHarness(entries + [relay, bag.entry], seams: self.seams)
        var traces = Traces()
        for _ in 0..<2 {
            let client = harness.connect()
            for piece in Self.script {
                client.send(piece)
                harness.advance(by: .seconds(5))
            }
            traces.wire.append(String(decoding: client.output, as: UTF8.self))
        }
        harness.advance(by: .seconds(60))
        traces.messages = bag.texts
        traces.store = self.store.content(of: "busy")
        traces.connections = self.connector.connections
        traces.published = self.files.publications.count
        #expect(harness.supervisor.sessions == 0)
        return (harness, traces)
    }

    @Test(arguments: [Row("at once", false, true), Row("waiting", true, true)])
    func leavesNoTrace(_ row: Row<Bool, Bool>) {
        let plain = ShadowTests().run([], Mailbag()).1
        let (harness, traces) = self.run(
            [.init("busy", policy: self.policy(.shadow)) { Self.busy(&$0, waits: row.input) }], Mailbag())
        #expect(traces == plain)
        #expect(traces.messages.count == 4)
        #expect(self.http.requests.isEmpty)
        #expect(self.store.content(of: "shadow:busy").isEmpty == !row.input)
        let counts = harness.statistics("busy", .rcpt)
        #expect(counts.shadowRuns == 6)
        #expect(counts.runs == 0)
        #expect(counts.shadowDifferences == 6)
        #expect(counts.errors == 0)
        // What it would have answered is not what the chain came to: DECLINED there, OK or nothing here.
        #expect(harness.statistics("busy", .mail).shadowDifferences == 4)
    }

    /// The trail shows what it would have done.
    @Test func trail() {
        let harness = EngineHarness(
            [
                .init("quiet", policy: self.policy(.shadow)) { hooks in
                    hooks.on(.noop) { _, _ in .deny() }
                    hooks.on(.help) { _, _ in throw HookMatrix.Failure() }
                }
            ], seams: self.seams)
        let client = harness.connect()
        client.send("NOOP\r\nHELP\r\n")
        #expect(client.codes() == [220, 250, 214])
        let records = client.trail.records
        #expect(records.map(\.verdict) == [.deny, .declined])
        #expect(records.map(\.flags) == [.shadow, [.shadow, .threw]])
        #expect(harness.statistics("quiet", .help).errors == 1)
        #expect(harness.statistics("quiet", .help).shadowRuns == 1)
        #expect(harness.runtime("quiet")?.breaker == .closed)
    }

    /// Its changes are its own view of the session from then on; those of the mail end with the mail.
    @Test func overlay() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("dreams", policy: self.policy(.shadow)) { hooks in
                    hooks.on(.preConnection) { _, arrival in
                        arrival.notes["arrival"] = .int(1)
                        return .declined
                    }
                    hooks.on(.mail) { _, session in
                        session.notes["connection"] = .int(1)
                        session.transaction.notes["mail"] = .int(1)
                        session.isRelayClient = true
                        session[StorageKey<Int>("typed")] = 7
                        return .declined
                    }
                    hooks.on(.dataPost) { _, session in
                        session.transaction.addHeader("X-Dream", "1")
                        return .declined
                    }
                    hooks.on(.queuePre) { _, session in
                        diary.write("header \(session.transaction.message?.header.first("X-Dream") != nil)")
                        return .declined
                    }
                    hooks.on(.noop) { _, session in
                        diary.write("arrival \(session.notes["arrival"] != nil)")
                        diary.write("connection \(session.notes["connection"] != nil)")
                        diary.write("mail \(session.transaction.notes["mail"] != nil)")
                        diary.write("relay \(session.isRelayClient)")
                        diary.write("typed \(session[StorageKey<Int>("typed")] ?? 0)")
                        return .declined
                    }
                },
                .init("awake") { hooks in
                    hooks.on(.noop) { _, session in
                        let seen = session.notes["connection"] ?? session.notes["arrival"]
                        diary.write("awake \(seen != nil || session.isRelayClient)")
                        return .declined
                    }
                },
                accepting,
            ], seams: self.seams)
        let client = harness.connect()
        client.beginMail()
        client.send("NOOP\r\nDATA\r\n.\r\n")
        #expect(
            diary.lines == [
                "arrival true", "connection true", "mail true", "relay true", "typed 7", "awake false", "header true",
            ])
        diary.forget()
        client.send("NOOP\r\n")
        #expect(
            diary.lines == ["arrival true", "connection true", "mail false", "relay true", "typed 7", "awake false"])
    }

    /// Outward effects are refused; a pure plugin keeps the network.
    @Test(arguments: [false, true])
    func effects(_ isPure: Bool) {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("asks", policy: self.policy(.shadow), pure: isPure) { hooks in
                    hooks.on(.connect) { _, session async throws in
                        do throws(EffectError) {
                            _ = try await session.connections.connect(to: .tcp(host: "x.example", port: 1))
                        } catch {
                            diary.write("\(error)")
                        }
                        let answer = try? await session.http.fetch(HTTPRequest(url: "http://x.example/"))
                        diary.write("\(answer?.status ?? 0)")
                        return .declined
                    }
                }
            ], seams: self.seams)
        #expect(harness.connect().codes() == [220])
        #expect(
            diary.lines
                == (isPure
                    ? ["connection to x.example:1 refused", "404"]
                    : ["connection to x.example:1: refused, the plugin runs in shadow mode", "0"]))
    }

    /// A shadow that hangs is cut off at its time limit, and at the end of its session.
    @Test func hangs() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("hangs", policy: self.policy(.shadow)) { hooks in
                    hooks.on(.noop) { _, session async throws in
                        defer { diary.write(Task.isCancelled ? "cancelled" : "done") }
                        try await session.clock.sleep(for: .seconds(100))
                        return .declined
                    }
                }
            ], seams: self.seams)
        let client = harness.connect()
        client.send("NOOP\r\n")
        #expect(client.codes() == [220, 250])
        harness.advance(by: .seconds(11))
        #expect(diary.lines == ["cancelled"])
        #expect(harness.statistics("hangs", .noop).timeouts == 1)
        client.send("NOOP\r\n")
        client.send("QUIT\r\n")
        #expect(client.codes() == [250, 221])
        harness.loop.run()
        #expect(diary.lines == ["cancelled", "cancelled"])
        #expect(harness.supervisor.sessions == 0)
        #expect(harness.statistics("hangs", .noop).shadowRuns == 1)
    }

    /// A waiting shadow that comes back later is compared with what its own chain came to.
    @Test func comparedWithItsOwnChain() {
        let harness = EngineHarness(
            [
                .init("slow", policy: self.policy(.shadow)) { hooks in
                    hooks.on(.noop) { event, session async throws in
                        try await session.clock.sleep(for: .seconds(1))
                        return event.argument == "refused" ? .deny() : .ok
                    }
                },
                .init("decides") { hooks in
                    hooks.on(.noop) { event, _ in event.argument == "refused" ? .deny() : .ok }
                },
            ], seams: self.seams)
        let client = harness.connect()
        client.send("NOOP refused\r\nNOOP\r\nNOOP refused\r\nNOOP\r\n")
        #expect(client.codes() == [220, 500, 250, 500, 250])
        harness.advance(by: .seconds(2))
        #expect(harness.statistics("slow", .noop).shadowRuns == 4)
        #expect(harness.statistics("slow", .noop).shadowDifferences == 0)
    }

    /// Modes are switched while sessions run.
    @Test(arguments: [true, false])
    func switching(_ waits: Bool) {
        let harness = EngineHarness(
            [
                .init("switched") { hooks in
                    hooks.answer(.noop, waits ? .waiting { _ in .deny } : .atOnce { _ in .deny })
                    hooks.answer(.preConnection, waits ? .waiting { _ in .declined } : .atOnce { _ in .declined })
                }
            ], seams: self.seams)
        let client = harness.connect()
        #expect(client.codes() == [220])
        for (mode, code) in [(PluginMode.on, 500), (.shadow, 250), (.off, 250), (.on, 500)] {
            harness.runtime("switched")?.mode = mode
            client.send("NOOP\r\n")
            #expect(client.codes() == [code])
        }
        let counts = harness.statistics("switched", .noop)
        #expect(counts.runs == 2)
        #expect(counts.shadowRuns == 1)
        #expect(counts.shadowDifferences == 1)
        harness.runtime("switched")?.mode = .off
        #expect(harness.connect().codes() == [220])
        harness.runtime("switched")?.mode = .shadow
        #expect(harness.connect().codes() == [220])
        #expect(harness.statistics("switched", .preConnection).runs == 1)
        #expect(harness.statistics("switched", .preConnection).shadowRuns == 1)
    }
}
