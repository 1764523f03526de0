// LoggingPluginTests.swift
//
// Logging plugins that choose, mark or send elsewhere.

import QPHooks
import QPPlugins
import QPTestKit
import Testing

private func event(
    _ text: String = "text", level: LogLevel = .warning, plugin: String? = "queue/qmail-queue", hook: HookID? = .queue,
    session: SessionID? = SessionID("0000000000az"), transaction: UInt32 = 2
) -> LoggingEvent {
    LoggingEvent(
        level: level, hook: hook, plugin: plugin, session: session, sessionNumber: 42, transaction: transaction,
        text: text, wallTime: 1_700_000_000_000_000_000)
}

@Suite("logging/debug_plugin")
struct DebugPluginTests {
    /// What the loggers do with lines, one after the other, as the server asks them.
    private func log(_ events: [LoggingEvent], through loggers: PluginHarness...) throws {
        for event in events {
            for logger in loggers where try logger.run(.logging, event) != .declined { break }
        }
    }

    private func warn() throws -> PluginHarness { try PluginHarness(Warn.self, arguments: ["LOGDEBUG"]) }

    private func texts(_ harness: PluginHarness) -> [Substring] {
        harness.output(.standardError).lines.map { $0.dropFirst("42 (queue) ".count).prefix { $0 != "[" } }
    }

    @Test("claim 30: debug_plugin shows all of one plugin, of others what is serious")
    func onePlugin() throws {
        let filter = try PluginHarness(DebugPlugin.self, arguments: ["badmailfrom", "LOGWARN"])
        let warn = try self.warn()
        let events = [
            event("a", level: .debug, plugin: "badmailfrom"), event("b", level: .debug, plugin: "rcpt_ok"),
            event("c", level: .warning, plugin: "rcpt_ok"), event("d", level: .notice, plugin: nil),
            event("e", level: .error, plugin: nil),
        ]
        try self.log(events, through: filter, warn)
        #expect(self.texts(warn) == ["badmailfrom: a ", "rcpt_ok: c ", "e "])
    }

    @Test("claim 31: debug_plugin without a name stops the start")
    func noName() {
        #expect(throws: PluginError.argument("no plugin name given")) { try PluginHarness(DebugPlugin.self) }
        #expect(throws: PluginError.self) { try PluginHarness(DebugPlugin.self, arguments: ["a", "LOGINFO", "b"]) }
    }

    @Test(
        "claim 32: debug_plugin's level is LOGWARN when it is missing or none",
        arguments: [
            Row("missing", ["x"], LogLevel.warning), Row("none", ["x", "LOUD"], .warning),
            Row("a number that is none", ["x", "8"], .warning), Row("by name", ["x", "LOGNOTICE"], .notice),
            Row("by number", ["x", "2"], .critical),
        ])
    func levels(_ row: Row<[String], LogLevel>) throws {
        let harness = try PluginHarness(DebugPlugin.self, arguments: row.input)
        for level in LogLevel.allCases {
            let expected = level <= row.expected ? ReturnCode.declined : .ok
            #expect(try harness.run(.logging, event(level: level)).code == expected)
        }
        #expect(harness.warnings.isEmpty == (row.testDescription != "none" && !row.testDescription.contains("that")))
    }

    @Test("claim 33: debug_plugin answers OK to drop a line, DECLINED to pass it on")
    func answers() throws {
        let harness = try PluginHarness(DebugPlugin.self, arguments: ["rcpt_ok"])
        #expect(try harness.run(.logging, event(level: .info, plugin: "other")) == .ok)
        #expect(try harness.run(.logging, event(level: .info, plugin: nil)) == .ok)
        #expect(try harness.run(.logging, event(level: .info, plugin: "rcpt_ok")) == .declined)
        #expect(try harness.run(.logging, event(level: .error, plugin: "other")) == .declined)
        #expect(harness.output(.standardError).lines.isEmpty)
    }

    @Test("claim 34: debug_plugin works only on the loggers behind it")
    func order() throws {
        for isFirst in [true, false] {
            let filter = try PluginHarness(DebugPlugin.self, arguments: ["rcpt_ok"])
            let warn = try self.warn()
            let line = event(level: .debug, plugin: "other")
            if isFirst {
                try self.log([line], through: filter, warn)
            } else {
                try self.log([line], through: warn, filter)
            }
            #expect(warn.output(.standardError).lines.count == (isFirst ? 0 : 1))
        }
    }

    @Test("claim 35: debug_plugin takes both spellings of a plugin's name")
    func spellings() throws {
        for name in ["queue/qmail-queue", "queue::qmail_2dqueue"] {
            for spelling in ["queue/qmail-queue", "queue::qmail_2dqueue"] {
                let harness = try PluginHarness(DebugPlugin.self, arguments: [spelling])
                #expect(try harness.run(.logging, event(level: .debug, plugin: name)) == .declined)
                #expect(try harness.run(.logging, event(level: .debug, plugin: "queue/other")) == .ok)
            }
        }
    }

    @Test("claim 78: of two loggers, the first one's OK keeps a line from the second; DECLINED does not")
    func twoLoggers() throws {
        let (first, second) = (try self.warn(), try self.warn())
        try self.log([event("a")], through: first, second)
        #expect(first.output(.standardError).lines == second.output(.standardError).lines)
        #expect(first.output(.standardError).lines.count == 1)

        let filter = try PluginHarness(DebugPlugin.self, arguments: ["x", "LOGCRIT"])
        let behind = try self.warn()
        try self.log([event("a"), event("b", level: .alert)], through: filter, behind)
        #expect(self.texts(behind) == ["queue::qmail_2dqueue: b "])
    }
}

@Suite("logging/adaptive")
struct AdaptiveTests {
    private func harness(_ arguments: [String] = ["accept", "LOGNOTICE", "reject", "LOGINFO"]) throws -> PluginHarness {
        try PluginHarness(Adaptive.self, arguments: arguments)
    }

    private func line(_ text: String, _ level: LogLevel, in harness: PluginHarness) throws {
        let event = event(text, level: level, session: harness.session.id, transaction: 1)
        #expect(try harness.run(.logging, event) == .declined)
    }

    private func deny(_ harness: PluginHarness) async throws {
        let denial = AnswerEvent(plugin: "rcpt_ok", hook: .rcpt, code: .deny, text: "no")
        #expect(try await harness.run(.deny, denial) == .declined)
    }

    private func texts(_ harness: PluginHarness) -> [String] {
        harness.output(.standardError).lines.map { line in
            (line.hasPrefix("`") ? "`" : "") + (line.split(separator: ": ").last?.prefix(1) ?? "")
        }
    }

    @Test func acceptedMailIsRepeatedWithThePrefix() async throws {
        let harness = try self.harness()
        try self.line("a", .debug, in: harness)
        try self.line("b", .info, in: harness)
        try self.line("c", .notice, in: harness)
        #expect(self.texts(harness) == ["b", "c"])
        #expect(try await harness.run(.resetTransaction) == .declined)
        #expect(self.texts(harness) == ["b", "c", "`c"])
        let repeated = try #require(harness.output(.standardError).lines.last)
        #expect(repeated.hasPrefix("`42 (queue) queue::qmail_2dqueue: c ["))
        _ = try await harness.run(.resetTransaction)
        #expect(self.texts(harness).count == 3)
    }

    @Test func refusedMailIsNotAndTheNextOneIs() async throws {
        let harness = try self.harness()
        try self.line("a", .notice, in: harness)
        try await self.deny(harness)
        try self.line("b", .notice, in: harness)
        _ = try await harness.run(.resetTransaction)
        #expect(self.texts(harness) == ["a", "b"])
        try self.line("c", .notice, in: harness)
        _ = try await harness.run(.resetTransaction)
        #expect(self.texts(harness) == ["a", "b", "c", "`c"])
    }

    @Test func sessionsAreApart() async throws {
        let harness = try self.harness()
        try self.line("a", .notice, in: harness)
        harness.connect()
        try await self.deny(harness)
        _ = try await harness.run(.resetTransaction)
        try self.line("b", .notice, in: harness)
        _ = try await harness.run(.postConnection)
        _ = try await harness.run(.resetTransaction)
        #expect(self.texts(harness) == ["a", "b"])
    }

    @Test func defaultsAndOwnPrefix() async throws {
        let harness = try self.harness([])
        try self.line("a", .notice, in: harness)
        try self.line("b", .warning, in: harness)
        try self.line("c", .error, in: harness)
        _ = try await harness.run(.resetTransaction)
        #expect(self.texts(harness) == ["b", "c", "`c"])

        let own = try self.harness(["prefix", "OK:", "accept", "LOGDEBUG", "reject", "LOGEMERG"])
        try self.line("a", .debug, in: own)
        _ = try await own.run(.resetTransaction)
        #expect(own.output(.standardError).lines.map { $0.hasPrefix("OK:42 (queue)") } == [true])
    }

    @Test func whatIsKeptIsBounded() async throws {
        let harness = try self.harness()
        try self.line(String(repeating: "x", count: 2000), .notice, in: harness)
        for _ in 0..<300 { try self.line("a", .notice, in: harness) }
        _ = try await harness.run(.resetTransaction)
        #expect(self.texts(harness).count { $0.hasPrefix("`") } == 200)
        let own = event(plugin: "logging/adaptive")
        _ = try harness.run(.logging, own)
        #expect(self.texts(harness).count == 501)
    }

    @Test(arguments: [["accept"], ["accept", "x"], ["reject", "9"], ["loud", "1"], ["LOGINFO", "LOGWARN"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try self.harness(arguments) }
    }
}

@Suite("logging/syslog")
struct SyslogTests {
    @Test(
        arguments: [
            Row("default", [String](), ("qpserver", "mail", [LogLevel.emergency, .warning])),
            Row("level", ["loglevel", "LOGDEBUG"], ("qpserver", "mail", [.emergency, .warning, .debug])),
            Row("priority", ["priority", "LOGNOTICE"], ("qpserver", "mail", [.notice, .notice])),
            Row(
                "ident and facility", ["ident", "mx", "facility", "LOG_LOCAL3"],
                ("mx", "local3", [.emergency, .warning])),
            Row("facility by its short name", ["facility", "daemon"], ("qpserver", "daemon", [.emergency, .warning])),
        ] as [Row<[String], (String, String, [LogLevel])>])
    func lines(_ row: Row<[String], (String, String, [LogLevel])>) throws {
        let harness = try PluginHarness(Syslog.self, arguments: row.input)
        for level in [LogLevel.emergency, .warning, .debug] {
            #expect(try harness.run(.logging, event("a\nb", level: level)) == .declined)
        }
        _ = try harness.run(.logging, event(level: .emergency, plugin: "logging/syslog"))
        let output = harness.output(.syslog(ident: row.expected.0, facility: row.expected.1))
        #expect(output.levels == row.expected.2)
        #expect(output.lines.first == "(queue) queue::qmail_2dqueue: a\\nb [0000000000az.2]")
    }

    @Test(arguments: [
        ["loglevel", "x"], ["priority", "8"], ["facility", "LOG_X"], ["ident", "a b"], ["ident", "a:"], ["x", "y"],
        ["loglevel"],
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(Syslog.self, arguments: arguments) }
    }

    @Test func logsockIsToldToBeWithoutEffect() throws {
        #expect(try PluginHarness(Syslog.self, arguments: ["logsock", "unix"]).warnings.count == 1)
    }
}

@Suite("logging/devnull, connection_id and transaction_id")
struct SmallLoggerTests {
    @Test func devnullWritesNothingAndPassesOn() throws {
        let harness = try PluginHarness(DevNull.self)
        #expect(try harness.run(.logging, event(level: .emergency)) == .declined)
        #expect(harness.hooks == [.logging])
        #expect(harness.output(.standardError).lines.isEmpty)
        #expect(throws: PluginError.self) { try PluginHarness(DevNull.self, arguments: ["x"]) }
    }

    @Test(
        arguments: [
            Row(
                "a mail", event("a\nb"),
                [
                    "0000000000az (queue) queue::qmail_2dqueue: a\\nb",
                    "0000000000az.2 (queue) queue::qmail_2dqueue: a\\nb",
                ]),
            Row(
                "no mail yet", event("c", plugin: nil, transaction: 0),
                ["0000000000az (queue) c", "0000000000az (queue) c"]),
            Row("no session", event("c", plugin: nil, hook: nil, session: nil, transaction: 0), ["- c", "- c"]),
            Row("too detailed", event(level: .notice), []),
            Row("what they log themselves", event(plugin: "own"), []),
        ] as [Row<LoggingEvent, [String]>])
    func namesInFront(_ row: Row<LoggingEvent, [String]>) throws {
        let connection = try PluginHarness(ConnectionID.self, name: "own")
        let transaction = try PluginHarness(TransactionID.self, name: "own")
        #expect(try connection.run(.logging, row.input) == .declined)
        #expect(try transaction.run(.logging, row.input) == .declined)
        #expect(
            connection.output(.standardError).lines + transaction.output(.standardError).lines == row.expected)
    }

    @Test func theirLevels() throws {
        let connection = try PluginHarness(ConnectionID.self, arguments: ["LOGDEBUG"])
        let transaction = try PluginHarness(TransactionID.self, arguments: ["0"])
        for level in LogLevel.allCases {
            _ = try connection.run(.logging, event(level: level))
            _ = try transaction.run(.logging, event(level: level))
        }
        #expect(connection.output(.standardError).levels == LogLevel.allCases)
        #expect(transaction.output(.standardError).levels == [.emergency])
        for bad in [["LOUD"], ["1", "2"]] {
            #expect(throws: PluginError.self) { try PluginHarness(ConnectionID.self, arguments: bad) }
            #expect(throws: PluginError.self) { try PluginHarness(TransactionID.self, arguments: bad) }
        }
    }
}
