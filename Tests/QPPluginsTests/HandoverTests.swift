// HandoverTests.swift
//
// RFC 5321 §4.5.2, RFC 2442: queue/qmail-queue and queue/exim-bsmtp

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("queue/qmail-queue")
struct QmailQueueTests {
    private static let program = "/var/qmail/bin/qmail-queue"

    private func harness(_ result: ProgramResult?) throws -> PluginHarness {
        let harness = try PluginHarness(QmailQueue.self)
        if let result { harness.files.program(Self.program, result) }
        return harness
    }

    @Test func messageAndEnvelope() async throws {
        let harness = try self.harness(ProgramResult(status: 0, output: []))
        try harness.mail(to: ["bob@b.example", "\"c d\"@c.example"], "")
        let text = "Message-ID: <1@x>\r\n\r\n.x\r\nü\0\ry\nz\r\n"
        harness.message = .test(bytes: Array(text.utf8), pieces: 3)
        let verdict = try await harness.run(.queue)
        #expect(verdict == .ok("Queued! \(harness.clock.wall / 1_000_000_000) qp <1@x>"))
        let feed = try #require(harness.files.feeds.first)
        #expect(feed.program == [Self.program])
        #expect(String(decoding: feed.input, as: UTF8.self) == "Message-ID: <1@x>\n\n.x\nü\0\ry\nz\n")
        let envelope = "Fsender@client.example\0Tbob@b.example\0Tc d@c.example\0\0"
        #expect(feed.second.map { String(decoding: $0, as: UTF8.self) } == envelope)
    }

    @Test func nullSender() async throws {
        let harness = try self.harness(ProgramResult(status: 0, output: []))
        try harness.mail(from: "", to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).code == .ok)
        #expect(harness.files.feeds.first?.second == Array("F\0Tbob@b.example\0\0".utf8))
    }

    @Test(arguments: [
        (0, true, ReturnCode.ok), (0, false, .declined), (1, true, .declined), (11, true, .deny), (31, true, .deny),
        (40, true, .deny), (51, true, .declined), (53, true, .declined), (81, true, .declined), (111, true, .declined),
        (137, false, .declined), (137, true, .denysoft),
    ])
    func statuses(_ status: Int32, _ tookInput: Bool, _ code: ReturnCode) async throws {
        let harness = try self.harness(ProgramResult(status: status, output: [], tookInput: tookInput))
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).code == code)
    }

    @Test func noProgram() async throws {
        let harness = try self.harness(nil)
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).code == .declined)
        #expect(harness.backend == [.eightBitMIME])
    }

    /// A program that is ended at its time limit may have the message: nobody else is asked.
    @Test func ranOutOfTime() async throws {
        let harness = try self.harness(ProgramResult(status: 0, output: []))
        harness.files.fail(below: Self.program, with: .timedOut("program"))
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).code == .denysoft)
    }

    @Test func internationalAddresses() async throws {
        let harness = try self.harness(ProgramResult(status: 0, output: []))
        try harness.mail(to: ["ü@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).denial?.status == .nonASCIIAddressNotSupported)
        #expect(harness.files.feeds == [])
    }

    @Test func arguments() throws {
        for good in [["/usr/bin/queue"], ["/usr/bin/queue", "timeout=5"], ["timeout=300"]] {
            _ = try PluginHarness(QmailQueue.self, arguments: good)
        }
        for bad in [["queue"], ["/a", "b"], ["/a b"], ["/a", "timeout=301"], ["timeout=1", "/a"]] {
            #expect(throws: PluginError.self) { try PluginHarness(QmailQueue.self, arguments: bad) }
        }
    }
}

@Suite("queue/exim-bsmtp")
struct EximBSMTPTests {
    private static let program = "/usr/sbin/exim4"

    private func harness(_ status: Int32, _ output: String = "") throws -> PluginHarness {
        let harness = try PluginHarness(EximBSMTP.self, arguments: ["exim_path", Self.program])
        harness.files.program(Self.program, ProgramResult(status: status, output: Array(output.utf8)))
        return harness
    }

    @Test(arguments: [
        Row("plain", "A: b\r\n\r\nx\r\n", "A: b\n\nx\n"),
        Row("dots", "A: b\r\n\r\n.\r\n..\r\n", "A: b\n\n..\n...\n"),
        Row("LF dot LF", "x\n.\nMAIL FROM:<e@vil>\n", "x\n..\nMAIL FROM:<e@vil>\n"),
        Row("CR dot CR", "x\r.\rQUIT\r", "x\n..\nQUIT\n"),
        Row("no line end", "x", "x\n"),
        Row("8-bit and NUL", "ü\0\r\n", "ü\0\n"),
        Row("nothing", "", ""),
    ])
    func batch(_ row: Row<String, String>) async throws {
        for pieces in [1, 2, 64] {
            let harness = try self.harness(0)
            try harness.mail(from: "", to: ["bob@b.example", "\"c d\"@c.example"], "")
            harness.message = .test(bytes: Array(row.input.utf8), pieces: pieces)
            #expect(try await harness.run(.queue) == .ok("Queued!"))
            let feed = try #require(harness.files.feeds.first)
            #expect(feed.program == [Self.program, "-bS"])
            let head =
                "HELO mx.example.org\nMAIL FROM:<>\nRCPT TO:<bob@b.example>\nRCPT TO:<\"c\\ d\"@c.example>\nDATA\n"
            #expect(String(decoding: feed.input, as: UTF8.self) == head + row.expected + ".\nQUIT\n")
        }
    }

    @Test(
        arguments: [
            Row("2xx lines", (0, "250 fine\n"), .ok("Queued!")),
            Row("5xx", (2, "LOG: x\n550 5.1.1 no\n"), .deny("no", .badDestinationMailbox)),
            Row("4xx", (2, "451 later\r\n"), .denysoft("later")),
            Row("5xx with status 0", (0, "554 no\n"), .deny("no")),
            Row("no answer", (1, "oops\n"), .declinedSaying("Unable to queue message (1)")),
            Row("killed", (137, ""), .denysoft("Unable to queue message, try again later")),
            Row("killed behind a refusal", (137, "550 no\n"), .deny("no")),
            Row("garbage", (1, "\u{1}99999 x\n5 x\n"), .declinedSaying("Unable to queue message (1)")),
        ] as [Row<(Int32, String), Verdict<Delivery>>])
    func answers(_ row: Row<(Int32, String), Verdict<Delivery>>) async throws {
        let harness = try self.harness(row.input.0, row.input.1)
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue) == row.expected)
    }

    @Test func arguments() throws {
        _ = try PluginHarness(EximBSMTP.self)
        _ = try PluginHarness(EximBSMTP.self, arguments: ["timeout", "5", "exim_path", "/x"])
        for bad in [
            ["exim_path"], ["timeout", "0"], ["timeout", "x"], ["exim_path", "exim"], ["x", "/y"],
            ["exim_path", "/a b"],
        ] {
            #expect(throws: PluginError.self) { try PluginHarness(EximBSMTP.self, arguments: bad) }
        }
    }
}
