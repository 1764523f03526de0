// BadMailFromTests.swift
//
// RFC 5321 §4.5.5

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("badmailfrom")
struct BadMailFromTests {
    static let list = """
        matt@test.net
        @spam.example
        bulk@example.net  please stop this
        ^[0-9]{4,}@        only numbers
        /tail\\.example$/
        @bücher.example
        """
    static let defaultText = "Your envelope sender is in my badmailfrom list"

    @Test(
        arguments: [
            Row("the null sender", "", nil),
            Row("nobody listed", "ann@ok.example", nil),
            Row("exactly listed", "matt@test.net", defaultText),
            Row("case does not matter", "Matt@TEST.net", defaultText),
            Row("another user of that host", "tom@test.net", nil),
            Row("a listed host", "any@spam.example", defaultText),
            Row("a host below it", "any@x.spam.example", nil),
            Row("with a text", "bulk@example.net", "please stop this"),
            Row("a regular expression", "20231114@ok.example", "only numbers"),
            Row("not quite", "202@ok.example", nil),
            Row("with slashes", "x@long.tail.example", defaultText),
            Row("A-label of a listed U-label", "x@xn--bcher-kva.example", defaultText),
        ] as [Row<String, String?>])
    func senders(_ row: Row<String, String?>) async throws {
        let harness = try PluginHarness(BadMailFrom.self, files: ["badmailfrom": Self.list])
        let verdict = try await harness.run(.mail, MailEvent(testing: row.input))
        #expect(verdict == (row.expected.map { .deny($0, .badSenderSystem) } ?? .declined))
        #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected == nil ? nil : -1))
    }

    @Test(arguments: [
        Row("the same", "matt@test.net", true), Row("another host", "matt@test.com", false),
        Row("a host", "@test.net", true), Row("not that host", "@test.not", false),
        Row("a pattern", "test.net$", true), Row("another pattern", "test.not$", false),
        Row("an empty list", "", false), Row("only comments", "# nobody", false),
    ])
    func lines(_ row: Row<String, Bool>) async throws {
        let harness = try PluginHarness(BadMailFrom.self, files: ["badmailfrom": row.input])
        let verdict = try await harness.run(.mail, MailEvent(testing: "matt@test.net"))
        #expect(verdict.code == (row.expected ? .deny : .declined))
    }

    @Test(
        arguments: [
            Row("default", [], ReturnCode.deny),
            Row("reject 0 only logs", ["reject", "0"], .declined),
            Row("naughty waits", ["reject", "naughty"], .declined),
            Row("temp", ["reject_type", "temp"], .denysoft),
            Row("disconnect", ["reject_type", "disconnect"], .denyDisconnect),
            Row("temp_disconnect", ["reject_type", "temp_disconnect"], .denysoftDisconnect),
        ] as [Row<[String], ReturnCode>])
    func policies(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try PluginHarness(BadMailFrom.self, arguments: row.input, files: ["badmailfrom": Self.list])
        #expect(try await harness.run(.mail, MailEvent(testing: "any@spam.example")).code == row.expected)
        let naughty = row.input.contains("naughty") ? "(badmailfrom) \(Self.defaultText)" : nil
        #expect(harness.session.notes[NoteKey<String>("naughty")] == naughty)
    }

    @Test(arguments: ["relay", "whitelisthost", "whitelistsender"])
    func immune(_ why: String) async throws {
        let harness = try PluginHarness(BadMailFrom.self, files: ["badmailfrom": Self.list])
        switch why {
        case "relay": harness.session.isRelayClient = true
        case "whitelisthost": harness.session.notes[why] = .int(1)
        default: harness.session.transaction.notes[why] = .string("1")
        }
        #expect(try await harness.run(.mail, MailEvent(testing: "any@spam.example")) == .declined)
    }

    @Test(arguments: [
        Row("not closed", "^(a", "badmailfrom:1: '^(a': missing closing parenthesis, at octet 3"),
        Row(
            "a named group, not closed", "^(?<n>a",
            "badmailfrom:1: '^(?<n>a': missing closing parenthesis, at octet 7"),
        Row(
            "nothing to repeat", "*@spam.example",
            "badmailfrom:1: '*@spam.example': quantifier does not follow a repeatable item, at octet 0"),
    ])
    func badPatterns(_ row: Row<String, String>) {
        let error = #expect(throws: PluginError.self) {
            try PluginHarness(BadMailFrom.self, files: ["badmailfrom": row.input])
        }
        #expect(error?.description == row.expected)
    }
}
