// LimitTests.swift
//
// Counts, sizes, spool and shortages; what EHLO offers and HELO sessions may not use.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@Suite struct LimitTests {
    private func harness(
        _ plugins: [EngineHarness.Entry] = [accepting], _ change: (inout ServerSettings) -> Void
    ) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        change(&settings)
        return EngineHarness(plugins, settings: settings, seams: testSeams())
    }

    @Test func recipients() {
        let bag = Mailbag()
        let harness = self.harness([bag.entry]) { $0.limits.maxRecipients = 2 }
        let client = harness.connect()
        client.beginMail()
        client.send("RCPT TO:<e@d.example>\r\nRCPT TO:<f@d.example>\r\nRCPT TO:<g@d.example>\r\nDATA\r\n.\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 250, 452, 452, 354, 250])
        #expect(bag.messages.count == 1)
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        #expect(client.codes() == [250, 250])
    }

    @Test func transactions() {
        let harness = self.harness { $0.limits.maxTransactions = 2 }
        let client = harness.connect()
        client.beginMail()
        client.send("RSET\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nMAIL FROM:<a@b.example>\r\nNOOP\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 250, 250, 250, 421])
        #expect(client.isClosed)
    }

    /// Refused commands count, accepted ones do not; 452 is no error of the client's.
    @Test func errors() {
        let harness = self.harness { settings in
            settings.limits.maxErrors = 3
            settings.limits.maxRecipients = 1
        }
        let client = harness.connect()
        client.beginMail()
        client.send(String(repeating: "NOOP\r\nRCPT TO:<x@d.example>\r\n", count: 20))
        client.send("DATA x\r\nXTEST\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(!client.isClosed)
        _ = client.replies()
        client.send("RCPT\r\nNOOP\r\n")
        #expect(client.codes() == [452, 250])
        client.send("EXPN x\r\nNOOP\r\n")
        #expect(client.codes() == [502, 421])
        #expect(client.isClosed)
    }

    @Test(arguments: [
        Row("RSET x", "RSET x", 501), Row("DATA x", "DATA x", 501), Row("QUIT x", "QUIT x", 501),
        Row("blanks behind RSET", "RSET  ", 250), Row("EXPN", "EXPN x", 502), Row("VRFY alone", "VRFY", 501),
        Row("EHLO alone", "EHLO", 501), Row("HELO alone", "HELO ", 501), Row("NOOP x", "NOOP x", 250),
        Row("leading blank", " NOOP", 500), Row("empty", "", 500), Row("NUL", "NOOP \0", 500),
        Row("nested MAIL", "MAIL FROM:<e@f.example>", 503), Row("BDAT without size", "BDAT", 501),
        Row("BDAT with a bad size", "BDAT -1 LAST", 501),
        Row("BDAT with a huge size", "BDAT 99999999999999999999", 501),
        Row("too long", "NOOP " + String(repeating: "x", count: 3000), 500), Row("STARTTLS", "STARTTLS", 502),
    ])
    func odd(_ row: Row<String, Int>) {
        let client = self.harness { _ in }.connect()
        client.beginMail()
        _ = client.replies()
        client.send(row.input + "\r\nNOOP\r\n")
        #expect(client.codes() == [row.expected, 250])
    }

    // MARK: Sizes

    @Test(arguments: [
        Row("announced too big", ("MAIL FROM:<a@b.example> SIZE=101", ""), [552]),
        Row("announced just fitting", ("MAIL FROM:<a@b.example> SIZE=100", ""), [250]),
        // databytes counts a line end as one octet.
        Row(
            "just fitting", ("MAIL FROM:<a@b.example>", String(repeating: "123456789\r\n", count: 10)),
            [250, 250, 354, 250]),
        Row(
            "one too many", ("MAIL FROM:<a@b.example>", String(repeating: "123456789\r\n", count: 10) + "\r\n"),
            [250, 250, 354, 552]),
    ])
    func databytes(_ row: Row<(String, String), [Int]>) {
        let harness = self.harness { $0.databytes = 100 }
        let client = harness.connect()
        #expect(client.say("EHLO x").contains { $0.hasSuffix("SIZE 100") })
        client.say(row.input.0)
        guard !row.input.1.isEmpty else { return }
        client.send("RCPT TO:<c@d.example>\r\nDATA\r\n" + row.input.1 + ".\r\nRCPT TO:<c@d.example>\r\n")
        #expect([250] + client.codes() == row.expected + [503])
    }

    @Test func tooBigInChunks() {
        let harness = self.harness { $0.databytes = 100 }
        let client = harness.connect()
        client.beginMail()
        _ = client.replies()
        let chunk = String(repeating: "123456789\r\n", count: 6)
        client.send("BDAT 66\r\n\(chunk)BDAT 66\r\n\(chunk)BDAT 66 LAST\r\n\(chunk)NOOP\r\n")
        #expect(client.codes() == [250, 552, 503, 250])
    }

    @Test func longHeader() {
        let harness = self.harness { _ in }
        let client = harness.connect()
        client.beginMail()
        client.send("DATA\r\n")
        for _ in 0..<1100 { client.send("X-Long: " + String(repeating: "x", count: 990) + "\r\n") }
        client.send("\r\nbody\r\n.\r\nNOOP\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 354, 552, 250])
        #expect(harness.core.serverCounters().rejected == 1)
    }

    // MARK: Spool

    @Test(arguments: [Row("below", 900, false), Row("above", 1100, true), Row("far above", 100_000, true)])
    func spooling(_ row: Row<Int, Bool>) {
        let bag = Mailbag()
        let diary = Diary()
        let harness = self.harness([
            .init("looks") { hooks in
                hooks.on(.dataPost) { _, session in
                    diary.write("\(session.transaction.message?.isSpooled == true)")
                    return .declined
                }
            }, bag.entry,
        ]) { $0.sizeThreshold = 1000 }
        let client = harness.connect()
        client.beginMail()
        let body = String(repeating: "0123456\r\n", count: row.input / 9)
        client.send("DATA\r\n\r\n" + body + ".\r\n")
        #expect(diary.lines == ["\(row.expected)"])
        #expect(bag.texts.first?.hasSuffix("\r\n\r\n" + body) == true)
        #expect(harness.spool.files == 0)
    }

    @Test(arguments: ["DATA\r\n", "BDAT 9002 LAST\r\n"])
    func fullSpool(_ command: String) {
        let harness = self.harness { $0.sizeThreshold = 1000 }
        harness.spool.fill()
        let client = harness.connect()
        client.beginMail()
        client.send(command + "\r\n" + String(repeating: "0123456\r\n", count: 1000))
        if command == "DATA\r\n" { client.send(".\r\n") }
        client.send("RCPT TO:<c@d.example>\r\n")
        #expect(client.codes() == [220, 250, 250, 250] + (command == "DATA\r\n" ? [354] : []) + [452, 503])
        #expect(harness.spool.files == 0)
        #expect(harness.core.serverCounters().deferred == 1)
    }

    @Test(arguments: [
        Row("MAIL", "", [220, 250, 452, 503, 250]), Row("DATA", "DATA\r\n", [220, 250, 250, 250, 452, 250]),
        Row("BDAT", "BDAT 4\r\nQUITBDAT 4 LAST\r\nQUIT", [220, 250, 250, 250, 452, 503, 250]),
    ])
    func shortage(_ row: Row<String, [Int]>) {
        let harness = self.harness { _ in }
        let client = harness.connect()
        if row.input.isEmpty { harness.gauge.missing = .memory }
        client.beginMail()
        harness.gauge.missing = .spool
        client.send(row.input + "NOOP\r\n")
        #expect(client.codes() == row.expected)
        harness.gauge.missing = nil
        client.send("RSET\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [250, 250])
    }

    // MARK: Extensions

    @Test(arguments: [
        Row("BODY", "MAIL FROM:<a@b.example> BODY=8BITMIME", 555),
        Row("SMTPUTF8", "MAIL FROM:<a@b.example> SMTPUTF8", 555),
        Row("RET", "MAIL FROM:<a@b.example> RET=FULL", 555),
        Row("SIZE is a hint", "MAIL FROM:<a@b.example> SIZE=10", 250),
        Row("unknown", "MAIL FROM:<a@b.example> FOO=1", 555), Row("malformed", "MAIL FROM:<a@b.example> SIZE=x", 501),
    ])
    func heloSessions(_ row: Row<String, Int>) {
        let client = self.harness { _ in }.connect()
        client.say("HELO x")
        #expect(client.say(row.input).first?.hasPrefix("\(row.expected) ") == true)
    }

    @Test func heloRecipients() {
        let client = self.harness { _ in }.connect()
        client.send("HELO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\n")
        #expect(client.codes() == [220, 250, 250, 555])
    }

    @Test func supervisorLimits() {
        let harness = self.harness { settings in
            settings.limits.maxConnections = 3
            settings.limits.maxConnectionsPerAddress = 2
        }
        let first = harness.connect(from: "2001:db8::1")
        #expect(harness.connect(from: "2001:db8::2").codes() == [220])
        #expect(harness.connect(from: "2001:db8::3").codes() == [451])
        #expect(harness.connect(from: "192.0.2.1").codes() == [220])
        #expect(harness.connect(from: "192.0.2.2").codes() == [421])
        first.vanish()
        #expect(harness.connect(from: "192.0.2.2").codes() == [220])
        let counters = harness.core.serverCounters()
        #expect(counters.refusedAddress == 1)
        #expect(counters.refusedTotal == 1)
        #expect(harness.supervisor.sessions == 3)
    }
}
