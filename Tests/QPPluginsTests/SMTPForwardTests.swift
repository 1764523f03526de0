// SMTPForwardTests.swift
//
// RFC 5321 §3.3, §4.1.1.4, §4.5.2; RFC 6152 §3, RFC 6531 §3.2

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("queue/smtp-forward")
struct SMTPForwardTests {
    private static let hop = Destination.tcp(host: "hop.example", port: 2525)
    private static let message = "Subject: hello\n\n.dot\nbody\n"

    private func harness(_ peer: SMTPPeer?) throws -> PluginHarness {
        let harness = try PluginHarness(SMTPForward.self, arguments: ["hop.example", "2525", "reuse=1"])
        if let peer { harness.connector.serve(Self.hop, peer) }
        return harness
    }

    private func peer(_ replies: [String: String] = [:]) -> SMTPPeer {
        var peer = SMTPPeer()
        peer.replies = replies
        return peer
    }

    @Test func aTransaction() async throws {
        let peer = self.peer()
        let harness = try self.harness(peer)
        try harness.mail(from: "ann@client.example", to: ["bob@b.example", "\"c d\"@c.example"], Self.message)
        #expect(try await harness.run(.queue) == .ok("queued as 4711"))
        #expect(
            peer.transcript.commands == [
                "EHLO mx.example.org", "MAIL FROM:<ann@client.example> SIZE=30", "RCPT TO:<bob@b.example>",
                "RCPT TO:<\"c\\ d\"@c.example>", "DATA", "QUIT",
            ])
        #expect(peer.transcript.messages == [Array("Subject: hello\r\n\r\n..dot\r\nbody\r\n".utf8)])
    }

    @Test func anOldServer() async throws {
        var peer = self.peer()
        peer.extensions = nil
        let harness = try self.harness(peer)
        try harness.mail(from: "", to: ["bob@b.example"], Self.message)
        #expect(try await harness.run(.queue).code == .ok)
        #expect(peer.transcript.commands.prefix(3) == ["EHLO mx.example.org", "HELO mx.example.org", "MAIL FROM:<>"])
    }

    struct Answers: Sendable {
        var replies: [String: String] = [:]
        var hangsUpAt: [String] = []
        var injections: [String: String] = [:]
        var greeting = "220 hop"
    }

    @Test(
        arguments: [
            Row("MAIL 5xx", Answers(replies: ["MAIL": "550 5.7.1 not you"]), .deny("not you", .notAuthorized)),
            Row("MAIL 4xx", Answers(replies: ["MAIL": "451 later"]), .denysoft("later")),
            Row("all RCPT 5xx", Answers(replies: ["RCPT": "550 no such user"]), .deny("<bob@b.example>: no such user")),
            Row("one RCPT 5xx", Answers(replies: ["RCPT TO:<bob": "550 no"]), .deny("<bob@b.example>: no")),
            Row(
                "RCPT 4xx and 5xx: may yet succeed",
                Answers(replies: ["RCPT TO:<bob": "550 no", "RCPT TO:<cy": "450 busy"]),
                .denysoft("<cy@c.example>: busy")),
            Row(
                "RCPT 552 behind others: too many, which passes", Answers(replies: ["RCPT TO:<cy": "552 too many"]),
                .denysoft("<cy@c.example>: too many", EnhancedStatus("4.5.3"))),
            Row(
                "RCPT 552 5.5.3 behind others", Answers(replies: ["RCPT TO:<cy": "552 5.5.3 too many"]),
                .denysoft("<cy@c.example>: too many", EnhancedStatus("4.5.3"))),
            Row(
                "RCPT 552 that says what is full", Answers(replies: ["RCPT TO:<cy": "552 5.2.2 full"]),
                .deny("<cy@c.example>: full", EnhancedStatus("5.2.2"))),
            Row(
                "RCPT 552 to the first", Answers(replies: ["RCPT TO:<bob": "552 full"]), .deny("<bob@b.example>: full")),
            Row(
                "an answer to the end before the message", Answers(injections: ["DATA": "250 queued\r\n"]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row("DATA 5xx", Answers(replies: ["DATA": "554 no"]), .deny("no")),
            Row(
                "DATA 250 is strange", Answers(replies: ["DATA": "250 sure"]),
                .denysoft("The next hop gave a strange answer", .otherProtocol)),
            Row(
                "end 5xx, several lines", Answers(replies: [".": "554 5.6.0 spam\n554 5.6.0 really"]),
                .deny("spam\nreally", .otherMedia)),
            Row("end 4xx", Answers(replies: [".": "452 disk"]), .denysoft("disk")),
            Row(
                "no answer to the end", Answers(replies: [".": ""]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "hangs up at the end", Answers(hangsUpAt: ["."]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "hangs up at MAIL", Answers(hangsUpAt: ["MAIL"]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "does not greet", Answers(greeting: "554 go away"),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "speaks nonsense", Answers(greeting: "hello"),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "changes codes in a reply", Answers(replies: ["MAIL": "250 a\n550 b"]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "a line too long", Answers(replies: ["MAIL": "250 " + String(repeating: "x", count: 600)]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "too many lines",
                Answers(replies: ["MAIL": Array(repeating: "250 x", count: 101).joined(separator: "\n")]),
                .denysoft("Next hop is not available, try again later", .badConnection)),
            Row(
                "trouble with QUIT is none", Answers(replies: ["QUIT": "500 what"], hangsUpAt: ["QUIT"]),
                .ok("queued as 4711")),
        ] as [Row<Answers, Verdict<Delivery>>])
    func answers(_ row: Row<Answers, Verdict<Delivery>>) async throws {
        var peer = self.peer(row.input.replies)
        peer.hangsUpAt = row.input.hangsUpAt
        peer.injections = row.input.injections
        peer.greeting = row.input.greeting
        let harness = try self.harness(peer)
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message)
        #expect(try await harness.run(.queue) == row.expected)
    }

    @Test func nobodyListens() async throws {
        let harness = try self.harness(nil)
        try harness.mail(to: ["bob@b.example"], Self.message)
        #expect(try await harness.run(.queue).code == .denysoft)
        #expect(harness.connector.connections == [Self.hop])
    }

    @Test func eachRecipientOfLMTPLearnsItsFate() async throws {
        let harness = try self.harness(self.peer(["RCPT TO:<bob": "550 5.1.1 no"]))
        harness.answerEachRecipient()
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message)
        let refusal = Denial(.deny, "no", .badDestinationMailbox)
        let results = Delivery.perRecipient([
            .init(try .test("bob@b.example"), refusal: refusal), .init(try .test("cy@c.example")),
        ])
        #expect(try await harness.run(.queue) == .okSaying(results, "queued as 4711"))
    }

    struct Content: Sendable {
        var sender = "a@client.example"
        var parameters: [ESMTPParameter] = []
        var text = "A: b\n\nx\n"
        var extensions = ["8BITMIME", "SMTPUTF8", "DSN"]
    }

    @Test(arguments: [
        Row("plain", Content(), "MAIL FROM:<a@client.example>"),
        Row("8-bit", Content(text: "A: b\n\nü\n"), "MAIL FROM:<a@client.example> BODY=8BITMIME"),
        Row("8-bit, not taken", Content(text: "A: b\n\nü\n", extensions: []), "5.6.3"),
        Row(
            "7-bit, called 8-bit", Content(parameters: [ESMTPParameter("BODY", "8BITMIME")], extensions: []),
            "MAIL FROM:<a@client.example>"),
        Row("binary", Content(parameters: [ESMTPParameter("BODY", "BINARYMIME")]), "5.6.3"),
        Row(
            "UTF-8 address", Content(sender: "ü@client.example", parameters: [ESMTPParameter("SMTPUTF8")]),
            "MAIL FROM:<ü@client.example> SMTPUTF8"),
        Row(
            "UTF-8 address, not taken",
            Content(sender: "ü@client.example", parameters: [ESMTPParameter("SMTPUTF8")], extensions: ["8BITMIME"]),
            "5.6.7"),
        Row(
            "UTF-8 header, not taken",
            Content(parameters: [ESMTPParameter("SMTPUTF8")], text: "A: ü\n\nx\n", extensions: ["8BITMIME"]), "5.6.9"),
        Row(
            "SMTPUTF8 not needed", Content(parameters: [ESMTPParameter("SMTPUTF8")], extensions: []),
            "MAIL FROM:<a@client.example>"),
        Row("too big", Content(extensions: ["SIZE 5"]), "5.3.4"),
        Row("size 0 is no limit", Content(extensions: ["SIZE 0"]), "MAIL FROM:<a@client.example> SIZE=11"),
        Row(
            "DSN", Content(parameters: [ESMTPParameter("RET", "HDRS"), ESMTPParameter("ENVID", "q+2B")]),
            "MAIL FROM:<a@client.example> RET=HDRS ENVID=q+2B"),
        Row(
            "DSN, not known", Content(parameters: [ESMTPParameter("RET", "HDRS")], extensions: []),
            "MAIL FROM:<a@client.example>"),
    ])
    func whatTheHopMustOffer(_ row: Row<Content, String>) async throws {
        var peer = self.peer()
        peer.extensions = row.input.extensions
        let harness = try self.harness(peer)
        try harness.mail(
            from: row.input.sender, parameters: row.input.parameters, to: ["bob@b.example"], row.input.text)
        let verdict = try await harness.run(.queue)
        if row.expected.hasPrefix("MAIL") {
            #expect(verdict.code == .ok)
            #expect(peer.transcript.commands.dropFirst().first == row.expected)
        } else {
            #expect(verdict.code == .deny)
            #expect(verdict.denial?.status?.description == row.expected)
            #expect(peer.transcript.commands == ["EHLO mx.example.org", "QUIT"])
        }
    }

    @Test func recipientParametersGoAlong() async throws {
        var peer = self.peer()
        peer.extensions = ["DSN"]
        let harness = try self.harness(peer)
        try harness.mail(to: [], Self.message)
        let parameters = [
            ESMTPParameter("NOTIFY", "NEVER"), ESMTPParameter("ORCPT", "rfc822;b@b"), ESMTPParameter("X", "y"),
        ]
        harness.recipients = [Recipient(try .test("bob@b.example"), parameters: parameters)]
        _ = try await harness.run(.queue)
        #expect(peer.transcript.commands.contains("RCPT TO:<bob@b.example> NOTIFY=NEVER ORCPT=rfc822;b@b"))
    }

    @Test(
        arguments: [
            Row(
                "a bare LF before a dot", "A: b\r\n\r\nx\n.\r\nMAIL FROM:<e@vil>\r\n",
                "A: b\r\n\r\nx\r\n..\r\nMAIL FROM:<e@vil>\r\n"),
            Row("a bare CR before a dot", "x\r.\r\n", "x\r\n..\r\n"),
            Row("LF dot LF", "x\n.\ny\n", "x\r\n..\r\ny\r\n"),
            Row("CR dot CR", "x\r.\ry\r", "x\r\n..\r\ny\r\n"),
            Row("CR CR LF", "x\r\r\n.\r\n", "x\r\n\r\n..\r\n"),
            Row("no line end", "x", "x\r\n"),
            Row("a CR at the end", "x\r", "x\r\n"),
            Row("nothing", "", ""),
        ], [1, 2, 3, 64])
    func nothingIsSmuggled(_ row: Row<String, String>, _ pieces: Int) async throws {
        for isSpooled in [false, true] {
            let peer = self.peer()
            let harness = try self.harness(peer)
            try harness.mail(to: ["bob@b.example"], "")
            harness.message = .test(bytes: Array(row.input.utf8), pieces: pieces, spooled: isSpooled)
            #expect(try await harness.run(.queue).code == .ok)
            #expect(peer.transcript.messages.map { String(decoding: $0, as: UTF8.self) } == [row.expected])
            #expect(peer.transcript.commands.count == 5)
            #expect((harness.offloader.runs > 0) == (isSpooled && !row.input.isEmpty))
        }
    }

    @Test func arguments() throws {
        let good = [
            ["hop.example"], ["192.0.2.1", "26"], ["[2001:db8::1]", "25", "xclient"], ["h", "xclient"],
            ["a,b:26,[::1]:27", "starttls=verify", "ca=/etc/ca.pem", "order=roundrobin", "reuse=5", "idle=3"],
            ["h:465", "tls=verify"], ["2001:db8::1"], ["unix:/run/smtp"], ["h", "dsn", "binarymime", "xforward"],
            ["h", "timeout=60"],
        ]
        for arguments in good { _ = try PluginHarness(SMTPForward.self, arguments: arguments) }
        let bad = [
            [], ["a b"], ["a/b"], ["h", "0"], ["h", "65536"], ["h", "25", "26"], ["a,a"], ["a,"], ["h:x"],
            ["[::1"], ["unix:run"], ["h", "starttls=perhaps"], ["h", "tls=off"], ["h", "tls=must", "starttls=must"],
            ["h", "ca=x"], ["h", "starttls=must", "ca=/x"], ["h", "reuse=0"], ["h", "idle=0"], ["h", "timeout=0"],
            ["h", "timeout=61"], ["h", "order=random"],
            ["h", "xclient", "xclient"], ["h", "auth=none"], ["h", "what"], ["h", "what=ever"],
        ]
        for arguments in bad {
            #expect(throws: PluginError.self, "\(arguments)") {
                try PluginHarness(SMTPForward.self, arguments: arguments)
            }
        }
    }
}
