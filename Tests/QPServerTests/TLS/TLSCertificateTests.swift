// TLSCertificateTests.swift
//
// RFC 6066 §3, RFC 5929 §4.1, RFC 5280: which certificate is served, and what is known of a client's.

import Crypto
import NIOSSL
import QPCertificates
import QPHooks
import QPTelemetry
import QPTestCertificates
import Testing

@testable import QPServer

@Suite(.serialized)
struct TLSCertificateTests {
    private func greet(_ server: TestServer, _ wishes: TLSClient.Wishes = .init()) async throws -> TLSClient {
        let client = try await TLSClient.connect(server.ports[0])
        _ = try await client.answer()
        _ = try await client.say("STARTTLS")
        try await client.startTLS(wishes)
        return client
    }

    @Test(
        arguments: [
            (nil, "mx"), ("mx.server.example", "mx"), ("Other.Example", "other"), ("a.wild.example", "wild"),
            ("a.b.wild.example", "mx"),
        ] as [(String?, String)])
    func byName(_ name: String?, _ expected: String) async throws {
        let authority = try TestAuthority()
        let certificates = try ["mx", "other", "wild"].reduce(into: [String: TestCertificate]()) {
            $0[$1] = try authority.issue("\($1).example")
        }
        let lines = [
            "certificate mx.pem", "key mx.key", "name other.example certificate other.pem key other.key",
            "name *.wild.example certificate wild.pem key wild.key",
        ]
        try await TLSFixture.run(certificates, lines) { server, _ in
            let client = try await self.greet(server, .init(name: name))
            #expect(client.serverSerial == certificates[expected]?.serial)
            let facts = try await client.say("NOOP").text
            #expect(facts.contains("sni \(name?.lowercased() ?? "-")"))
            let der = try #require(certificates[expected]?.der)
            #expect(facts.contains("binding \(SHA256.hash(data: der).map { String($0) }.joined(separator: "."))"))
            client.close()
        }
    }

    @Test func bindingHasTheHashOfTheSignature() throws {
        let authority = try TestAuthority()
        let (short, middle, long) = (
            try authority.issue("a").der, try authority.issue("a", hash: .sha384).der,
            try authority.issue("a", hash: .sha512).der
        )
        #expect(PeerCertificate.endPoint(short) == Array(SHA256.hash(data: short)))
        #expect(PeerCertificate.endPoint(middle) == Array(SHA384.hash(data: middle)))
        #expect(PeerCertificate.endPoint(long) == Array(SHA512.hash(data: long)))
        #expect(PeerCertificate.endPoint([1, 2, 3]) == Array(SHA256.hash(data: [1, 2, 3])))
    }

    /// In what order a client lists its suites makes no difference.
    @Test(
        arguments: [
            ("", ["AES256-GCM-SHA384", "AES128-GCM-SHA256", "CHACHA20-POLY1305"], "WITH_AES_128_GCM_SHA256"),
            ("", ["AES128-SHA", "CHACHA20-POLY1305", "AES256-GCM-SHA384"], "WITH_AES_256_GCM_SHA384"),
            ("", ["CHACHA20-POLY1305", "AES256-SHA"], "WITH_CHACHA20_POLY1305_SHA256"),
            (
                "ciphers ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA",
                ["AES128-GCM-SHA256", "AES128-SHA", "CHACHA20-POLY1305"], "WITH_CHACHA20_POLY1305_SHA256"
            ),
            ("ciphers ECDHE-ECDSA-AES128-SHA", ["AES128-SHA"], "WITH_AES_128_CBC_SHA"),
        ] as [(String, [String], String)])
    func ourOrderOfSuites(_ line: String, _ offered: [String], _ expected: String) async throws {
        let certificate = try TestAuthority().issue("mx.example")
        let suites = offered.map { "ECDHE-ECDSA-\($0)" }
        let lines = ["certificate mx.pem", "key mx.key"] + (line.isEmpty ? [] : [line])
        try await TLSFixture.run(["mx": certificate], lines) { server, _ in
            for order in [suites, suites.reversed()] {
                let client = try await self.greet(server, .init(versions: (.tlsv12, .tlsv12), suites: order))
                #expect(try await client.say("NOOP").text.contains("TLSv1.2 TLS_ECDHE_ECDSA_\(expected)"))
                client.close()
            }
        }
    }

    // MARK: Renewal

    @Test func renewedOnDisk() async throws {
        let authority = try TestAuthority()
        let (first, second) = (try authority.issue("mx.server.example"), try authority.issue("mx.server.example"))
        try await TLSFixture.run(["mx": first], ["certificate mx.pem", "key mx.key"]) { server, files in
            var open: [TLSClient] = []
            for _ in 0..<200 { open.append(try await self.greet(server)) }
            #expect(open[0].serverSerial == first.serial)

            // A key that does not fit: the old certificate goes on, and the log says where.
            TLSFixture.replace("mx.key", in: files, second.key)
            let isTold = await server.eventually {
                files.lines("log").contains { $0.contains("/tls:2: error: ") && $0.contains("does not fit") }
            }
            #expect(isTold)
            #expect(try await self.greet(server).serverSerial == first.serial)

            TLSFixture.replace("mx.pem", in: files, second.pem)
            var serial = first.serial
            for _ in 0..<500 where serial != second.serial {
                let client = try await self.greet(server)
                serial = client.serverSerial
                client.close()
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(serial == second.serial)
            for client in open { #expect(try await client.say("EHLO a").code == 250) }
            for client in open { client.close() }
        }
    }

    struct Bad: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let lines: [String]
        let problem: String
    }

    @Test(arguments: [
        Bad(testDescription: "not there", lines: ["certificate none.pem"], problem: "tls:1: error: there is no file"),
        Bad(
            testDescription: "garbage", lines: ["certificate me"],
            problem: "tls:1: error: $DIR/me has no certificate in PEM form"),
        Bad(
            testDescription: "no key in the file", lines: ["certificate mx.pem"],
            problem: "tls:1: error: $DIR/mx.pem has no private key"),
        Bad(
            testDescription: "another's key", lines: ["certificate mx.pem", "key other.key"],
            problem: "tls:2: error: the key $DIR/other.key does not fit the certificate $DIR/mx.pem"),
        Bad(testDescription: "a key alone", lines: ["key mx.key"], problem: "tls:1: error: there is a key but no"),
        Bad(
            testDescription: "a slip", lines: ["certificat mx.pem"],
            problem: "tls:1: error: there is no setting 'certificat' (did you mean certificate?)"),
        Bad(
            testDescription: "clients without authorities",
            lines: ["certificate mx.pem", "key mx.key", "client-certificates require"],
            problem: "tls:3: error: client-certificates require needs a line client-ca FILE"),
        Bad(
            testDescription: "a weak suite", lines: ["certificate mx.pem", "key mx.key", "ciphers RC4-SHA"],
            problem: "tls:3: error: 'RC4-SHA' is none of"),
        Bad(
            testDescription: "expired", lines: ["certificate old.pem", "key old.key"],
            problem: "tls:1: warning: $DIR/old.pem has expired"),
    ])
    func whatIsWrong(_ test: Bad) throws {
        let authority = try TestAuthority()
        let files = ScratchFolder()
        for (name, days) in [("mx", 30), ("other", 30), ("old", -1)] as [(String, Double)] {
            let certificate = try authority.issue("\(name).example", days: days)
            files.write("\(name).pem", certificate.pem)
            files.write("\(name).key", certificate.key)
        }
        files.write("me", "mx.server.example\n")
        files.write("plugins", "rcpt_ok\n")
        files.write("tls", test.lines.joined(separator: "\n") + "\n")
        let report = CheckReport(ConfigDirectory(files.path), catalogue: [:])
        let expected = test.problem.replacing("$DIR", with: files.path)
        #expect(report.problems.contains { $0.description.contains(expected) }, "\(report.problems)")
    }

    @Test func placesOfQpsmtpd() throws {
        let certificate = try TestAuthority().issue("mx.example")
        for (name, text) in [
            ("tls_cert", "a.pem"), ("plugins", "tls $DIR/a.pem $DIR/a.key"), ("plugins", "tls"),
            ("tls", "certificate a.pem"),
        ] {
            let files = ScratchFolder()
            files.write("a.pem", certificate.pem + (name == "plugins" ? "" : certificate.key))
            files.write("a.key", certificate.key)
            files.write(name, text.replacing("$DIR", with: files.path) + "\n")
            let cache = ConfigReadCache(ConfigDirectory(files.path))
            let config = TLSConfig(
                reading: cache.read, folder: files.path, plugins: PluginList(cache.read("plugins")).entries)
            let loader = TLSLoader(config.settings, former: nil)
            #expect((loader.identities == nil) == (text == "tls"), "\(loader.problems)")
            #expect(config.problems.map(\.refuses) == (text == "tls" ? [false] : []))
        }
    }

    // MARK: Clients

    struct Shown: CustomTestStringConvertible, Sendable {
        let mode: String
        let shown: String?
        let expected: String?
        var testDescription: String { "\(self.mode), \(self.shown ?? "nothing") shown" }
    }

    @Test(arguments: [
        Shown(mode: "none", shown: "own", expected: "client - bad"),
        Shown(mode: "request", shown: nil, expected: "client - bad"),
        Shown(mode: "request", shown: "own", expected: "client own.example good"),
        Shown(mode: "request", shown: "foreign", expected: "client foreign.example bad"),
        Shown(mode: "request", shown: "expired", expected: "client expired.example bad"),
        Shown(mode: "require", shown: nil, expected: nil),
        Shown(mode: "require", shown: "own", expected: "client own.example good"),
        Shown(mode: "require", shown: "foreign", expected: nil),
        Shown(mode: "require", shown: "expired", expected: nil),
    ])
    func clients(_ test: Shown) async throws {
        let (authority, stranger) = (try TestAuthority(), try TestAuthority("Test Authority"))
        let shown: TestCertificate? =
            switch test.shown {
            case "own"?: try authority.issue("own.example", mail: "ann@own.example")
            case "foreign"?: try stranger.issue("foreign.example")
            case "expired"?: try authority.issue("expired.example", days: -1)
            default: nil
            }
        let lines = [
            "certificate mx.pem", "key mx.key", "client-ca ca.pem", "client-certificates \(test.mode)",
        ]
        let certificates = ["mx": try authority.issue("mx.example"), "ca": authority.own]
        try await TLSFixture.run(certificates, lines) { server, _ in
            let wishes = TLSClient.Wishes(certificate: shown.map { ($0.pem, $0.key) })
            guard let expected = test.expected else {
                // TLS 1.3: the client may think that all is well until it reads.
                await #expect(throws: (any Error).self) {
                    let client = try await self.greet(server, wishes)
                    _ = try await client.say("NOOP")
                }
                await server.expectNothingLeft()
                #expect(await server.running.snapshot().counters.handshakes == ["certificate": 1])
                return
            }
            let client = try await self.greet(server, wishes)
            let facts = try await client.say("NOOP").text
            #expect(facts.contains(expected), "\(facts)")
            if test.shown == "own", test.mode != "none" {
                #expect(facts.contains("subject CN=own.example,O=Tests"))
                #expect(facts.contains("names own.example ann@own.example"))
            }
            client.close()
        }
    }
}
