// DialogueLogTests.swift
//
// At debug level the log has both sides of the dialogue.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct DialogueLogTests {
    private static let plugins: [EngineHarness.Entry] = [
        .init("takes") { hooks in
            hooks.on(.rcpt) { event, _ in
                event.recipient.description.contains("nobody") ? .deny("no such\nuser") : .ok
            }
            hooks.on(.queue) { _, _ in .ok("queued") }
        }
    ]

    private static let lines = [
        "EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<nobody@x.example>", "RCPT TO:<c@x.example>", "NOOP",
        "DATA", "Subject: x\r\n\r\nhello\r\n.", "XYZZY", "AUTH PLAIN AGFubgBzZWNyZXQ=", "RSET", "QUIT",
    ]

    /// Every line that the client sees, in order, and nothing else.
    @Test func repliesAreLogged() {
        let log = CapturingLog()
        let harness = EngineHarness(Self.plugins, seams: testSeams(log))
        let client = harness.connect()
        for line in Self.lines { client.say(line) }
        let seen = String(decoding: client.output, as: UTF8.self).split(separator: "\r\n")
        let logged = log.events.map(\.text).filter { $0.hasPrefix("replying ") }
        #expect(logged == seen.map { "replying \($0)" })
        #expect(seen.count > 15)
        let heard = log.events.map(\.text).filter { $0.hasPrefix("dispatching ") }
        #expect(heard.count == Self.lines.count - 1)
        #expect(!log.events.contains { $0.text.contains("AGFubgBzZWNyZXQ") })
    }
}
