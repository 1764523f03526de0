// HostileTextTests.swift
//
// What clients say is shown as text everywhere; watchers of the log do not disturb each other.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

@Suite(.serialized)
struct HostileTextTests {
    private static let markup = "<img src=x onerror=alert(1)>"
    private static let lines = [
        "EHLO \(markup)", "EHLO client.example", "HELO \u{1B}]0;owned\u{07}\u{1B}[2J", "EHLO \u{2028}forged.example",
        "MAIL FROM:<\(markup)@x.example>", "MAIL FROM:<\"\u{1B}[31m\"@x.example>", "NOOP \u{1B}[2J\u{7F}\u{08}",
        "VRFY a\rforged line", "XYZZY \u{9B}31m \u{2028}2026-01-01 00:00:00 LOGERROR forged", "RSET",
        "MAIL FROM:<ann@client.example>", "RCPT TO:<bob@server.example>", "DATA",
        "Message-ID: <\u{1B}[2J\u{2029}@x>\r\nSubject: \(markup)\r\n\r\n\u{1B}c\r\n.",
    ]

    /// One that repeats what it hears, as careless plugins do.
    private static let echo = ScriptedPlugin { hooks in
        let repeats: @Sendable (CommandEvent, SessionContext) -> Verdict<Void> = { event, session in
            session.log.info("heard \(event.argument ?? "")")
            return .deny("you said \(event.argument ?? "")")
        }
        hooks.on(.noop, repeats)
        hooks.on(.vrfy, repeats)
        hooks.on(.unrecognizedCommand) { event, session in
            session.log.info("heard \(event.argument ?? "")")
            return .deny("you said \(event.argument ?? "")")
        }
        hooks.on(.rcpt) { _, _ in .ok }
        hooks.on(.queue) { _, _ in .ok("queued") }
    }

    private static let targets = [
        "sessions", "sessions?state=ended", "explain?sender=ann@client.example", "logs?backlog=1000&level=LOGDEBUG",
        "events?backlog=1000", "top?field=reason&state=ended", "top?field=helo&state=ended", "audit", "overview",
        "plugins",
    ]

    @Test(arguments: [LogFormat.text, .json, .qpsmtpd])
    func nothingFromOutsideIsMoreThanText(_ format: LogFormat) async throws {
        var options = OperatedServer.Options()
        options.logFormat = format
        options.limits.maxErrors = 100
        try await OperatedServer.with([("echo", Self.echo)], options) { server in
            let client = try await server.connect()
            _ = try await client.answer()
            for line in Self.lines {
                try await client.send(line + "\r\n")
                _ = try await client.answer()
            }
            var targets = Self.targets
            let live = try await server.only(.live)
            #expect(live.transactions.last?.result == "queued")
            targets.append("sessions/\(live.session.id)")
            for target in targets { try await Self.check(server, target) }
            #expect(try await client.say("QUIT") == 221)
            #expect(await server.isEmpty())
            for target in targets { try await Self.check(server, target) }
            let name = "\u{1B}[2J\r\nforged \u{2028}\(Self.markup)".utf8.map {
                "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16)
            }
            let answer = try await server.ask("DELETE", "/api/v1/sessions/\(name.joined())")
            #expect(answer.status == 404 && answer.controls == [])
            try await Self.check(server, "audit")

            let log = try await server.logText()
            #expect(log.contains("heard"))
            #expect(!log.utf8.contains { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F })
            let bad = Set("\u{2028}\u{2029}\u{85}\u{9B}\u{9D}".unicodeScalars)
            #expect(!log.unicodeScalars.contains { bad.contains($0) })
            #expect(!log.split(separator: "\n").contains { $0.hasPrefix("forged") || $0.hasPrefix("2026-01-01") })
        }
    }

    private static func check(_ server: OperatedServer, _ target: String) async throws {
        for accept in ["application/json", "text/event-stream"] {
            let isStream = target.hasPrefix("logs") || target.hasPrefix("events")
            guard isStream || accept == "application/json" else { continue }
            let answer = try await server.ask(
                "GET", "/api/v1/\(target)" + (isStream ? "&follow=false" : ""), accept: accept)
            #expect(answer.status == 200, "\(target): \(answer.body)")
            #expect(answer.controls == [], "\(target)")
            #expect(answer.head.lowercased().contains("x-content-type-options: nosniff"))
            #expect(!answer.head.lowercased().contains("content-type: text/html"))
        }
    }

    /// The text arrives whole, as what it is.
    @Test func textIsNotLost() async throws {
        try await OperatedServer.with([("echo", Self.echo)]) { server in
            try await server.mail(["EHLO client.example", "NOOP \(Self.markup)"])
            let detail = try await server.only(.ended)
            #expect(detail.trail.contains { $0.text == "you said \(Self.markup)" })
            let page = try await server.ask("GET", "/", as: .viewer)
            #expect(page.status == 200)
            #expect(!page.body.contains(Self.markup))
            #expect(page.head.lowercased().contains("content-security-policy:"))
        }
    }

    // MARK: Watchers of the log

    /// Takes what a watcher has until a line with a text comes.
    private static func texts(_ watcher: any TelemetryStream<LogRow>, until end: String) async -> [String] {
        var texts: [String] = []
        while let items = await watcher.next(), !items.isEmpty {
            for case .element(let row) in items {
                if row.text == end { return texts }
                texts.append("\(row.plugin ?? "-") \(row.level) \(row.text)")
            }
        }
        return texts + ["ended"]
    }

    @Test func oneWatcherSeesDebugLines() async throws {
        let offered = Mutex<[String]>([])
        let listed = ScriptedPlugin { hooks in
            hooks.on(.mail) { _, session in
                session.log.debug("looking closely")
                session.log.info("looked")
                return .declined
            }
        }
        let other = ScriptedPlugin { hooks in
            hooks.on(.mail) { _, session in
                session.log.debug("not asked for")
                return .declined
            }
            hooks.on(.logging) { event in
                offered.withLock { $0.append(event.text) }
                return .declined
            }
        }
        var options = OperatedServer.Options()
        options.logLevel = .info
        try await OperatedServer.with([("badmailfrom", listed), ("other", other)], options) { server in
            let mail = [Conversation.hello, Conversation.sender]
            try await server.mail(mail)
            #expect(await server.isEmpty())
            let without = offered.withLock { offered in
                defer { offered = [] }
                // Said once, when the configuration came into use.
                return offered.filter { !$0.contains(" hooking ") }
            }
            var request = LogRequest()
            request.backlog = 0
            let plain = try server.telemetry.logs(request, for: .tester)
            request.pluginLevels = ["badmailfrom": "LOGDEBUG"]
            let curious = try server.telemetry.logs(request, for: .tester)
            try await server.mail(mail)
            #expect(await server.isEmpty())
            server.running.log.write(.notice, "the end")

            let (seen, usual) = (await Self.texts(curious, until: "the end"), await Self.texts(plain, until: "the end"))
            #expect(seen.contains("badmailfrom LOGDEBUG looking closely"))
            #expect(seen.filter { $0 != "badmailfrom LOGDEBUG looking closely" } == usual)
            #expect(usual.contains("badmailfrom LOGINFO looked"))
            #expect(!usual.contains { $0.contains("LOGDEBUG") })
            let log = try await server.logText()
            #expect(!log.contains("looking closely") && !log.contains("not asked for"))
            let with = offered.withLock { $0.filter { $0 != "the end" } }
            #expect(with == without)
            curious.end()
            plain.end()
        }
    }
}
