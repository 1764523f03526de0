// LoggingTests.swift
//
// What logging plugins write.

import QPHooks
import QPPlugins
import QPTestKit
import Testing

private func event(
    _ text: String, level: LogLevel = .warning, plugin: String? = "queue/qmail-queue", hook: HookID? = .queue,
    fields: [(name: String, value: String)] = []
) -> LoggingEvent {
    LoggingEvent(
        level: level, hook: hook, plugin: plugin, session: SessionID("0000000000az"), sessionNumber: 42,
        transaction: 2, text: text, fields: fields, wallTime: 1_700_000_000_000_000_000)
}

@Suite("logging/warn")
struct WarnTests {
    @Test(
        "claim 27: lines have their plugin and hook on the standard error",
        arguments: [
            Row("plugin and hook", event("text"), "42 (queue) queue::qmail_2dqueue: text [0000000000az.2]"),
            Row("core about a hook", event("text", plugin: nil), "42 (queue) text [0000000000az.2]"),
            Row("core", event("text", plugin: nil, hook: nil), "42 text [0000000000az.2]"),
            Row(
                "fields", event("text", fields: [("a", "b\nc")]),
                "42 (queue) queue::qmail_2dqueue: text a=b\\nc [0000000000az.2]"),
            Row(
                "nothing is forged", event("a\nb\u{1B}[2J"),
                "42 (queue) queue::qmail_2dqueue: a\\nb\\x1b[2J [0000000000az.2]"),
        ])
    func lines(_ row: Row<LoggingEvent, String>) throws {
        let harness = try PluginHarness(Warn.self)
        #expect(try harness.run(.logging, row.input) == .declined)
        #expect(harness.output(.standardError).lines == [row.expected])
    }

    @Test(
        "claim 29: logging/warn writes up to the level of its line",
        arguments: [
            Row("default", [String](), [LogLevel.emergency, .alert, .critical, .error, .warning]),
            Row("by name", ["LOGCRIT"], [.emergency, .alert, .critical]),
            Row("by number", ["0"], [.emergency]),
            Row("debug", ["LOGDEBUG"], LogLevel.allCases),
        ])
    func levels(_ row: Row<[String], [LogLevel]>) throws {
        let harness = try PluginHarness(Warn.self, arguments: row.input)
        for level in LogLevel.allCases { _ = try harness.run(.logging, event("x", level: level)) }
        #expect(harness.output(.standardError).lines.count == row.expected.count)
    }

    @Test func ownLinesAreLeftOut() throws {
        let harness = try PluginHarness(Warn.self)
        _ = try harness.run(.logging, event("x", plugin: "logging/warn"))
        #expect(harness.output(.standardError).lines.isEmpty)
    }

    @Test(arguments: [["LOUD"], ["8"], ["LOGINFO", "LOGWARN"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(Warn.self, arguments: arguments) }
    }
}

@Suite("logging/file")
struct LogFileTests {
    @Test("claim 72: logging/file writes a line to its file") func aLine() throws {
        let harness = try PluginHarness(LogFile.self, arguments: ["loglevel", "LOGINFO", "/log/%Y%m%d"])
        _ = try harness.run(.logging, event("text", level: .info))
        _ = try harness.run(.logging, event("text", level: .debug))
        #expect(
            harness.output(.file(path: "/log/%Y%m%d", reopen: false)).lines == [
                "Tue Nov 14 22:13:20 2023 mx.example.org[42]: text [0000000000az.2]"
            ])
    }

    @Test func ownTimesAndReopening() throws {
        let arguments = ["reopen", "tsformat", "%Y-%m-%dT%H:%M:%S", "/log/%i"]
        let harness = try PluginHarness(LogFile.self, arguments: arguments)
        _ = try harness.run(.logging, event("text"))
        #expect(
            harness.output(.file(path: "/log/%i", reopen: true)).lines == [
                "2023-11-14T22:13:20 mx.example.org[42]: text [0000000000az.2]"
            ])
    }

    @Test func severalLines() throws {
        for (arguments, count) in [(["tsformat", "T", "/l"], 2), (["nosplit", "tsformat", "T", "/l"], 1)] {
            let harness = try PluginHarness(LogFile.self, arguments: arguments)
            _ = try harness.run(.logging, event("a\r\nb\n"))
            let lines = harness.output(.file(path: "/l", reopen: false)).lines
            #expect(lines.count == count)
            #expect(
                lines.first
                    == (count == 2 ? "T mx.example.org[42]: a" : "T mx.example.org[42]: a\\r\\nb\\n [0000000000az.2]"))
        }
    }

    @Test(arguments: [[], ["log"], ["|logger"], ["loglevel", "LOUD", "/l"], ["split", "/l"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(LogFile.self, arguments: arguments) }
    }
}

@Suite("bundled plugins")
struct BundledPluginTests {
    @Test func namesAreUniqueAndManualsBeginWithThem() {
        let names = BundledPlugins.all.map { $0.name }
        #expect(Set(names).count == names.count)
        for plugin in BundledPlugins.all {
            #expect(plugin.manual.hasPrefix(plugin.name), "\(plugin.name)")
            #expect(plugin.manual.utf8.split(separator: 0x0A).allSatisfy { $0.count <= 120 }, "\(plugin.name)")
        }
    }
}
