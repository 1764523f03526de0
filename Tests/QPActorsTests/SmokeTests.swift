// SmokeTests.swift
//
// The engine on a manual loop.

import QPActors
import QPHooks
import QPTestKit
import Testing

func testSeams(_ log: CapturingLog = CapturingLog()) -> Seams {
    Seams(
        resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(), store: TestStore(clock: ManualClock()),
        files: TestFiles(), random: SeededRandom(), offloader: InlineOffloader(), log: log)
}

@Suite struct SmokeTests {
    @Test func oneMail() {
        let harness = EngineHarness(
            [
                .init("accept") { hooks in
                    hooks.on(.rcpt) { _, _ in .ok }
                    hooks.on(.queue) { _, _ in .ok("taken") }
                }
            ], seams: testSeams())
        let client = harness.connect()
        #expect(client.codes() == [220])
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        #expect(client.codes() == [250, 250, 250, 354])
        client.send("Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        let lines = client.replies()
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("250 2.0.0 taken [") == true)
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
    }

    @Test func waitingHandlers() {
        let harness = EngineHarness(
            [
                .init("slow") { hooks in
                    hooks.on(.mail) { _, session async throws in
                        try await session.clock.sleep(for: .seconds(3))
                        return .declined
                    }
                    hooks.on(.rcpt) { _, _ in .ok }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nNOOP\r\n")
        #expect(client.codes() == [220, 250])
        harness.advance(by: .seconds(4))
        #expect(client.codes() == [250, 250, 250])
        client.vanish()
        harness.loop.run()
        #expect(harness.supervisor.sessions == 0)
    }
}
