// TLSDialogTests.swift
//
// RFC 3207, RFC 8314 §3.3: STARTTLS and TLS from the first octet, over real sockets.

import NIOSSL
import QPActors
import QPHooks
import QPTelemetry
import QPTestCertificates
import Testing

@testable import QPServer

@Suite(.serialized)
struct TLSDialogTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// What is sent after the greeting, each in one piece, with the codes it is answered with.
        let steps: [(send: String, codes: [Int])]
        let closes: Bool
    }

    private static let injected = "STARTTLS\r\nMAIL FROM:<evil@evil.example>\r\n"

    static let cases: [Case] = [
        Case(testDescription: "a parameter", steps: [("EHLO a\r\nSTARTTLS now\r\n", [250, 501])], closes: false),
        Case(testDescription: "before EHLO", steps: [("STARTTLS\r\n", [220])], closes: false),
        Case(testDescription: "after HELO", steps: [("HELO a\r\nSTARTTLS\r\n", [250, 220])], closes: false),
        Case(
            testDescription: "in a transaction",
            steps: [("EHLO a\r\nMAIL FROM:<>\r\nSTARTTLS\r\n", [250, 250, 220])], closes: false),
        Case(testDescription: "blanks behind it", steps: [("EHLO a\r\nSTARTTLS  \r\n", [250, 220])], closes: false),
        Case(testDescription: "a command in the same segment", steps: [(injected, [503])], closes: true),
        Case(
            testDescription: "behind RSET", steps: [("EHLO a\r\nRSET\r\n" + injected, [250, 250, 503])], closes: true),
        Case(testDescription: "a piece of a command", steps: [("EHLO a\r\nSTARTTLS\r\nR", [250, 503])], closes: true),
        Case(
            testDescription: "a command between 220 and the handshake",
            steps: [("EHLO a\r\nSTARTTLS\r\n", [250, 220]), ("RSET\r\n", [])], closes: true),
        Case(
            testDescription: "a line that begins like a handshake",
            steps: [("EHLO a\r\nSTARTTLS\r\n", [250, 220]), ("\u{16}RSET\r\n", [])], closes: true),
    ]

    @Test(arguments: cases)
    func inClear(_ test: Case) async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"]) { server, _ in
            let problem = try await server.client { client -> String? in
                guard try client.answer().code == 220 else { return "greeting" }
                for step in test.steps {
                    try client.send(step.send)
                    let codes = try step.codes.map { _ in try client.answer().code }
                    guard codes == step.codes else { return "\(codes)" }
                }
                guard test.closes else { return nil }
                return try client.isClosed() ? nil : "still open"
            }
            #expect(problem == nil)
            await server.expectNothingLeft()
        }
    }

    @Test func garbageForAHandshake() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"]) { server, _ in
            let rest = try await server.client { client in
                _ = try client.answer()
                _ = try client.say("STARTTLS")
                try client.send([0x16, 3, 1, 0, 8] + Array(repeating: 7, count: 8))
                return try client.rest()
            }
            // An alert at most, no line.
            #expect(!rest.contains("\r\n"))
            await server.expectNothingLeft()
            let snapshot = await server.running.snapshot()
            #expect(snapshot.counters.handshakes == ["protocol": 1])
            #expect(server.folder.text("log")?.contains("TLS handshake failed") == true)
        }
    }

    @Test(
        "claim 61: mail over TLS is received with ESMTPS",
        arguments: [(nil, "TLSv1.3"), (TLSVersionLimit.two, "TLSv1.2")] as [(TLSVersionLimit?, String)])
    func mail(_ limit: TLSVersionLimit?, _ version: String) async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"]) { server, files in
            let client = try await TLSClient.connect(server.ports[0])
            #expect(try await client.answer().code == 220)
            #expect(try await client.say("EHLO before.example").text.contains("\n250-STARTTLS"))
            #expect(try await client.say("STARTTLS").code == 220)
            try await client.startTLS(limit.map { _ in .init(versions: (.tlsv12, .tlsv12)) } ?? .init())

            // RFC 3207 §4.2: everything that was said before is forgotten.
            let facts = try await client.say("NOOP").text
            #expect(facts.contains("helo -") && facts.contains(version))
            #expect(facts.contains(version == "TLSv1.3" ? " TLS_AES_128_GCM_SHA256" : "_WITH_AES_128_GCM_SHA256"))
            #expect(try await client.say("MAIL FROM:<a@client.example>").code == 503)
            #expect(try await client.say("EHLO client.example").text.contains("STARTTLS") == false)
            #expect(try await client.say("STARTTLS").code == 503)

            #expect(try await client.say("MAIL FROM:<a@client.example>").code == 250)
            #expect(try await client.say("RCPT TO:<b@server.example>").code == 250)
            #expect(try await client.say("DATA").code == 354)
            #expect(try await client.say("Subject: x\r\n\r\ny\r\n.").code == 250)
            #expect(try await client.say("QUIT").code == 221)
            #expect(try await client.isClosed())
            await server.expectNothingLeft()
            let names = ScratchFolder.names(of: files("Maildir/new")) ?? []
            let message = files.text("Maildir/new/\(names.first ?? "")") ?? ""
            let field = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(field.contains(" with ESMTPS (\(version) TLS_"), "\(message)")
            #expect(await server.running.snapshot().counters.handshakes == ["ok": 1])
        }
    }

    enum TLSVersionLimit: Sendable { case two }

    @Test func transactionAndResetHook() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"]) { server, _ in
            let client = try await TLSClient.connect(server.ports[0])
            _ = try await client.answer()
            for line in ["EHLO a", "MAIL FROM:<a@b.example>", "RCPT TO:<b@server.example>"] {
                #expect(try await client.say(line).code == 250)
            }
            #expect(try await client.say("STARTTLS").code == 220)
            try await client.startTLS()
            #expect(try await client.say("DATA").code == 503)
            #expect(try await client.say("EHLO a").code == 250)
            #expect(try await client.say("DATA").code == 503)
            client.close()
        }
    }

    @Test func implicit() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"], options: .tls
        ) { server, _ in
            let client = try await TLSClient.connect(server.ports[0], tls: .init())
            #expect(try await client.answer().code == 220)
            #expect(try await client.say("EHLO a").text.contains("STARTTLS") == false)
            #expect(try await client.say("NOOP").text.contains("TLSv1.3 TLS_"))
            #expect(try await client.say("QUIT").code == 221)

            // Whoever speaks in clear there is not answered.
            let rest = try await server.client { client in
                try client.send("EHLO a\r\n")
                return try client.rest()
            }
            #expect(rest == "")
            await server.expectNothingLeft()
        }
    }

    /// A ClientHello of TLS 1.2: one suite, P-256, ECDSA with SHA-256.
    private static let clientHello: [UInt8] = {
        let extensions: [UInt8] = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]
        let body = [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0xC0, 0x2B, 1, 0, 0, 22] + extensions
        return [0x16, 3, 1, 0, UInt8(body.count + 4), 1, 0, 0, UInt8(body.count)] + body
    }()

    /// What comes in several pieces before the client is welcome is one stream of TLS.
    @Test func piecesBeforeTheWelcome() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        HoldFirst.gate.close()
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"], plugins: ["hold_first"], options: .tls
        ) { server, _ in
            let waiting = try await TLSClient.connect(server.ports[0])
            for piece in [Array(Self.clientHello.prefix(20)), Array(Self.clientHello.dropFirst(20)), Self.alert] {
                try await waiting.send(piece)
                // When another's handshake is over, the server has read the piece.
                let other = try await TLSClient.connect(server.ports[0], tls: .init())
                #expect(try await other.answer().code == 220)
                other.close()
            }
            HoldFirst.gate.open()
            await server.expectNothingLeft()
            #expect(await server.running.snapshot().counters.handshakes == ["ok": 3, "alert": 1])
        }
    }

    /// RFC 8446 §6.2, RFC 5246 §7.2.2: a record that is no good is answered by an alert, and the end.
    @Test(arguments: [false, true])
    func recordsThatAreNoGood(isOlder: Bool) async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"], options: .tls) {
            server, _ in
            let client = try await TLSClient.connect(
                server.ports[0], tls: isOlder ? .init(versions: (.tlsv12, .tlsv12)) : .init())
            #expect(try await client.answer().code == 220)
            try await client.sendBeneath([0x17, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32))
            await #expect(throws: (any Error).self) { _ = try await client.answer() }
            #expect(client.failure.map { "\($0)" }?.contains("SSLV3_ALERT_BAD_RECORD_MAC") == true)
            await server.expectNothingLeft()
            let isTold = await server.eventually {
                server.folder.text("log")?.contains("TLS connection broken: ") == true
            }
            #expect(isTold)
        }
    }

    /// The client gives up: handshake_failure.
    private static let alert: [UInt8] = [0x15, 3, 3, 0, 2, 2, 40]

    @Test func withoutCertificate() async throws {
        try await TLSFixture.run([:], []) { server, _ in
            let (offer, code) = try await server.client { client in
                _ = try client.answer()
                return (try client.say("EHLO a").lines, try client.say("STARTTLS").code)
            }
            #expect(!offer.contains("STARTTLS"))
            #expect(code == 502)
        }
    }

    @Test func silenceEnds() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"],
            extra: ["limits": "max_conn_ip 1000\nhandshake_timeout 1"]
        ) { server, _ in
            let rest = try await server.client { client in
                _ = try client.answer()
                _ = try client.say("STARTTLS")
                return try client.rest()
            }
            #expect(rest == "")
            await server.expectNothingLeft()
            #expect(await server.running.snapshot().counters.handshakes == ["timeout": 1])
        }
    }

    @Test func oldVersionsAreRefused() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"]) { server, _ in
            let client = try await TLSClient.connect(server.ports[0])
            _ = try await client.answer()
            _ = try await client.say("STARTTLS")
            await #expect(throws: (any Error).self) {
                try await client.startTLS(.init(versions: (.tlsv1, .tlsv11)))
            }
            await server.expectNothingLeft()
            #expect(await server.running.snapshot().counters.handshakes["ok"] == nil)
        }
    }

    @Test func halfOpenHandshakesHarmNobody() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(["mx": certificate], ["certificate mx.pem", "key mx.key"]) { server, _ in
            var waiting: [TLSClient] = []
            for index in 0..<200 {
                let client = try await TLSClient.connect(server.ports[0])
                _ = try await client.answer()
                _ = try await client.say("STARTTLS")
                if index % 2 == 0 { try await client.send("\u{16}\u{3}\u{1}\u{1}") }
                waiting.append(client)
            }
            let client = try await TLSClient.connect(server.ports[0])
            _ = try await client.answer()
            _ = try await client.say("STARTTLS")
            try await client.startTLS()
            #expect(try await client.say("EHLO a").code == 250)
            #expect(server.running.supervisor.sessions == 201)
            for client in waiting + [client] { client.close() }
            await server.expectNothingLeft()
            #expect(await server.running.snapshot().counters.handshakes == ["ok": 1, "closed": 200])
        }
    }
}
