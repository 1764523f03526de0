// RecipientListsTests.swift
//
// RFC 5321 §3.6.2, §4.1.1.3

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("badrcptto and rcpt_regexp")
struct RecipientListsTests {
    static let bad = "bad@example.com\n@bad.example.com  we moved\n/^m.tt@/  no"

    @Test(arguments: [
        Row("nobody listed", "user@example.com", nil),
        Row("exactly listed", "bad@example.com", "mail to <bad@example.com> not accepted here"),
        Row("case does not matter", "bAd@exAmple.com", "mail to <bAd@exAmple.com> not accepted here"),
        Row("a listed host", "any@bad.example.com", "we moved"),
        Row("a regular expression", "mAtt@ok.example", "no"),
        Row("postmaster alone", "postmaster", nil),
    ])
    func badRecipients(_ row: Row<String, String?>) async throws {
        let harness = try PluginHarness(BadRcptTo.self, files: ["badrcptto": Self.bad])
        let verdict = try await harness.run(.rcpt, RecipientEvent(testing: row.input))
        #expect(verdict.code == (row.expected == nil ? .declined : .deny))
        #expect(verdict.text.lowercased() == (row.expected ?? "").lowercased())
        #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected == nil ? nil : -2))
    }

    @Test(arguments: [
        Row("the same", ("matt@example.com", "matt@example.com"), true),
        Row("case of the host", ("matt@exAmple.com", "matt@example.com"), true),
        Row("case of the user", ("mAtt@example.com", "matt@example.com"), true),
        Row("case of the line", ("matt@example.com", "mAtt@exAmple.com"), true),
        Row("another host", ("matt@exmple.com", "matt@example.com"), false),
        Row("a host", ("matt@example.com", "@example.com"), true),
        Row("not that host", ("matt@example.com", "@example.not"), false),
        Row("a pattern", ("matt@example.com", "example.com$"), true),
        Row("another pattern", ("matt@example.com", "example.not$"), false),
        Row("an empty list", ("matt@example.com", ""), false),
    ])
    func lines(_ row: Row<(String, String), Bool>) async throws {
        let harness = try PluginHarness(BadRcptTo.self, files: ["badrcptto": row.input.1])
        let verdict = try await harness.run(.rcpt, RecipientEvent(testing: row.input.0))
        #expect(verdict.code == (row.expected ? .deny : .declined))
    }

    @Test("claim 24: an edited badrcptto is seen by the next connection")
    func editsAreSeen() async throws {
        let harness = try PluginHarness(BadRcptTo.self, files: ["badrcptto": Self.bad])
        try harness.replace("badrcptto", with: "user@example.com")
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@example.com")).code == .declined)
        harness.connect()
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@example.com")).code == .deny)
    }

    @Test(arguments: [
        Row("the first match decides", "postmaster@a.example", ReturnCode.ok),
        Row("a refusal", "x1@a.example", .deny),
        Row("an exception", "free@b.example", .declined),
        Row("no match", "x@c.example", .declined),
    ])
    func expressions(_ row: Row<String, ReturnCode>) async throws {
        let rules = "^postmaster@ OK\n^x\\d@ DENY  no such mailbox\n@b\\.example$ DECLINED\n^free@ DENY"
        let harness = try PluginHarness(RcptRegexp.self, files: ["rcpt_regexp": rules])
        let verdict = try await harness.run(.rcpt, RecipientEvent(testing: row.input))
        #expect(verdict.code == row.expected)
        #expect(verdict.text == (row.expected == .deny ? "no such mailbox" : ""))
    }

    @Test(arguments: ["^x@", "^x@ NEVER", "^(x DENY"])
    func badExpressions(_ line: String) {
        #expect(throws: PluginError.self) { try PluginHarness(RcptRegexp.self, files: ["rcpt_regexp": "\n" + line]) }
    }

    @Test(arguments: [
        Row("nobody special", "", ReturnCode.deny), Row("a relay client", "relay", .declined),
        Row("white-listed", "whitelisthost", .declined), Row("an empty list", "empty", .declined),
    ])
    func immuneToPairs(_ row: Row<String, ReturnCode>) async throws {
        let list = row.input == "empty" ? "" : "x@spam.example ann@example.org"
        let harness = try PluginHarness(BadMailFromTo.self, files: ["badmailfromto": list])
        harness.session.isRelayClient = row.input == "relay"
        if row.input == "whitelisthost" { harness.session.notes["whitelisthost"] = .int(1) }
        #expect(try await harness.run(.mail, MailEvent(testing: "x@spam.example")) == .declined)
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "ann@example.org")).code == row.expected)
    }

    @Test func sendersWithRecipients() async throws {
        let list = "@spam.example ann@example.org"
        for (sender, recipient, code) in [
            ("x@spam.example", "Ann@Example.org", ReturnCode.deny), ("x@spam.example", "bob@example.org", .declined),
            ("x@ok.example", "ann@example.org", .declined), ("", "ann@example.org", .declined),
        ] {
            let harness = try PluginHarness(BadMailFromTo.self, files: ["badmailfromto": list])
            #expect(try await harness.run(.mail, MailEvent(testing: sender)) == .declined)
            #expect(try await harness.run(.rcpt, RecipientEvent(testing: recipient)).code == code)
        }
    }
}

@Suite("rcpt_ok_maxrelay")
struct RcptOKMaxRelayTests {
    private func codes(_ arguments: [String], attempts: Int) async throws -> [ReturnCode] {
        let harness = try PluginHarness(RcptOKMaxRelay.self, arguments: arguments, files: ["rcpthosts": "localhost"])
        var codes: [ReturnCode] = []
        for _ in 0..<attempts {
            codes.append(try await harness.run(.rcpt, RecipientEvent(testing: "user@example.com")).code)
        }
        return codes
    }

    @Test("claim 109: the attempt after the last allowed one closes the connection")
    func closes() async throws {
        #expect(try await self.codes(["2"], attempts: 3) == [.deny, .deny, .denyDisconnect])
    }

    @Test("claim 106: five attempts are the default")
    func fiveIsTheDefault() async throws {
        #expect(try await self.codes([], attempts: 6) == Array(repeating: .deny, count: 5) + [.denyDisconnect])
    }

    @Test("claim 107: 0 never closes")
    func zero() async throws {
        #expect(try await self.codes(["0"], attempts: 20) == Array(repeating: .deny, count: 20))
    }

    @Test(
        "claim 104: rcpt_ok_maxrelay wraps rcpt_ok, whose answers pass through",
        arguments: [
            Row("a listed domain", ("user@localhost", false), Verdict<Void>.ok),
            Row("another one", ("user@example.com", false), .deny("Relaying denied", .notAuthorized)),
            Row("a relay client", ("user@example.com", true), .ok),
        ])
    func wraps(_ row: Row<(String, Bool), Verdict<Void>>) async throws {
        let files = ["rcpthosts": "localhost"]
        let parent = try PluginHarness(RcptOK.self, files: files)
        let child = try PluginHarness(RcptOKMaxRelay.self, files: files)
        for harness in [parent, child] {
            harness.session.isRelayClient = row.input.1
            #expect(try await harness.run(.rcpt, RecipientEvent(testing: row.input.0)) == row.expected)
        }
        #expect(child.hooks == parent.hooks)
        #expect(child.log.lines == parent.log.lines)
    }

    @Test("claim 105: only refusals are counted, and for the connection")
    func counts() async throws {
        let harness = try PluginHarness(RcptOKMaxRelay.self, files: ["rcpthosts": "localhost"])
        var counts: [Int?] = []
        for recipient in ["user@localhost", "user@example.com", "user@localhost", "eve@example.com"] {
            try harness.mail()
            _ = try await harness.run(.rcpt, RecipientEvent(testing: recipient))
            counts.append(harness.session.notes[NoteKey<Int>("count_relay_attempts")])
        }
        #expect(counts == [nil, 1, 1, 2])
        harness.connect()
        #expect(harness.session.notes["count_relay_attempts"] == nil)
    }

    @Test("claim 108: more than one argument is an error", arguments: [["1", "2"], ["-1"], ["many"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(RcptOKMaxRelay.self, arguments: arguments) }
    }
}
