// DNSListTests.swift
//
// RFC 5782 §2.2, §2.3

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("dns_whitelist_soft")
struct DNSWhitelistSoftTests {
    @Test(
        arguments: [
            Row("known", .success(.texts(["a friend"])), "a friend"),
            Row("known, without a text", .success(.texts([""])), "1"),
            Row("a text that would say no", .success(.texts(["0"])), "1"),
            Row("unknown", .failure(.noSuchName), nil), Row("SERVFAIL", .failure(.temporary("SERVFAIL")), nil),
            Row("silence", .failure(.timedOut), nil),
        ] as [Row<Result<DNSAnswer, DNSError>, String?>])
    func clients(_ row: Row<Result<DNSAnswer, DNSError>, String?>) async throws {
        let files = ["whitelist_zones": "white.example\nother.example"]
        let harness = try PluginHarness(DNSWhitelistSoft.self, files: files)
        harness.resolver[.txt("1.2.0.192.white.example")] = row.input
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.session.notes[NoteKey<String>("whitelisthost")] == row.expected)
        #expect(harness.session.isImmune == (row.expected != nil))
        #expect(harness.resolver.asked.count == 2)
    }

    @Test func noZonesNoQuestions() async throws {
        let harness = try PluginHarness(DNSWhitelistSoft.self)
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.resolver.asked.isEmpty)
    }

    @Test func badZone() {
        #expect(throws: PluginError.self) {
            try PluginHarness(DNSWhitelistSoft.self, files: ["whitelist_zones": "white.example\na..b"])
        }
    }
}

@Suite("rhsbl")
struct RHSBLTests {
    static let zones = "rhs.example\ncodes.example  is on our list"

    private func harness(_ arguments: [String] = []) throws -> PluginHarness {
        let harness = try PluginHarness(RHSBL.self, arguments: arguments, files: ["rhsbl_zones": Self.zones])
        harness.resolver[.txt("spam.example.rhs.example")] = .success(.texts(["sends spam"]))
        harness.resolver[.txt("bad.client.example.rhs.example")] = .success(.texts(["is bad"]))
        harness.resolver[.a("worse.example.codes.example")] = .success(.addresses(["127.0.0.2"]))
        harness.introduce("good.client.example")
        return harness
    }

    @Test(
        arguments: [
            Row("nobody", "ann@ok.example", nil), Row("the null sender", "", nil),
            Row("listed", "x@Spam.Example", "Mail from spam.example rejected because it sends spam"),
            Row(
                "a text of the operator", "x@worse.example",
                "Mail from worse.example rejected because it is on our list"),
            Row("a domain below", "x@y.spam.example", nil), Row("an address", "x@[192.0.2.1]", nil),
        ] as [Row<String, String?>])
    func senders(_ row: Row<String, String?>) async throws {
        let harness = try self.harness()
        let verdict = try await harness.run(.mail, MailEvent(testing: row.input))
        #expect(verdict == (row.expected.map { .deny($0, .badSenderSystem) } ?? .declined))
        if row.input.isEmpty { #expect(harness.resolver.asked.isEmpty) }
    }

    @Test(arguments: [
        Row("listed", "bad.client.example", true), Row("not listed", "good.client.example", false),
        Row("a literal", "[192.0.2.1]", false), Row("hostile", "../../x\u{7f}", false),
    ])
    func introductions(_ row: Row<String, Bool>) async throws {
        let harness = try self.harness()
        harness.introduce(row.input)
        let text = try await harness.run(.mail, MailEvent(testing: "ann@ok.example")).text
        #expect(text == (row.expected ? "Mail from HELO bad.client.example rejected because it is bad" : ""))
    }

    @Test(
        arguments: [
            Row("default", [], .deny), Row("one word", ["disconnect"], .denyDisconnect),
            Row("temp", ["reject_type", "temp"], .denysoft), Row("only logged", ["reject", "0"], .declined),
            Row("naughty", ["reject", "naughty"], .declined),
        ] as [Row<[String], ReturnCode>])
    func policies(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try self.harness(row.input)
        #expect(try await harness.run(.mail, MailEvent(testing: "x@spam.example")).code == row.expected)
        #expect((harness.session.notes["naughty"] != nil) == row.input.contains("naughty"))
    }

    @Test func noAnswerPasses() async throws {
        let harness = try self.harness()
        harness.resolver[.txt("spam.example.rhs.example")] = .failure(.timedOut)
        #expect(try await harness.run(.mail, MailEvent(testing: "x@spam.example")) == .declined)
        #expect(harness.log.events.contains { $0.level == .error })
    }

    @Test func relayClientsPass() async throws {
        let harness = try self.harness()
        harness.session.isRelayClient = true
        #expect(try await harness.run(.mail, MailEvent(testing: "x@spam.example")) == .declined)
    }

    @Test func badZone() {
        #expect(throws: PluginError.self) { try PluginHarness(RHSBL.self, files: ["rhsbl_zones": "a..b text"]) }
    }
}
