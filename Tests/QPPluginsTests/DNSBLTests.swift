// DNSBLTests.swift
//
// RFC 5782 §2.1, §2.4

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("dnsbl")
struct DNSBLTests {
    static let files = [
        "dnsbl_zones": "bl.example\ncodes.example.: %IP% is listed, ask us",
        "dnsbl_allow": "192.168.99.5\n198.51.100.\n",
    ]

    private func harness(_ arguments: [String] = [], from client: String = "127.0.0.2") throws -> PluginHarness {
        let harness = try PluginHarness(DNSBL.self, arguments: arguments, files: Self.files)
        harness.connect(from: client)
        harness.resolver[.txt("2.0.0.127.bl.example")] = .success(.texts(["listed, sorry"]))
        harness.resolver[.a("9.2.0.192.codes.example")] = .success(.addresses(["127.0.0.4"]))
        return harness
    }

    @Test(
        arguments: [
            Row("the list's own text", "127.0.0.2", .deny("listed, sorry", .notAuthorized)),
            Row("the operator's text", "192.0.2.9", .deny("192.0.2.9 is listed, ask us", .notAuthorized)),
            Row("nobody", "192.0.2.10", .declined),
        ] as [Row<String, Verdict<Void>>])
    func clients(_ row: Row<String, Verdict<Void>>) async throws {
        let harness = try self.harness(from: row.input)
        #expect(try await harness.run(.connect) == row.expected)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected == .declined ? nil : -1))
    }

    @Test(arguments: [
        Row("allowed", "192.168.99.5", 0), Row("not allowed", "192.168.99.6", 2), Row("a prefix", "198.51.100.77", 0),
    ])
    func allowed(_ row: Row<String, Int>) async throws {
        let harness = try self.harness(from: row.input)
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.resolver.asked.count == row.expected)
    }

    @Test(
        arguments: [
            Row("a code", ["127.0.0.2"], .deny), Row("no code", ["203.0.113.80"], .declined),
            Row("the list refuses us", ["127.255.255.254"], .declined),
        ] as [Row<[String], ReturnCode>])
    func answers(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try self.harness(from: "192.0.2.9")
        harness.resolver[.a("9.2.0.192.codes.example")] = .success(.addresses(row.input))
        #expect(try await harness.run(.connect).code == row.expected)
        #expect(harness.log.events.count { $0.level == .error } == (row.expected == .deny ? 0 : 1))
    }

    @Test(arguments: [DNSError.temporary("SERVFAIL"), .timedOut, .noSuchName, .noData])
    func noAnswer(_ error: DNSError) async throws {
        let harness = try self.harness()
        harness.resolver[.txt("2.0.0.127.bl.example")] = .failure(error)
        #expect(try await harness.run(.connect) == .declined)
        let isError = error == .timedOut || error == .temporary("SERVFAIL")
        #expect(harness.log.events.count { $0.level == .error } == (isError ? 1 : 0))
    }

    @Test func theFirstAnswerEndsTheOthers() async throws {
        let harness = try self.harness()
        let slow = DNSQuestion.a("2.0.0.127.codes.example")
        harness.resolver.silence(slow)
        #expect(try await harness.run(.connect).code == .deny)
        #expect(harness.resolver.abandoned == [slow])
    }

    @Test func ipv6() async throws {
        let harness = try self.harness(from: "2001:db8::1")
        let labels = "1." + String(repeating: "0.", count: 23) + "8.b.d.0.1.0.0.2"
        harness.resolver[.txt("\(labels).bl.example")] = .success(.texts(["six"]))
        #expect(try await harness.run(.connect) == .deny("six", .notAuthorized))
    }

    @Test func hostileTextIsOneLine() async throws {
        let harness = try self.harness()
        let text = "line\r\n250 ok\u{0}" + String(repeating: "x", count: 5000)
        harness.resolver[.txt("2.0.0.127.bl.example")] = .success(.texts([text]))
        let answer = try await harness.run(.connect).text
        #expect(!answer.unicodeScalars.contains { $0.value < 0x20 })
        #expect(answer.utf8.count <= 400)
    }

    @Test(
        arguments: [
            Row("default", [], .deny), Row("one word", ["disconnect"], .denyDisconnect),
            Row("temp", ["reject_type", "temp"], .denysoft), Row("only logged", ["reject", "0"], .declined),
            Row("naughty", ["reject", "naughty", "timeout", "5"], .declined),
        ] as [Row<[String], ReturnCode>])
    func policies(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try self.harness(row.input)
        #expect(try await harness.run(.connect).code == row.expected)
    }

    @Test(arguments: ["relay", "whitelisthost"])
    func immune(_ why: String) async throws {
        let harness = try self.harness()
        if why == "relay" { harness.session.isRelayClient = true } else { harness.session.notes[why] = .int(1) }
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.resolver.asked.isEmpty)
    }

    @Test(arguments: [
        Row("postmaster", "postmaster@ok.example", false), Row("abuse", "Abuse@ok.example", false),
        Row("bounces", "mailer-daemon@ok.example", false), Row("root", "root@ok.example", false),
        Row("somebody", "bob@ok.example", true),
    ])
    func openAddresses(_ row: Row<String, Bool>) async throws {
        let harness = try self.harness(["reject", "naughty"])
        _ = try await harness.run(.connect)
        #expect(harness.session.notes[NoteKey<String>("naughty")] == "(dnsbl) listed, sorry")
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: row.input)) == .declined)
        #expect((harness.session.notes["naughty"] != nil) == row.expected)
    }

    @Test("claim 56: a refusal of the client or the sender waits in a note and is given at rcpt")
    func deferred() throws {
        let engine = Engine([
            try Engine.entry(DNSBL.self, ["reject", "naughty"], files: Self.files),
            try Engine.entry(BadMailFrom.self, ["reject", "naughty"], files: ["badmailfrom": "@spam.example go away"]),
            Engine.refusesNaughty,
        ])
        engine.resolver[.txt("2.0.0.127.bl.example")] = .success(.texts(["listed, sorry"]))
        for (address, sender, texts) in [
            ("192.0.2.1", "ann@ok.example", []), ("192.0.2.1", "x@spam.example", ["(badmailfrom) go away"]),
            ("127.0.0.2", "ann@ok.example", ["(dnsbl) listed, sorry"]),
            ("127.0.0.2", "x@spam.example", ["(dnsbl) listed, sorry", "(badmailfrom) go away"]),
        ] as [(String, String, [String])] {
            let client = engine.harness.connect(from: address)
            engine.harness.settle { !client.output.isEmpty }
            #expect(client.codes() == [220])
            client.say("EHLO client.example")
            #expect(client.say("MAIL FROM:<\(sender)>").first?.hasPrefix("250") ?? false)
            let replies = client.say("RCPT TO:<bob@ok.example>")
            #expect(replies.last?.hasPrefix(texts.isEmpty ? "250 " : "550 ") ?? false)
            for text in texts { #expect(replies.contains { $0.contains(text) }) }
            #expect(client.say("RCPT TO:<postmaster@ok.example>").first?.hasPrefix("250") ?? false)
            client.vanish()
        }
    }

    @Test(arguments: [
        Row("a bad zone", ["dnsbl_zones": "bl.example\n-x-"], "dnsbl_zones:2:"),
        Row("a bad address", ["dnsbl_allow": "somebody"], "dnsbl_allow:1:"),
    ])
    func badFiles(_ row: Row<[String: String], String>) {
        let error = #expect(throws: PluginError.self) { try PluginHarness(DNSBL.self, files: row.input) }
        #expect(error?.description.hasPrefix(row.expected) ?? false)
    }

    @Test(arguments: [["sometimes"], ["reject", "1", "zone", "x"], ["timeout", "-1"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(DNSBL.self, arguments: arguments) }
    }
}
