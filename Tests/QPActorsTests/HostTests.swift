// HostTests.swift
//
// Hosts that answer several entries in one request; plugins around plugins.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

/// A program outside whose entries answer as a test wrote down.
private final class FakeHost: HookHost {
    private struct State {
        var requests: [HostRequest] = []
        var answers: [Int: (code: ReturnCode, text: String)] = [:]
        var crashesAt: Int?
        var changes: [Change] = []
        var values: [String] = []
        var isSilent = false
    }
    private let state = Mutex(State())

    init(
        _ answers: [Int: (code: ReturnCode, text: String)] = [:], changes: [Change] = [], values: [String] = [],
        crashesAt: Int? = nil, isSilent: Bool = false
    ) {
        self.state.withLock { state in
            state.answers = answers
            state.changes = changes
            state.values = values
            state.crashesAt = crashesAt
            state.isSilent = isSilent
        }
    }

    var requests: [HostRequest] { self.state.withLock(\.requests) }

    func answer(_ request: HostRequest) async throws -> HostAnswer {
        let state = self.state.withLock { state in
            state.requests.append(request)
            return state
        }
        if state.isSilent { await Gate().wait() }
        var trail: [HostAnswer.Step] = []
        for (index, entry) in request.entries.enumerated() {
            if entry.entry == state.crashesAt { throw HostFailure(index: index, text: "crashed") }
            let answer = state.answers[entry.entry] ?? (.declined, "")
            trail.append(.init(index: index, code: answer.code, text: answer.text, microseconds: 1000))
            if answer.code != .declined { break }
        }
        return HostAnswer(trail: trail, changes: state.changes, values: state.values)
    }
}

@Suite struct HostTests {
    private func entry(
        _ name: String, _ host: FakeHost, _ number: Int, _ policy: PluginPolicy = PluginPolicy()
    ) -> EngineHarness.Entry {
        .init(name, policy: policy) { hooks in
            hooks.contribute(.mail, host: host, entry: number)
            hooks.contribute(.rcpt, host: host, entry: number)
        }
    }

    private func told(_ diary: Diary) -> EngineHarness.Entry {
        .init("told") { hooks in
            hooks.on(.deny) { event, _ in
                diary.write("deny \(event.plugin) \(event.hook)")
                return .declined
            }
            hooks.on(.ok) { event, _ in
                if event.hook == .mail { diary.write("ok \(event.plugin) \(event.hook)") }
                return .declined
            }
        }
    }

    @Test func neighboursAreOneRequest() {
        let diary = Diary()
        let host = FakeHost([2: (.deny, "from outside")])
        let harness = EngineHarness(
            [
                self.entry("one", host, 0), self.entry("two", host, 1), self.entry("three", host, 2),
                self.entry("four", host, 3), self.told(diary),
            ], seams: testSeams())
        let client = harness.connect()
        client.say("EHLO x")
        let lines = client.say("MAIL FROM:<a@b.example> SIZE=10")
        #expect(lines.first?.hasPrefix("550 5.7.1 from outside [") == true)
        #expect(host.requests.count == 1)
        #expect(host.requests.first?.entries.map(\.entry) == [0, 1, 2, 3])
        #expect(host.requests.first?.arguments == [.string("<a@b.example>"), .map(["size": .string("10")])])
        let mail = client.trail.records.filter { $0.hook == .mail }
        #expect(mail.map(\.plugin) == [0, 1, 2])
        #expect(mail.map(\.verdict) == [.declined, .declined, .deny])
        #expect(mail.allSatisfy { $0.nanoseconds == 1_000_000 })
        #expect(diary.lines == ["ok one mail", "ok two mail", "deny three mail"])
        #expect(harness.statistics("three", .mail).count(.deny) == 1)
        #expect(harness.statistics("four", .mail).runs == 0)
    }

    /// A native plugin or another host in between parts them.
    @Test func onlyNeighbours() {
        let (host, other) = (FakeHost(), FakeHost([9: (.ok, "")]))
        let harness = EngineHarness(
            [
                self.entry("one", host, 0), .init("native") { hooks in hooks.on(.mail) { _, _ in .declined } },
                self.entry("two", host, 1), self.entry("three", host, 2), self.entry("four", other, 9),
                self.entry("five", host, 4),
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        // rcpt has no native handler in between.
        #expect(client.codes() == [220, 250, 250, 250])
        #expect(host.requests.filter { $0.hook == .mail }.map { $0.entries.map(\.entry) } == [[0], [1, 2]])
        #expect(host.requests.filter { $0.hook == .rcpt }.map { $0.entries.map(\.entry) } == [[0, 1, 2]])
    }

    @Test func changesAreApplied() {
        let diary = Diary()
        let host = FakeHost(changes: [.note(.connection, "seen", .int(1)), .relayClient(true)])
        let harness = EngineHarness(
            [
                self.entry("one", host, 0),
                .init("after") { hooks in
                    hooks.on(.mail) { _, session in
                        diary.write("\(session.notes["seen"] ?? .null) \(session.isRelayClient)")
                        session.notes["back"] = .int(2)
                        return .declined
                    }
                    hooks.on(.rcpt) { _, _ in .ok }
                },
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250, 250, 250])
        #expect(diary.lines == ["int(1) true"])
        // What changed since it was asked last goes along with the next request.
        #expect(host.requests.last?.changes.contains(.note(.connection, "back", .int(2))) == true)
    }

    @Test func valuesOfOK() {
        let host = FakeHost([0: (.ok, "")], values: ["<mended@b.example>"])
        let bag = Mailbag()
        let harness = EngineHarness(
            [
                .init("pre") { hooks in hooks.contribute(.mailPre, host: host, entry: 0) },
                .init("line") { hooks in hooks.contribute(.receivedLine, host: host, entry: 7) }, bag.entry,
                .init("sees") { hooks in
                    hooks.on(.mail) { event, _ in
                        event.sender.description == "<mended@b.example>" ? .declined : .deny()
                    }
                },
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250, 250, 250])
    }

    /// The entry that was running is charged; its policy answers.
    @Test func crash() {
        var policy = PluginPolicy()
        policy.onError = .denysoft
        let diary = Diary()
        let host = FakeHost(crashesAt: 1)
        let harness = EngineHarness(
            [self.entry("one", host, 0), self.entry("two", host, 1, policy), self.told(diary)], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO x\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [220, 250, 450])
        #expect(harness.statistics("two", .mail).errors == 1)
        #expect(harness.statistics("one", .mail).errors == 0)
        #expect(diary.lines == ["deny two mail"])
    }

    @Test func silentHost() {
        var policy = PluginPolicy()
        policy.timeout = .seconds(5)
        let host = FakeHost(isSilent: true)
        let harness = EngineHarness([self.entry("one", host, 0, policy), accepting], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        harness.advance(by: .seconds(6))
        #expect(client.codes() == [220, 250, 250])
        harness.advance(by: .seconds(6))
        #expect(client.codes() == [450])
        #expect(harness.statistics("one", .rcpt).timeouts == 1)
    }

    @Test func switchedOff() {
        var off = PluginPolicy()
        off.mode = .off
        let host = FakeHost()
        let harness = EngineHarness(
            [self.entry("one", host, 0, off), self.entry("two", host, 1)], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO x\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [220, 250, 250])
        #expect(host.requests.map { $0.entries.map(\.entry) } == [[1]])
    }
}

@Suite struct WrapTests {
    private static let parent = ScriptedPlugin { hooks in
        hooks.on(.rcpt) { event, _ in event.recipient.description.contains("no@") ? .deny("parent") : .declined }
        hooks.on(.rcpt) { _, _ in .ok }
        hooks.on(.noop) { _, session async throws in
            try await session.clock.sleep(for: .seconds(1))
            return .deny("parent")
        }
    }

    /// `isa_plugin`: the child answers with its parent's handlers, under its own name.
    @Test func inherits() {
        let harness = EngineHarness([.init("child") { $0.inherit(Self.parent) }], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250, 250, 250])
        client.send("RCPT TO:<no@d.example>\r\n")
        #expect(client.codes() == [550])
        #expect(harness.statistics("child", .rcpt).count(.deny) == 1)
        #expect(harness.statistics("child", .rcpt).runs == 3)
    }

    @Test func wraps() {
        let harness = EngineHarness(
            [
                .init("child") { hooks in
                    hooks.wrap(.rcpt, Self.parent) { event, session, next in
                        let verdict = try next(event, session)
                        return verdict.code == .deny ? .denysoft("child softens: \(verdict.text)") : verdict
                    }
                    hooks.wrap(.noop, Self.parent) { event, session, next async throws in
                        if event.argument == "skip" { return .ok }
                        return .denyDisconnect(try await next(event, session).text + "'s child")
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250, 250, 250])
        #expect(client.say("RCPT TO:<no@d.example>").first?.hasPrefix("450 4.7.1 child softens: parent [") == true)
        #expect(client.say("NOOP skip").count == 1)
        client.send("NOOP\r\n")
        #expect(client.codes() == [])
        harness.advance(by: .seconds(2))
        #expect(client.said().contains("parent's child"))
        #expect(client.isClosed)
        #expect(harness.statistics("child", .rcpt).runs == 2)
    }
}
