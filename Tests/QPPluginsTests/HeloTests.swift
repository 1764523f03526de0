// HeloTests.swift
//
// RFC 5321 §4.1.1.1, §4.1.3, §4.1.4

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("helo")
struct HeloTests {
    static let list = "aol.com\nyahoo.com\n^dynamic-[0-9]+\\.\nforged.\\.net$"

    private func harness(_ arguments: [String] = [], list: String = Self.list) throws -> PluginHarness {
        try PluginHarness(Helo.self, arguments: arguments, files: ["badhelo": list])
    }

    private func say(_ host: String, _ harness: PluginHarness) async throws -> Verdict<Void> {
        try await harness.run(.ehlo, HelloEvent(host: host, isExtended: true))
    }

    @Test(
        arguments: [
            Row("a good name", "mail.client.example", nil),
            Row("listed", "yahoo.com", "I do not believe you are yahoo.com."),
            Row("listed, in capitals", "Yahoo.COM", "I do not believe you are Yahoo.COM."),
            Row("below a listed one", "x.yahoo.com", nil),
            Row("a pattern", "DYNAMIC-12.isp.example", "I do not believe you are DYNAMIC-12.isp.example."),
            Row("localhost", "localhost", "You are not localhost"),
            Row("only looks like it", "not-localhost", nil), Row("in full", "example.com", nil),
            Row("its own address", "[192.0.2.1]", nil),
            Row("a forged one", "[192.0.2.2]", "Forged IPs not accepted here"),
            Row("another forged one", "[254.254.254.254]", "Forged IPs not accepted here"),
            Row("a forged IPv6 one", "[IPv6:2001:db8::1]", "Forged IPs not accepted here"),
            Row("plain", "1.0.0.0", "Plain IP is invalid HELO hostname (RFC 5321, 4.1.3)"),
            Row("plain and large", "254.254.254.254", "Plain IP is invalid HELO hostname (RFC 5321, 4.1.3)"),
            Row("plain, its own", "192.0.2.1", "Plain IP is invalid HELO hostname (RFC 5321, 4.1.3)"),
            Row("one label is tolerated", "mail", nil), Row("so is nonsense", "a_b/../\u{1b}[31m", nil),
        ] as [Row<String, String?>])
    func lenient(_ row: Row<String, String?>) async throws {
        let harness = try self.harness()
        for hook in [Hook.helo, Hook.ehlo] {
            harness.connect()
            let verdict = try await harness.run(hook, HelloEvent(host: row.input, isExtended: false))
            #expect(verdict == (row.expected.map { .denyDisconnect($0, .notAuthorized) } ?? .declined))
            #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected == nil ? nil : -1))
        }
        #expect(harness.resolver.asked.isEmpty)
    }

    @Test(arguments: [
        Row("matches", "ya.oo\\.com$", true), Row("does not", "ya.oo\\.co$", false), Row("not negated", "!\\.", false),
        Row("negated", "!yahoo", false), Row("negated, no match", "!aol", true), Row("a name", "yahoo.com", true),
    ])
    func lists(_ row: Row<String, Bool>) async throws {
        let verdict = try await self.say("yahoo.com", self.harness(list: row.input))
        #expect((verdict != .declined) == row.expected)
    }

    @Test func noDotIsListedByNegation() async throws {
        #expect(try await self.say("mail", self.harness(list: "!\\.")).code == .denyDisconnect)
    }

    @Test(arguments: ["127.0.0.1", "::1"], ["localhost", "not-localhost"])
    func localhostFromHere(_ address: String, _ host: String) async throws {
        let harness = try self.harness()
        harness.connect(from: address)
        #expect(try await self.say(host, harness) == .declined)
    }

    @Test func noHost() async throws {
        let harness = try self.harness()
        #expect(try await self.say("", harness) == .declined)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == -2)
    }

    @Test(
        arguments: [
            Row("both agree", "mail.client.example", nil), Row("a dot at the end", "mail.client.example.", nil),
            Row("its own address", "[192.0.2.1]", nil),
            Row("one label", "mail", "HELO name is not fully qualified. Read RFC 5321, 2.3.5"),
            Row(
                "no host name", "ma_il.client.example",
                "HELO name contains invalid FQDN characters. Read RFC 1035, 2.3.1"),
            Row("does not exist", "perl.test", "HELO hostname does not exist"),
            Row("has no address", "bare.client.example", "HELO hostname did not resolve"),
            Row("another host", "elsewhere.example", nil),
            Row("lenient ones first", "yahoo.com", "I do not believe you are yahoo.com."),
        ] as [Row<String, String?>])
    func rfc(_ row: Row<String, String?>) async throws {
        let harness = try self.harness(["policy", "rfc"])
        self.fill(harness)
        #expect(try await self.say(row.input, harness).text == row.expected ?? "")
    }

    private func fill(_ harness: PluginHarness) {
        harness.resolver[.ptr("192.0.2.1")] = .success(.names(["mail.client.example"]))
        harness.resolver[.a("mail.client.example")] = .success(.addresses(["192.0.2.1"]))
        harness.resolver[.a("bare.client.example")] = .failure(.noData)
        harness.resolver[.aaaa("bare.client.example")] = .failure(.noData)
        harness.resolver[.a("elsewhere.example")] = .success(.addresses(["198.51.100.1"]))
    }

    @Test(arguments: ["192.0.2.0", "192.0.2.7"])
    func noReverseName(_ address: String) async throws {
        let harness = try self.harness(["policy", "rfc"])
        self.fill(harness)
        harness.connect(from: address)
        #expect(try await self.say("mail.client.example", harness).text == "no rDNS for \(address)")
    }

    struct Matching: Sendable {
        var client = "192.0.2.1"
        var addresses = ["198.51.100.1"]
        var names = ["host.other.example"]
    }

    @Test(
        arguments: [
            Row("the address", Matching(addresses: ["198.51.100.9", "192.0.2.1"]), [1, 0]),
            Row("a neighbour", Matching(addresses: ["192.0.2.250"]), [1, 0]),
            Row("next network", Matching(addresses: ["192.0.3.1"]), [0, 0]),
            Row("IPv6", Matching(client: "2001:db8::1", addresses: ["2001:db8::1"]), [1, 0]),
            Row("IPv6 neighbour", Matching(client: "2001:db8::1", addresses: ["2001:db8::ffff:1"]), [1, 0]),
            Row("IPv6 elsewhere", Matching(client: "2001:db8::1", addresses: ["2001:db8::1:0:1"]), [0, 0]),
            Row("the name", Matching(names: ["a.example", "Mail.Client.example"]), [0, 1]),
            Row("the domain", Matching(names: ["pool-7.client.example"]), [0, 1]),
            Row("another domain", Matching(names: ["mail.client.example.net"]), [0, 0]),
            Row("both", Matching(addresses: ["192.0.2.1"], names: ["mail.client.example"]), [1, 1]),
        ] as [Row<Matching, [Int]>])
    func strict(_ row: Row<Matching, [Int]>) async throws {
        let harness = try self.harness(["policy", "strict"])
        harness.connect(from: row.input.client)
        let question: DNSQuestion =
            row.input.client.contains(":") ? .aaaa("mail.client.example") : .a("mail.client.example")
        harness.resolver[question] = .success(.addresses(row.input.addresses))
        harness.resolver[.ptr(row.input.client)] = .success(.names(row.input.names))
        let verdict = try await self.say("mail.client.example", harness)
        #expect(verdict.text == (row.expected == [0, 0] ? "That HELO hostname fails FCrDNS" : ""))
        let notes = ["helo_forward_match", "helo_reverse_match"].map { harness.session.notes[NoteKey<Int>($0)] ?? 0 }
        #expect(notes == row.expected)
        let karma = row.expected == [1, 1] ? 1 : row.expected == [0, 0] ? -1 : nil
        #expect(harness.session.notes[NoteKey<Int>("karma")] == karma)
    }

    @Test(arguments: ["192.0.2.1", "1.0.0.0", "254.254.254.254"])
    func strictnessAboutLiterals(_ address: String) async throws {
        let harness = try self.harness(["policy", "strict"])
        harness.connect(from: address)
        #expect(
            try await self.say("[\(address)]", harness).text == "RFC 5321 allows an address literal, but we do not")
        #expect(try await self.say(address, harness).text.hasPrefix("Plain IP "))
    }

    @Test(arguments: ["rfc", "strict"], [DNSError.temporary("SERVFAIL"), .timedOut])
    func noAnswerDecidesNothing(_ policy: String, _ error: DNSError) async throws {
        let harness = try self.harness(["policy", policy])
        harness.resolver[.a("mail.client.example")] = .failure(error)
        harness.resolver[.ptr("192.0.2.1")] = .failure(error)
        #expect(try await self.say("mail.client.example", harness) == .declined)
        #expect(harness.log.events.count { $0.level == .error } == 2)
    }

    @Test func aSecondNameStartsAnew() async throws {
        let harness = try self.harness(["policy", "rfc"])
        self.fill(harness)
        _ = try await self.say("mail.client.example", harness)
        #expect(harness.session.notes["helo_forward_match"] == .int(1))
        _ = try await self.say("elsewhere.example", harness)
        #expect(harness.session.notes["helo_forward_match"] == nil)
        #expect(harness.session.notes["helo_reverse_match"] == nil)
    }

    @Test(
        arguments: [
            Row("disconnect by default", [], .denyDisconnect), Row("perm", ["reject_type", "perm"], .deny),
            Row("temp", ["reject_type", "temp"], .denysoft), Row("only logged", ["reject", "0"], .declined),
            Row("naughty", ["reject", "naughty"], .declined),
        ] as [Row<[String], ReturnCode>])
    func policies(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try self.harness(row.input)
        #expect(try await self.say("aol.com", harness).code == row.expected)
        #expect((harness.session.notes["naughty"] != nil) == row.input.contains("naughty"))
    }

    @Test func relayClientsMaySayWhatTheyLike() async throws {
        let harness = try self.harness(["policy", "strict"])
        harness.session.isRelayClient = true
        #expect(try await self.say("aol.com", harness) == .declined)
        #expect(harness.resolver.asked.isEmpty)
    }

    @Test func field() async throws {
        let harness = try self.harness()
        try harness.mail("X-HELO: forged\nSubject: x\n\nbody\n")
        #expect(try await harness.run(.dataPost) == .declined)
        #expect(harness.message?.header.all("X-HELO").map(\.value) == ["forged"])
        harness.introduce("mail.client.example")
        #expect(try await harness.run(.dataPost) == .declined)
        #expect(harness.message?.header.all("X-HELO").map(\.value) == ["mail.client.example"])
    }

    @Test func badList() {
        let error = #expect(throws: PluginError.self) { try self.harness(list: "ok.example\n^(a") }
        #expect(error?.description == "badhelo:2: '^(a': missing closing parenthesis, at octet 3")
    }

    @Test(arguments: [["policy", "harsh"], ["timeout", "x"], ["reject_type", "x"], ["lenient"], ["host", "x"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(Helo.self, arguments: arguments) }
    }
}
