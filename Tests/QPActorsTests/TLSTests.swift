// TLSTests.swift
//
// RFC 3207: the session's part of STARTTLS, without sockets.

import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPActors

struct TLSTests {
    private static let facts = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", serverName: "mx.example")

    private func harness(_ plugins: [EngineHarness.Entry] = []) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        settings.offersTLS = true
        return EngineHarness(plugins, settings: settings, seams: testSeams())
    }

    @Test(
        "claim 82: STARTTLS by the hook unrecognized_command",
        arguments: [
            Row("DECLINED", ReturnCode.declined, ([220], false)), Row("OK", .ok, ([220], false)),
            Row("DENY", .deny, ([500], false)), Row("DENY_DISCONNECT", .denyDisconnect, ([521], true)),
            Row("DENYSOFT", .denysoft, ([220], false)), Row("DONE", .done, ([], false)),
        ])
    func hook(_ row: Row<ReturnCode, ([Int], Bool)>) {
        let diary = Diary()
        let harness = self.harness([
            .init("verbs") { hooks in
                hooks.on(.unrecognizedCommand) { event, _ in
                    diary.write("\(event.verb) \(event.argument ?? "-")")
                    return .declined
                }
            }, .init("subject") { hooks in hooks.answer(.unrecognizedCommand, .atOnce { _ in row.input }) },
        ])
        let client = harness.connect()
        _ = client.codes()
        client.send("STARTTLS\r\n")
        #expect(client.codes() == row.expected.0)
        #expect(client.isClosed == row.expected.1)
        #expect(diary.lines == ["starttls -"])
    }

    @Test func everythingSaidIsForgotten() {
        let diary = Diary()
        let harness = self.harness([
            .init("watch") { hooks in
                hooks.on(.connect) { _, session in
                    session.notes["mine"] = .int(7)
                    return .declined
                }
                hooks.on(.resetTransaction) { _, session in
                    diary.write("reset \(session.transaction.sender?.address ?? "-") \(session.tls?.version ?? "-")")
                    return .declined
                }
                hooks.on(.rcpt) { _, _ in .ok }
                hooks.on(.noop) { _, session in
                    diary.write(
                        "\(session.introduction?.host ?? "-") \(session.notes["mine"] == .int(7)) "
                            + "\(session.notes["tls_enabled"] == .int(1))")
                    return .declined
                }
            }
        ])
        let client = harness.connect()
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        client.send("STARTTLS\r\n")
        client.startTLS(Self.facts)
        _ = client.codes()
        client.send("NOOP\r\nDATA\r\nMAIL FROM:<a@b.example>\r\nEHLO a.example\r\nDATA\r\nSTARTTLS\r\n")
        #expect(client.codes() == [250, 503, 503, 250, 503, 503])
        #expect(diary.lines == ["reset - -", "reset a@b.example TLSv1.3", "- true true"])
        #expect(harness.core.serverCounters().handshakes == ["ok": 1])
        #expect(harness.core.serverCounters().ciphers == ["TLSv1.3 TLS_AES_128_GCM_SHA256": 1])
    }

    @Test(arguments: [
        Row("while a hook thinks", true, 1), Row("in one piece", false, 1),
    ])
    func nothingMayFollow(_ row: Row<Bool, Int>) {
        let harness = self.harness()
        let client = harness.connect()
        _ = client.codes()
        if row.input {
            client.send("STARTTLS\r\n")
            // The 220 has left; what comes in clear now ends the session without a word.
            client.send("NOOP\r\n")
            #expect(client.codes() == [220])
        } else {
            client.send("STARTTLS\r\nNOOP\r\n")
            #expect(client.codes() == [503])
        }
        #expect(client.isClosed)
        #expect(harness.core.serverCounters().handshakes == ["plaintext": 1])
    }

    @Test func timeAndFailure() {
        let harness = self.harness()
        let (slow, broken) = (harness.connect(), harness.connect())
        for client in [slow, broken] { client.send("STARTTLS\r\n") }
        broken.failTLS(.protocol, "NO_SHARED_CIPHER")
        #expect(broken.isClosed)
        #expect(!slow.isClosed)
        harness.advance(by: .seconds(29))
        #expect(!slow.isClosed)
        harness.advance(by: .seconds(2))
        #expect(slow.isClosed)
        #expect(slow.codes() == [220, 220])
        #expect(harness.core.serverCounters().handshakes == ["protocol": 1, "timeout": 1])
    }
}
