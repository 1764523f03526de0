// NextHopTests.swift
//
// RFC 5321 §4.5.4.1, RFC 3207 §4, RFC 4954 §4, RFC 8689 §4.2.1, RFC 3030 §2: queue/smtp-forward and its next hops

import QPHooks
import QPPlugins
import QPTestKit
import Synchronization
import Testing

@Suite("queue/smtp-forward: next hops")
struct NextHopTests {
    private static let one = Destination.tcp(host: "one.example", port: 25)
    private static let two = Destination.tcp(host: "two.example", port: 25)
    private static let message = "A: b\n\nbody\n"

    private func harness(
        _ words: [String] = [], files: [String: String] = [:], _ peer: SMTPPeer? = nil, second: SMTPPeer? = nil
    ) throws -> PluginHarness {
        let hops = second == nil ? "one.example" : "one.example,two.example"
        let harness = try PluginHarness(SMTPForward.self, arguments: [hops] + words, files: files)
        if let peer { harness.connector.serve(Self.one, peer) }
        if let second { harness.connector.serve(Self.two, second) }
        return harness
    }

    private func send(_ harness: PluginHarness, _ text: String = message) async throws -> Verdict<Delivery> {
        try harness.mail(to: ["bob@b.example"], text)
        return try await harness.run(.queue)
    }

    // MARK: Reuse

    @Test func connectionsAreUsedAgain() async throws {
        let peer = SMTPPeer()
        let harness = try self.harness(["reuse=3"], peer)
        for _ in 0..<4 { #expect(try await self.send(harness) == .ok("queued as 4711")) }
        let verbs = peer.transcript.commands.map { $0.prefix(4) }
        let mail: [Substring] = ["MAIL", "RCPT", "DATA"]
        #expect(verbs == ["EHLO"] + mail + ["RSET"] + mail + ["RSET"] + mail + ["QUIT", "EHLO"] + mail)
        #expect(harness.connector.connections.count == 2)
    }

    @Test func idleConnectionsAreNotTrusted() async throws {
        let harness = try self.harness(["idle=5"], SMTPPeer())
        _ = try await self.send(harness)
        harness.clock.advance(by: .seconds(6))
        _ = try await self.send(harness)
        #expect(harness.connector.connections.count == 2)
    }

    /// The first connection is stale when it is used again; what it does then costs no message and doubles none.
    @Test(arguments: ["RSET", "MAIL", "RCPT", "DATA"])
    func staleConnections(_ phase: String) async throws {
        let transcript = SMTPTranscript()
        let first = StaleStream(phase: phase)
        let other = try self.harness()
        other.connector.serve(Self.one) { () throws(EffectError) in first.next(transcript) }
        #expect(try await self.send(other).code == .ok)
        #expect(try await self.send(other).code == .ok)
        #expect(transcript.messages.count == 2)
        #expect(other.connector.connections.count == 2)
    }

    /// Its first stream hangs up at a command of its second mail.
    private final class StaleStream: Sendable {
        let phase: String
        init(phase: String) { self.phase = phase }

        func next(_ transcript: SMTPTranscript) -> any ByteStream {
            ScriptedStream(SecondMailFails(phase: self.phase, peer: SMTPPeer(transcript: transcript)))
        }
    }

    private struct SecondMailFails: ScriptedPeer {
        let phase: String
        var peer: SMTPPeer
        var mails = 0
        var hasClosed = false

        mutating func connected() -> [UInt8] { self.peer.connected() }

        mutating func received(_ bytes: [UInt8]) -> [UInt8] {
            let text = String(decoding: bytes, as: UTF8.self)
            if text.hasPrefix("RSET") { self.mails += 1 }
            if self.mails == 1, text.hasPrefix(self.phase) {
                self.hasClosed = true
                return []
            }
            return self.peer.received(bytes)
        }
    }

    // MARK: Several hops

    struct Trouble: Sendable, CustomTestStringConvertible {
        let phase: String
        let kind: String
        var testDescription: String { "\(self.phase) \(self.kind)" }

        static let all = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."].flatMap { phase in
            ["closed", "hung", "garbage", "long", "many", "4xx", "5xx", "421"].map { Trouble(phase: phase, kind: $0) }
        }

        var peer: SMTPPeer {
            var peer = SMTPPeer()
            let reply =
                switch self.kind {
                case "hung": ""
                case "garbage": "\u{1}what?"
                case "long": "250 " + String(repeating: "x", count: 2000)
                case "many": Array(repeating: "250 x", count: 200).joined(separator: "\n")
                case "4xx": "451 later"
                case "5xx": "554 never"
                case "421": "421 closing"
                default: ""
                }
            if self.phase == "greeting" {
                peer.greeting = reply
            } else if self.kind == "closed" {
                peer.hangsUpAt = [self.phase]
            } else {
                peer.replies = [self.phase: reply]
                if self.phase == "EHLO" { peer.replies["HELO"] = reply }
            }
            return peer
        }

        /// Whether another server may have it: nobody has said yes to it here.
        var goesOn: Bool {
            switch self.phase {
            case "greeting", "EHLO": true
            case ".": false
            default: !["4xx", "5xx"].contains(self.kind)
            }
        }
    }

    @Test(arguments: Trouble.all)
    func troubleAtEachPhase(_ trouble: Trouble) async throws {
        let (first, second) = (trouble.peer, SMTPPeer())
        let harness = try self.harness([], first, second: second)
        let verdict = try await self.send(harness)
        if trouble.goesOn {
            #expect(verdict == .ok("queued as 4711"))
            #expect(first.transcript.messages.count + second.transcript.messages.count == 1)
        } else {
            // `many` and `long` begin with a code that means yes; without the end of the reply it does not.
            #expect(verdict.code == (trouble.kind == "5xx" ? .deny : .denysoft))
            #expect(second.transcript.commands == [])
        }
        // Alone, it is a deferral, unless the hop itself refused.
        let alone = try self.harness([], trouble.peer)
        let answer = try await self.send(alone)
        #expect(answer.code == (trouble.kind == "5xx" && !trouble.goesOn ? .deny : .denysoft))
    }

    @Test func whoFailedRests() async throws {
        let second = SMTPPeer()
        let harness = try self.harness(["reuse=1"], nil, second: second)
        for _ in 0..<3 { #expect(try await self.send(harness).code == .ok) }
        #expect(harness.connector.connections == [Self.one, Self.two, Self.two, Self.two])
        harness.clock.advance(by: .seconds(31))
        _ = try await self.send(harness)
        #expect(harness.connector.connections.suffix(2) == [Self.one, Self.two])
    }

    @Test func eachInTurn() async throws {
        let harness = try self.harness(["reuse=1", "order=roundrobin"], SMTPPeer(), second: SMTPPeer())
        for _ in 0..<4 { #expect(try await self.send(harness).code == .ok) }
        #expect(harness.connector.connections == [Self.one, Self.two, Self.one, Self.two])
    }

    /// A hop that cannot take a message does not speak for the others.
    @Test(arguments: [
        Row("8-bit", Content(text: "A: b\n\nü\n"), "5.6.3"),
        Row("size", Content(text: "A: b\n\n" + String(repeating: "x", count: 100)), "5.3.4"),
        Row("REQUIRETLS", Content(parameters: [ESMTPParameter("REQUIRETLS")]), "5.7.30"),
    ])
    func whatOneHopLacks(_ row: Row<Content, String>) async throws {
        var poor = SMTPPeer()
        poor.extensions = ["SIZE 50", "STARTTLS"]
        poor.extensionsUnderTLS = ["SIZE 50"]
        var rich = SMTPPeer()
        rich.extensions = ["8BITMIME", "STARTTLS"]
        rich.extensionsUnderTLS = ["8BITMIME", "REQUIRETLS"]
        for (second, expected) in [(rich, "ok"), (poor, row.expected), (nil, "denysoft")] {
            let harness = try PluginHarness(SMTPForward.self, arguments: ["one.example,two.example"])
            harness.connector.serve(Self.one, poor)
            if let second { harness.connector.serve(Self.two, second) }
            try harness.mail(parameters: row.input.parameters, to: ["bob@b.example"], row.input.text)
            let verdict = try await harness.run(.queue)
            #expect(harness.connector.connections == [Self.one, Self.two])
            switch verdict.code {
            case .ok: #expect(expected == "ok")
            case .deny: #expect(expected == verdict.denial?.status?.description)
            default: #expect(expected == "denysoft" && verdict.code == .denysoft)
            }
        }
        #expect(poor.transcript.messages == [] && rich.transcript.messages.count == 1)
    }

    struct Content: Sendable {
        var text = "A: b\n\nx\n"
        var parameters: [ESMTPParameter] = []
    }

    // MARK: Time limits

    /// A connection on which time passes: every read of an answer that does not come takes as long as it may.
    private final class SlowStream: ByteStream {
        private let stream: ScriptedStream<SMTPPeer>
        private let clock: ManualClock
        let limits = Mutex<[Duration]>([])

        init(_ peer: SMTPPeer, _ clock: ManualClock) {
            self.stream = ScriptedStream(peer)
            self.clock = clock
        }

        func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
            do throws(EffectError) {
                return try await self.stream.read(atMost: limit, timeout: timeout)
            } catch {
                self.limits.withLock { $0.append(timeout) }
                self.clock.advance(by: timeout)
                throw error
            }
        }

        func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {
            try await self.stream.write(bytes, timeout: timeout)
        }

        func startTLS(_ tls: ClientTLS, timeout: Duration) async throws(EffectError) {
            try await self.stream.startTLS(tls, timeout: timeout)
        }

        func closeOutput() async throws(EffectError) {}
        func close() async { await self.stream.close() }
    }

    /// RFC 5321 §4.5.3.2: how long each answer may take, in seconds.
    @Test(
        arguments: [
            ("greeting", [], 60), ("EHLO", [], 60), ("MAIL", [], 60), ("RCPT", [], 60), ("DATA", [], 60),
            (".", [], 300),
            ("greeting", ["timeout=2"], 2), ("DATA", ["timeout=2"], 2), (".", ["timeout=2"], 10),
        ] as [(String, [String], Int)])
    func limits(_ phase: String, _ words: [String], _ seconds: Int) async throws {
        let harness = try self.harness(["reuse=1"] + words)
        var peer = SMTPPeer()
        peer.replies = [phase: ""]
        if phase == "greeting" { peer.greeting = "" }
        let stream = SlowStream(peer, harness.clock)
        harness.connector.serve(Self.one) { () throws(EffectError) in stream }
        #expect(try await self.send(harness).code == .denysoft)
        #expect(stream.limits.withLock { $0 } == [.seconds(seconds)])
    }

    /// A connection that waited and has gone dead costs little time.
    @Test func aDeadConnection() async throws {
        let harness = try self.harness()
        var peer = SMTPPeer()
        peer.replies = ["RSET": ""]
        let stream = SlowStream(peer, harness.clock)
        harness.connector.serve(Self.one) { () throws(EffectError) in stream }
        #expect(try await self.send(harness).code == .ok)
        harness.connector.serve(Self.one, SMTPPeer())
        #expect(try await self.send(harness).code == .ok)
        #expect(stream.limits.withLock { $0 } == [.seconds(5)])
    }

    /// Time is up before the last hop was asked: that is not its fault.
    @Test func whoWasNotAskedHasNotFailed() async throws {
        let names = ["a", "b", "c", "d", "e"]
        let harness = try PluginHarness(SMTPForward.self, arguments: [names.joined(separator: ",")])
        let clock = harness.clock
        for name in names.dropLast() {
            harness.connector.serve(.tcp(host: name, port: 25)) { () throws(EffectError) in
                var peer = SMTPPeer()
                peer.greeting = ""
                return SlowStream(peer, clock)
            }
        }
        harness.connector.serve(.tcp(host: "e", port: 25), SMTPPeer())
        #expect(try await self.send(harness).code == .denysoft)
        #expect(harness.connector.connections.count == 4)
        #expect(try await self.send(harness).code == .ok)
    }

    // MARK: TLS

    struct Secure: Sendable {
        var words: [String] = []
        var offers = true
        var bad = false
        var injection = ""
        var refusal: String?
        var parameters: [ESMTPParameter] = []
        var under = ["8BITMIME", "REQUIRETLS"]
    }

    @Test(arguments: [
        Row("usual", Secure(), "ok TLS none"),
        Row("usual, not offered", Secure(offers: false), "ok clear"),
        Row("off", Secure(words: ["starttls=off"]), "ok clear"),
        Row("verify, bad certificate", Secure(words: ["starttls=verify"], bad: true), "denysoft"),
        Row("must", Secure(words: ["starttls=must"]), "ok TLS none"),
        Row("must, not offered", Secure(words: ["starttls=must"], offers: false), "denysoft"),
        Row("verify", Secure(words: ["starttls=verify"]), "ok TLS system"),
        Row("verify with a list", Secure(words: ["starttls=verify", "ca=/ca.pem"]), "ok TLS file(\"/ca.pem\")"),
        Row("a list alone means verify", Secure(words: ["ca=/ca.pem"]), "ok TLS file(\"/ca.pem\")"),
        Row("must takes a bad certificate", Secure(words: ["starttls=must"], bad: true), "ok TLS none"),
        Row("injection", Secure(injection: "250 evil\r\n"), "denysoft"),
        Row("injection, must", Secure(words: ["starttls=must"], injection: "250-"), "denysoft"),
        Row("REQUIRETLS", Secure(parameters: [ESMTPParameter("REQUIRETLS")]), "ok TLS system REQUIRETLS"),
        Row(
            "REQUIRETLS, off", Secure(words: ["starttls=off"], parameters: [ESMTPParameter("REQUIRETLS")]), "5.7.30"),
        Row("REQUIRETLS, bad", Secure(bad: true, parameters: [ESMTPParameter("REQUIRETLS")]), "denysoft"),
        Row("no TLS just now", Secure(refusal: "454 4.7.0 not now"), "ok clear"),
        Row("no TLS just now, must", Secure(words: ["starttls=must"], refusal: "454 4.7.0 not now"), "denysoft"),
        Row("a strange answer to STARTTLS", Secure(refusal: "250 sure"), "denysoft"),
        Row(
            "REQUIRETLS, no TLS just now",
            Secure(refusal: "454 4.7.0 not now", parameters: [ESMTPParameter("REQUIRETLS")]), "denysoft"),
        Row("REQUIRETLS, no STARTTLS", Secure(offers: false, parameters: [ESMTPParameter("REQUIRETLS")]), "5.7.30"),
        Row(
            "REQUIRETLS, no STARTTLS, must",
            Secure(words: ["starttls=must"], offers: false, parameters: [ESMTPParameter("REQUIRETLS")]), "denysoft"),
        Row(
            "REQUIRETLS, not offered", Secure(parameters: [ESMTPParameter("REQUIRETLS")], under: ["8BITMIME"]),
            "5.7.30"),
    ])
    func startTLS(_ row: Row<Secure, String>) async throws {
        var peer = SMTPPeer()
        peer.extensions = row.input.offers ? ["STARTTLS", "AUTH PLAIN"] : ["8BITMIME"]
        peer.extensionsUnderTLS = row.input.under
        peer.hasBadCertificate = row.input.bad
        if let refusal = row.input.refusal { peer.replies = ["STARTTLS": refusal] }
        if !row.input.injection.isEmpty { peer.injections = ["STARTTLS": row.input.injection] }
        let harness = try self.harness(row.input.words, peer)
        try harness.mail(parameters: row.input.parameters, to: ["bob@b.example"], Self.message)
        let verdict = try await harness.run(.queue)
        let commands = peer.transcript.commands
        let tls = commands.first { $0.hasPrefix("(TLS") }
        var found = verdict.denial.map { $0.status == .badConnection ? "denysoft" : "\($0.status ?? .other)" } ?? "ok"
        if found == "ok" {
            let words = tls?.dropFirst().dropLast().split(separator: " ").map(String.init) ?? []
            found +=
                words.isEmpty ? " clear" : " TLS " + words[2].replacing("QPHooks.ClientTLS.Verification.", with: "")
            if commands.contains(where: { $0.hasSuffix(" REQUIRETLS") }) { found += " REQUIRETLS" }
        }
        #expect(found == row.expected)
        #expect(peer.transcript.messages.count == (verdict.code == .ok ? 1 : 0))
        if tls != nil, verdict.code == .ok {
            // RFC 3207 §4.2: what was offered in clear is forgotten, and asked for again.
            #expect(commands.filter { $0.hasPrefix("EHLO") }.count == 2)
        }
    }

    @Test func mayGoesOnInClear() async throws {
        var peer = SMTPPeer()
        peer.extensions = ["STARTTLS"]
        let harness = try self.harness([], peer)
        #expect(try await self.send(harness).code == .ok)
        #expect(harness.connector.connections.count == 2)
        let strict = try self.harness(["starttls=must"], peer)
        #expect(try await self.send(strict).code == .denysoft)
        #expect(strict.connector.connections.count == 1)
    }

    @Test func tlsFromTheStart() async throws {
        var peer = SMTPPeer()
        peer.isImplicit = true
        peer.extensionsUnderTLS = ["8BITMIME"]
        let harness = try PluginHarness(SMTPForward.self, arguments: ["one.example:25", "tls=verify"])
        harness.connector.serve(Self.one, peer)
        #expect(try await self.send(harness).code == .ok)
        #expect(peer.transcript.commands.prefix(2) == ["(TLS one.example system)", "EHLO mx.example.org"])
    }

    // MARK: AUTH

    @Test(arguments: [
        Row("PLAIN", "AUTH PLAIN LOGIN", "AUTH PLAIN AGFubgBzZWNyZXQ="),
        Row("nothing offered", "8BITMIME", ""),
        Row("no mechanism that we have", "AUTH GSSAPI", ""),
    ])
    func auth(_ row: Row<String, String>) async throws {
        var peer = SMTPPeer()
        peer.extensions = ["STARTTLS", "AUTH PLAIN"]
        peer.extensionsUnderTLS = [row.input]
        let harness = try self.harness(["auth=login"], files: ["login": "ann secret\n"], peer)
        #expect(try await self.send(harness).code == (row.expected.isEmpty ? .denysoft : .ok))
        #expect(
            peer.transcript.commands.filter { $0.hasPrefix("AUTH") } == (row.expected.isEmpty ? [] : [row.expected]))
        let log = harness.log.lines.joined(separator: "\n")
        #expect(!log.contains("secret") && !log.contains("AGFubgBzZWNyZXQ"))
    }

    @Test func authByLogin() async throws {
        var peer = SMTPPeer()
        peer.extensions = ["STARTTLS"]
        peer.extensionsUnderTLS = ["AUTH LOGIN"]
        peer.replies = ["AUTH LOGIN": "334 VXNlcm5hbWU6", "YW5u": "334 UGFzc3dvcmQ6", "c2VjcmV0": "235 yes"]
        let harness = try self.harness(["auth=login"], files: ["login": "ann secret\n"], peer)
        #expect(try await self.send(harness).code == .ok)
        #expect(peer.transcript.commands.dropFirst(4).prefix(3) == ["AUTH LOGIN", "YW5u", "c2VjcmV0"])
    }

    @Test func noPasswordInClear() async throws {
        var peer = SMTPPeer()
        peer.extensions = ["AUTH PLAIN"]
        let harness = try self.harness(["auth=login"], files: ["login": "ann secret\n"], peer)
        #expect(try await self.send(harness).code == .denysoft)
        #expect(!peer.transcript.commands.contains { $0.hasPrefix("AUTH") })
        peer.replies = ["AUTH": "535 no"]
        let local = try PluginHarness(
            SMTPForward.self, arguments: ["127.0.0.1", "auth=login"], files: ["login": "ann secret\n"])
        local.connector.serve(.tcp(host: "127.0.0.1", port: 25), peer)
        #expect(try await self.send(local).code == .denysoft)
        #expect(peer.transcript.commands.contains { $0.hasPrefix("AUTH PLAIN") })
    }

    @Test(arguments: ["", "ann\n", "ann secret word\n", "ann a\nbob b\n"])
    func badPasswordFiles(_ text: String) {
        #expect(throws: PluginError.self) { try self.harness(["auth=login"], files: ["login": text]) }
    }

    // MARK: Facts about the client

    @Test func xclientAndXforward() async throws {
        var peer = SMTPPeer()
        peer.extensions = [
            "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR", "XFORWARD NAME ADDR PORT PROTO HELO IDENT",
        ]
        let harness = try self.harness(["xclient", "xforward"], peer)
        harness.introduce("odd+name", extended: true)
        harness.nameClient("client.example")
        harness.authenticate("ann b")
        #expect(try await self.send(harness).code == .ok)
        let commands = peer.transcript.commands
        #expect(
            commands.contains(
                "XCLIENT NAME=client.example ADDR=192.0.2.1 PORT=50000 PROTO=ESMTP HELO=odd+2Bname LOGIN=ann+20b"))
        #expect(commands.filter { $0.hasPrefix("EHLO") }.count == 2)
        let xforward = commands.first { $0.hasPrefix("XFORWARD") } ?? ""
        #expect(
            xforward.hasPrefix(
                "XFORWARD NAME=client.example ADDR=192.0.2.1 PORT=50000 PROTO=ESMTP HELO=odd+2Bname IDENT="))
        // A connection that speaks for one client speaks for no other.
        #expect(commands.last == "QUIT")
        peer.extensions = ["XFORWARD ADDR"]
        let six = try self.harness(["xforward"], peer)
        six.connect(from: "2001:db8::1")
        #expect(try await self.send(six).code == .ok)
        #expect(peer.transcript.commands.contains("XFORWARD ADDR=IPV6:2001:db8::1"))
        // A loopback address from the wire opens no door at the next hop either.
        let told = try self.harness(["xforward"], peer)
        told.connect(from: "127.0.0.1", isAsserted: true)
        #expect(try await self.send(told).code == .ok)
        #expect(peer.transcript.commands.contains("XFORWARD ADDR=[UNAVAILABLE]"))
    }

    /// Between a server that says XFORWARD and one that takes it stands nobody of interest.
    @Test func xforwardOfXforward() async throws {
        var peer = SMTPPeer()
        peer.extensions = ["XCLIENT ADDR", "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"]
        let harness = try self.harness(["xclient", "xforward"], peer)
        harness.session.state.forwarded = ForwardedFacts(
            "ADDR=IPV6:2001:db8::7 NAME=[TEMPUNAVAIL] HELO=a+2Bb IDENT=4F2A SOURCE=REMOTE", of: .xforward)
        #expect(try await self.send(harness).code == .ok)
        let commands = peer.transcript.commands
        #expect(commands.contains("XCLIENT ADDR=192.0.2.1"))
        #expect(
            commands.contains(
                "XFORWARD NAME=[TEMPUNAVAIL] ADDR=IPV6:2001:db8::7 PORT=[UNAVAILABLE] PROTO=[UNAVAILABLE] HELO=a+2Bb "
                    + "IDENT=4F2A SOURCE=REMOTE"))
    }

    // MARK: Binary messages

    @Test func chunks() async throws {
        var peer = SMTPPeer()
        peer.extensions = ["CHUNKING", "BINARYMIME", "8BITMIME"]
        let harness = try self.harness(["binarymime"], peer)
        #expect(harness.backend?.contains(.binaryMIME) == true)
        try harness.mail(parameters: [ESMTPParameter("BODY", "BINARYMIME")], to: ["bob@b.example"], "")
        let text = "A: b\r\n\r\nx\n.\n.\r\nMAIL FROM:<e@vil>\r\n\0\r"
        harness.message = .test(bytes: Array(text.utf8), pieces: 7)
        #expect(try await harness.run(.queue).code == .ok)
        #expect(peer.transcript.messages.map { String(decoding: $0, as: UTF8.self) } == [text])
        #expect(peer.transcript.commands.filter { $0.hasPrefix("BDAT") }.last == "BDAT 0 LAST")
        #expect(peer.transcript.commands.contains("MAIL FROM:<sender@client.example> BODY=BINARYMIME"))
    }

    @Test func capabilities() throws {
        #expect(try self.harness().backend == [.eightBitMIME, .smtputf8, .requireTLS])
        #expect(try self.harness(["starttls=off"]).backend == [.eightBitMIME, .smtputf8])
        #expect(try self.harness(["dsn"]).backend?.contains(.dsn) == true)
    }

    @Test func noticesOfSuccess() async throws {
        var peer = SMTPPeer()
        peer.extensions = []
        let harness = try self.harness(["dsn"], peer)
        try harness.mail(to: [], Self.message)
        harness.recipients = [
            Recipient(try .test("bob@b.example"), parameters: [ESMTPParameter("NOTIFY", "FAILURE,success")])
        ]
        #expect(try await harness.run(.queue).denial?.status == .notCapable)
    }
}
