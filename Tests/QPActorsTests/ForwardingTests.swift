// ForwardingTests.swift
//
// XCLIENT and XFORWARD: who may say it, what is forgotten, whose limits count.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct ForwardingTests {
    private func harness(_ plugins: [EngineHarness.Entry], most: Int = 20) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        for text in ["192.0.2.1", "127.0.0.0/8"] {
            if let network = Network(text) { settings.xclientNetworks.insert(network) }
        }
        settings.limits.maxConnectionsPerAddress = most
        return EngineHarness(plugins, settings: settings, seams: testSeams())
    }

    private func greeted(_ harness: EngineHarness, from address: String = "192.0.2.1") -> TestClient {
        let client = harness.connect(from: address)
        client.send("EHLO proxy.example\r\n")
        _ = client.codes()
        return client
    }

    // MARK: Who may

    @Test(arguments: [Row("a proxy", "192.0.2.1", true), Row("a stranger", "192.0.2.2", false)])
    func offers(_ row: Row<String, Bool>) {
        let client = self.harness([]).connect(from: row.input)
        let lines = client.say("EHLO proxy.example")
        #expect(lines.contains("250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT") == row.expected)
        #expect(lines.contains("250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE") == row.expected)
    }

    @Test(arguments: [
        Row("XCLIENT of a stranger", ("192.0.2.2", "XCLIENT ADDR=198.51.100.7"), [550]),
        Row("XFORWARD of a stranger", ("192.0.2.2", "XFORWARD ADDR=198.51.100.7"), [550]),
        Row("malformed of a stranger", ("192.0.2.2", "XCLIENT"), [550]),
        Row("XCLIENT", ("192.0.2.1", "xclient ADDR=198.51.100.7"), [220]),
        Row("XFORWARD", ("192.0.2.1", "XFORWARD ADDR=198.51.100.7"), [250]),
        Row("nothing", ("192.0.2.1", "XCLIENT"), [501]), Row("no address", ("192.0.2.1", "XCLIENT ADDR=x"), [501]),
        Row("of the other", ("192.0.2.1", "XFORWARD LOGIN=x"), [501]),
        Row("in a mail", ("192.0.2.1", "MAIL FROM:<a@b.example>\r\nXCLIENT ADDR=198.51.100.7"), [250, 503]),
        Row("XFORWARD in a mail", ("192.0.2.1", "MAIL FROM:<a@b.example>\r\nXFORWARD NAME=x"), [250, 503]),
        Row("another command", ("192.0.2.1", "XOTHER"), [500]),
    ])
    func codes(_ row: Row<(String, String), [Int]>) {
        let client = self.greeted(self.harness([accepting]), from: row.input.0)
        client.send(row.input.1 + "\r\n")
        #expect(client.codes() == row.expected)
    }

    @Test func nobodyByDefault() {
        let client = EngineHarness([], seams: testSeams()).connect(from: "127.0.0.1")
        #expect(!client.say("EHLO a.example").contains { $0.contains("XCLIENT") })
        client.send("XCLIENT ADDR=198.51.100.7\r\nXFORWARD NAME=x\r\n")
        #expect(client.codes() == [500, 500])
    }

    /// Whoever is behind a proxy that passes everything on must not be believed in turn.
    @Test(arguments: [
        Row("a stranger", "198.51.100.7", 550), Row("another proxy", "192.0.2.1", 220),
        Row("loopback", "127.0.0.1", 550),
        Row("nobody", "[UNAVAILABLE]", 550),
    ])
    func onceMore(_ row: Row<String, Int>) {
        let client = self.greeted(self.harness([]))
        client.send("XCLIENT ADDR=\(row.input)\r\n")
        #expect(client.codes() == [220])
        client.send("EHLO a.example\r\nXCLIENT ADDR=198.51.100.8\r\n")
        #expect(client.codes() == [250, row.expected])
    }

    /// RFC 3207 §4.2: what was said in clear may have been somebody else's.
    @Test func startTLSForgetsXFORWARD() {
        var settings = EngineHarness.quietSettings
        settings.offersTLS = true
        if let network = Network("192.0.2.1") { settings.xclientNetworks.insert(network) }
        let diary = Diary()
        let entry = EngineHarness.Entry("seeing") { hooks in
            hooks.on(.noop) { _, session in
                diary.write(session.forwarded?.name?.known ?? "-")
                return .declined
            }
        }
        let client = self.greeted(EngineHarness([entry], settings: settings, seams: testSeams()))
        client.send("XFORWARD NAME=spike.example\r\nNOOP\r\nSTARTTLS\r\n")
        client.startTLS(TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256"))
        client.send("NOOP\r\n")
        #expect(diary.lines == ["spike.example", "-"])
    }

    /// The proxy's failure is not the client's.
    @Test func xclientForgetsFailures() {
        var settings = EngineHarness.quietSettings
        if let network = Network("192.0.2.1") { settings.xclientNetworks.insert(network) }
        let bag = Mailbag()
        let client = self.greeted(
            EngineHarness([bag.entry, AuthTests.ann, accepting], settings: settings, seams: authSeams()))
        client.send("AUTH PLAIN \(AuthTests.bad)\r\nXCLIENT ADDR=198.51.100.7\r\nEHLO a.example\r\n")
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\ny\r\n.\r\n")
        #expect(client.codes() == [535, 220, 250, 250, 250, 354, 250])
        #expect(bag.texts.first?.contains("; auth=none\r\n") == true, "\(bag.texts)")
    }

    // MARK: Starting over

    /// Writes down what a hook sees.
    private func seeing(_ diary: Diary) -> EngineHarness.Entry {
        EngineHarness.Entry("seeing") { hooks in
            hooks.on(.preConnection) { _, arrival in
                diary.write(
                    "arrives \(arrival.connection.remoteAddress) \(arrival.notes["pre"].flatMap { String($0) } ?? "-")")
                arrival.notes["pre"] = .string("\(arrival.connection.remoteAddress)")
                return .declined
            }
            hooks.on(.connect) { _, session in
                let connection = session.connection
                diary.write(
                    "\(session.remoteHost) \(connection.remoteAddress):\(connection.remotePort) "
                        + "\(connection.localAddress):\(connection.localPort) \(session.user ?? "-") "
                        + "\(session.isRelayClient) \(session.introduction?.host ?? "-") "
                        + "\(session.notes["karma"].flatMap { Int($0) } ?? 0) \(session[Self.key] ?? "-") "
                        + "\(session.notes["pre"].flatMap { String($0) } ?? "-")")
                if connection.remoteAddress == IPAddress("192.0.2.1") { session.isRelayClient = true }
                session.adjustKarma(3)
                session[Self.key] = "kept"
                return .declined
            }
        }
    }

    private static let key = StorageKey<String>("kept")

    @Test func nothingSurvives() {
        let diary = Diary()
        let client = self.greeted(self.harness([self.seeing(diary), accepting]))
        diary.forget()
        let replies = client.say(
            "XCLIENT NAME=client.example ADDR=198.51.100.7 PORT=4242 DESTADDR=203.0.113.5 DESTPORT=587")
        #expect(replies == ["220 mx.test.example ESMTP qpserver ready"])
        #expect(
            diary.lines == [
                "arrives 198.51.100.7 -",
                "client.example 198.51.100.7:4242 203.0.113.5:587 - false - 0 - 198.51.100.7",
            ])
        // The client has not introduced itself.
        client.send("MAIL FROM:<a@b.example>\r\n")
        #expect(client.codes() == [503])
        #expect(client.say("EHLO client.example").first == "250-mx.test.example Hello client.example [198.51.100.7]")
    }

    @Test func pipelined() {
        let bag = Mailbag()
        let client = self.harness([bag.entry]).connect()
        client.send(
            "EHLO p.example\r\nXCLIENT ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]\r\nEHLO c.example\r\n"
                + "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
        #expect(client.codes() == [220, 250, 220, 250, 250, 250, 354, 250, 221])
        #expect(bag.texts.first?.contains("Received: from c.example ([IPv6:2001:db8::7])") == true)
    }

    @Test func users() {
        let diary = Diary()
        let client = self.greeted(self.harness([self.seeing(diary)]))
        diary.forget()
        client.say("XCLIENT ADDR=198.51.100.7 LOGIN=ann+40site.example")
        #expect(diary.lines.last?.contains(" ann@site.example true - ") == true)
        // The next client is not that user.
        let again = self.greeted(self.harness([self.seeing(diary)]))
        diary.forget()
        again.say("XCLIENT ADDR=198.51.100.7 LOGIN=[UNAVAILABLE]")
        #expect(diary.lines.last?.contains(" - false - ") == true)
    }

    @Test(arguments: [
        Row("connect refuses", (HookID.connect, true), [550]),
        Row("pre-connection refuses", (.preConnection, true), [550]),
        Row("nobody refuses", (.connect, false), [220]),
    ])
    func hooksAgain(_ row: Row<(HookID, Bool), [Int]>) {
        let refused = row.input.1 ? IPAddress("198.51.100.7") : nil
        let deciding = EngineHarness.Entry("deciding") { hooks in
            if row.input.0 == .connect {
                hooks.on(.connect) { _, session in session.connection.remoteAddress == refused ? .deny() : .declined }
            } else {
                hooks.on(.preConnection) { _, arrival in
                    arrival.connection.remoteAddress == refused ? .deny() : .declined
                }
            }
        }
        let client = self.greeted(self.harness([deciding]))
        client.send("XCLIENT ADDR=198.51.100.7\r\n")
        #expect(client.codes() == row.expected)
        #expect(client.isClosed == row.input.1)
    }

    // MARK: Places

    @Test func places() {
        let harness = self.harness([], most: 2)
        let clients = (0..<2).map { _ in self.greeted(harness) }
        // Both have left the proxy's places.
        for client in clients { #expect(client.say("XCLIENT ADDR=198.51.100.7").first?.hasPrefix("220") == true) }
        let third = self.greeted(harness)
        #expect(third.say("XCLIENT ADDR=198.51.100.7").first?.hasPrefix("451 4.7.0") == true)
        #expect(third.isClosed)
        #expect(harness.supervisor.sessions == 2)
        clients[0].say("QUIT")
        #expect(self.greeted(harness).say("XCLIENT ADDR=198.51.100.7").first?.hasPrefix("220") == true)
        clients[1].vanish()
        #expect(harness.supervisor.sessions == 1)
    }

    @Test func bans() {
        let harness = self.harness([])
        let client = self.greeted(harness)
        if let network = Network("198.51.100.0/24") {
            harness.supervisor.bans {
                _ = $0.add(Ban(id: "b", network: network, reason: "", by: "", createdAt: 0, expiresAt: nil))
            }
        }
        #expect(client.say("XCLIENT ADDR=198.51.100.7").first?.hasPrefix("554 5.7.1") == true)
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
    }

    /// A loopback address from the wire is known as such.
    @Test(arguments: [
        Row("127.0.0.1", "127.0.0.1", "false false"), Row("::1", "IPV6:::1", "false false"),
        Row("mapped", "IPV6:::ffff:127.0.0.1", "false false"), Row("others", "198.51.100.7", "false true"),
    ])
    func loopback(_ row: Row<String, String>) {
        let diary = Diary()
        let asking = EngineHarness.Entry("asking") { hooks in
            hooks.on(.connect) { _, session in
                diary.write("\(session.connection.isLocal) \(session.connection.mayBeTrusted)")
                return .declined
            }
        }
        let client = self.greeted(self.harness([asking]), from: "127.0.0.1")
        client.say("XCLIENT ADDR=\(row.input)")
        #expect(diary.lines == ["true true", row.expected])
    }

    @Test func bareNewlinesOfLoopback() {
        var settings = EngineHarness.quietSettings
        if let network = Network("127.0.0.0/8") {
            settings.bareNewlineExempt = [network]
            settings.xclientNetworks.insert(network)
        }
        let client = EngineHarness([], settings: settings, seams: testSeams()).connect(from: "127.0.0.1")
        client.send("NOOP\nXCLIENT ADDR=127.0.0.1\r\nNOOP\n")
        #expect(client.codes() == [220, 250, 220, 500])
    }

    // MARK: XFORWARD

    @Test func factsOfOneMail() {
        let diary = Diary()
        let asking = EngineHarness.Entry("asking") { hooks in
            hooks.on(.rcpt) { _, session in
                let facts = session.forwarded
                diary.write(
                    "\(session.connection.remoteAddress) \(facts?.address?.known?.description ?? "-") "
                        + "\(facts?.ident?.known ?? "-")")
                return .ok
            }
            hooks.on(.queue) { _, _ in .ok }
        }
        let client = self.greeted(self.harness([asking]))
        let mail = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\n"
        client.send("XFORWARD ADDR=198.51.100.7\r\nXFORWARD IDENT=4F2A\r\n" + mail + mail)
        client.send("XFORWARD ADDR=198.51.100.7\r\nRSET\r\n" + mail)
        #expect(diary.lines == ["192.0.2.1 198.51.100.7 4F2A", "192.0.2.1 - -", "192.0.2.1 - -"])
    }

    /// A MAIL that was refused is no mail: what was said for it is there for the next one.
    @Test func afterRefusedMail() {
        let diary = Diary()
        let client = self.greeted(self.harness([self.noting(diary)]))
        client.send("XFORWARD ADDR=198.51.100.7\r\nMAIL x\r\nMAIL FROM:<no@b.example>\r\n")
        client.send("XFORWARD IDENT=4F2A\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        #expect(client.codes() == [250, 501, 550, 250, 250, 250])
        #expect(diary.lines == ["198.51.100.7 4F2A"])
    }

    /// RFC 3207 §4.2
    @Test func notThroughStartTLS() {
        let diary = Diary()
        var settings = EngineHarness.quietSettings
        settings.offersTLS = true
        if let network = Network("192.0.2.1") { settings.xclientNetworks.insert(network) }
        let client = self.greeted(EngineHarness([self.noting(diary)], settings: settings, seams: testSeams()))
        client.send("XFORWARD ADDR=198.51.100.7\r\nSTARTTLS\r\n")
        client.startTLS(TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256"))
        client.send("EHLO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        #expect(client.codes() == [250, 220, 250, 250, 250])
        #expect(diary.lines == ["- -"])
    }

    /// The encryption is the connection's, and goes on.
    @Test func underTLS() {
        let diary = Diary()
        var settings = EngineHarness.quietSettings
        settings.offersTLS = true
        if let network = Network("192.0.2.1") { settings.xclientNetworks.insert(network) }
        let asking = EngineHarness.Entry("asking") { hooks in
            hooks.on(.connect) { _, session in
                diary.write("\(session.tls?.version ?? "-") \(session.notes["tls_enabled"] == .int(1))")
                return .declined
            }
        }
        let client = self.greeted(EngineHarness([asking], settings: settings, seams: testSeams()))
        client.send("STARTTLS\r\n")
        client.startTLS(TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256"))
        client.send("XCLIENT ADDR=198.51.100.7\r\n")
        #expect(client.codes() == [220, 220])
        #expect(diary.lines == ["- false", "TLSv1.3 true"])
    }

    /// Writes down what was forwarded.
    private func noting(_ diary: Diary) -> EngineHarness.Entry {
        EngineHarness.Entry("noting") { hooks in
            hooks.on(.mail) { event, _ in event.sender.mailbox?.localPart == "no" ? .deny() : .declined }
            hooks.on(.rcpt) { _, session in
                let facts = session.forwarded
                diary.write("\(facts?.address?.known?.description ?? "-") \(facts?.ident?.known ?? "-")")
                return .ok
            }
        }
    }

    // MARK: After AUTH

    /// That the proxy failed to authenticate is not the client's.
    @Test func failedAuthIsForgotten() {
        let bag = Mailbag()
        var settings = EngineHarness.quietSettings
        settings.authInClear = true
        if let network = Network("192.0.2.1") { settings.xclientNetworks.insert(network) }
        let refusing = EngineHarness.Entry("refusing") { hooks in hooks.on(.auth) { _, _ in .deny() } }
        let client = self.greeted(EngineHarness([refusing, bag.entry], settings: settings, seams: testSeams()))
        client.send("AUTH PLAIN AGFubgBwZW4=\r\nXCLIENT ADDR=198.51.100.7\r\nEHLO a.example\r\n")
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\n")
        #expect(client.codes() == [535, 220, 250, 250, 250, 354, 250])
        #expect(bag.texts.first?.contains("auth=none") == true)
    }

    /// What follows an AUTH that was refused may be a secret; these are none.
    @Test(arguments: [
        Row("XCLIENT", "XCLIENT ADDR=198.51.100.7", 220), Row("XFORWARD", "XFORWARD ADDR=198.51.100.7", 250),
        Row("a secret", "cGVuY2ls", 500),
    ])
    func afterRefusedAuth(_ row: Row<String, Int>) {
        let knowing = EngineHarness.Entry("knowing") { hooks in hooks.on(.auth) { _, _ in .ok } }
        let client = self.greeted(self.harness([knowing]))
        client.send("AUTH NONE\r\n\(row.input)\r\n")
        #expect(client.codes().last == row.expected)
    }

    /// Names that the DNS has for addresses, and names of users.
    @Test(arguments: [
        Row("an underscore", "NAME=host_7.client.example", 220), Row("a blank", "NAME=a+20b", 501),
        Row("two dots", "NAME=a..b", 501), Row("a user", "LOGIN=ann+20b", 220),
        Row("a line end", "LOGIN=ann+0Ab", 501), Row("the other direction", "LOGIN=ann+E2+80+AEb", 501),
    ])
    func names(_ row: Row<String, Int>) {
        let client = self.greeted(self.harness([]))
        client.send("XCLIENT ADDR=198.51.100.7 \(row.input)\r\n")
        #expect(client.codes() == [row.expected])
    }

    // MARK: Others

    @Test(arguments: ["198.51.100.7", "2001:db8::7"])
    func nobodyIsAmongTheOthers(_ text: String) throws {
        let harness = self.harness([])
        let client = self.greeted(harness)
        client.say("XCLIENT ADDR=\(text.contains(":") ? "IPV6:" : "")\(text)")
        let others = harness.supervisor.others(than: try #require(IPAddress(text)))
        #expect(others.all().isEmpty)
    }
}
