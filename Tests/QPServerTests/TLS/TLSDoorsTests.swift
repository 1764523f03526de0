// TLSDoorsTests.swift
//
// TLS at listeners with options: behind a proxy, LMTP (RFC 2033), submission (RFC 6409, RFC 8314).

import QPActors
import QPHooks
import QPTelemetry
import QPTestCertificates
import Testing

@testable import QPServer

@Suite(.serialized)
struct TLSDoorsTests {
    private static let version1 = Array("PROXY TCP4 198.51.100.7 203.0.113.5 4242 25\r\n".utf8)
    private static let version2: [UInt8] =
        Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x21, 0x11, 0, 12, 198, 51, 100, 7, 203, 0, 113, 5, 0x10, 0x92, 0, 25]

    struct Proxied: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let header: [UInt8]
        let isImplicit: Bool
        /// Whether the header leaves together with what follows.
        let isTogether: Bool
    }

    @Test(arguments: [
        Proxied(testDescription: "version 2, then TLS", header: version2, isImplicit: true, isTogether: false),
        Proxied(
            testDescription: "version 2 and TLS in one piece", header: version2, isImplicit: true, isTogether: true),
        Proxied(
            testDescription: "version 1 and TLS in one piece", header: version1, isImplicit: true, isTogether: true),
        Proxied(testDescription: "version 2, then STARTTLS", header: version2, isImplicit: false, isTogether: false),
    ])
    func behindAProxy(_ test: Proxied) async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"], extra: ["proxy_networks": "127.0.0.1"],
            options: test.isImplicit ? [.tls, .proxy] : .proxy
        ) { server, files in
            let client = try await TLSClient.connect(server.ports[0])
            if test.isTogether {
                client.hold(test.header)
            } else {
                try await client.send(test.header)
            }
            if test.isImplicit { try await client.startTLS(.init(name: "mx.server.example")) }
            #expect(try await client.answer().code == 220)
            if !test.isImplicit {
                #expect(try await client.say("EHLO client.example").text.contains("STARTTLS"))
                #expect(try await client.say("STARTTLS").code == 220)
                try await client.startTLS(.init(name: "mx.server.example"))
            }
            let facts = try await client.say("NOOP").text
            #expect(facts.contains("from 198.51.100.7:4242") && facts.contains("sni mx.server.example"), "\(facts)")
            try await Self.deliver(client, "EHLO")
            let message = TLSFixture.message(in: files)
            #expect(message.contains("[198.51.100.7])") && message.contains(" with ESMTPS (TLSv1.3 "), "\(message)")
            await server.expectNothingLeft()
            #expect(server.folder.text("log")?.contains("[198.51.100.7]") == true)
        }
    }

    /// Octets in clear at a port with TLS, behind a header that is good.
    @Test func clearTextBehindAProxy() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"], extra: ["proxy_networks": "127.0.0.1"],
            options: [.tls, .proxy]
        ) { server, _ in
            let rest = try await server.client { client in
                try client.send(Self.version2 + Array("EHLO evil.example\r\n".utf8))
                return (try? client.rest()) ?? ""
            }
            #expect(rest == "")
            await server.expectNothingLeft()
            #expect(await server.running.snapshot().counters.handshakes == ["plaintext": 1])
        }
    }

    /// TLS does not replace the header.
    @Test func handshakeInPlaceOfTheHeader() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"], extra: ["proxy_networks": "127.0.0.1"],
            options: [.tls, .proxy]
        ) { server, _ in
            await #expect(throws: (any Error).self) { _ = try await TLSClient.connect(server.ports[0], tls: .init()) }
            await server.expectNothingLeft()
            #expect(await server.running.snapshot().counters.handshakes == [:])
        }
    }

    @Test(arguments: [true, false])
    func lmtp(isImplicit: Bool) async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await TLSFixture.run(
            ["mx": certificate], ["certificate mx.pem", "key mx.key"], options: isImplicit ? [.tls, .lmtp] : .lmtp
        ) { server, files in
            let client = try await TLSClient.connect(server.ports[0], tls: isImplicit ? .init() : nil)
            #expect(try await client.answer().code == 220)
            if !isImplicit {
                #expect(try await client.say("LHLO client.example").text.contains("STARTTLS"))
                #expect(try await client.say("STARTTLS").code == 220)
                try await client.startTLS()
            }
            #expect(try await client.say("EHLO client.example").code == 500)
            try await Self.deliver(client, "LHLO")
            let message = TLSFixture.message(in: files)
            #expect(message.contains(" with LMTPS (TLSv1.3 "), "\(message)")
        }
    }

    @Test func submission() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await AuthOverTLSTests.run(["mx": certificate], options: .submission) { server, files in
            let client = try await TLSClient.connect(server.ports[0])
            #expect(try await client.answer().code == 220)
            #expect(try await client.say("EHLO client.example").code == 250)
            #expect(try await client.say("MAIL FROM:<\(AuthOverTLSTests.user)>").code == 530)
            #expect(try await client.say("AUTH PLAIN \(AuthOverTLSTests.good)").code == 538)
            #expect(try await client.say("STARTTLS").code == 220)
            try await client.startTLS()
            #expect(try await client.say("EHLO client.example").text.contains("AUTH "))
            #expect(try await client.say("MAIL FROM:<\(AuthOverTLSTests.user)>").code == 530)
            #expect(try await client.say("AUTH PLAIN \(AuthOverTLSTests.good)").code == 235)
            try await Self.deliver(client, "EHLO", to: "b@elsewhere.example")
            let message = TLSFixture.message(in: files)
            #expect(message.contains(" with ESMTPSA (TLSv1.3 ") && message.contains("Message-ID: <"), "\(message)")
        }
    }

    private static func deliver(_ client: TLSClient, _ hello: String, to recipient: String = "b@server.example")
        async throws
    {
        for line in ["\(hello) client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<\(recipient)>"] {
            #expect(try await client.say(line).code == 250)
        }
        #expect(try await client.say("DATA").code == 354)
        #expect(try await client.say("Subject: x\r\n\r\ny\r\n.").code == 250)
        #expect(try await client.say("QUIT").code == 221)
        #expect(try await client.isClosed())
    }
}
