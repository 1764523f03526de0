// TimeLimitTests.swift
//
// RFC 5321 §4.5.3.2: how long a client may take.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@Suite struct TimeLimitTests {
    private func harness(_ change: (inout Limits) -> Void = { _ in }) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        change(&settings.limits)
        return EngineHarness([accepting], settings: settings, seams: testSeams())
    }

    /// A command must be complete in its time, however its bytes drip.
    @Test func drippingCommand() {
        let harness = self.harness { $0.commandTimeout = .seconds(60) }
        let client = harness.connect()
        var seconds = 0
        while !client.isClosed, seconds < 200 {
            client.send("N")
            harness.advance(by: .seconds(1))
            seconds += 1
        }
        #expect((60...62).contains(seconds))
        #expect(client.codes() == [220, 421])
        #expect(harness.core.serverCounters().timedOut == 1)
        #expect(harness.supervisor.sessions == 0)
    }

    /// Every complete command starts the time again, unknown ones too.
    @Test(arguments: ["NOOP\r\n", "XYZ\r\n", "\r\n"])
    func completeCommands(_ command: String) {
        let harness = self.harness { $0.commandTimeout = .seconds(60) }
        let client = harness.connect()
        for _ in 0..<10 {
            harness.advance(by: .seconds(55))
            client.send(command)
        }
        #expect(!client.isClosed)
        harness.advance(by: .seconds(61))
        #expect(client.isClosed)
    }

    /// The greeting alone does not keep a session.
    @Test func silence() {
        let harness = self.harness()
        let client = harness.connect()
        harness.advance(by: .seconds(299))
        #expect(!client.isClosed)
        harness.advance(by: .seconds(2))
        #expect(client.codes() == [220, 421])
    }

    @Test(arguments: ["DATA\r\n", "BDAT 100000\r\n"])
    func silenceInData(_ command: String) {
        let harness = self.harness { $0.minDataRate = 0 }
        let client = harness.connect()
        client.beginMail()
        client.send(command)
        for _ in 0..<5 {
            harness.advance(by: .seconds(170))
            client.send("x")
        }
        #expect(!client.isClosed)
        harness.advance(by: .seconds(181))
        #expect(client.codes().last == 421)
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
    }

    @Test(arguments: [
        Row("a byte a second", 1, true), Row("just too slow", 99, true), Row("fast enough", 101, false),
    ])
    func dataRate(_ row: Row<Int, Bool>) {
        let harness = self.harness()
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\n")
        for _ in 0..<130 where !client.isClosed {
            client.send([UInt8](repeating: 0x78, count: row.input))
            harness.advance(by: .seconds(1))
        }
        #expect(client.isClosed == row.expected)
        #expect((client.codes().last == 421) == row.expected)
    }

    @Test func sessionTimeout() {
        let harness = self.harness { $0.sessionTimeout = .seconds(1000) }
        let client = harness.connect()
        for _ in 0..<9 {
            harness.advance(by: .seconds(110))
            client.say("NOOP")
        }
        #expect(!client.isClosed)
        harness.advance(by: .seconds(11))
        #expect(client.codes() == [421])
        #expect(client.isClosed)
    }

    /// Also before the greeting, while a plugin waits again and again.
    @Test func sessionTimeoutWhileWaiting() {
        var settings = EngineHarness.quietSettings
        settings.limits.sessionTimeout = .seconds(100)
        let diary = Diary()
        let harness = EngineHarness(
            [
                watching(diary),
                .init("slow") { hooks in
                    for _ in 0..<6 {
                        hooks.on(.connect) { _, session async throws in
                            try await session.clock.sleep(for: .seconds(25))
                            return .declined
                        }
                    }
                },
            ], settings: settings, seams: testSeams())
        let client = harness.connect()
        harness.advance(by: .seconds(101))
        #expect(client.codes() == [421])
        #expect(client.isClosed)
        #expect(diary.lines == WayOut.servers)
        #expect(harness.supervisor.sessions == 0)
    }

    @Test("claim 50: a slow pre-connection hook delays only its own client, and its chain has a time limit")
    func slowArrival() {
        let harness = EngineHarness(
            [
                .init("slow") { hooks in
                    hooks.on(.preConnection) { _, arrival async throws in
                        if arrival.connection.remotePort == 1 { try await arrival.clock.sleep(for: .seconds(5)) }
                        arrival.notes["seen"] = .bool(true)
                        return .declined
                    }
                    hooks.on(.connect) { _, session in session.notes["seen"] == nil ? .deny() : .declined }
                },
                .init("slower") { hooks in
                    for _ in 0..<20 {
                        hooks.on(.preConnection) { _, arrival async throws in
                            if arrival.connection.remotePort == 2 { try await arrival.clock.sleep(for: .seconds(25)) }
                            return .declined
                        }
                    }
                },
            ], seams: testSeams())
        let slow = harness.connect(port: 1)
        let quick = harness.connect(port: 3)
        let slowest = harness.connect(port: 2)
        #expect(slow.codes() == [])
        #expect(quick.codes() == [220])
        harness.advance(by: .seconds(6))
        #expect(slow.codes() == [220])
        harness.advance(by: .seconds(236))
        #expect(slowest.codes() == [220])
        #expect(harness.supervisor.sessions == 3)
    }

    /// A client that leaves before it is welcome gives its place back and takes its handler along.
    @Test func leavesBeforeWelcome() {
        let diary = Diary()
        let harness = EngineHarness(
            [
                .init("slow") { hooks in
                    hooks.on(.preConnection) { _, arrival async throws in
                        do {
                            try await arrival.clock.sleep(for: .seconds(5))
                        } catch {
                            diary.write("cancelled")
                        }
                        return .declined
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        #expect(harness.supervisor.sessions == 1)
        client.vanish()
        harness.loop.run()
        #expect(harness.supervisor.sessions == 0)
        #expect(diary.lines == ["cancelled"])
        harness.advance(by: .seconds(10))
        #expect(client.output.isEmpty)
    }
}
