// LMTPTests.swift
//
// RFC 2033: LHLO, and an answer for each recipient.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct LMTPTests {
    private static let accepting = EngineHarness.Entry("accepting") { hooks in hooks.on(.rcpt) { _, _ in .ok } }

    private func connect(_ plugins: [EngineHarness.Entry], _ adjust: (inout ServerSettings) -> Void = { _ in })
        -> TestClient
    {
        var settings = EngineHarness.quietSettings
        adjust(&settings)
        return EngineHarness(plugins, settings: settings, seams: testSeams(), options: .lmtp).connect()
    }

    private func queue(_ verdict: @escaping @Sendable ([Mailbox]) -> Verdict<Delivery>) -> EngineHarness.Entry {
        EngineHarness.Entry("queue") { hooks in
            hooks.on(.queue) { _, session in verdict(session.transaction.recipients.map(\.mailbox)) }
        }
    }

    @Test func greeting() {
        let client = self.connect([])
        #expect(client.replies() == ["220 mx.test.example LMTP qpserver ready"])
        #expect(client.say("LHLO client.example").contains("250-PIPELINING"))
    }

    @Test(arguments: [
        Row("plain", "hello there", "220 hello there LMTP"), Row("SMTP's", "mx ESMTP ready", "220 mx LMTP ready"),
        Row("LMTP's", "mx LMTP", "220 mx LMTP"),
    ])
    func ownGreeting(_ row: Row<String, String>) {
        #expect(self.connect([]) { $0.greeting = row.input }.replies() == [row.expected])
    }

    @Test(arguments: [
        Row("LHLO", "LHLO a.example", 250), Row("small letters", "lhlo a.example", 250),
        Row("EHLO", "EHLO a.example", 500),
        Row("HELO", "HELO a.example", 500), Row("LHLO without a name", "LHLO", 501),
        Row("MAIL before LHLO", "MAIL FROM:<a@b.example>", 503),
    ])
    func hello(_ row: Row<String, Int>) {
        let client = self.connect([])
        _ = client.replies()
        client.send(row.input + "\r\n")
        #expect(client.codes() == [row.expected])
    }

    @Test(arguments: [Row("LMTP", ListenerOptions.lmtp, "LHLO "), Row("SMTP", ListenerOptions(), "HELO EHLO ")])
    func help(_ row: Row<ListenerOptions, String>) {
        let client = EngineHarness([], seams: testSeams(), options: row.input).connect()
        _ = client.replies()
        #expect(client.say("HELP").contains { $0.hasPrefix("214-2.0.0 commands: \(row.expected)MAIL ") })
    }

    @Test func lhloIsNoCommandOfSMTP() {
        let client = EngineHarness([], seams: testSeams()).connect()
        _ = client.replies()
        client.send("LHLO a.example\r\n")
        #expect(client.codes() == [500])
    }

    private static let begin = "LHLO a.example\r\nMAIL FROM:<a@b.example>\r\n"
    private static let three = "RCPT TO:<x@d.example>\r\nRCPT TO:<y@d.example>\r\nRCPT TO:<x@d.example>\r\n"

    /// What a mail to x, y and x again is answered with after the final dot.
    @Test(arguments: [
        Row("whole", Verdict<Delivery>.ok, [250, 250, 250]),
        Row("declined", .declined, [451, 451, 451]), Row("refused", .deny("no"), [552, 552, 552]),
        Row("deferred", .denysoft("later"), [452, 452, 452]),
        Row("one refused", .ok(.perRecipient(Self.results([nil, .deny, nil]))), [250, 552, 250]),
        Row("the second x refused", .ok(.perRecipient(Self.results([nil, nil, .deny]))), [250, 250, 552]),
        Row("all refused", .ok(.perRecipient(Self.results([.deny, .denysoft, .deny]))), [552, 452, 552]),
        Row("no results", .ok(.perRecipient([])), [250, 250, 250]), Row("answered by a plugin", .done, []),
    ])
    func answers(_ row: Row<Verdict<Delivery>, [Int]>) {
        let verdict = row.input
        for ending in ["DATA\r\nSubject: s\r\n\r\nx\r\n.\r\n", "BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n"] {
            let client = self.connect([Self.accepting, self.queue { _ in verdict }])
            client.send(Self.begin + Self.three)
            _ = client.codes()
            client.send(ending)
            #expect(client.codes() == [ending.hasPrefix("DATA") ? 354 : 250] + row.expected)
            // A further mail begins with no recipients left over.
            client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<y@d.example>\r\n")
            #expect(client.codes() == [250, 250])
        }
    }

    private static func results(_ kinds: [Denial.Kind?]) -> [Delivery.RecipientResult] {
        zip(["x", "y", "x"], kinds).compactMap { name, kind in
            Mailbox(localPart: name, domain: "d.example").map {
                Delivery.RecipientResult($0, refusal: kind.map { Denial($0) })
            }
        }
    }

    @Test func recipientsThatPluginsChanged() {
        let client = self.connect([
            Self.accepting,
            self.queue { recipients in
                .ok(.perRecipient(recipients.map { .init($0, refusal: $0.localPart == "z" ? Denial(.denysoft) : nil) }))
            },
            EngineHarness.Entry("alias") { hooks in
                hooks.on(.dataPost) { _, session in
                    for recipient in session.transaction.recipients where recipient.mailbox.localPart == "y" {
                        session.transaction.removeRecipient(recipient.mailbox)
                    }
                    Mailbox(localPart: "z", domain: "d.example").map { session.transaction.addRecipient($0) }
                    return .declined
                }
            },
        ])
        client.send(Self.begin + "RCPT TO:<x@d.example>\r\nRCPT TO:<y@d.example>\r\nDATA\r\n")
        _ = client.codes()
        client.send("x\r\n.\r\n")
        #expect(client.codes() == [250, 452])
    }

    @Test(arguments: [
        Row("no recipient", "DATA\r\n", [503]), Row("no recipient, BDAT", "BDAT 3 LAST\r\na\r\n", [503]),
        Row("all refused", "RCPT TO:<no@d.example>\r\nDATA\r\n", [550, 503]),
        Row(
            "one refused", "RCPT TO:<no@d.example>\r\nRCPT TO:<x@d.example>\r\nDATA\r\nx\r\n.\r\n",
            [550, 250, 354, 250]),
    ])
    func recipientsRefused(_ row: Row<String, [Int]>) {
        let some = EngineHarness.Entry("some") { hooks in
            hooks.on(.rcpt) { event, _ in event.recipient.localPart == "no" ? .deny("no") : .ok }
        }
        let client = self.connect([some, self.queue { _ in .ok }])
        client.send(Self.begin)
        _ = client.codes()
        client.send(row.input)
        #expect(client.codes() == row.expected)
    }

    /// Refusals before the queue answer for each recipient as well; that of DATA itself is one reply.
    @Test(arguments: [
        Row("data", (HookID.data, "DATA\r\n"), [554]),
        Row("data_post", (.dataPost, "DATA\r\nx\r\n.\r\n"), [354, 552, 552]),
        Row("data at BDAT LAST", (.data, "BDAT 3 LAST\r\na\r\n"), [554, 554]),
        Row("data at BDAT", (.data, "BDAT 3\r\na\r\n"), [554]),
        Row("too big", (.disconnect, "DATA\r\n\(String(repeating: "x", count: 60))\r\n.\r\n"), [354, 552, 552]),
        Row(
            "too big in the last chunk", (.disconnect, "BDAT 60 LAST\r\n\(String(repeating: "x", count: 60))"),
            [552, 552]),
        Row("bare LF", (.disconnect, "DATA\r\na\nb\r\n.\r\n"), [354, 554, 554]),
    ])
    func earlyRefusals(_ row: Row<(HookID, String), [Int]>) {
        let refusing = EngineHarness.Entry("refusing") { hooks in
            hooks.answer(row.input.0, .atOnce { _ in row.input.0 == .disconnect ? .declined : .deny })
        }
        let client = self.connect([Self.accepting, refusing, self.queue { _ in .ok }]) { $0.databytes = 50 }
        client.send(Self.begin + "RCPT TO:<x@d.example>\r\nRCPT TO:<y@d.example>\r\n")
        _ = client.codes()
        client.send(row.input.1)
        #expect(client.codes() == row.expected)
    }

    /// Whoever is cut off behind the whole message is told for each recipient.
    @Test(arguments: [
        Row("DATA", "DATA\r\nx: y\r\n.\r\n", [354, 554, 554]), Row("BDAT LAST", "BDAT 3 LAST\r\na\r\n", [554, 554]),
        Row("before the end", "DATA\r\nx: y\r\n\r\nz\r\n", [354, 554]),
        Row("before the last chunk", "BDAT 8\r\nx: y\r\n\r\n", [554]),
    ])
    func cutOff(_ row: Row<String, [Int]>) {
        let refusing = EngineHarness.Entry("refusing") { hooks in
            hooks.on(.dataHeadersEnd) { _, _ in .denyDisconnect() }
        }
        let client = self.connect([Self.accepting, refusing])
        client.send(Self.begin + "RCPT TO:<x@d.example>\r\nRCPT TO:<y@d.example>\r\n")
        _ = client.codes()
        client.send(row.input)
        #expect(client.codes() == row.expected)
        #expect(client.isClosed)
    }

    @Test func received() {
        let bag = Mailbag()
        let client = self.connect([bag.entry])
        client.send(Self.begin + "RCPT TO:<x@d.example>\r\nDATA\r\nx\r\n.\r\n")
        #expect(bag.texts.first?.contains("with LMTP id") == true)
    }

    @Test func pluginsKnow() {
        let diary = Diary()
        let asking = EngineHarness.Entry("asking") { hooks in
            hooks.on(.ehlo) { event, session in
                diary.write("\(event.host) \(event.isExtended) \(session.answersEachRecipient)")
                return .declined
            }
        }
        self.connect([asking]).say("LHLO a.example")
        #expect(diary.lines == ["a.example true true"])
    }
}
