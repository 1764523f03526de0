// ReplyTextTests.swift
//
// What becomes of plugins' texts on the wire.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct ReplyTextTests {
    private func client(_ text: String, _ status: EnhancedStatus? = nil, soft: Bool = false) -> TestClient {
        var settings = EngineHarness.quietSettings
        settings.softBounce = soft
        let harness = EngineHarness(
            [.init("refuses") { hooks in hooks.on(.mail) { _, _ in .deny(text, status) } }], settings: settings,
            seams: testSeams())
        let client = harness.connect()
        client.say("EHLO x")
        return client
    }

    /// The last line's id as `[ID]`.
    private func hidingID(_ lines: [String]) -> [String] {
        guard let last = lines.last, let bracket = last.lastIndex(of: "[") else { return lines }
        return lines.dropLast() + [last[..<bracket] + "[ID]"]
    }

    @Test(arguments: [
        Row("plain", "no", ["550 5.7.1 no [ID]"]),
        Row("none: the hook's own", "", ["550 5.7.1 sender refused [ID]"]),
        Row("two lines", "a\nb", ["550-5.7.1 a", "550 5.7.1 b [ID]"]),
        Row("CRLF", "a\r\nb", ["550-5.7.1 a", "550 5.7.1 b [ID]"]),
        Row(
            "an empty line and a zero do not end it", "a\n\n0\nb",
            ["550-5.7.1 a", "550-5.7.1 ", "550-5.7.1 0", "550 5.7.1 b [ID]"]),
        Row("enhanced status in the text", "no (#5.1.8)", ["550 5.1.8 no [ID]"]),
        Row("its class follows the code", "no (#4.1.8)", ["550 5.1.8 no [ID]"]),
        Row("only at the end", "see (#5.1.8) there", ["550 5.7.1 see (#5.1.8) there [ID]"]),
        Row("no status", "no (#9.9)", ["550 5.7.1 no (#9.9) [ID]"]),
        Row("control bytes", "a\u{7}b\0c\u{1b}[2Jd\u{7f}", ["550 5.7.1 a?b?c?[2Jd? [ID]"]),
        Row("bare CR", "a\rb", ["550 5.7.1 a?b [ID]"]),
        Row("tab", "a\tb", ["550 5.7.1 a\tb [ID]"]),
        Row("beyond ASCII", "ü", ["550 5.7.1 ?? [ID]"]),
        Row("an injected reply", "no\r\n250 ok", ["550-5.7.1 no", "550 5.7.1 250 ok [ID]"]),
    ])
    func texts(_ row: Row<String, [String]>) {
        #expect(self.hidingID(self.client(row.input).say("MAIL FROM:<a@b.example>")) == row.expected)
    }

    @Test func statusOfItsOwn() {
        let lines = self.client("no (#5.1.8)", .tooBig).say("MAIL FROM:<a@b.example>")
        #expect(self.hidingID(lines) == ["550 5.3.4 no (#5.1.8) [ID]"])
    }

    @Test func utf8WhenAskedFor() {
        let lines = self.client("für").say("MAIL FROM:<a@b.example> SMTPUTF8")
        #expect(self.hidingID(lines) == ["550 5.7.1 für [ID]"])
    }

    /// RFC 5321 §4.5.3.1.5: 512 octets, the id on the last line only.
    @Test(arguments: ["word ", "x"])
    func longLines(_ piece: String) {
        let text = String(repeating: piece, count: 2000)
        let client = self.client(text + "\n" + text)
        let lines = client.say("MAIL FROM:<a@b.example>")
        #expect(lines.allSatisfy { $0.utf8.count <= 510 })
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("550-5.7.1 ") && !$0.hasSuffix("]") })
        #expect(lines.last?.hasPrefix("550 5.7.1 ") == true)
        #expect(lines.last?.hasSuffix("]") == true)
        let said = lines.map { $0.dropFirst(10) }.joined().filter { $0 != " " }
        #expect(said.hasPrefix(String(repeating: piece.filter { $0 != " " }, count: 4000)))
    }

    /// The id stands in every refusal and in the answer to a message, nowhere else.
    @Test func idsWhereTheyHelp() {
        let harness = EngineHarness([accepting], seams: testSeams())
        let client = harness.connect()
        client.send("EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nNOOP\r\n")
        #expect(client.replies().dropFirst().allSatisfy { !$0.hasSuffix("]") || $0.contains("Hello") })
        client.send("XTEST\r\nDATA\r\n.\r\n")
        let lines = client.replies()
        #expect(lines.map { $0.hasSuffix("]") } == [true, false, true])
    }

    // MARK: soft_bounce

    @Test(arguments: [
        Row("plugin's refusal", "MAIL FROM:<a@b.example>", "450 4.7.1"),
        Row("syntax", "MAIL FROM:nonsense", "401 4."),
        Row("sequence", "DATA", "403 4.5.1"),
        Row("unknown", "XTEST", "400 4.5.1"),
    ])
    func softBounce(_ row: Row<String, String>) {
        #expect(self.client("no", soft: true).say(row.input).first?.hasPrefix(row.expected) == true)
    }

    @Test func softBounceAtArrival() {
        var settings = EngineHarness.quietSettings
        settings.softBounce = true
        let harness = EngineHarness(
            [.init("refuses") { hooks in hooks.on(.preConnection) { _, _ in .deny("no") } }], settings: settings,
            seams: testSeams())
        #expect(harness.connect().codes() == [450])
    }

    // MARK: Plugins' own words

    /// Replies that plugins send themselves leave in order, before the server's.
    @Test func respond() {
        let harness = EngineHarness(
            [
                .init("speaks") { hooks in
                    hooks.on(.noop) { event, session in
                        session.respond(Reply(250, "one\ntwo"))
                        session.respond(Reply(550, .notAuthorized, "three\r\nQUIT"))
                        return event.argument == "done" ? .done : .ok
                    }
                }
            ], seams: testSeams())
        let client = harness.connect()
        client.say("EHLO x")
        #expect(
            self.hidingID(client.say("NOOP done"))
                == ["250-one", "250 two", "550-5.7.1 three", "550 5.7.1 QUIT [ID]"])
        client.send("NOOP\r\nNOOP done\r\n")
        #expect(client.codes() == [250, 550, 250, 250, 550])
    }

    /// The last plugin's text with DECLINED is what help and queue say.
    @Test func textsWithDeclined() {
        let harness = EngineHarness(
            [
                .init("first") { hooks in
                    hooks.on(.help) { _, _ in .declinedSaying("first") }
                    hooks.on(.queue) { _, _ in .declinedSaying("first") }
                    hooks.on(.rcpt) { _, _ in .ok }
                },
                .init("second") { hooks in
                    hooks.on(.help) { _, _ in .declinedSaying("second\nline") }
                    hooks.on(.queue) { _, _ in .declinedSaying("second") }
                },
            ], seams: testSeams())
        let client = harness.connect()
        client.beginMail()
        _ = client.replies()
        #expect(client.say("HELP") == ["214-2.0.0 second", "214 2.0.0 line"])
        client.send("DATA\r\n.\r\n")
        #expect(self.hidingID(Array(client.replies().dropFirst())) == ["451 4.3.0 second [ID]"])
    }
}
