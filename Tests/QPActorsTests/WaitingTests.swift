// WaitingTests.swift
//
// Handlers that hang, ignore cancellation, throw or are slow, at each hook, under each failure policy.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

enum Behaviour: String, CaseIterable {
    case hangs, ignoresCancellation, comesBackLate, `throws`, isSlow

    /// What it does at its hook. It may take 10 s.
    func script(_ gate: Gate) -> HookScript {
        .waiting { session in
            switch self {
            case .hangs: try await session.clock.sleep(for: .seconds(100_000))
            case .ignoresCancellation, .comesBackLate: await gate.wait()
            case .throws:
                try await session.clock.sleep(for: .seconds(1))
                throw HookMatrix.Failure()
            case .isSlow: try await session.clock.sleep(for: .seconds(3))
            }
            return .ok
        }
    }

    var runsOutOfTime: Bool {
        switch self {
        case .hangs, .ignoresCancellation, .comesBackLate: true
        case .throws, .isSlow: false
        }
    }
}

struct WaitingCase: Sendable, CustomTestStringConvertible {
    let hook: HookID
    let behaviour: Behaviour
    let policy: FailurePolicy
    /// The row of the matrix whose reply this case must give.
    let row: HookMatrix.Row

    var testDescription: String { "\(self.hook.name) \(self.behaviour.rawValue), on-error \(self.policy)" }

    static let hooks: [HookID] = [
        .preConnection, .connect, .ehlo, .mail, .rcpt, .data, .dataPost, .queue, .unrecognizedCommand, .disconnect,
        .postConnection,
    ]

    static let all: [WaitingCase] = Self.hooks.flatMap { hook in
        Behaviour.allCases.flatMap { behaviour in
            [FailurePolicy.standard, .declined, .denysoft].compactMap { policy in
                let answer: HookMatrix.Answer =
                    switch (behaviour, policy) {
                    case (.isSlow, _): .ok
                    case (_, .standard): .thrown
                    case (_, .declined): .declined
                    case (_, .denysoft): .denysoft
                    }
                let row = HookMatrix.rows.first { $0.hook == hook && $0.answer == answer && !$0.isChunked }
                return row.map { WaitingCase(hook: hook, behaviour: behaviour, policy: policy, row: $0) }
            }
        }
    }
}

@Suite struct WaitingTests {
    @Test(arguments: WaitingCase.all)
    func failure(_ test: WaitingCase) {
        var policy = PluginPolicy()
        policy.timeout = .seconds(10)
        policy.onError = test.policy
        let gate = Gate()
        let witness = HookMatrix.Witness()
        let plugins = HookMatrix.plugins(for: test.hook, test.behaviour.script(gate), witness)
        let harness = EngineHarness(
            plugins.map { .init($0.name, $0.plugin, policy: $0.name == "subject" ? policy : PluginPolicy()) },
            seams: testSeams())
        let client = harness.connect()
        for exchange in test.row.exchanges {
            if !exchange.send.isEmpty { client.send(exchange.send) }
            // Between its final dot and its answer a queue handler has 10 min.
            let isLong = test.hook == .queue && test.behaviour.runsOutOfTime && exchange.send.hasSuffix("\r\n.\r\n")
            harness.advance(by: .seconds(isLong ? 601 : 11))
            #expect(client.codes() == exchange.codes, "\(exchange.send)")
        }
        #expect(client.isClosed == test.row.closes)
        if test.behaviour == .comesBackLate {
            gate.open()
            harness.loop.run()
            #expect(client.codes() == [])
        }
        if !client.isClosed {
            client.send("QUIT\r\n")
            harness.advance(by: .seconds(11))
            #expect(client.codes() == [221])
        }
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
        #expect(witness.runs(of: .resetTransaction) == test.row.resets)
        #expect(witness.runs(of: .disconnect) == test.row.farewells)
        #expect(witness.runs(of: .postConnection) == test.row.farewells)
        #expect(witness.told.allSatisfy { $0.code == test.row.told?.code }, "\(witness.told)")
        self.checkCounts(test, harness)
    }

    private func checkCounts(_ test: WaitingCase, _ harness: EngineHarness) {
        let counts = harness.statistics("subject", test.hook)
        #expect(counts.timeouts == (test.behaviour.runsOutOfTime ? 1 : 0))
        #expect(counts.stragglers == (test.behaviour.runsOutOfTime ? 1 : 0))
        #expect(counts.errors == (test.behaviour == .throws ? 1 : 0))
        #expect(counts.runs == 1)
        #expect(harness.runtime("subject")?.stragglers == (test.behaviour == .ignoresCancellation ? 1 : 0))
    }

    /// What a straggler does to its session goes nowhere.
    @Test func lateWritesVanish() {
        let gate = Gate()
        let bag = Mailbag()
        let diary = Diary()
        var policy = PluginPolicy()
        policy.timeout = .seconds(10)
        let harness = EngineHarness(
            [
                .init("late", policy: policy) { hooks in
                    hooks.on(.mail) { _, session async throws in
                        session.notes["early"] = .bool(true)
                        await gate.wait()
                        session.notes["late"] = .bool(true)
                        session.transaction.notes["late"] = .bool(true)
                        session.isRelayClient = true
                        session.transaction.addHeader("X-Late", "yes")
                        session.respond(Reply(250, "late"))
                        session[StorageKey<Int>("late")] = 1
                        diary.write("late")
                        return .deny("late")
                    }
                },
                .init("after") { hooks in
                    hooks.on(.dataPost) { _, session in
                        let late = session.notes["late"] ?? session.transaction.notes["late"]
                        let stored = session[StorageKey<Int>("late")]
                        diary.write("\(session.notes["early"] != nil) \(late == nil && stored == nil)")
                        diary.write("\(session.isRelayClient)")
                        return .declined
                    }
                },
                bag.entry,
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250])
        harness.advance(by: .seconds(11))
        #expect(client.codes() == [250, 250])
        client.send("DATA\r\n")
        gate.open()
        harness.loop.run()
        client.send("Subject: x\r\n\r\nbody\r\n.\r\n")
        #expect(client.codes() == [354, 250])
        #expect(diary.lines == ["late", "true true", "false"])
        #expect(bag.texts.first?.contains("X-Late") == false)
        #expect(harness.runtime("late")?.stragglers == 0)
    }

    /// A chain has a time besides: what was not asked then does not pass.
    @Test func chainBudget() {
        let diary = Diary()
        var policy = PluginPolicy()
        policy.timeout = .seconds(100)
        policy.onError = .declined
        let slow = (1...4).map { number in
            EngineHarness.Entry("slow\(number)", policy: policy) { hooks in
                hooks.on(.rcpt) { _, session async throws in
                    diary.write("\(number)")
                    try await session.clock.sleep(for: .seconds(90))
                    return .declined
                }
            }
        }
        let harness = EngineHarness(slow + [accepting], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        harness.advance(by: .seconds(239))
        #expect(client.codes() == [220, 250, 250])
        harness.advance(by: .seconds(2))
        #expect(client.codes() == [450])
        #expect(diary.lines == ["1", "2", "3"])
        #expect(harness.statistics("slow3", .rcpt).timeouts == 1)
    }

    /// deny and ok handlers that wait, hang or throw hold the reply back at most for their time.
    @Test func tellingHandlersMayHang() {
        var policy = PluginPolicy()
        policy.timeout = .seconds(10)
        let harness = EngineHarness(
            [
                .init("first") { hooks in hooks.on(.rcpt) { _, _ in .ok } },
                .init("second") { hooks in hooks.on(.rcpt) { _, _ in .deny("asked though decided") } },
                .init("teller", policy: policy) { hooks in
                    hooks.on(.ok) { event, session async throws in
                        if event.hook == .rcpt { try await session.clock.sleep(for: .seconds(1000)) }
                        return .declined
                    }
                },
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        #expect(client.codes() == [220, 250, 250])
        harness.advance(by: .seconds(11))
        #expect(client.codes() == [250])
        #expect(harness.statistics("teller", .ok).timeouts == 1)
        #expect(harness.statistics("second", .rcpt).runs == 0)
    }

    /// A long decision does not use up the client's own time.
    @Test func decisionsAreNotTheClientsTime() {
        let gate = Gate()
        let harness = EngineHarness(
            [
                .init("slow") { hooks in
                    hooks.on(.rcpt) { _, _ in .ok }
                    hooks.on(.dataHeadersEnd) { _, session async throws in
                        for _ in 0..<8 { try await session.clock.sleep(for: .seconds(3)) }
                        return .declined
                    }
                    hooks.on(.queue) { _, _ async throws in
                        await gate.wait()
                        return .ok
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\nSubject: x\r\n\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354])
        harness.advance(by: .seconds(25))
        // The window in which the data rate counts begins again.
        harness.advance(by: .seconds(40))
        client.send("body\r\n.\r\n")
        harness.advance(by: .seconds(590))
        #expect(client.codes() == [])
        gate.open()
        harness.loop.run()
        #expect(client.codes() == [250])
        harness.advance(by: .seconds(299))
        #expect(client.say("NOOP").count == 1)
        harness.advance(by: .seconds(301))
        #expect(client.codes() == [421])
        #expect(client.isClosed)
    }
}
