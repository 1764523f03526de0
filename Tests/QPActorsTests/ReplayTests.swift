// ReplayTests.swift
//
// A recorded session run again, with nothing outside: the same trail, the same octets.

import Foundation
import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

/// A DNS that takes its time.
private final class SlowResolver: Resolver {
    private let clock = Mutex<(any SessionClock)?>(nil)
    private let table: FakeResolver

    init(_ table: FakeResolver) {
        self.table = table
    }

    func use(_ clock: any SessionClock) { self.clock.withLock { $0 = clock } }

    func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        let clock = self.clock.withLock { $0 }
        do {
            try await clock?.sleep(for: .milliseconds(1300))
        } catch {
            throw .timedOut
        }
        return try await self.table.resolve(question, timeout: timeout, origin: origin)
    }
}

/// What a client does, in steps.
private enum Step: Sendable {
    case send(String), wait(Double), finish, vanish, shutDown, unwritable, writable
}

private struct Scene: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [Step]

    private static let mail =
        "EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<no@d.example>\r\n"

    static let all: [Scene] = [
        Scene(
            testDescription: "a mail, step by step",
            steps: [
                .wait(2), .send("EHLO a.example\r\n"), .wait(0.5), .send("MAIL FROM:<a@b.example>\r\n"), .wait(3),
                .send("RCPT TO:<c@d.example>\r\n"), .wait(3), .send("DATA\r\n"), .wait(1),
                .send("Subject: x\r\n\r\nbody\r\n"), .wait(0.2), .send(".\r\n"), .wait(20), .send("QUIT\r\n"),
                .wait(10),
            ]),
        Scene(
            testDescription: "pipelined, two mails, chunks",
            steps: [
                .send(Self.mail + "DATA\r\n"), .wait(7.123),
                .send("Subject: x\r\n\r\n..\r\n.\r\nMAIL FROM:<x@y.example>\r\n"),
                .wait(0.01),
                .send("RCPT TO:<c@d.example>\r\nBDAT 8\r\nA: b\r\n\r\nBDAT 3 LAST\r\nxyzNOOP\r\nXTEST\r\n"),
                .wait(30), .send("QUIT\r\n"), .wait(10),
            ]),
        Scene(
            testDescription: "vanishes while the DNS is asked",
            steps: [.send(Self.mail), .wait(2.5), .vanish, .wait(30)]),
        Scene(
            testDescription: "vanishes in DATA",
            steps: [.send(Self.mail + "DATA\r\n"), .wait(8), .send("Subject: x\r\n"), .vanish, .wait(30)]),
        Scene(
            testDescription: "half-closes behind the dot",
            steps: [.send(Self.mail + "DATA\r\n"), .wait(8), .send("\r\n.\r\n"), .finish, .wait(60)]),
        Scene(
            testDescription: "a handler that runs out of time",
            steps: [
                .send("EHLO a.example\r\nVRFY x\r\nNOOP\r\n"), .wait(40), .send("NOOP\r\n"), .wait(30),
                .send("QUIT\r\n"), .wait(9),
            ]),
        Scene(testDescription: "command timeout", steps: [.send("EHLO a.example\r\nNOO"), .wait(400)]),
        Scene(testDescription: "shut down", steps: [.send(Self.mail), .wait(1), .shutDown, .wait(20)]),
        Scene(
            testDescription: "does not read for a while",
            steps: [
                .wait(3), .unwritable, .send("NOOP\r\nNOOP\r\n"), .wait(2), .writable, .wait(1), .send("QUIT\r\n"),
                .wait(9),
            ]),
        Scene(
            testDescription: "many commands",
            steps: [.wait(2), .send(String(repeating: "NOOP\r\n", count: 300)), .wait(1), .send("QUIT\r\n"), .wait(9)]),
    ]
}

@Suite struct ReplayTests {
    /// Plugins that ask for everything there is.
    private static let plugins: [EngineHarness.Entry] = {
        var policy = PluginPolicy()
        policy.timeout = .seconds(10)
        var shadow = policy
        shadow.mode = .shadow
        return [
            .init("arrivals") { hooks in
                hooks.on(.preConnection) { _, arrival async throws in
                    arrival.notes["count"] = .int(Int(try await arrival.store.add(1, to: "arrivals")))
                    return .declined
                }
                hooks.on(.connect) { _, session async throws in
                    let names = try? await session.dns.ptr(session.connection.remoteAddress)
                    session.notes["name"] = .string(names?.first ?? "none")
                    return .declined
                }
            },
            .init("asks", policy: policy) { hooks in
                hooks.on(.mail) { event, session async throws in
                    _ = try await session.store.add(1, to: "mails")
                    let known = try await session.store.value(of: "last")
                    try await session.store.set("last", to: Array(event.sender.description.utf8))
                    return known == nil ? .declined : .okSaying((), String(decoding: known ?? [], as: UTF8.self))
                }
                hooks.on(.rcpt) { event, session async throws in
                    let exchanges = try await session.dns.mx(event.recipient.domain)
                    if event.recipient.description.contains("no@") { return .deny("\(session.random.next())") }
                    return exchanges.isEmpty ? .denysoft() : .ok
                }
                hooks.on(.vrfy) { _, session async throws in
                    try await session.clock.sleep(for: .seconds(25))
                    session.notes["late"] = .bool(true)
                    return .deny()
                }
                hooks.on(.unrecognizedCommand) { _, session in
                    session.respond(Reply(250, "\(session.random.below(1000)) \(session.notes["count"] ?? .null)"))
                    return .done
                }
            },
            .init("dreams", policy: shadow) { hooks in
                hooks.on(.rcpt) { _, session async throws in
                    _ = try await session.dns.a("dream.example")
                    return .deny()
                }
            },
            .init("scans", policy: policy) { hooks in
                hooks.on(.dataPost) { _, session async throws in
                    let answer = try await session.http.fetch(HTTPRequest(url: "http://scan.example/"))
                    session.transaction.addHeader("X-Scan", String(decoding: answer.body, as: UTF8.self))
                    let program = try? await session.files.run(["/bin/scan"])
                    session.transaction.addHeader("X-Program", "\(program?.status ?? -1)")
                    return .declined
                }
            },
            .init("delivers", policy: policy) { hooks in
                hooks.on(.queue) { _, session async throws in
                    let stream = try await session.connections.connect(to: .tcp(host: "next.example", port: 25))
                    var said: [UInt8] = []
                    for command in ["", "EHLO mx\r\n", "QUIT\r\n"] {
                        if !command.isEmpty { try await stream.write(Array(command.utf8), timeout: .seconds(5)) }
                        said += try await stream.read(atMost: 1000, timeout: .seconds(5))
                    }
                    await stream.close()
                    let bytes = try session.transaction.message?.bytes() ?? []
                    try await session.files.makeDirectory("/mail")
                    let size = try await session.files.publish(
                        FileContent(prefix: bytes), temporary: "/mail/t\(session.random.next())",
                        final: "/mail/f\(session.random.next())")
                    return .ok("\(size) octets; \(String(decoding: said.suffix(9), as: UTF8.self))")
                }
                hooks.on(.disconnect) { _, session async throws in
                    try await session.files.append([0x2E], to: "/mail/log")
                    try await session.clock.sleep(for: .seconds(2))
                    return .declined
                }
            },
        ]
    }()

    /// A harness whose outside is there; the clock of the DNS is the loop's.
    private func harness(_ log: CapturingLog) -> EngineHarness {
        let loop = ManualLoop()
        let tapes = SessionTapes(loop)
        let dns = SlowResolver(
            FakeResolver([
                .ptr("192.0.2.7"): .success(.names(["peer.example"])),
                .mx("d.example"): .success(.exchanges([.init(preference: 1, name: "mx.d.example")])),
            ]))
        let connector = FakeConnector()
        connector.serve(.tcp(host: "next.example", port: 25), SMTPPeer())
        let files = TestFiles()
        files.program("/bin/scan", ProgramResult(status: 3, output: []))
        let seams = Seams(
            resolver: dns, connector: connector,
            http: FakeHTTP(["http://scan.example/": .success(HTTPResponse(status: 200, body: Array("clean".utf8)))]),
            store: TestStore(clock: ManualClock()), files: files, random: SeededRandom(seed: 77),
            offloader: InlineOffloader(), log: log)
        let harness = EngineHarness(Self.plugins, seams: tapes.seams(around: seams), loop: loop, tapes: tapes)
        dns.use(harness.core.clock)
        return harness
    }

    private func play(_ scene: Scene, _ harness: EngineHarness) -> TestClient {
        let client = harness.connect(from: "192.0.2.7", port: 1234)
        for step in scene.steps {
            switch step {
            case .send(let text): client.send(text)
            case .wait(let seconds): harness.advance(by: .seconds(seconds))
            case .finish: client.finish()
            case .vanish: client.vanish()
            case .shutDown: client.shutDown()
            case .unwritable: client.setWritable(false)
            case .writable: client.setWritable(true)
            }
        }
        return client
    }

    @Test(arguments: Scene.all)
    private func replay(_ scene: Scene) throws {
        let log = CapturingLog()
        let harness = self.harness(log)
        // Some life before and beside it.
        harness.advance(by: .milliseconds(77_777))
        _ = self.play(Scene.all[1], harness)
        let other = harness.connect(from: "192.0.2.9")
        harness.advance(by: .milliseconds(333))
        let client = self.play(scene, harness)
        #expect(client.isClosed)
        other.vanish()

        let recording = try #require(client.recording)
        #expect(recording.runs.count >= 2)
        let file = try JSONEncoder().encode(recording)
        let read = try JSONDecoder().decode(SessionRecording.self, from: file)
        #expect(read == recording)

        let again = CapturingLog()
        let replay = SessionReplay(read, Self.plugins, log: again)
        #expect(replay.runs.map(\.description) == recording.runs.map(\.description))
        #expect(String(decoding: replay.output, as: UTF8.self) == String(decoding: recording.output, as: UTF8.self))
        #expect(replay.unknownCalls == 0)
        let lines = log.events.filter { $0.session?.bits == recording.id }.map(\.text)
        #expect(again.events.map(\.text) == lines)
    }

    /// Another list of plugins is noticed.
    @Test func otherPlugins() throws {
        let harness = self.harness(CapturingLog())
        let client = self.play(Scene.all[0], harness)
        let recording = try #require(client.recording)
        let curious = EngineHarness.Entry("curious") { hooks in
            hooks.on(.mail) { _, session async throws in
                _ = try await session.dns.a("x.example")
                return .declined
            }
        }
        let replay = SessionReplay(recording, Self.plugins + [curious], log: CapturingLog())
        #expect(replay.runs != recording.runs)
    }
}
