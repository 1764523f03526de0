// RcptOKTests.swift
//
// RFC 5321 §3.6.2, §4.5.1

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("rcpt_ok")
struct RcptOKTests {
    static let files = [
        "rcpthosts": "localhost\nExample.ORG\n.sub.example\nbücher.example\n[192.0.2.1]",
        "morercpthosts": "more.example",
    ]
    static let constants = ["morercpthosts": ["const.example": "", ".below.example": ""]]

    @Test(arguments: [
        Row("listed", "user@localhost", true),
        Row("case does not matter", "user@eXample.org", true),
        Row("not listed", "user@example.com", false),
        Row("me", "user@mx.example.org", true),
        Row("below a suffix", "user@a.b.sub.example", true),
        Row("the suffix itself", "user@sub.example", false),
        Row("only looks like a suffix", "user@xsub.example", false),
        Row("a longer name", "user@notlocalhost", false),
        Row("U-label", "user@bücher.example", true),
        Row("A-label of a U-label", "user@xn--bcher-kva.example", true),
        Row("address literal", "user@[192.0.2.1]", true),
        Row("another literal", "user@[192.0.2.2]", false),
        Row("the second file", "user@more.example", true),
        Row("constant database", "user@const.example", true),
        Row("suffix in the constant database", "user@x.below.example", true),
        Row("postmaster alone", "postmaster", true),
        Row("a percent hack is a local part", "user%example.com@example.org", true),
        Row("an at sign in the local part", "\"user@example.org\"@example.com", false),
    ])
    func recipients(_ row: Row<String, Bool>) async throws {
        let harness = try PluginHarness(RcptOK.self, files: Self.files, constants: Self.constants)
        let verdict = try await harness.run(.rcpt, RecipientEvent(testing: row.input))
        #expect(verdict == (row.expected ? .ok : .deny("Relaying denied", .notAuthorized)))
        #expect(harness.log.lines.count == 1)
    }

    @Test(
        "claim 103: rcpt_ok takes what both files list, refuses to relay the rest, but not for relay clients",
        arguments: [
            Row("rcpthosts", ("192.0.2.1", "user@localhost"), "250 2.1.5 "),
            Row("morercpthosts", ("192.0.2.1", "user@more.example"), "250 2.1.5 "),
            Row("neither", ("192.0.2.1", "user@example.com"), "550 5.7.1 Relaying denied ["),
            Row("a relay client", ("192.0.2.9", "user@example.com"), "250 2.1.5 "),
        ])
    func relaying(_ row: Row<(String, String), String>) throws {
        let engine = Engine([
            try Engine.entry(Relay.self, files: ["relayclients": "192.0.2.9"]),
            try Engine.entry(RcptOK.self, files: Self.files),
        ])
        let client = engine.harness.connect(from: row.input.0)
        client.say("EHLO client.example")
        client.say("MAIL FROM:<ann@client.example>")
        let replies = client.say("RCPT TO:<\(row.input.1)>")
        #expect(replies.count == 1 && replies[0].hasPrefix(row.expected), "\(replies)")
        #expect(!client.isClosed)
    }

    @Test func relayClientsMaySendAnywhere() async throws {
        let harness = try PluginHarness(RcptOK.self)
        harness.session.isRelayClient = true
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@example.com")) == .ok)
        #expect(harness.log.lines == ["LOGINFO pass, relay client"])
    }

    @Test func whiteListedSendersMayNot() async throws {
        let harness = try PluginHarness(RcptOK.self)
        harness.session.transaction.notes["whitelistsender"] = .bool(true)
        harness.session.notes["whitelisthost"] = .bool(true)
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@example.com")).code == .deny)
    }

    @Test func editsAreSeenByTheNextConnection() async throws {
        let harness = try PluginHarness(RcptOK.self, files: Self.files)
        try harness.replace("rcpthosts", with: "new.example")
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@localhost")) == .ok)
        harness.connect()
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@localhost")).code == .deny)
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "user@new.example")) == .ok)
    }
}
