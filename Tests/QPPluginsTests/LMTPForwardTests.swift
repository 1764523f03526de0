// LMTPForwardTests.swift
//
// RFC 2033 §4.2: queue/lmtp

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("queue/lmtp")
struct LMTPForwardTests {
    private static let socket = Destination.unix(path: "/run/lmtp")
    private static let message = "Subject: hello\n\n.dot\nbody\n"

    private func peer(_ replies: [String: String] = [:]) -> SMTPPeer {
        var peer = SMTPPeer()
        peer.isLMTP = true
        peer.replies = replies
        return peer
    }

    private func harness(_ peer: SMTPPeer) throws -> PluginHarness {
        let harness = try PluginHarness(LMTPForward.self, arguments: ["unix:/run/lmtp"])
        harness.connector.serve(Self.socket, peer)
        return harness
    }

    @Test func aTransaction() async throws {
        let peer = self.peer()
        let harness = try self.harness(peer)
        try harness.mail(from: "", to: ["bob@b.example", "cy@c.example"], Self.message)
        #expect(try await harness.run(.queue) == .ok("saved"))
        #expect(
            peer.transcript.commands == [
                "LHLO mx.example.org", "MAIL FROM:<> SIZE=30", "RCPT TO:<bob@b.example>", "RCPT TO:<cy@c.example>",
                "DATA",
            ])
        #expect(peer.transcript.messages == [Array("Subject: hello\r\n\r\n..dot\r\nbody\r\n".utf8)])
    }

    @Test func noHELO() async throws {
        let harness = try self.harness(self.peer(["LHLO": "500 what"]))
        try harness.mail(to: ["bob@b.example"], Self.message)
        #expect(try await harness.run(.queue).code == .denysoft)
    }

    struct Fates: Sendable {
        var replies: [String: String] = [:]
        var hangsUpAt: [String] = []
        var isLMTP = false
    }

    /// What became of bob and cy, by their codes: `2`, `4`, `5`.
    @Test(arguments: [
        Row("LMTP: all", Fates(isLMTP: true), "whole"),
        Row("LMTP: one refused early", Fates(replies: ["RCPT TO:<bob": "550 no"], isLMTP: true), "52"),
        Row(
            "LMTP: all refused early",
            Fates(replies: ["RCPT TO:<bob": "550 no", "RCPT TO:<cy": "450 no"], isLMTP: true), "54"),
        Row("LMTP: one refused late", Fates(replies: [".<cy": "552 full"], isLMTP: true), "25"),
        Row(
            "LMTP: refused early and late",
            Fates(replies: ["RCPT TO:<bob": "450 no", ".<cy": "552 full"], isLMTP: true), "45"),
        Row("LMTP: garbage late", Fates(replies: [".<cy": "zzz"], isLMTP: true), "24"),
        Row("LMTP: silence after the first", Fates(replies: [".<cy": ""], isLMTP: true), "24"),
        Row("LMTP: garbage first", Fates(replies: [".<bob": "zzz"], isLMTP: true), "44"),
        Row("LMTP: hangs up late", Fates(hangsUpAt: [".<cy"], isLMTP: true), "24"),
        Row("LMTP: hangs up in between", Fates(hangsUpAt: ["DATA"], isLMTP: true), "deferred"),
        Row("SMTP: all", Fates(), "whole"),
        Row("SMTP: one refused early", Fates(replies: ["RCPT TO:<bob": "550 no"]), "refused"),
        Row("SMTP: one deferred early", Fates(replies: ["RCPT TO:<bob": "450 no"]), "deferred"),
        Row("SMTP: all refused late", Fates(replies: [".": "552 no"]), "refused"),
        Row("SMTP: one refused late", Fates(replies: [".<cy": "552 full"]), "refused"),
        Row("SMTP: one deferred late", Fates(replies: [".<cy": "452 full"]), "deferred"),
        Row("SMTP: hangs up late", Fates(hangsUpAt: [".<cy"]), "deferred"),
    ])
    func fates(_ row: Row<Fates, String>) async throws {
        var peer = self.peer(row.input.replies)
        peer.hangsUpAt = row.input.hangsUpAt
        let harness = try self.harness(peer)
        if row.input.isLMTP { harness.answerEachRecipient() }
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message)
        let verdict = try await harness.run(.queue)
        let found =
            switch verdict.value {
            case .whole: "whole"
            case .perRecipient(let results):
                results.map { $0.refusal.map { $0.kind.isSoft ? "4" : "5" } ?? "2" }.joined()
            case nil: verdict.code == .denysoft ? "deferred" : "refused"
            }
        #expect(found == row.expected)
        let isEarly = row.input.replies.keys.contains { $0.hasPrefix("RCPT") }
        if isEarly, !row.input.isLMTP { #expect(peer.transcript.messages == []) }
    }

    /// One answer for different fates: nobody goes without, nobody gets it twice.
    @Test(arguments: [false, true])
    func anotherAttemptReachesTheOthersOnly(_ isSpooled: Bool) async throws {
        let harness = try self.harness(self.peer([".<cy": "452 full"]))
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message)
        if isSpooled { harness.message = .test(Self.message, spooled: true) }
        let denial = try await harness.run(.queue).denial
        #expect(denial?.kind == .denysoft)
        #expect(denial?.text == "<cy@c.example>: full; 1 of 2 recipients have the message")

        // The same message in another session, with a trace field of its own.
        let peer = self.peer()
        harness.connector.serve(Self.socket, peer)
        harness.connect()
        harness.clock.advance(by: .seconds(3600))
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message)
        harness.message?.addTestField("Received: later\r\n")
        #expect(try await harness.run(.queue).code == .ok)
        #expect(peer.transcript.commands.filter { $0.hasPrefix("RCPT") } == ["RCPT TO:<cy@c.example>"])

        // Another message of that size reaches both.
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message.replacing("hello", with: "hallo"))
        #expect(try await harness.run(.queue).code == .ok)
        #expect(peer.transcript.commands.filter { $0.hasPrefix("RCPT TO:<bob") }.count == 1)
    }

    /// Messages alike in sender and size are remembered apart, and also for a client that sends to each by itself.
    @Test func attemptsOneByOne() async throws {
        let harness = try self.harness(self.peer([".<cy": "452 full"]))
        let texts = [Self.message, Self.message.replacing("hello", with: "hallo")]
        for text in texts {
            try harness.mail(to: ["bob@b.example", "cy@c.example"], text)
            #expect(try await harness.run(.queue).code == .denysoft)
        }
        let peer = self.peer()
        harness.connector.serve(Self.socket, peer)
        harness.connect()
        harness.clock.advance(by: .seconds(3600))
        for text in texts {
            for recipient in ["bob@b.example", "cy@c.example"] {
                try harness.mail(to: [recipient], text)
                #expect(try await harness.run(.queue).code == .ok)
            }
        }
        let recipients = peer.transcript.commands.filter { $0.hasPrefix("RCPT") }
        #expect(recipients == ["RCPT TO:<cy@c.example>", "RCPT TO:<cy@c.example>"])
    }

    @Test func arguments() throws {
        for good in [["unix:/x"], ["127.0.0.1"], ["[::1]:24,unix:/x", "xforward"]] {
            _ = try PluginHarness(LMTPForward.self, arguments: good)
        }
        for bad in [[], ["unix:x"], ["h", "24"], ["h", "xclient"]] {
            #expect(throws: PluginError.self) { try PluginHarness(LMTPForward.self, arguments: bad) }
        }
    }
}
