// LogFormatterTests.swift
//
// Lines, and that nothing forges one.

import Glibc
import QPHooks
import Testing

@testable import QPServer

@Suite struct LogFormatterTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let event: LoggingEvent
        let text: String
        let json: String
        let qpsmtpd: String
    }

    static let time = "2026-11-23T12:00:00.123Z"
    static let session = "\(SessionID(bits: 77))"

    @Test(arguments: [
        Case(
            testDescription: "the server's own",
            event: .sample(.info, "ready"), text: "\(time) INFO ready",
            json: #"{"time":"\#(time)","level":"info","text":"ready"}"#,
            qpsmtpd: "\(getpid()) ready"),
        Case(
            testDescription: "a plugin in a session",
            event: .sample(
                .warning, "fail, listed", hook: .dataPost, plugin: "queue/qmail-queue", session: 77, number: 4711,
                transaction: 2, fields: [("sender", "a@b.example"), ("why", "two words")]),
            text:
                "\(time) WARN [\(session).2] queue/qmail-queue/data_post: fail, listed sender=a@b.example why=\"two words\"",
            json: #"{"time":"\#(time)","level":"warn","session":"\#(session)","transaction":2,"number":4711,"#
                + #""plugin":"queue/qmail-queue","hook":"data_post","text":"fail, listed","#
                + #""fields":{"sender":"a@b.example","why":"two words"}}"#,
            qpsmtpd: "4711 (data_post) queue::qmail_2dqueue: fail, listed sender=a@b.example why=\"two words\""),
        Case(
            testDescription: "a hook without a plugin",
            event: .sample(.debug, "running plugin: x", hook: .connect, session: 77, number: 1),
            text: "\(time) DEBUG [\(session)] /connect: running plugin: x",
            json:
                #"{"time":"\#(time)","level":"debug","session":"\#(session)","number":1,"hook":"connect","text":"running plugin: x"}"#,
            qpsmtpd: "1 (connect) running plugin: x"),
        Case(
            testDescription: "fields that look like two",
            event: .sample(.info, "x", fields: [("a b", "c=d"), ("q", "say \"hi\" a=b"), ("e", "")]),
            text: "\(time) INFO x a_b=\"c=d\" q=\"say \\\"hi\\\" a=b\" e=\"\"",
            json: #"{"time":"\#(time)","level":"info","text":"x","fields":{"a b":"c=d","q":"say \"hi\" a=b","e":""}}"#,
            qpsmtpd: "\(getpid()) x a_b=\"c=d\" q=\"say \\\"hi\\\" a=b\" e=\"\""),
    ])
    func lines(_ row: Case) {
        var formatter = LogFormatter()
        #expect(formatter.line(row.event, .text) == row.text + "\n")
        #expect(formatter.line(row.event, .json) == row.json + "\n")
        #expect(formatter.line(row.event, .qpsmtpd) == row.qpsmtpd + "\n")
    }

    /// Everything that could end a line, steer a terminal or turn text around.
    static let dangerous =
        (0..<0x20).map { $0 } + [0x7F] + (0x80..<0xA0).map { $0 }
        + [0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069, 0xFEFF, 0xE0041]

    @Test(arguments: LogFormat.allCases)
    func nothingForgesALine(_ format: LogFormat) {
        var formatter = LogFormatter()
        for value in Self.dangerous {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            let evil = "a\(Character(scalar))b"
            let line = formatter.line(
                .sample(.info, evil, plugin: evil, session: 1, number: 1, fields: [(evil, evil)]), format)
            #expect(line.hasSuffix("\n"))
            let body = line.dropLast()
            #expect(!body.unicodeScalars.contains(scalar), "U+\(String(value, radix: 16))")
            #expect(!body.utf8.contains { $0 < 0x20 || $0 == 0x7F })
        }
        let ansi = formatter.line(.sample(.info, "\u{1B}[2J 250 ok\r\n2026-11-23T12:00:00.123Z INFO forged"), format)
        #expect(ansi.utf8.count(where: { $0 == 0x0A }) == 1)
        let invalid = formatter.line(.sample(.info, String(decoding: [0x61, 0xFF, 0xC3, 0x28], as: UTF8.self)), format)
        #expect(invalid.contains("a\u{FFFD}\u{FFFD}("))
        #expect(
            formatter.line(.sample(.info, "Gr\u{FC}\u{DF}e \u{65E5}\u{672C} \u{1F600}"), format).contains(
                "Gr\u{FC}\u{DF}e \u{65E5}\u{672C} \u{1F600}"))
    }

    @Test func eachByteOfTextIsEscapedOnce() {
        #expect(LogFormatter.body(.sample(.info, "a\\n\n\u{1B}\u{202E}")) == #"a\\n\n\x1b\u{202e}"#)
        #expect(LogFormatter.jsonText("a\\\"\n\u{E0041}\u{202E}") == #""a\\\"\u000a\udb40\udc41\u202e""#)
    }

    @Test(arguments: LogFormat.allCases)
    func linesAreBounded(_ format: LogFormat) {
        var formatter = LogFormatter()
        let long = String(repeating: "\u{1}", count: 1 << 20)
        let line = formatter.line(
            .sample(.info, long, plugin: "p", fields: (0..<100).map { ("f\($0)", long) }), format)
        #expect(line.utf8.count < 250_000)
        #expect(line.contains("(1040384 more)"))
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (Int64.max, "2262-04-11T23:47:16.854Z"), (Int64.min, "1677-09-21T00:12:43.145Z"),
            (1_000_999_999, "1970-01-01T00:00:01.000Z"),
        ] as [(Int64, String)])
    func times(_ wall: Int64, _ text: String) {
        var formatter = LogFormatter()
        #expect(formatter.time(wall) == text)
        #expect(formatter.time(wall) == text)
    }

    @Test func journalFields() {
        let event = LoggingEvent.sample(
            .error, "x\ny", hook: .rcpt, plugin: "p\n", session: 77, number: 3, transaction: 1,
            fields: [("from-\n=addr", "v\nPRIORITY=0")])
        #expect(
            JournalDevice.datagram(event).split(separator: "\n") == [
                "PRIORITY=3", "SYSLOG_IDENTIFIER=qpserver",
                #"MESSAGE=[\#(Self.session).1] p\n/rcpt: x\ny from-\n_addr="v\nPRIORITY=0""#,
                "QP_SESSION=\(Self.session)", "QP_TRANSACTION=1", "QP_NUMBER=3", #"QP_PLUGIN=p\n"#, "QP_HOOK=rcpt",
                #"QP_F_FROM___ADDR=v\nPRIORITY=0"#,
            ])
    }
}

@Suite struct LogConfigTests {
    @Test(
        arguments: [
            ("stderr", LogTarget(.standardError)),
            ("stderr json", LogTarget(.standardError, format: .json)),
            ("stderr debug", LogTarget(.standardError, level: .debug)),
            ("stderr text LOGWARN", LogTarget(.standardError, level: .warning)),
            ("stderr 7 qpsmtpd", LogTarget(.standardError, format: .qpsmtpd, level: .debug)),
            ("file:/var/log/a.log json debug", LogTarget(.file("/var/log/a.log"), format: .json, level: .debug)),
            ("syslog", LogTarget(.syslog("mail"))),
            ("syslog:local3 err", LogTarget(.syslog("local3"), level: .error)),
            ("journald", LogTarget(.journald(LogDestination.journal))),
            ("", nil), ("stdout", nil), ("stderr:x", nil), ("file", nil), ("file:", nil), ("file:relative", nil),
            ("file:/", nil), ("syslog:nowhere", nil), ("stderr loud", nil), ("stderr text json", nil),
            ("stderr 6 7", nil),
            ("stderr 9", nil), ("journald:x", nil),
        ] as [(String, LogTarget?)])
    func lines(_ text: String, _ expected: LogTarget?) {
        let config = LogConfig(lines: [ConfigLine(text: text, file: "log", number: 3)])
        #expect(config.targets.first == expected)
        #expect(config.problems.isEmpty == (expected != nil))
        #expect(config.isExplicit)
        for problem in config.problems { #expect(problem.description.hasPrefix("log:3: error: ")) }
    }

    @Test func withoutLines() {
        let config = LogConfig(lines: [], level: .notice)
        #expect(config.targets == [LogTarget(.standardError, level: .notice)])
        #expect(!config.isExplicit)
    }

    @Test func twiceIsOnceTooMany() {
        let lines = ["stderr", "stderr json"].enumerated().map { ConfigLine(text: $1, file: "log", number: $0 + 1) }
        let config = LogConfig(lines: lines)
        #expect(config.targets.count == 1)
        #expect(config.problems.map(\.line) == [2])
    }
}
