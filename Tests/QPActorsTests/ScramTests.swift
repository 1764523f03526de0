// ScramTests.swift
//
// RFC 5802, RFC 7677; RFC 5929 §4; EXTERNAL

import QPActors
import QPCrypto
import QPHooks
import QPTestKit
import Testing

/// A client of SCRAM.
struct ScramTestClient {
    let secrets = SystemSecrets(offloader: InlineOffloader())
    var user = "ann"
    var password = "pencil"
    var header = "n,,"
    var binding: [UInt8] = []
    var hash = SASLHash.sha256
    let nonce = "rOprNGfwEbeRWgbNEkqO"

    var bare: String { "n=\(self.user),r=\(self.nonce)" }
    var first: String { Base64.text(Array((self.header + self.bare).utf8)) }

    /// The answer to the server's first message, and what the server must say to it.
    func final(_ line: String) async throws -> (line: String, signature: String, parts: [String]) {
        let server = String(decoding: Base64.octets(line.dropFirst(4).utf8) ?? [], as: UTF8.self)
        let parts = server.split(separator: ",").map { String($0.dropFirst(2)) }
        guard parts.count == 3, let salt = Base64.octets(parts[1].utf8), let iterations = Int(parts[2]) else {
            return ("", "", [])
        }
        let (clientKey, keys) = try await self.keys(salt, iterations)
        let channel = Base64.text(Array(self.header.utf8) + self.binding)
        let withoutProof = "c=\(channel),r=\(parts[0])"
        let message = Array("\(self.bare),\(server),\(withoutProof)".utf8)
        let signature = self.secrets.code(message, key: keys.storedKey, self.hash)
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        return (
            Base64.text(Array("\(withoutProof),p=\(Base64.text(proof))".utf8)),
            "334 " + Base64.text(Array("v=\(Base64.text(self.secrets.signature(of: message, keys)))".utf8)), parts
        )
    }

    /// The client's key is not kept anywhere: it is made here out of the salted password, block by block.
    private func keys(_ salt: [UInt8], _ iterations: Int) async throws -> ([UInt8], ScramKeys) {
        let password = Array(self.password.utf8)
        var last = self.secrets.code(salt + [0, 0, 0, 1], key: password, self.hash)
        var salted = last
        for _ in 1..<iterations {
            last = self.secrets.code(last, key: password, self.hash)
            salted = zip(salted, last).map { $0 ^ $1 }
        }
        let clientKey = self.secrets.code(Array("Client Key".utf8), key: salted, self.hash)
        return (
            clientKey,
            ScramKeys(
                hash: self.hash, iterations: iterations, salt: salt,
                storedKey: self.secrets.digest(clientKey, self.hash),
                serverKey: self.secrets.code(Array("Server Key".utf8), key: salted, self.hash))
        )
    }
}

@Suite struct ScramTests {
    struct Vector: Sendable {
        let hash: SASLHash, first: String, server: String, final: String, verifier: String, nonces: (String, String)
        let salt: String
    }

    @Test(arguments: [
        Row(
            "RFC 5802 §5",
            Vector(
                hash: .sha1, first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                server: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                verifier: "rmF9pqV8S7suAoZWja4dJRkFsKQ=", nonces: ("fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j"),
                salt: "QSXCR+Q6sek8bf92"), true),
        Row(
            "RFC 7677 §3",
            Vector(
                hash: .sha256, first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                server: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                    + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                verifier: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
                nonces: ("rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"), salt: "W22ZaJ0SNY7soEsUEjb6gQ=="),
            true),
    ])
    func vectors(_ row: Row<Vector, Bool>) async throws {
        let secrets = SystemSecrets(offloader: InlineOffloader())
        let salt = try #require(Base64.octets(row.input.salt.utf8))
        let keys = try await secrets.keys(of: "pencil", salt: salt, iterations: 4096, row.input.hash)
        let first = try #require(ScramClientFirst(Array(row.input.first.utf8)))
        let server = ScramServerFirst(
            clientNonce: row.input.nonces.0, serverNonce: row.input.nonces.1, salt: salt, iterations: 4096)
        #expect(server.text == row.input.server)
        let final = try #require(ScramClientFinal(Array(row.input.final.utf8)))
        let message = final.authMessage(first, server)
        #expect(secrets.proves(final.proof, of: message, keys))
        #expect(Base64.text(secrets.signature(of: message, keys)) == row.input.verifier)
        var proof = final.proof
        proof[0] ^= 1
        #expect(!secrets.proves(proof, of: message, keys))
    }

    static let endPoint = [UInt8](repeating: 7, count: 32)
    static let facts = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", serverEndPoint: Self.endPoint)

    /// Knows ann by a secret; says of others what it has.
    static func knowing(_ secret: StoredSecret) -> EngineHarness.Entry {
        EngineHarness.Entry("keys", mechanisms: [.scramSHA1, .scramSHA256]) { hooks in
            hooks.on(.auth) { event, session in
                guard event.mechanism.hasPrefix("scram-") else { return .declined }
                session.offer(secret)
                return event.user == "ann" ? .ok : .declined
            }
        }
    }

    private static func begin(
        _ secret: StoredSecret, tls: TLSFacts? = nil
    ) -> (EngineHarness, TestClient, [String]) {
        let entries = (tls.map { [encrypting($0)] } ?? []) + [Self.knowing(secret), accepting]
        let harness = EngineHarness(entries, settings: EngineHarness.quietSettings, seams: authSeams())
        let client = harness.connect()
        client.send("EHLO a.example\r\n")
        return (harness, client, client.replies())
    }

    private static func say(_ line: String, _ client: TestClient, _ harness: EngineHarness) -> String {
        client.send(line + "\r\n")
        var said: [String] = []
        harness.settle {
            said += client.replies()
            return !said.isEmpty
        }
        return said.first ?? ""
    }

    struct Try: Sendable {
        var mechanism = "SCRAM-SHA-256"
        var user = "ann"
        var password = "pencil"
        var header = "n,,"
        var binding: [UInt8] = []
        var tls: TLSFacts?
        var hash = SASLHash.sha256
    }

    /// Where the exchange ends: `235`, `535` at the proof, `refused` at the first message, or the code of AUTH.
    @Test(arguments: [
        Row("as it should be", Try(), "235"),
        Row("SHA-1", Try(mechanism: "SCRAM-SHA-1", hash: .sha1), "235"),
        Row("a wrong password", Try(password: "pen"), "535"),
        Row("an unknown user", Try(user: "bob"), "535"),
        Row("for itself by name", Try(header: "n,a=ann,"), "235"),
        Row("for somebody else", Try(header: "n,a=bob,"), "refused"),
        Row("could bind, nothing offered", Try(header: "y,,"), "235"),
        Row("could bind, but was not offered it: a downgrade", Try(header: "y,,", tls: Self.facts), "refused"),
        Row("cannot bind under TLS", Try(tls: Self.facts), "235"),
        Row(
            "binds without -PLUS", Try(header: "p=tls-server-end-point,,", binding: Self.endPoint, tls: Self.facts),
            "refused"),
        Row("-PLUS in clear", Try(mechanism: "SCRAM-SHA-256-PLUS", header: "p=tls-server-end-point,,"), "504"),
        Row(
            "-PLUS",
            Try(
                mechanism: "SCRAM-SHA-256-PLUS", header: "p=tls-server-end-point,,", binding: Self.endPoint,
                tls: Self.facts), "235"),
        Row(
            "SHA-1-PLUS",
            Try(
                mechanism: "SCRAM-SHA-1-PLUS", header: "p=tls-server-end-point,,", binding: Self.endPoint,
                tls: Self.facts, hash: .sha1), "235"),
        Row(
            "-PLUS with another certificate",
            Try(mechanism: "SCRAM-SHA-256-PLUS", header: "p=tls-server-end-point,,", binding: [1], tls: Self.facts),
            "535"),
        Row(
            "-PLUS with another binding",
            Try(mechanism: "SCRAM-SHA-256-PLUS", header: "p=tls-unique,,", binding: Self.endPoint, tls: Self.facts),
            "refused"),
        Row("-PLUS unbound", Try(mechanism: "SCRAM-SHA-256-PLUS", header: "n,,", tls: Self.facts), "refused"),
    ])
    func exchanges(_ row: Row<Try, String>) async throws {
        let scram = ScramTestClient(
            user: row.input.user, password: row.input.password, header: row.input.header, binding: row.input.binding,
            hash: row.input.hash)
        let (harness, client, _) = Self.begin(.clear("pencil"), tls: row.input.tls)
        let first = Self.say("AUTH \(row.input.mechanism) \(scram.first)", client, harness)
        guard first.hasPrefix("334 ") else {
            return #expect(first.hasPrefix(row.expected == "refused" ? "535 5.7.8" : row.expected), "\(first)")
        }
        let (line, signature, _) = try await scram.final(first)
        let second = Self.say(line, client, harness)
        guard row.expected == "235" else { return #expect(second.hasPrefix(row.expected), "\(second)") }
        #expect(second == signature)
        #expect(Self.say("", client, harness).hasPrefix("235 2.7.0"))
        #expect(Self.say("AUTH PLAIN", client, harness).hasPrefix("503"))
    }

    @Test func storedKeysAndStrangersLookAlike() async throws {
        let secrets = SystemSecrets(offloader: InlineOffloader())
        let salt = [UInt8](repeating: 9, count: 12)
        let keys = try await secrets.keys(of: "pencil", salt: salt, iterations: 5000, .sha256)
        var parts: [String: [[String]]] = [:]
        for user in ["ann", "bob", "bob"] {
            let scram = ScramTestClient(user: user)
            let (harness, client, _) = Self.begin(.scram(keys))
            let (line, _, words) = try await scram.final(Self.say("AUTH SCRAM-SHA-256 \(scram.first)", client, harness))
            parts[user, default: []].append(words)
            #expect(Self.say(line, client, harness).hasPrefix(user == "ann" ? "334 " : "535 5.7.8"))
        }
        let all = parts.values.flatMap(\.self)
        #expect(Set(all.map { $0[2] }) == ["5000"])
        #expect(Set(all.map { $0[1].count }) == [16])
        // The same salt whenever bob is asked for, another nonce each time.
        let bob = try #require(parts["bob"])
        #expect(bob[0][1] == bob[1][1])
        #expect(bob[0][1] != parts["ann"]?.first?[1])
        // Keys of another hash are of no use.
        let (harness, client, _) = Self.begin(.scram(keys))
        let scram = ScramTestClient(hash: .sha1)
        let (line, _, _) = try await scram.final(Self.say("AUTH SCRAM-SHA-1 \(scram.first)", client, harness))
        #expect(Self.say(line, client, harness).hasPrefix("535"))
    }

    /// A salt that changes with capital letters would tell who is not listed, where names are the same in both.
    @Test(arguments: ["ann", "bob"])
    func saltsOfCapitalLetters(_ user: String) async throws {
        for secret in [StoredSecret.clear("pencil"), try #require(StoredSecret(Self.stored))] {
            var salts: Set<String> = []
            for name in [user, user.uppercased()] {
                let scram = ScramTestClient(user: name)
                let (harness, client, _) = Self.begin(secret)
                let words = try await scram.final(Self.say("AUTH SCRAM-SHA-256 \(scram.first)", client, harness)).parts
                salts.insert(try #require(words.dropFirst().first))
            }
            #expect(salts.count == 1 || user == "ann" && secret == StoredSecret(Self.stored))
        }
    }

    private static let stored =
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        + ",wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

    /// Whoever made us hash and then goes away has tried.
    @Test(arguments: ["*", "!", "gone"])
    func abandonedExchangesCount(_ last: String) {
        var settings = EngineHarness.quietSettings
        settings.limits.authErrorsPerAddress = 2
        let harness = EngineHarness(
            [Self.knowing(.clear("pencil")), accepting], settings: settings, seams: authSeams())
        let scram = ScramTestClient()
        for expected in ["334", "334", "454"] {
            let client = harness.connect()
            client.send("EHLO a.example\r\n")
            _ = client.replies()
            #expect(Self.say("AUTH SCRAM-SHA-256 \(scram.first)", client, harness).hasPrefix(expected))
            if last != "gone" { _ = Self.say(last, client, harness) }
            client.vanish()
        }
    }

    @Test(arguments: [
        Row("another nonce", "r", "535"), Row("no proof", "p", "535"), Row("cancelled", "*", "501"),
        Row("no base64", "!", "501 5.5.2"), Row("something behind the end", "x", "535"),
    ])
    func spoiltProofs(_ row: Row<String, String>) async throws {
        let scram = ScramTestClient()
        let (harness, client, _) = Self.begin(.clear("pencil"))
        let (line, _, _) = try await scram.final(Self.say("AUTH SCRAM-SHA-256 \(scram.first)", client, harness))
        let text = String(decoding: Base64.octets(line.utf8) ?? [], as: UTF8.self)
        let spoilt =
            switch row.input {
            case "r": Base64.text(Array(text.replacingFirst(",r=", with: ",r=x").utf8))
            case "p": Base64.text(Array("c=biws,r=x".utf8))
            case "*": "*"
            case "!": "!"
            default: line
            }
        var answer = Self.say(spoilt, client, harness)
        if row.input == "x" {
            #expect(answer.hasPrefix("334 "))
            answer = Self.say("AAAA", client, harness)
        }
        #expect(answer.hasPrefix(row.expected), "\(answer)")
        #expect(Self.say("MAIL FROM:<a@b.example>", client, harness).hasPrefix("250"))
    }

    @Test func offers() {
        let keys = StoredSecret.clear("x")
        #expect(Self.begin(keys).2.contains("250-AUTH SCRAM-SHA-256 SCRAM-SHA-1"))
        #expect(
            Self.begin(keys, tls: Self.facts).2.contains(
                "250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1"))
        let generic = EngineHarness.Entry("generic") { $0.on(.auth) { _, _ in .ok } }
        let client = EngineHarness([generic], seams: authSeams()).connect()
        client.send("EHLO a.example\r\n")
        #expect(client.replies().contains("250-AUTH CRAM-MD5 PLAIN LOGIN"))
    }

    static func certificate(_ names: [String], common: String?, verified: Bool = true) -> TLSFacts {
        TLSFacts(
            version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256",
            clientCertificate: ClientCertificate(
                subject: "CN=x", issuer: "CN=y", commonName: common, names: names, fingerprint: "00",
                isVerified: verified))
    }

    @Test(arguments: [
        Row("the address it names", (Self.certificate(["h.example", "ann@example.org"], common: "Ann"), "="), "235"),
        Row("one it asks for", (Self.certificate(["ann@example.org"], common: "Ann"), "QW5uQGV4YW1wbGUub3Jn"), "235"),
        Row("its common name", (Self.certificate([], common: "ann@example.org"), "="), "235"),
        Row(
            "one it does not name", (Self.certificate(["bob@example.org"], common: "Bob"), "YW5uQGV4YW1wbGUub3Jn"),
            "535"),
        Row("nobody we know", (Self.certificate(["bob@example.org"], common: "Bob"), "="), "535"),
        Row("no name at all", (Self.certificate([], common: nil), "="), "535"),
        Row("not verified", (Self.certificate(["ann@example.org"], common: nil, verified: false), "="), "504"),
        Row("no certificate", (Self.facts, "="), "504"),
    ])
    func external(_ row: Row<(TLSFacts, String), String>) {
        let entry = EngineHarness.Entry("certificates", mechanisms: [.external]) { hooks in
            hooks.on(.auth) { event, _ in
                event.mechanism == "external" && event.user.lowercased() == "ann@example.org" ? .ok : .declined
            }
        }
        let client = EngineHarness([encrypting(row.input.0), entry], seams: authSeams()).connect()
        client.send("EHLO a.example\r\n")
        #expect(client.replies().contains("250-AUTH EXTERNAL") == (row.expected != "504"))
        let answer = client.say("AUTH EXTERNAL \(row.input.1)").first ?? ""
        #expect(answer.hasPrefix(row.expected), "\(answer)")
    }
}

extension String {
    fileprivate func replacingFirst(_ text: String, with other: String) -> String {
        guard let range = self.firstRange(of: text) else { return self }
        return self.replacingCharacters(range, other)
    }

    private func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
