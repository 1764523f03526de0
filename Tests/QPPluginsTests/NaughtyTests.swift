// NaughtyTests.swift
//
// RFC 5321 §4.1.1.9, §4.1.2, §7.9

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("naughty and small command plugins")
struct NaughtyTests {
    private let recipient: RecipientEvent

    init() throws {
        self.recipient = try RecipientEvent(testing: "user@example.com")
    }

    @Test(arguments: [
        Row("default", nil, ReturnCode.denyDisconnect), Row("temp left", "temp", .denysoft),
        Row("perm left", "perm", .deny), Row("nonsense left", "x", .denyDisconnect),
    ])
    func refusesLater(_ row: Row<String?, ReturnCode>) async throws {
        let harness = try PluginHarness(Naughty.self)
        #expect(try await harness.run(.rcpt, self.recipient) == .declined)
        harness.session.notes[NoteKey<String>("naughty")] = "(helo) one\n(dnsbl) two"
        harness.session.notes[NoteKey<String>("naughty_reject_type")] = row.input
        let verdict = try await harness.run(.rcpt, self.recipient)
        #expect(verdict.code == row.expected)
        #expect(verdict.text == "(helo) one\n(dnsbl) two")
        harness.session.notes["naughty"] = .int(0)
        #expect(try await harness.run(.rcpt, self.recipient) == .declined)
    }

    @Test(arguments: [["reject", "hook_queue_post"], ["reject_type", "never"], ["place", "rcpt"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(Naughty.self, arguments: arguments) }
    }

    @Test(arguments: ["connect", "mail", "rcpt", "data", "data_post"])
    func places(_ place: String) throws {
        let hooks = try PluginHarness(Naughty.self, arguments: ["reject", place]).hooks
        #expect(Set(hooks.map(\.name)) == [place, "data_post"])
    }

    @Test func noopsInARow() async throws {
        let harness = try PluginHarness(NoopCounter.self)
        let noop = CommandEvent(argument: nil)
        for _ in 1...2 { #expect(try await harness.run(.noop, noop) == .declined) }
        #expect(try await harness.run(.vrfy, noop) == .declined)
        for _ in 1...2 { #expect(try await harness.run(.noop, noop) == .declined) }
        #expect(try await harness.run(.noop, noop).code == .denyDisconnect)
    }

    @Test(arguments: [
        Row("bare", "ask@perl.org", "<ask@perl.org>"), Row("literal", "ask@[1.2.3.4]", "<ask@[1.2.3.4]>"),
        Row("nothing", "", "<>"), Row("brackets", "<ask@perl.org>", nil),
    ])
    func brackets(_ row: Row<String, String?>) async throws {
        let harness = try PluginHarness(DontRequireAngleBrackets.self)
        let verdict = try await harness.run(.mailPre, PathEvent(path: row.input, parameters: []))
        #expect(verdict.value == row.expected)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected == nil ? nil : -2))
    }

    @Test("claim 101: discard_mail drops what a filter marked, and nothing else")
    func discards() async throws {
        let harness = try PluginHarness(DiscardMail.self)
        #expect(try await harness.run(.queue).code == .declined)
        harness.session.transaction.notes["discard_mail"] = .int(1)
        #expect(try await harness.run(.queue).code == .ok)
    }
}
