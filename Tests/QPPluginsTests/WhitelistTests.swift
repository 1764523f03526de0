// WhitelistTests.swift

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("whitelist")
struct WhitelistTests {
    static let files = [
        "whitelisthosts": "192.0.2.1\n198.51.100.0/24\n203.0.113\n2001:db8:17:",
        "whitelisthelo": "Mail.Example.org\n.example.net",
        "whitelistsenders": "Ann@Example.org\nexample.com\n@example.edu",
        "whitelistrcpt": "postmaster@ours.example\n.ours.example",
    ]

    private func harness(_ arguments: [String] = []) throws -> PluginHarness {
        try PluginHarness(Whitelist.self, arguments: arguments, files: Self.files)
    }

    @Test(arguments: [
        Row("an address", "192.0.2.1", true),
        Row("its neighbour", "192.0.2.10", false),
        Row("the first of a network", "198.51.100.0", true),
        Row("the last of a network", "198.51.100.255", true),
        Row("a beginning without dot", "203.0.113.9", true),
        Row("a beginning ends at a dot", "203.0.11.9", false),
        Row("IPv6", "2001:db8:17::1", true),
        Row("other IPv6", "2001:db8:18::1", false),
    ])
    func hosts(_ row: Row<String, Bool>) async throws {
        let harness = try self.harness()
        harness.connect(from: row.input)
        #expect(try await harness.run(.connect) == (row.expected ? .ok : .declined))
        #expect(harness.session.notes[NoteKey<Bool>("whitelisthost")] == (row.expected ? true : nil))
        #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected ? 5 : nil))
        #expect(harness.session.isImmune == row.expected)
    }

    @Test(arguments: [
        Row("listed, in other letters", "MAIL.example.org", true),
        Row("below a listed domain", "a.example.net", true),
        Row("the domain itself", "example.net", false),
        Row("a name behind it", "mail.example.org.evil.example", false),
        Row("nothing", "", false),
    ])
    func names(_ row: Row<String, Bool>) async throws {
        for isExtended in [false, true] {
            let harness = try self.harness()
            let event = HelloEvent(host: row.input, isExtended: isExtended)
            let verdict = try await harness.run(isExtended ? .ehlo : .helo, event)
            #expect(verdict == (row.expected ? .ok : .declined))
            #expect(harness.session.notes[NoteKey<Bool>("whitelisthelo")] == (row.expected ? true : nil))
            #expect(!harness.session.isImmune)
        }
    }

    @Test(arguments: [
        Row("an address, in other letters", "aNN@example.ORG", true),
        Row("another of the host", "bob@example.org", false),
        Row("a host", "x@example.com", true),
        Row("a host with @", "x@example.edu", true),
        Row("a host below", "x@a.example.com", false),
        Row("the null sender", "", false),
    ])
    func senders(_ row: Row<String, Bool>) async throws {
        let harness = try self.harness()
        try harness.mail()
        #expect(try await harness.run(.mail, MailEvent(testing: row.input)) == (row.expected ? .ok : .declined))
        #expect(harness.session.transaction.notes[NoteKey<Bool>("whitelistsender")] == (row.expected ? true : nil))
        #expect(harness.session.isImmune == row.expected)
    }

    @Test func recipientsAreCounted() async throws {
        let harness = try self.harness()
        try harness.mail()
        for (recipient, code, count) in [
            ("Postmaster@ours.example", ReturnCode.ok, 1), ("ann@ours.example", .declined, 1),
            ("ann@lists.ours.example", .ok, 2), ("postmaster", .declined, 2),
        ] {
            #expect(try await harness.run(.rcpt, RecipientEvent(testing: recipient)).code == code, "\(recipient)")
            #expect(harness.session.transaction.notes[NoteKey<Int>("whitelistrcpt")] == count)
        }
    }

    struct Visit: Sendable {
        var address = "192.0.2.77"
        var name = "a.example"
        var sender = "x@y.example"
        var recipient = "ann@z.example"
        var own: [String: [String]] = [:]
        var merges = false
    }

    @Test(arguments: [
        Row("nobody listed", Visit(), false),
        Row("the host", Visit(address: "192.0.2.1"), true),
        Row("the name", Visit(name: "mail.example.org"), true),
        Row("the sender", Visit(sender: "x@example.com"), true),
        Row("the recipient", Visit(recipient: "a@b.ours.example"), true),
        Row("one's own list", Visit(own: ["whitelistsenders": ["# friends", "", "x@y.example"]]), true),
        Row("in place of the server's", Visit(sender: "x@example.com", own: ["whitelistsenders": []]), false),
        Row(
            "unless both count", Visit(sender: "x@example.com", own: ["whitelistsenders": ["a.b"]], merges: true), true),
        Row("a list that is none", Visit(own: ["whitelisthosts": ["192.0.2.77", "no address"]]), false),
    ])
    func perRecipient(_ row: Row<Visit, Bool>) async throws {
        let visit = row.input
        let harness = try self.harness(["per_recipient", "1", "merge", visit.merges ? "1" : "0"])
        #expect(harness.hooks == [.rcpt])
        harness.connect(from: visit.address)
        harness.introduce(visit.name)
        harness.answerUserConfig([{ event in visit.own[event.name].map { .ok($0) } ?? .declined }])
        try harness.mail(from: visit.sender)
        let event = try RecipientEvent(testing: visit.recipient)
        #expect(try await harness.run(.rcpt, event) == (row.expected ? .ok : .declined))
        #expect(harness.session.transaction.notes[NoteKey<Int>("whitelistrcpt")] == (row.expected ? 1 : nil))
        // Others of the same mail must not gain by it.
        #expect(!harness.session.isImmune)
    }

    @Test(arguments: [
        Row("a host", "whitelisthosts", "192.0.2.999"), Row("a sender", "whitelistsenders", "a..b@"),
        Row("a recipient", "whitelistrcpt", "ann@ours..example"), Row("a domain", "whitelistrcpt", "a domain/x\nx/y"),
    ])
    func badLines(_ row: Row<String, String>) {
        #expect(throws: PluginError.self) { try PluginHarness(Whitelist.self, files: [row.input: row.expected]) }
    }

    @Test(arguments: [["per_recipient"], ["perrecipient", "1"], ["merge", "1", "merge", "1"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try self.harness(arguments) }
    }

    @Test func listedHostsGetPastFilters() throws {
        let files = ["whitelisthosts": "192.0.2.0/24"]
        let engine = Engine([
            try Engine.entry(Whitelist.self, files: files),
            try Engine.entry(BadMailFrom.self, files: ["badmailfrom": "@spam.example"]),
        ])
        for (address, answer) in [("192.0.2.5", "250"), ("198.51.100.5", "550")] {
            let client = engine.harness.connect(from: address)
            client.send("HELO a.example\r\nMAIL FROM:<x@spam.example>\r\n")
            #expect(client.replies().last?.hasPrefix(answer) == true, "\(client.replies())")
        }
    }
}
