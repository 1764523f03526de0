// AuthTests.swift
//
// RFC 4954: AUTH on a manual loop.

import QPActors
import QPCrypto
import QPHooks
import QPTestKit
import Testing

/// Seams that know passwords.
func authSeams(_ log: CapturingLog = CapturingLog()) -> Seams {
    Seams(
        resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(), store: TestStore(clock: ManualClock()),
        files: TestFiles(), random: SeededRandom(), offloader: InlineOffloader(), log: log,
        secrets: SystemSecrets(offloader: InlineOffloader(), key: [1, 2, 3]))
}

/// Facts of a connection, as if a handshake had been.
func encrypting(_ facts: TLSFacts) -> EngineHarness.Entry {
    EngineHarness.Entry("encrypting") { hooks in
        hooks.on(.connect) { _, session in
            session.state.tls = facts
            return .declined
        }
    }
}

@Suite struct AuthTests {
    /// Knows ann, whose password is `secret`.
    static let ann = EngineHarness.Entry("ann") { hooks in
        hooks.on(.authPlain) { event, _ in Self.verdict(event.user == "ann" && event.password == "secret") }
        hooks.on(.authLogin) { event, _ in Self.verdict(event.user == "ann" && event.password == "secret") }
        hooks.on(.authCramMD5) { event, session in
            guard let digest = event.digest, let ticket = event.ticket else { return .deny() }
            return Self.verdict(session.passwords.fits(digest: digest, of: ticket, password: "secret"))
        }
        hooks.on(.rcpt) { _, session in session.isRelayClient ? .ok : .deny("no relaying") }
    }

    private static func verdict(_ fits: Bool) -> Verdict<Void> { fits ? .ok : .deny("wrong") }
    static func base64(_ text: String) -> String { Base64.text(Array(text.utf8)) }
    static let good = base64("\0ann\0secret")
    static let bad = base64("\0ann\0sesamx")

    private static func harness(
        _ more: [EngineHarness.Entry] = [], log: CapturingLog = CapturingLog(),
        _ change: (inout ServerSettings) -> Void = { _ in }
    ) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        change(&settings)
        return EngineHarness(more + [Self.ann], settings: settings, seams: authSeams(log))
    }

    private static func greeted(_ harness: EngineHarness) -> TestClient {
        let client = harness.connect()
        client.send("EHLO a.example\r\n")
        _ = client.replies()
        return client
    }

    /// Lines of the client, and the first words of what comes back.
    struct Dialogue: Sendable {
        let steps: [(String, String)]
        init(_ steps: (String, String)...) { self.steps = steps }
    }

    static let dialogues: [Row<Dialogue, Bool>] = [
        Row("PLAIN at once", .init(("AUTH PLAIN \(good)", "235 2.7.0")), true),
        Row("PLAIN in two steps", .init(("AUTH PLAIN", "334 "), (good, "235 2.7.0")), true),
        Row("small letters", .init(("auth plain \(good)", "235 2.7.0")), true),
        Row(
            "LOGIN",
            .init(
                ("AUTH LOGIN", "334 VXNlcm5hbWU6"), (base64("ann"), "334 UGFzc3dvcmQ6"), (base64("secret"), "235 2.7.0")
            ), true),
        Row(
            "LOGIN with the user at once",
            .init(("AUTH LOGIN \(base64("ann"))", "334 UGFzc3dvcmQ6"), (base64("secret"), "235 2.7.0")), true),
        Row("a wrong password", .init(("AUTH PLAIN \(bad)", "535 5.7.8")), false),
        Row("an unknown user", .init(("AUTH PLAIN \(base64("\0bob\0secret"))", "535 5.7.8")), false),
        Row("for somebody else", .init(("AUTH PLAIN \(base64("bob\0ann\0secret"))", "535 5.7.8")), false),
        Row("for itself by name", .init(("AUTH PLAIN \(base64("ann\0ann\0secret"))", "235 2.7.0")), true),
        Row("an empty password", .init(("AUTH PLAIN \(base64("\0ann\0"))", "535 5.7.8")), false),
        Row(
            "an empty password of LOGIN", .init(("AUTH LOGIN", "334"), (base64("ann"), "334"), ("", "535 5.7.8")), false
        ),
        Row("an empty user of LOGIN", .init(("AUTH LOGIN", "334"), ("", "535 5.7.8")), false),
        Row("an empty initial response", .init(("AUTH PLAIN =", "535 5.7.8")), false),
        Row("cancelled", .init(("AUTH PLAIN", "334"), ("*", "501 5.7.0"), ("NOOP", "250")), false),
        Row(
            "LOGIN cancelled at the password", .init(("AUTH LOGIN", "334"), (base64("ann"), "334"), ("*", "501 5.7.0")),
            false),
        Row("bad base64 at once", .init(("AUTH PLAIN !!!", "501 5.5.2"), ("NOOP", "250")), false),
        Row("bad base64 in a line", .init(("AUTH PLAIN", "334"), ("%%%%", "501 5.5.2"), ("NOOP", "250")), false),
        Row("a control character in a line", .init(("AUTH PLAIN", "334"), ("AA\u{1}A", "501 5.5.2")), false),
        Row("an equals sign in a line", .init(("AUTH PLAIN", "334"), ("=", "501 5.5.2"), ("NOOP", "250")), false),
        Row("octets behind the base64", .init(("AUTH PLAIN", "334"), (good + " ", "501 5.5.2")), false),
        Row("no mechanism", .init(("AUTH", "501 5.5.4")), false),
        Row("words behind", .init(("AUTH PLAIN \(good) x", "501 5.5.4")), false),
        Row("an unknown mechanism", .init(("AUTH GSSAPI", "504 5.5.4")), false),
        Row("a mechanism no plugin has", .init(("AUTH SCRAM-SHA-256", "504 5.5.4")), false),
        Row("CRAM-MD5 with an initial response", .init(("AUTH CRAM-MD5 \(good)", "501 5.7.0")), false),
        Row("CRAM-MD5 malformed", .init(("AUTH CRAM-MD5", "334 "), (base64("ann"), "535 5.7.8")), false),
        Row("CRAM-MD5 cancelled", .init(("AUTH CRAM-MD5", "334 "), ("*", "501")), false),
        Row("again after success", .init(("AUTH PLAIN \(good)", "235"), ("AUTH PLAIN \(good)", "503 5.5.1")), true),
        Row(
            "again after EHLO", .init(("AUTH PLAIN \(good)", "235"), ("EHLO x", "250"), ("AUTH PLAIN \(good)", "503")),
            true),
        Row("after a failure", .init(("AUTH PLAIN \(bad)", "535"), ("AUTH PLAIN \(good)", "235")), true),
        Row(
            "within a mail",
            .init(
                ("MAIL FROM:<a@b.example>", "250"), ("AUTH PLAIN \(good)", "503 5.5.1"), ("RSET", "250"),
                ("AUTH PLAIN \(good)", "235")), true),
        Row("after HELO", .init(("HELO x.example", "250"), ("AUTH PLAIN \(good)", "503 5.5.1")), false),
        Row("a command instead of an answer", .init(("AUTH PLAIN", "334"), ("QUIT", "535")), false),
    ]

    @Test("claim 87: dialogues of AUTH", arguments: Self.dialogues)
    func dialogue(_ row: Row<Dialogue, Bool>) {
        let client = Self.greeted(Self.harness())
        for (line, expected) in row.input.steps {
            let answer = client.say(line).first ?? ""
            #expect(answer.hasPrefix(expected), "\(line): \(answer)")
        }
        client.send("RSET\r\nEHLO x.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        #expect(client.codes().last == (row.expected ? 250 : 550))
    }

    @Test func noUTF8AtOnce() {
        let client = Self.greeted(Self.harness())
        client.send(Array("AUTH PLAIN ".utf8) + [0xFF, 0xFE, 0x0D, 0x0A])
        #expect(client.replies().first?.hasPrefix("501 5.5.2") == true)
    }

    @Test("claim 87: CRAM-MD5") func cram() {
        let client = Self.greeted(Self.harness())
        let line = client.say("AUTH CRAM-MD5").first ?? ""
        let challenge = String(decoding: Base64.octets(line.dropFirst(4).utf8) ?? [], as: UTF8.self)
        #expect(challenge.hasPrefix("<") && challenge.hasSuffix("@mx.test.example>"))
        let code = SystemSecrets(offloader: InlineOffloader()).code(
            Array(challenge.utf8), key: Array("secret".utf8), .md5)
        let digest = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(client.say(Self.base64("ann \(digest)")).first?.hasPrefix("235 2.7.0") == true)
        let other = Self.greeted(Self.harness())
        #expect(
            other.say("AUTH CRAM-MD5").first != line
                || other.say(Self.base64("ann \(digest)")).first?.hasPrefix("535") == false)
    }

    @Test func beforeTLS() {
        let client = Self.greeted(Self.harness { $0.authInClear = false })
        #expect(!client.say("EHLO a.example").contains { $0.contains("AUTH") })
        #expect(client.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("538 5.7.11") == true)
        let facts = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256")
        let secure = Self.greeted(Self.harness([encrypting(facts)]) { $0.authInClear = false })
        #expect(secure.say("EHLO a.example").contains("250-AUTH CRAM-MD5 PLAIN LOGIN"))
        #expect(secure.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("235") == true)
    }

    @Test func beforeEHLO() {
        let client = Self.harness().connect()
        _ = client.replies()
        #expect(client.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("503 5.5.1") == true)
    }

    @Test func withoutPlugins() {
        let client = Self.greeted(EngineHarness([accepting], seams: authSeams()))
        #expect(!client.say("EHLO a.example").contains { $0.contains("AUTH") })
        #expect(client.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("500") == true)
    }

    @Test(arguments: [
        Row("the longest line", 12286, "535"),
        Row("one octet more", 12290, "500 5.5.6"),
        Row("much more", 100_000, "500 5.5.6"),
    ])
    func longLines(_ row: Row<Int, String>) {
        let client = Self.greeted(Self.harness())
        #expect(client.say("AUTH PLAIN").first == "334 ")
        let answer = client.say(String(repeating: "AAAA", count: row.input / 4)).first ?? ""
        #expect(answer.hasPrefix(row.expected), "\(answer)")
        #expect(client.say("NOOP").first?.hasPrefix("250") == true)
        #expect(client.say(String(repeating: "x", count: 3000)).first?.hasPrefix("500 5.5.2") == true)
    }

    @Test func attemptsOfASession() {
        let harness = Self.harness()
        let client = Self.greeted(harness)
        #expect(client.say("AUTH PLAIN \(Self.bad)").count == 1)
        #expect(client.say("AUTH PLAIN \(Self.bad)").count == 1)
        let last = client.say("AUTH PLAIN \(Self.bad)")
        #expect(last.map { String($0.prefix(9)) } == ["535 5.7.8", "421 4.7.0"])
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
    }

    @Test func attemptsOfAnAddress() {
        let harness = Self.harness { $0.limits.authErrorsPerAddress = 4 }
        for _ in 0..<2 {
            let client = Self.greeted(harness)
            _ = client.say("AUTH PLAIN \(Self.bad)")
            _ = client.say("AUTH PLAIN \(Self.bad)")
            client.vanish()
        }
        let blocked = Self.greeted(harness)
        #expect(blocked.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("454 4.7.0") == true)
        let other = harness.connect(from: "192.0.2.2")
        other.send("EHLO a.example\r\n")
        _ = other.replies()
        #expect(other.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("235") == true)
        harness.advance(by: .seconds(61))
        #expect(blocked.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("235") == true)
    }

    /// Whoever has to wait is not answered for ever.
    @Test func anAddressThatWaits() {
        let harness = Self.harness {
            $0.limits.authErrorsPerAddress = 1
            $0.limits.maxErrors = 4
        }
        _ = Self.greeted(harness).say("AUTH PLAIN \(Self.bad)")
        let client = Self.greeted(harness)
        for _ in 0..<10 { client.send("AUTH PLAIN \(Self.good)\r\n") }
        #expect(Array(client.codes().suffix(2)) == [454, 421])
        #expect(client.isClosed)
    }

    /// What was there before AUTH in clear is there again after STARTTLS (RFC 3207 §4.2).
    @Test(arguments: [
        Row("nobody", (false, false, false), "relays false, naughty no"),
        Row("a user", (false, false, true), "relays false, naughty no"),
        Row("a client that may relay", (true, false, false), "relays true, naughty no"),
        Row("a user that may relay without it", (true, false, true), "relays true, naughty no"),
        Row("a naughty user", (false, true, true), "relays false, naughty bad guy"),
        Row("a naughty user that may relay", (true, true, true), "relays true, naughty bad guy"),
    ])
    func whatStartTLSGivesBack(_ row: Row<(Bool, Bool, Bool), String>) {
        let diary = Diary()
        let entry = EngineHarness.Entry("watch") { hooks in
            hooks.on(.connect) { _, session in
                if row.input.0 { session.isRelayClient = true }
                if row.input.1 { session.notes["naughty"] = .string("bad guy") }
                return .declined
            }
            hooks.on(.noop) { _, session in
                let naughty = session.notes["naughty"].flatMap { String($0) } ?? "no"
                diary.write("relays \(session.isRelayClient), naughty \(naughty)")
                return .declined
            }
        }
        let client = Self.greeted(Self.harness([entry]) { $0.offersTLS = true })
        if row.input.2 {
            #expect(client.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("235") == true)
            client.say("NOOP")
            #expect(diary.lines == ["relays true, naughty \(row.input.1 ? "0" : "no")"])
            diary.forget()
        }
        client.send("STARTTLS\r\n")
        client.startTLS(TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256"))
        client.send("NOOP\r\n")
        #expect(diary.lines == [row.expected])
        client.send("EHLO a.example\r\nAUTH PLAIN \(Self.good)\r\nNOOP\r\n")
        #expect(diary.lines.last == "relays true, naughty \(row.input.1 ? "0" : "no")")
    }

    @Test func whatHELPSays() {
        let client = Self.greeted(Self.harness { $0.offersTLS = true })
        let list = { client.say("HELP").first { $0.contains("commands:") } ?? "" }
        #expect(list().hasSuffix(" HELO EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"))
        client.send("AUTH PLAIN \(Self.good)\r\n")
        _ = client.replies()
        #expect(list().contains(" STARTTLS MAIL "))
        let closed = Self.greeted(Self.harness { $0.authInClear = false })
        #expect(closed.say("HELP").contains { $0.contains("commands: HELO EHLO MAIL RCPT") })
    }

    @Test func naughtyIsForgiven() {
        let naughty = EngineHarness.Entry("naughty") { hooks in
            hooks.on(.connect) { _, session in
                session.notes["naughty"] = .string("bad guy")
                return .declined
            }
            hooks.on(.mail) { _, session in
                Bool(session.notes["naughty"] ?? .null) ?? true ? .deny("naughty") : .declined
            }
        }
        let client = Self.greeted(Self.harness([naughty]))
        #expect(client.say("MAIL FROM:<a@b.example>").first?.hasPrefix("550") == true)
        #expect(client.say("AUTH PLAIN \(Self.good)").first?.hasPrefix("235") == true)
        #expect(client.say("MAIL FROM:<a@b.example>").first?.hasPrefix("250") == true)
    }

    @Test(arguments: [
        Row("in clear, nobody", false, "ESMTP auth=none"),
        Row("in clear", true, "ESMTPA auth=pass (plain) smtp.auth=ann"),
    ])
    func whatTheMessageSays(_ row: Row<Bool, String>) {
        let bag = Mailbag()
        let client = Self.greeted(Self.harness([bag.entry]))
        if row.input { client.send("AUTH PLAIN \(Self.good)\r\n") }
        client.send("MAIL FROM:<a@b.example> AUTH=ann\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        client.send("Subject: x\r\n\r\ny\r\n.\r\n")
        let words = row.expected.split(separator: " ", maxSplits: 1)
        #expect(bag.texts.count == 1)
        #expect(bag.texts.first?.contains("with \(words[0]) ") == true, "\(bag.texts)")
        #expect(bag.texts.first?.contains("; \(words[1])\r\n") == true)
    }

    @Test("claim 61: the words with A") func wordsOfReceived() {
        let bag = Mailbag()
        let diary = Diary()
        let line = EngineHarness.Entry("line") { hooks in
            hooks.on(.receivedLine) { event, _ in
                diary.write("\(event.protocolWord) \(event.authComment)")
                return .declined
            }
        }
        let facts = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256")
        for more in [[], [encrypting(facts)]] {
            let client = Self.greeted(Self.harness([bag.entry, line] + more))
            client.send("AUTH PLAIN \(Self.good)\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
            client.send("Subject: x\r\n\r\ny\r\n.\r\n")
        }
        #expect(
            diary.lines == [
                "ESMTPA (smtp-auth username ann, mechanism plain)", "ESMTPSA (smtp-auth username ann, mechanism plain)",
            ])
    }

    @Test func failureInAuthenticationResults() {
        let bag = Mailbag()
        let client = Self.greeted(Self.harness([bag.entry]))
        client.send("AUTH PLAIN \(Self.bad)\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        client.send("Subject: x\r\n\r\ny\r\n.\r\n")
        #expect(bag.texts.first?.contains("mx.test.example; auth=fail (plain)\r\n") == true, "\(bag.texts)")
    }

    @Test("claim 36: user and mechanism are there for handlers") func facts() {
        let diary = Diary()
        let entry = EngineHarness.Entry("facts") { hooks in
            hooks.on(.mail) { _, session in
                diary.write("\(session.user ?? "-") \(session.mechanism ?? "-") \(session.isRelayClient)")
                return .declined
            }
        }
        let client = Self.greeted(Self.harness([entry]))
        client.send("MAIL FROM:<a@b.example>\r\nRSET\r\nAUTH PLAIN \(Self.good)\r\nMAIL FROM:<a@b.example>\r\n")
        #expect(diary.lines == ["- - false", "ann plain true"])
    }

    @Test func noSecretInTheLog() {
        let log = CapturingLog()
        let harness = Self.harness(log: log)
        let secrets = [Self.bad, Self.base64("sesamx"), Self.base64("ann"), "sesamx", Self.base64("ann 0123"), "stray"]
        let client = Self.greeted(harness)
        for line in ["AUTH PLAIN \(Self.bad)", "AUTH LOGIN", Self.base64("ann"), Self.base64("sesamx")] {
            client.say(line)
        }
        let other = Self.greeted(harness)
        for line in ["AUTH CRAM-MD5", Self.base64("ann 0123"), "AUTH NTLM", "stray==", "AUTH LOGIN !"] {
            other.say(line)
        }
        other.say(Self.base64("sesamx"))
        let garbled = Self.greeted(harness)
        garbled.send("AUTH LOGIN \u{1}\r\n\(Self.base64("ann"))\r\n\(Self.base64("sesamx"))\r\n")
        #expect(garbled.codes() == [500, 500, 500])
        // A client that does not wait, and whose user came twice: the password is one line too late.
        let hasty = Self.greeted(harness)
        hasty.send("AUTH LOGIN \(Self.base64("ann"))\r\n\(Self.base64("ann"))\r\n\(Self.base64("sesamx"))\r\n")
        #expect(hasty.codes() == [334, 535, 500])
        let closed = Self.greeted(Self.harness(log: log) { $0.authInClear = false })
        closed.send("AUTH LOGIN\r\n\(Self.base64("ann"))\r\n\(Self.base64("sesamx"))\r\n")
        #expect(closed.codes() == [538, 500, 500])
        let text = log.events.map { "\($0.text) \($0.fields)" }.joined(separator: "\n")
        #expect(text.contains("authentication failed"))
        #expect(text.contains("dispatching auth <hidden>"))
        // Verbs are logged in small letters.
        for secret in secrets { #expect(!text.lowercased().contains(secret.lowercased()), "\(secret)") }
    }

    @Test func descriptionsHideSecrets() {
        let event = AuthEvent(mechanism: "plain", user: "ann", password: "secret", digest: "d1g", ticket: "t1c")
        var dumped = ""
        dump(event, to: &dumped)
        for text in ["\(event)", String(reflecting: event), dumped] {
            #expect(text.contains("ann"))
            #expect(!text.contains("secret") && !text.contains("d1g"))
        }
        let secret = StoredSecret.clear("secret")
        dump(secret, to: &dumped)
        #expect(!"\(secret) \(String(reflecting: [secret])) \(dumped)".contains("secret"))
    }

    @Test(arguments: [
        Row(
            "a plugin that throws",
            EngineHarness.Entry("x") { $0.on(.authPlain) { _, _ in throw HookMatrix.Failure() } }, "454 4.7.0"),
        Row(
            "DENYSOFT with a status",
            EngineHarness.Entry("x") { $0.on(.authPlain) { _, _ in .denysoft("x", .securityPolicy) } }, "454 4.7.0"),
        Row("DENYSOFT", EngineHarness.Entry("x") { $0.on(.authPlain) { _, _ in .denysoft("x") } }, "535 5.7.8"),
        Row(
            "DECLINED, then auth",
            EngineHarness.Entry("x") {
                $0.on(.authPlain) { _, _ in .declined }; $0.on(.auth) { _, _ in .ok }
            }, "235 2.7.0"),
    ])
    func troubles(_ row: Row<EngineHarness.Entry, String>) {
        let client = Self.greeted(EngineHarness([row.input], seams: authSeams()))
        let answer = client.say("AUTH PLAIN \(Self.good)").first ?? ""
        #expect(answer.hasPrefix(row.expected), "\(answer)")
    }

    @Test func aSlowPluginKeepsTheOrder() {
        let slow = EngineHarness.Entry("slow") { hooks in
            hooks.on(.authPlain) { _, session async throws in
                try await session.clock.sleep(for: .seconds(3))
                return .ok
            }
        }
        let harness = EngineHarness([slow, accepting], seams: authSeams())
        let client = Self.greeted(harness)
        client.send("AUTH PLAIN \(Self.good)\r\nMAIL FROM:<a@b.example>\r\nNOOP\r\n")
        #expect(client.codes() == [])
        harness.advance(by: .seconds(4))
        #expect(client.codes() == [235, 250, 250])
    }

    @Test func oneChangesIsOver() {
        let harness = Self.harness()
        let client = Self.greeted(harness)
        client.say("AUTH LOGIN")
        client.vanish()
        harness.loop.run()
        #expect(harness.supervisor.sessions == 0)
        let silent = Self.greeted(harness)
        silent.say("AUTH LOGIN")
        harness.advance(by: .seconds(301))
        #expect(silent.codes() == [421])
        #expect(harness.supervisor.sessions == 0)
    }

    @Test func trustOfMailAUTH() {
        let diary = Diary()
        let entry = EngineHarness.Entry("parameters") { hooks in
            hooks.on(.mail) { event, _ in
                diary.write(event.parameters.map { "\($0.keyword)=\($0.value ?? "")" }.joined(separator: " "))
                return .declined
            }
        }
        let client = Self.greeted(Self.harness([entry]))
        client.send("MAIL FROM:<a@b.example> AUTH=<>\r\nRSET\r\nMAIL FROM:<a@b.example> AUTH=a+2Bb@c\r\nRSET\r\n")
        #expect(client.codes() == [250, 250, 250, 250])
        #expect(client.say("MAIL FROM:<a@b.example> AUTH=+zz").first?.hasPrefix("501") == true)
        #expect(diary.lines == ["auth=<>", "auth=a+2Bb@c"])
    }
}
