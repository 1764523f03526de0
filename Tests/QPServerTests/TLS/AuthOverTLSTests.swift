// AuthOverTLSTests.swift
//
// RFC 4954 over real TLS: SCRAM bound to the server's certificate (RFC 5929 §4), EXTERNAL, what STARTTLS forgets.

import Crypto
import NIOSSL
import QPActors
import QPHooks
import QPTestCertificates
import Testing

@testable import QPServer

@Suite(.serialized)
struct AuthOverTLSTests {
    static let user = "ann@example.org"
    static let password = "pencil"
    static let good = Base64.text(Array("\0\(Self.user)\0\(Self.password)".utf8))
    static let bad = Base64.text(Array("\0\(Self.user)\0pen".utf8))
    static let offer = "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"

    /// A server that knows ann.
    static func run(
        _ certificates: [String: TestCertificate], tls: [String] = [], extra: [String: String] = [:],
        options: ListenerOptions = [], _ body: (TestServer, ScratchFolder) async throws -> Void
    ) async throws {
        let users = ["flat_auth_pw": "\(Self.user):\(Self.password)\ncid@example.org:\(Self.password)"]
        try await TLSFixture.run(
            certificates, ["certificate mx.pem", "key mx.key"] + tls, extra: users.merging(extra) { $1 },
            plugins: ["auth/auth_flat_file external 1"], options: options, body)
    }

    /// A client that has said EHLO under TLS, and what it was offered.
    static func secured(
        _ server: TestServer, _ wishes: TLSClient.Wishes = .init()
    ) async throws -> (TLSClient, String) {
        let client = try await TLSClient.connect(server.ports[0])
        #expect(try await client.answer().code == 220)
        #expect(try await client.say("STARTTLS").code == 220)
        try await client.startTLS(wishes)
        return (client, try await client.say("EHLO client.example").text)
    }

    // MARK: SCRAM

    struct Exchange: Sendable, CustomTestStringConvertible {
        enum Binding: Sendable {
            case none, right, anothers
        }
        let testDescription: String
        var mechanism = "SCRAM-SHA-256-PLUS"
        var hash = SASLHash.sha256
        var header = "p=tls-server-end-point,,"
        var binding = Binding.right
        var signature = TestAuthority.Hash.sha256
        var only12 = false
        let codes: [Int]
    }

    @Test(arguments: [
        Exchange(testDescription: "SCRAM-SHA-256-PLUS", codes: [334, 334, 235]),
        Exchange(
            testDescription: "SCRAM-SHA-1-PLUS", mechanism: "SCRAM-SHA-1-PLUS", hash: .sha1, codes: [334, 334, 235]),
        Exchange(testDescription: "over TLS 1.2", only12: true, codes: [334, 334, 235]),
        Exchange(testDescription: "a certificate with SHA-384", signature: .sha384, codes: [334, 334, 235]),
        Exchange(testDescription: "another certificate: somebody sits between", binding: .anothers, codes: [334, 535]),
        Exchange(testDescription: "no data of the binding", binding: .none, codes: [334, 535]),
        Exchange(testDescription: "another kind of binding", header: "p=tls-unique,,", codes: [535]),
        Exchange(testDescription: "-PLUS without binding", header: "n,,", binding: .none, codes: [535]),
        Exchange(testDescription: "-PLUS, but not offered", header: "y,,", binding: .none, codes: [535]),
        Exchange(
            testDescription: "the offer of -PLUS was taken away", mechanism: "SCRAM-SHA-256", header: "y,,",
            binding: .none, codes: [535]),
        Exchange(
            testDescription: "the same with SHA-1", mechanism: "SCRAM-SHA-1", hash: .sha1, header: "y,,",
            binding: .none, codes: [535]),
        Exchange(
            testDescription: "a client that cannot bind", mechanism: "SCRAM-SHA-256", header: "n,,", binding: .none,
            codes: [334, 334, 235]),
    ])
    func scram(_ exchange: Exchange) async throws {
        let authority = try TestAuthority()
        let certificate = try authority.issue("mx.server.example", hash: exchange.signature)
        let another = try authority.issue("mx.server.example")
        try await Self.run(["mx": certificate]) { server, _ in
            let (client, offer) = try await Self.secured(
                server, exchange.only12 ? .init(versions: (.tlsv12, .tlsv12)) : .init())
            #expect(offer.contains("-\(Self.offer)\n") || offer.hasSuffix(" \(Self.offer)"), "\(offer)")
            var scram = ScramClient(
                user: Self.user, password: Self.password, hash: exchange.hash, header: exchange.header)
            switch exchange.binding {
            case .none: break
            case .right: scram.binding = Self.endPoint(certificate, exchange.signature)
            case .anothers: scram.binding = Self.endPoint(another, .sha256)
            }
            var answers = [try await client.say("AUTH \(exchange.mechanism) \(scram.first)")]
            if answers[0].code == 334 {
                let final = try #require(scram.final(String(answers[0].text.dropFirst(4))))
                answers.append(try await client.say(final.line))
                if answers[1].code == 334 {
                    #expect(answers[1].text == "334 \(final.verifier)")
                    answers.append(try await client.say(""))
                }
            }
            #expect(answers.map(\.code) == exchange.codes)
            // The exchange is over, and only those who proved themselves may relay.
            let isIn = exchange.codes.last == 235
            #expect(try await client.say("NOOP").text.contains(isIn ? "user \(Self.user) relays" : "user - does not"))
            client.close()
        }
    }

    /// RFC 5929 §4.1: the hash of the certificate, by the hash function of its signature.
    private static func endPoint(_ certificate: TestCertificate, _ hash: TestAuthority.Hash) -> [UInt8] {
        switch hash {
        case .sha256: Array(SHA256.hash(data: certificate.der))
        case .sha384: Array(SHA384.hash(data: certificate.der))
        case .sha512: Array(SHA512.hash(data: certificate.der))
        }
    }

    // MARK: EXTERNAL

    struct Shown: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let address: String?
        var isForeign = false
        let response: String
        let code: Int
    }

    @Test(arguments: [
        Shown(testDescription: "the user it names", address: user, response: "=", code: 235),
        Shown(testDescription: "asked for by name", address: user, response: base64(user), code: 235),
        Shown(testDescription: "another user's name", address: user, response: base64("cid@example.org"), code: 535),
        Shown(testDescription: "nobody we know", address: "bob@example.org", response: "=", code: 535),
        Shown(testDescription: "of another authority", address: user, isForeign: true, response: "=", code: 504),
        Shown(testDescription: "none", address: nil, response: base64(user), code: 504),
    ])
    func external(_ shown: Shown) async throws {
        let authority = try TestAuthority()
        let certificates = ["mx": try authority.issue("mx.server.example"), "ca": authority.own]
        let issuer = shown.isForeign ? try TestAuthority("Stranger") : authority
        let own = try shown.address.map { try issuer.issue("client.example", mail: $0) }
        let lines = ["client-ca ca.pem", "client-certificates request"]
        try await Self.run(certificates, tls: lines) { server, _ in
            let (client, offer) = try await Self.secured(server, .init(certificate: own.map { ($0.pem, $0.key) }))
            #expect(offer.contains("AUTH EXTERNAL ") == (shown.code != 504), "\(offer)")
            #expect(try await client.say("AUTH EXTERNAL \(shown.response)").code == shown.code)
            let isIn = shown.code == 235
            #expect(try await client.say("NOOP").text.contains(isIn ? "user \(Self.user) relays" : "user - does not"))
            client.close()
        }
    }

    private static func base64(_ text: String) -> String { Base64.text(Array(text.utf8)) }

    // MARK: In clear, and what becomes of it

    @Test("claim 61: mail of a user over TLS is received with ESMTPSA") func notInClear() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await Self.run(["mx": certificate]) { server, files in
            let client = try await TLSClient.connect(server.ports[0])
            _ = try await client.answer()
            #expect(try await client.say("EHLO client.example").text.contains("AUTH") == false)
            // A client that does not wait for the refusal: its secrets are no commands.
            try await client.send("AUTH LOGIN\r\n\(Self.base64(Self.user))\r\n\(Self.base64(Self.password))\r\n")
            #expect(try await [client.answer().code, client.answer().code, client.answer().code] == [538, 500, 500])
            #expect(try await client.say("AUTH PLAIN \(Self.good)").code == 538)
            #expect(try await client.say("STARTTLS").code == 220)
            try await client.startTLS()
            #expect(try await client.say("AUTH PLAIN \(Self.good)").code == 503)
            #expect(try await client.say("EHLO client.example").text.contains(Self.offer))
            try await client.send("AUTH PLAIN\r\n\(Self.good)\r\nMAIL FROM:<\(Self.user)>\r\n")
            #expect(try await [client.answer().code, client.answer().code, client.answer().code] == [334, 235, 250])
            #expect(try await client.say("RCPT TO:<b@elsewhere.example>").code == 250)
            #expect(try await client.say("DATA").code == 354)
            #expect(try await client.say("Subject: x\r\n\r\ny\r\n.").code == 250)
            #expect(try await client.say("QUIT").code == 221)
            let message = TLSFixture.message(in: files)
            #expect(message.contains(" with ESMTPSA (TLSv1.3 TLS_"), "\(message)")
            let log = server.folder.text("log") ?? ""
            for secret in [Self.good, Self.base64(Self.password), Self.password] { #expect(!log.contains(secret)) }
        }
    }

    @Test func startTLSForgetsTheUser() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await Self.run(["mx": certificate], extra: ["tls_before_auth": "0"]) { server, _ in
            let client = try await TLSClient.connect(server.ports[0])
            _ = try await client.answer()
            #expect(try await client.say("EHLO client.example").text.contains("AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM"))
            #expect(try await client.say("AUTH PLAIN \(Self.good)").code == 235)
            #expect(try await client.say("MAIL FROM:<\(Self.user)>").code == 250)
            #expect(try await client.say("RCPT TO:<b@elsewhere.example>").code == 250)
            #expect(try await client.say("STARTTLS").code == 220)
            try await client.startTLS()
            #expect(try await client.say("NOOP").text.contains("user - does not relay"))
            #expect(try await client.say("EHLO client.example").text.contains(Self.offer))
            #expect(try await client.say("MAIL FROM:<\(Self.user)>").code == 250)
            #expect(try await client.say("RCPT TO:<b@elsewhere.example>").code == 550)
            #expect(try await client.say("RSET").code == 250)
            #expect(try await client.say("AUTH PLAIN \(Self.good)").code == 235)
            #expect(try await client.say("MAIL FROM:<\(Self.user)>").code == 250)
            #expect(try await client.say("RCPT TO:<b@elsewhere.example>").code == 250)
            client.close()
        }
    }

    @Test func startTLSForgetsFailures() async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await Self.run(["mx": certificate], extra: ["tls_before_auth": "0"]) { server, files in
            let client = try await TLSClient.connect(server.ports[0])
            _ = try await client.answer()
            _ = try await client.say("EHLO client.example")
            #expect(try await client.say("AUTH PLAIN \(Self.bad)").code == 535)
            #expect(try await client.say("STARTTLS").code == 220)
            try await client.startTLS()
            for line in ["EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@server.example>"] {
                #expect(try await client.say(line).code == 250)
            }
            #expect(try await client.say("DATA").code == 354)
            #expect(try await client.say("Subject: x\r\n\r\ny\r\n.").code == 250)
            #expect(try await client.say("QUIT").code == 221)
            let message = TLSFixture.message(in: files)
            #expect(message.contains("Authentication-Results: mx.server.example; auth=none"), "\(message)")
        }
    }
}
