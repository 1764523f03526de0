// TextTests.swift
//
// Names, log lines, times.

import QPHooks
import QPTestKit
import Testing

@Suite("texts")
struct TextTests {
    @Test(
        "claim 35: the names of plugins in logs",
        arguments: [
            Row("a folder and a hyphen", "queue/qmail-queue", "queue::qmail_2dqueue"),
            Row("an instance", "named:7", "named_3a7"),
            Row("everything", "9dir/sub-x/4my-plug.in:3", "9dir::sub_2dx::_34my_2dplug_2ein_3a3"),
            Row("a module", "My::Plugin", "My::Plugin"), Row("plain", "rcpt_ok", "rcpt_ok"),
            Row("UTF-8", "ü", "_c3_bc"), Row("nothing", "", ""),
        ])
    func pluginNames(_ row: Row<String, String>) { #expect(PluginName.mangled(row.input) == row.expected) }

    @Test(arguments: [
        Row("plain", "plain text", "plain text"), Row("UTF-8", "für", "für"),
        Row("line ends", "a\r\nb\tc", "a\\r\\nb\\tc"),
        Row("escape and delete", "\u{1B}[1m\u{7F}\0", "\\x1b[1m\\x7f\\x00"), Row("backslash", "a\\nb", "a\\\\nb"),
        Row("C1 controls", "\u{85}\u{9B}", "\\u{85}\\u{9b}"),
        Row("separators", "\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
        Row("writing direction", "\u{202E}abc\u{2066}", "\\u{202e}abc\\u{2066}"),
    ])
    func escaping(_ row: Row<String, String>) { #expect(row.input.logEscaped == row.expected) }

    @Test(arguments: [
        Row("default of file names", "%Y%m%d", "20231114"), Row("like C", "%c", "Tue Nov 14 22:13:20 2023"),
        Row("ISO", "%FT%T%z", "2023-11-14T22:13:20+0000"), Row("epoch", "%s", "1700000000"),
        Row("twelve hours", "%I:%M %p", "10:13 PM"), Row("days", "%j %u %w %a %A %e", "318 2 2 Tue Tuesday 14"),
        Row("months", "%b %h %B %y %C %D %R", "Nov Nov November 23 20 11/14/23 22:13"),
        Row("percent and unknown", "%% %Q %", "% %Q %"), Row("session", "log.%i", "log.000000000001"),
    ])
    func times(_ row: Row<String, String>) {
        let text = TimeFormat(row.input).text(1_700_000_000_000_000_000, session: SessionID(bits: 1))
        #expect(text == row.expected)
    }

    @Test(
        arguments: [
            Row("the epoch", 0, "1970-01-01 001 Thursday"), Row("before it", -1, "1969-12-31 365 Wednesday"),
            Row("a leap day", 951_782_400, "2000-02-29 060 Tuesday"),
            Row("after it", 951_868_800, "2000-03-01 061 Wednesday"),
            Row("no leap year", 4_107_542_400, "2100-03-01 060 Monday"),
            Row("year's end", 1_735_689_599, "2024-12-31 366 Tuesday"),
        ] as [Row<Int64, String>])
    func calendar(_ row: Row<Int64, String>) {
        #expect(TimeFormat("%F %j %A").text(row.input * 1_000_000_000) == row.expected)
    }

    @Test func zonesAndExtremes() {
        #expect(TimeFormat("%R %z").text(0, zone: -210) == "20:30 -0330")
        #expect(TimeFormat("%F %R").text(0, zone: 60) == "1970-01-01 01:00")
        for time in [Int64.min, .max] { #expect(!TimeFormat("%c %j %s").text(time, zone: .max).isEmpty) }
    }
}

@Suite("patterns")
struct TextPatternTests {
    @Test(arguments: [
        Row("literal inside", ("b", "abc"), true), Row("anchors", ("^abc$", "abc"), true),
        Row("start", ("^b", "abc"), false), Row("end", ("test.net$", "a@test.net"), true),
        Row("not at the end", ("test.not$", "a@test.net"), false), Row("any", ("a.c", "a\nc"), false),
        Row("star of nothing", ("^a*$", ""), true), Row("plus", ("^a+$", ""), false),
        Row("option", ("^ab?c$", "ac"), true),
        Row("counted", ("^a{2,3}$", "aaaa"), false), Row("counted, open", ("^a{2,}$", "aaaa"), true),
        Row("counted exactly", ("^[0-9]{4}$", "1234"), true), Row("lazy", ("^a+?b$", "aab"), true),
        Row("choice", ("^(ann|bob)@", "bob@x"), true), Row("choice of all", ("a|b|c", "c"), true),
        Row("group repeated", ("^(ab)+$", "ababab"), true), Row("empty choice", ("^(a|)$", ""), true),
        Row("set", ("^[a-c_]+$", "a_c"), true), Row("set, inverted", ("[^a-c]", "abc"), false),
        Row("bracket in a set", ("[]]", "]"), true), Row("hyphen in a set", ("^[a-]+$", "-a"), true),
        Row("class in a set", ("^[\\d.]+$", "1.2"), true), Row("inverted class in a set", ("^[\\D]+$", "ab"), true),
        Row("classes", ("^\\w+\\s\\d+$", "ab 12"), true), Row("boundary", ("\\bcat\\b", "a cat!"), true),
        Row("no boundary", ("\\bcat\\b", "concat"), false), Row("escaped dot", ("a\\.c", "abc"), false),
        Row("hex", ("^\\x41$", "A"), true), Row("case", ("ABC", "abc"), false),
        Row("no case", ("(?i)ABC[x-z]", "abcY"), true),
        Row("no case, inverted", ("(?i)^[^a]$", "A"), false), Row("UTF-8", ("^.ü[ö-ü]$", "äüö"), true),
        Row("empty", ("", "x"), true), Row("empty loop", ("^(a*)*$", "aaa"), true),
    ])
    func matching(_ row: Row<(String, String), Bool>) throws {
        #expect(try TextPattern(row.input.0).matches(row.input.1) == row.expected)
    }

    @Test(arguments: [
        "(", ")", "a)", "[a", "*", "a**b(", "\\", "\\k", "(?=a)", "(?<n>a)", "a{3,2}", "a{999}", "{", "a{x}", "[z-a]",
        "\\x4", "\\1", "a++", "a*+", "a{2}+", "a?+", "[[:alpha:]]", "[a[=b=]]",
        String(repeating: "a", count: 513), String(repeating: "(", count: 100),
        "((((a{255}){255}){255}){255})", "(((){255}){255}){255}",
    ])
    func problems(_ pattern: String) {
        #expect(throws: TextPattern.Problem.self) { try TextPattern(pattern) }
    }

    @Test(.timeLimit(.minutes(1)))
    func noPatternStopsTheLoop() throws {
        let text = String(repeating: "a", count: 4000) + "!"
        for pattern in ["^(a+)+$", "^(a|aa)+$", "(a*)*b", "^(a?){100}a{100}$"] {
            #expect(try !TextPattern(pattern).matches(text))
        }
        #expect(try !TextPattern("a").matches(String(repeating: "a", count: 10000)))
    }
}
