// BreakerTests.swift
//
// A plugin that fails again and again is not asked for a while.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@Suite struct BreakerTests {
    /// A plugin on mail that fails while `health` says so.
    private final class Health: Sendable {
        private let state = Mutex(false)
        var isWell: Bool {
            get { self.state.withLock { $0 } }
            set { self.state.withLock { $0 = newValue } }
        }
    }

    private func harness(
        _ health: Health, threshold: Int, waits: Bool, onError: FailurePolicy = .denysoft
    ) -> EngineHarness {
        var policy = PluginPolicy()
        policy.timeout = .seconds(10)
        policy.breaker = threshold
        policy.onError = onError
        return EngineHarness(
            [
                .init("shaky", policy: policy) { hooks in
                    hooks.answer(
                        .mail,
                        waits
                            ? .waiting { session in
                                if !health.isWell { try await session.clock.sleep(for: .seconds(1000)) }
                                return .declined
                            }
                            : .atOnce { _ in
                                if !health.isWell { throw HookMatrix.Failure() }
                                return .declined
                            })
                }
            ], seams: testSeams())
    }

    private func mail(_ harness: EngineHarness, from address: String) -> [Int] {
        let client = harness.connect(from: address)
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        harness.advance(by: .milliseconds(100))
        let early = client.codes()
        if early.count < 3 { harness.advance(by: .seconds(11)) }
        client.send("QUIT\r\n")
        return early + client.codes()
    }

    @Test(arguments: [Row("throws", false, false), Row("runs out of time", true, true)])
    func opensAndCloses(_ row: Row<Bool, Bool>) {
        let health = Health()
        let harness = self.harness(health, threshold: 4, waits: row.input)
        let runtime = harness.runtime("shaky")
        func failures() -> UInt64 {
            harness.statistics("shaky", .mail).errors + harness.statistics("shaky", .mail).timeouts
        }

        // Many failures of two networks do not open it, nor do two addresses of one IPv6 network.
        for address in ["192.0.2.1", "2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::3"] {
            #expect(self.mail(harness, from: address) == [220, 250, 450, 221])
        }
        #expect(runtime?.breaker == .closed)
        #expect(self.mail(harness, from: "192.0.2.3") == [220, 250, 450, 221])
        #expect(runtime?.breaker == .open)
        #expect(failures() == 6)

        // Open: the policy answers at once, nothing runs.
        #expect(self.mail(harness, from: "192.0.2.4") == [220, 250, 450, 221])
        #expect(failures() == 6)
        #expect(harness.statistics("shaky", .mail).brokenOff == 1)

        // Half open: one probe fails, and it stays open for another while.
        harness.advance(by: .seconds(31))
        #expect(self.mail(harness, from: "192.0.2.4") == [220, 250, 450, 221])
        #expect(failures() == 7)
        #expect(runtime?.breaker == .open)
        #expect(self.mail(harness, from: "192.0.2.4") == [220, 250, 450, 221])
        #expect(failures() == 7)

        // A probe that works closes it.
        health.isWell = true
        harness.advance(by: .seconds(31))
        #expect(self.mail(harness, from: "192.0.2.4") == [220, 250, 250, 221])
        #expect(runtime?.breaker == .closed)
        #expect(harness.supervisor.sessions == 0)
        #expect(runtime?.stragglers == 0)
    }

    /// While a probe runs, others are not asked.
    @Test func oneProbeAtATime() {
        let health = Health()
        let harness = self.harness(health, threshold: 1, waits: true, onError: .declined)
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] { _ = self.mail(harness, from: address) }
        #expect(harness.runtime("shaky")?.breaker == .open)
        harness.advance(by: .seconds(31))
        let probing = harness.connect()
        probing.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(probing.codes() == [220, 250])
        #expect(harness.runtime("shaky")?.breaker == .halfOpen)
        let other = harness.connect()
        other.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(other.codes() == [220, 250, 250])
        #expect(harness.statistics("shaky", .mail).brokenOff == 1)
    }

    /// A success in between starts the count again.
    @Test func failuresInARow() {
        let health = Health()
        let harness = self.harness(health, threshold: 3, waits: false)
        for _ in 0..<5 {
            health.isWell = false
            for address in ["192.0.2.1", "192.0.2.2"] { _ = self.mail(harness, from: address) }
            health.isWell = true
            _ = self.mail(harness, from: "192.0.2.3")
        }
        #expect(harness.runtime("shaky")?.breaker == .closed)
        #expect(harness.statistics("shaky", .mail).errors == 10)
    }

    /// At pre-connection too.
    @Test func arrivals() {
        var policy = PluginPolicy()
        policy.breaker = 3
        policy.onError = .denysoft
        let harness = EngineHarness(
            [
                .init("shaky", policy: policy) { hooks in
                    hooks.answer(.preConnection, .atOnce { _ in throw HookMatrix.Failure() })
                }
            ], seams: testSeams())
        for number in 1...5 { #expect(harness.connect(from: "192.0.2.\(number)").codes() == [451]) }
        #expect(harness.statistics("shaky", .preConnection).errors == 3)
        #expect(harness.statistics("shaky", .preConnection).brokenOff == 2)
        #expect(harness.supervisor.sessions == 0)
    }
}
