// HelpTests.swift
//
// RFC 5321 §4.1.1.8

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("help")
struct HelpTests {
    static let files = [
        "help/mail": "MAIL FROM:<sender>\n\n# not this\nbegins a mail", "help/rcpt": "names a recipient",
        "texts/rcpt": "elsewhere", "xtest": "a toy",
    ]

    private func harness(_ arguments: [String] = []) throws -> PluginHarness {
        try PluginHarness(Help.self, arguments: arguments, files: Self.files)
    }

    private static let unknown = "No help available for this command"

    @Test(arguments: [
        Row("alone", nil, "Try 'HELP COMMAND' for help on a command\nMAIL RCPT"),
        Row("a command with a text", "MAIL", "MAIL FROM:<sender>\nbegins a mail"),
        Row("in small letters, with more words", "rcpt to all", "names a recipient"),
        Row("a command without text", "DATA", Self.unknown),
        Row("no command", "XTEST", Self.unknown),
        Row("letters, digits, underscores", "a_1", Self.unknown),
    ])
    func answers(_ row: Row<String?, String>) async throws {
        let harness = try self.harness()
        #expect(try await harness.run(.help, CommandEvent(argument: row.input)) == .ok(row.expected))
        #expect(harness.responses == [])
    }

    @Test(arguments: ["../me", "..", "a/b", "MAIL;", "m\u{E4}il", "\u{0}", "-"])
    func wordsThatAreNone(_ word: String) async throws {
        let harness = try self.harness()
        #expect(try await harness.run(.help, CommandEvent(argument: word)) == .done)
        #expect(harness.responses.map(\.code) == [502])
    }

    @Test func otherFilesAndFolders() async throws {
        let harness = try self.harness(["help_dir", "texts/", "XTEST", "xtest", "mail", "help/rcpt"])
        for (word, text) in [("rcpt", "elsewhere"), ("xtest", "a toy"), ("MAIL", "names a recipient")] {
            #expect(try await harness.run(.help, CommandEvent(argument: word)) == .ok(text))
        }
    }

    @Test func editsAreSeen() async throws {
        let harness = try self.harness()
        try harness.replace("help/data", with: "begins the message")
        harness.connect()
        #expect(try await harness.run(.help, CommandEvent(argument: "data")) == .ok("begins the message"))
    }

    @Test(arguments: [
        ["not_implemented"], ["not_implemented", "1", "help_dir", "x"], ["help_dri", "x"], ["XTEST", "missing"],
        ["X-TEST", "xtest"], ["mail", "xtest", "MAIL"],
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try self.harness(arguments) }
    }

    @Test func longTextsAreRefused() {
        let text = Array(repeating: "x", count: 51).joined(separator: "\n")
        #expect(throws: PluginError.file("help/mail", line: 51, "more than 50 lines")) {
            try PluginHarness(Help.self, files: ["help/mail": text])
        }
    }

    @Test(
        "claim 83: help is answered by the plugin, refused, or answered with its text; the client's words come along",
        arguments: [
            Row("DONE", "done", ["502 5.5.1 Not implemented."]), Row("DENY", "deny", ["500 5.5.2 asked for MAIL now"]),
            Row("OK", "ok", ["214-2.0.0 asked", "214 2.0.0 for MAIL now"]),
            Row("DECLINED with a text", "declined", ["214 2.0.0 asked for MAIL now"]),
        ])
    func answersOfTheHook(_ row: Row<String, [String]>) throws {
        let kind = row.input
        let entry =
            kind == "done"
            ? try Engine.entry(Help.self, ["not_implemented", "1"])
            : EngineHarness.Entry("toy") { hooks in
                hooks.on(.help) { command, _ in
                    let words = command.argument ?? "nothing"
                    switch kind {
                    case "deny": return .deny("asked for \(words)")
                    case "ok": return .ok("asked\nfor \(words)")
                    default: return .declinedSaying("asked for \(words)")
                    }
                }
            }
        let client = Engine([entry]).harness.connect()
        client.send("HELO a.example\r\n")
        _ = client.replies()
        client.send("HELP MAIL now\r\n")
        let replies = client.replies()
        #expect(replies.count == row.expected.count)
        for (reply, expected) in zip(replies, row.expected) { #expect(reply.hasPrefix(expected)) }
    }
}
