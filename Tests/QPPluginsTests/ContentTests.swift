// ContentTests.swift
//
// RFC 5321 §6.3, §4.5.5; RFC 5322 §3.3, §3.6, §4.3

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("loop")
struct LoopTests {
    private func header(_ received: Int, _ delivered: Int) -> String {
        String(repeating: "Received: x\n", count: received) + String(repeating: "DELIVERED-to: y\n", count: delivered)
            + "Subject: z\n\nReceived: not this\n"
    }

    @Test(arguments: [
        Row("below the default", ([String](), 60, 39), false), Row("the default", ([], 60, 40), true),
        Row("above the default", ([], 0, 150), true), Row("below an own limit", (["3"], 1, 1), false),
        Row("an own limit", (["3"], 1, 2), true), Row("none", (["1"], 0, 0), false),
    ])
    func hops(_ row: Row<([String], Int, Int), Bool>) async throws {
        let harness = try PluginHarness(Loop.self, arguments: row.input.0)
        try harness.mail(to: ["bob@b.example"], self.header(row.input.1, row.input.2))
        let verdict = try await harness.run(.dataPost)
        #expect(verdict == (row.expected ? .deny("Too many hops", .routingLoop) : .declined))
        #expect(harness.log.lines.last?.hasPrefix(row.expected ? "LOGINFO fail" : "LOGDEBUG pass") ?? false)
    }

    @Test(arguments: [["0"], ["-1"], ["many"], ["65536"], ["1", "2"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(Loop.self, arguments: arguments) }
    }
}

@Suite("bogus_bounce")
struct BogusBounceTests {
    struct Bounce: Sendable {
        var arguments: [String] = ["deny"]
        var sender = ""
        var recipients = ["bob@b.example"]
        var text = "Subject: x\n\ny\n"
        var isRelay = false
    }

    @Test(
        arguments: [
            Row("a bounce", Bounce(), (ReturnCode.declined, "pass")),
            Row(
                "no bounce", Bounce(sender: "a@b.example", recipients: ["b@b.example", "c@b.example"]),
                (.declined, "skip")),
            Row("two recipients", Bounce(recipients: ["b@b.example", "c@b.example"]), (.deny, "fail")),
            Row("Return-Path", Bounce(text: "Return-Path: <x@y.example>\n\ny\n"), (.deny, "fail")),
            Row("an empty Return-Path", Bounce(text: "return-path: <>\n\ny\n"), (.deny, "fail")),
            Row("Return-Path in the body", Bounce(text: "A: b\n\nReturn-Path: <>\n"), (.declined, "pass")),
            Row(
                "only logged by default", Bounce(arguments: [], recipients: ["b@b.example", "c@b.example"]),
                (.declined, "fail, tolerated")),
            Row(
                "log", Bounce(arguments: ["log"], recipients: ["b@b.example", "c@b.example"]),
                (.declined, "fail, tolerated")),
            Row("denysoft", Bounce(arguments: ["denysoft"], text: "Return-Path: <>\n\n"), (.denysoft, "fail")),
            Row("reject 1", Bounce(arguments: ["reject", "1"], text: "Return-Path: <>\n\n"), (.deny, "fail")),
            Row(
                "reject 0", Bounce(arguments: ["reject", "0"], text: "Return-Path: <>\n\n"),
                (.declined, "fail, tolerated")),
            Row(
                "reject_type alone refuses", Bounce(arguments: ["reject_type", "temp"], text: "Return-Path: <>\n\n"),
                (.denysoft, "fail")),
            Row(
                "naughty", Bounce(arguments: ["reject", "naughty"], text: "Return-Path: <>\n\n"),
                (.declined, "fail, NAUGHTY")),
            Row("relay client", Bounce(text: "Return-Path: <>\n\n", isRelay: true), (.declined, "skip, relay client")),
        ] as [Row<Bounce, (ReturnCode, String)>])
    func bounces(_ row: Row<Bounce, (ReturnCode, String)>) async throws {
        let harness = try PluginHarness(BogusBounce.self, arguments: row.input.arguments)
        try harness.mail(from: row.input.sender, to: row.input.recipients, row.input.text)
        harness.session.isRelayClient = row.input.isRelay
        #expect(try await harness.run(.dataPost).code == row.expected.0)
        #expect(harness.log.lines.contains { $0.hasPrefix("LOGINFO " + row.expected.1) }, "\(harness.log.lines)")
    }

    @Test(arguments: [["maybe"], ["deny", "log"], ["reject"], ["reject", "1", "reject_type", "x"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(BogusBounce.self, arguments: arguments) }
    }
}

@Suite("headers")
struct HeadersTests {
    private static let now: Int64 = 1_700_000_000
    private static func date(days: Int64) -> String { "\(RFC5322Date(seconds: Self.now + days * 86400))" }
    private static func header(_ days: Int64 = 0) -> String { "From: a@b.example\nDate: \(Self.date(days: days))\n" }

    struct Mail: Sendable {
        var arguments = ["require", "From,Date"]
        var header: String
    }

    @Test(
        arguments: [
            Row("complete", Mail(header: Self.header()), Verdict.declined),
            Row(
                "no Date", Mail(header: "From: a@b.example\n"),
                .deny("We require a valid Date header", .otherMedia)),
            Row("no Date, not required", Mail(arguments: [], header: "From: a@b.example\n"), .declined),
            Row(
                "no From", Mail(header: "Date: \(Self.date(days: 0))\n"),
                .deny("We require a valid From header", .otherMedia)),
            Row(
                "an empty From", Mail(arguments: [], header: "From: \nSubject: x\n"),
                .deny("We require a valid From header", .otherMedia)),
            Row(
                "two Subjects", Mail(header: Self.header() + "Subject: a\nsubject: b\n"),
                .deny("Only one Subject header allowed. See RFC 5322, Section 3.6", .otherMedia)),
            Row(
                "two Message-IDs", Mail(header: Self.header() + "Message-ID: a\nMessage-Id: b\n"),
                .deny("Only one Message-Id header allowed. See RFC 5322, Section 3.6", .otherMedia)),
            Row("two Received", Mail(header: Self.header() + "Received: a\nReceived: b\n"), .declined),
            Row("no header", Mail(header: ""), .deny("Headers are missing", .otherMedia)),
            Row("no fields", Mail(header: "this is no field\n"), .deny("Headers are missing", .otherMedia)),
            Row("future 2, 6 days", Mail(arguments: ["future", "2"], header: Self.header(6)), Self.future),
            Row("future 2, 3 days", Mail(arguments: ["future", "2"], header: Self.header(3)), Self.future),
            Row("future 2, 1 day", Mail(arguments: ["future", "2"], header: Self.header(1)), .declined),
            Row("future 5, 6 days", Mail(arguments: ["future", "5"], header: Self.header(6)), Self.future),
            Row("past 5, 6 days", Mail(arguments: ["past", "5"], header: Self.header(-6)), Self.past),
            Row("past 2, 6 days", Mail(arguments: ["past", "2"], header: Self.header(-6)), Self.past),
            Row("past 2, 3 days", Mail(arguments: ["past", "2"], header: Self.header(-3)), Self.past),
            Row("past 2, 1 day", Mail(arguments: ["past", "2"], header: Self.header(-1)), .declined),
            Row("any age", Mail(header: Self.header(-9999)), .declined),
            Row(
                "an unreadable date passes", Mail(arguments: ["past", "2"], header: "From: a\nDate: yesterday\n"),
                .declined),
            Row("temp", Mail(arguments: ["reject_type", "temp"], header: "A: b\n"), Self.noFrom(.denysoft)),
            Row("perm", Mail(arguments: ["reject_type", "perm"], header: "A: b\n"), Self.noFrom(.deny)),
            Row("reject 0", Mail(arguments: ["reject", "0"], header: "A: b\n"), .declined),
            Row("naughty", Mail(arguments: ["reject", "naughty"], header: "A: b\n"), .declined),
        ] as [Row<Mail, Verdict<Void>>])
    func fields(_ row: Row<Mail, Verdict<Void>>) async throws {
        let harness = try PluginHarness(Headers.self, arguments: row.input.arguments)
        try harness.mail(to: ["bob@b.example"], row.input.header + "\nbody\n")
        #expect(try await harness.run(.dataPost) == row.expected)
        let failed = harness.log.lines.contains { $0.hasPrefix("LOGINFO fail") }
        #expect((harness.session.notes[NoteKey<Int>("karma")] ?? 0) == (failed ? -1 : 0))
        if row.testDescription == "naughty" {
            #expect(harness.session.notes[NoteKey<String>("naughty")] == "(headers) We require a valid From header")
        }
    }

    private static let past = Verdict<Void>.deny("The Date header is too far in the past", .otherMedia)
    private static let future = Verdict<Void>.deny("The Date header is too far in the future", .otherMedia)
    private static func noFrom(_ kind: Denial.Kind) -> Verdict<Void> {
        .refused(Denial(kind, "We require a valid From header", .otherMedia))
    }

    @Test func nothingAtAll() async throws {
        let harness = try PluginHarness(Headers.self)
        try harness.mail(to: ["bob@b.example"], "")
        #expect(try await harness.run(.dataPost) == .deny("You must send some data first", .otherMedia))
    }

    @Test func relayClientsAreLeftAlone() async throws {
        let harness = try PluginHarness(Headers.self)
        try harness.mail(to: ["bob@b.example"], "\n")
        harness.session.isRelayClient = true
        #expect(try await harness.run(.dataPost) == .declined)
        #expect(harness.log.lines == ["LOGINFO skip, relay client"])
    }

    /// Within a day of now or not; `nil`: unreadable.
    @Test(
        arguments: [
            Row("RFC 5322", "Tue, 14 Nov 2023 22:13:20 +0000", true), Row("no day", "14 Nov 2023 22:13 +0000", true),
            Row("blanks and comments", "Tue , 14  Nov\t2023 22:13:20 (a (b) \\) c) -0000 (UTC)", true),
            Row("capitals", "TUE, 14 NOV 2023 22:13:20 gmt", true), Row("two digits", "14 Nov 23 22:13 UT", true),
            Row("three digits", "14 Nov 123 22:13 UT", true), Row("a leap second", "14 Nov 2023 23:59:60 GMT", true),
            Row("military zone", "14 Nov 2023 22:13 Z", true), Row("unknown zone", "14 Nov 2023 22:13 CEST", true),
            Row("no zone", "14 Nov 2023 22:13", true), Row("EST", "15 Nov 2023 17:13:20 EST", true),
            Row("a second later", "15 Nov 2023 17:13:21 EST", false),
            Row("PDT", "15 Nov 2023 15:13:21 PDT", false), Row("+0100", "15 Nov 2023 23:00 +0100", true),
            Row("-1200", "15 Nov 2023 12:00 -1200", false), Row("98 is 1998", "14 Nov 98 22:13 UT", false),
            Row("the last of February", "29 Feb 2024 00:00 +0000", false),
            Row("no such day", "29 Feb 2023 00:00 +0000", nil), Row("month", "14 Foo 2023 22:13 UT", nil),
            Row("hour", "14 Nov 2023 24:13 UT", nil), Row("year", "14 Nov 1 22:13 UT", nil),
            Row("as asctime writes it", "Tue Nov 14 22:13:20 2023", nil), Row("ISO", "2023-11-14T22:13:20Z", nil),
            Row("nothing", "x", nil),
            Row("numbers without end", "99999999999999999999 Nov 2023 22:13 UT", nil),
            Row("NUL", "14 Nov 2023 22:13\0 UT", nil),
        ] as [Row<String, Bool?>])
    func dates(_ row: Row<String, Bool?>) async throws {
        let harness = try PluginHarness(Headers.self, arguments: ["past", "1", "future", "1"])
        try harness.mail(to: ["bob@b.example"], "From: a@b.example\nDate: \(row.input)\n\n")
        let verdict = try await harness.run(.dataPost)
        #expect((verdict.code == .deny) == (row.expected == false))
        #expect(harness.log.lines.contains("LOGINFO skip, unreadable date") == (row.expected == nil))
    }

    @Test(arguments: [
        ["require"], ["require", ","], ["require", "a:b"], ["past", "-1"], ["future", "x"], ["nonsense", "1"],
        ["reject_type", "x"],
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(Headers.self, arguments: arguments) }
    }
}

@Suite("content_log")
struct ContentLogTests {
    private func harness(_ files: [String: String] = [:]) throws -> PluginHarness {
        let harness = try PluginHarness(ContentLog.self, files: files)
        try harness.mail(to: ["bob@b.example"], "A: b\n\nx\n")
        return harness
    }

    @Test(
        arguments: [
            Row("nothing", nil, true), Row("true", "true", true), Row("1", "1", true), Row("yes", "yes", true),
            Row("with blanks", "yes    ", true), Row("0", "0", false), Row("false", "false", false),
            Row("no", "no", false), Row("nonsense", "asdf ", false),
        ] as [Row<String?, Bool>])
    func enabled(_ row: Row<String?, Bool>) async throws {
        let harness = try self.harness(row.input.map { ["content_log_enabled": $0] } ?? [:])
        #expect(try await harness.run(.dataPost) == .declined)
        let written = harness.files.files["mail/20231114"]
        #expect(written == (row.expected ? Array("A: b\n\nx\n".utf8) : nil))
    }

    @Test func messagesFollowEachOther() async throws {
        let harness = try self.harness(["content_log_file": "/log/%Y/%m-%i"])
        _ = try await harness.run(.dataPost)
        harness.message = .test(bytes: Array("C: d\r\n\r\ny".utf8), spooled: true)
        _ = try await harness.run(.dataPost)
        let path = "/log/2023/11-\(harness.session.id)"
        #expect(harness.files.files == [path: Array("A: b\n\nx\nC: d\n\ny\n".utf8)])
        #expect(harness.log.lines.first == "LOGINFO pass, wrote 8 octets to \(path)")
    }

    @Test func largeOnesAreCut() async throws {
        let harness = try self.harness(["content_log_file": "/log"])
        harness.message = .test(bytes: Array(repeating: 0x78, count: (1 << 20) + 100), spooled: true)
        _ = try await harness.run(.dataPost)
        let text = String(decoding: harness.files.files["/log"] ?? [], as: UTF8.self)
        #expect(text.hasSuffix("xx\n[about 100 octets are left out]\n"))
        #expect(text.utf8.count < (1 << 20) + 100)
    }

    @Test func failuresPassTheMail() async throws {
        let harness = try self.harness(["content_log_file": "/log/x"])
        harness.files.fail(below: "/log", with: .failed("disk full"))
        #expect(try await harness.run(.dataPost) == .declined)
        #expect(harness.log.lines == ["LOGERROR error, disk full"])
    }

    @Test(arguments: ["/a/../b", "..", "/a/", "/", "/a\n/b"])
    func badPaths(_ path: String) {
        #expect(throws: PluginError.self) {
            try PluginHarness(ContentLog.self, files: ["content_log_file": "# path\n\(path)"])
        }
    }
}

@Suite("virus/klez_filter")
struct KlezFilterTests {
    private static let program = "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    private static func body(_ type: String, _ program: String, lines: Int = 3) -> String {
        String(repeating: "x\n", count: lines) + "Content-Type: \(type)\n\n\(program)\n"
    }

    @Test(
        arguments: [
            Row("audio", (Self.body("audio/x-wav;", Self.program), 60000), true),
            Row("application", (Self.body("APPLICATION/octet-stream", Self.program), 60000), true),
            Row("too small", (Self.body("audio/x-wav;", Self.program), 59999), false),
            Row("text", (Self.body("text/plain", Self.program), 60000), false),
            Row("no program", (Self.body("audio/x-wav", "AAAA"), 60000), false),
            Row("program before the type", ("\(Self.program)\nContent-Type: audio/x-wav\n", 60000), false),
            Row("line 41", (Self.body("audio/x", Self.program, lines: 38), 60000), true),
            Row("line 42", (Self.body("audio/x", Self.program, lines: 39), 60000), false),
        ] as [Row<(String, Int), Bool>])
    func worms(_ row: Row<(String, Int), Bool>) async throws {
        let start = Array(
            "Subject: x\n\n\(row.input.0)".split(separator: "\n", omittingEmptySubsequences: false)
                .joined(separator: "\r\n").utf8)
        let bytes = start + Array(repeating: UInt8(ascii: "z"), count: row.input.1 - start.count)
        for pieces in [1000, 70000] {
            let harness = try PluginHarness(KlezFilter.self)
            try harness.mail(to: ["bob@b.example"], "")
            harness.message = .test(bytes: bytes, pieces: pieces, spooled: pieces == 1000)
            #expect(try await harness.run(.dataPost).code == (row.expected ? .deny : .declined))
            #expect(harness.log.lines.count == 1)
        }
    }

    @Test func arguments() {
        #expect(throws: PluginError.self) { try PluginHarness(KlezFilter.self, arguments: ["x"]) }
    }
}
