// ListPatternTests.swift
//
// Patterns of operators' lists: what either engine knows, and what no match may cost.

import QPHooks
import QPTestKit
import Testing

/// Matches with the patterns of config/list; a line that begins with `!` is matched as a negated one.
private struct Lister: Plugin {
    static let name = "lister"
    static let manual = "lister"

    let patterns: ConfigTable<[ListPattern]>

    init(_ setup: PluginSetup) throws(PluginError) {
        self.patterns = try setup.table("list") { file throws(PluginError) in
            var patterns: [ListPattern] = []
            for line in file.lines { patterns.append(try line.pattern(line.text)) }
            return patterns
        }
    }

    func register(on hooks: inout HookTable) {}

    /// A session, and the first pattern of a list.
    static func made(_ list: String) throws -> (harness: PluginHarness, pattern: ListPattern) {
        let harness = try PluginHarness(Self.self, files: ["list": list])
        let plugin = try #require(harness.plugin as? Self)
        return (harness, try #require(plugin.patterns.content(in: harness.session).first))
    }
}

@Suite("patterns of lists")
struct ListPatternTests {
    private static let long = String(repeating: "a", count: 40)

    @Test(arguments: [
        Row("what the linear engine knows", ("^a+@", "aaa@x"), true),
        Row("look ahead", ("^(?!postmaster@).*@old\\.example$", "ann@old.example"), true),
        Row("look ahead, not", ("^(?!postmaster@).*@old\\.example$", "postmaster@old.example"), false),
        Row("look behind", ("(?<=@)spam\\.", "a@spam.example"), true),
        Row("back-reference", ("(.)\\1{4}", "abbbbbc@x"), true),
        Row("back-reference, not", ("(.)\\1{4}", "abbbbc@x"), false),
        Row("possessive", ("^a++@", "aaa@x"), true), Row("possessive, not", ("^a++a", "aaa"), false),
        Row("atomic", ("^(?>a+)b", "aaab"), true),
        Row("named group", ("^(?<n>a)\\k<n>$", "aa"), true), Row("POSIX class", ("^[[:alpha:]]+$", "abc"), true),
        Row("case in a group", ("^(?i:ABC)d$", "abcd"), true), Row("case counts", ("(?=A)A", "a"), false),
        Row("comment", ("a(?#comment)b", "ab"), true), Row("UTF-8", ("(?=ü)ü.$", "xüö"), true),
        Row("a NUL in the text", ("(?=a)a\\x00b", "a\0b"), true),
    ])
    func matching(_ row: Row<(String, String), Bool>) throws {
        let (harness, pattern) = try Lister.made(row.input.0)
        #expect(pattern.source == row.input.0)
        #expect(pattern.matches(row.input.1, in: harness.session) == row.expected)
        #expect(harness.log.lines == [])
    }

    @Test(arguments: [
        Row("open group", "(?=a", "missing closing parenthesis"), Row("nothing to repeat", "(?=a)*+*", "quantifier"),
        Row("look behind without end", "(?<=a*)b", "lookbehind"), Row("no such group", "\\2(?=a)", "reference"),
        Row("half a character", "(?=a)\\C", "\\C"), Row("too big", "((((a{255}){255}){255}){255})", "too large"),
        Row("too long", String(repeating: "a", count: 513), "longer than 512"),
    ])
    func problems(_ row: Row<String, String>) throws {
        let error = #expect(throws: PluginError.self) {
            try PluginHarness(Lister.self, files: ["list": "first\n\(row.input)\n"])
        }
        let text = error?.description ?? ""
        #expect(text.contains("list:2: "), "\(text)")
        #expect(text.contains(row.expected), "\(text)")
        #expect(text.utf8.count < 700)
    }

    @Test(
        "no match above its limit: such a one is none, and the log names file and line", .timeLimit(.minutes(1)),
        arguments: ["^(?=a)(a+)+$", "(?=a)(a|aa)+$", "(?=a)(a|a)*$", "^(?=a)(a?){40}a{41}$", "^(a+)+\\1$"])
    func limit(_ source: String) throws {
        let (harness, pattern) = try Lister.made(source)
        let text = Self.long + "!"
        #expect(!pattern.matches(text, in: harness.session))
        #expect(pattern.matches(text, in: harness.session, otherwise: true))
        let line = "LOGERROR error, list:1: '\(source)' costs too much to match".replacing("\\", with: "\\\\")
        #expect(harness.log.lines == [line, line])
    }

    @Test(arguments: [
        Row("known to the linear engine, short", ("a+b", 100), 0), Row("the same, long", ("a+b", 5000), 1),
        Row("known to the other, short", ("(?=a)a+b", 100), 0), Row("the same, long", ("(?=a)a++b", 5000), 1),
    ])
    func longTextsAreMatchedOffTheLoop(_ row: Row<(String, Int), Int>) async throws {
        let (harness, pattern) = try Lister.made(row.input.0)
        let text = String(repeating: "a", count: row.input.1) + "b"
        #expect(try await pattern.matches(long: text, in: harness.session))
        #expect(harness.offloader.runs == row.expected)
        // On the loop a long text is not looked at.
        #expect(pattern.matches(text, in: harness.session) == (row.expected == 0))
        #expect(harness.log.lines.count == row.expected)
    }
}
