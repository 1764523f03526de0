// ControlTests.swift
//
// What operators do over the admin endpoint, and what clients notice of it.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPServer

@Suite(.serialized)
struct ControlTests {
    private static let plugins = "badmailfrom\nrcpt_ok\nqueue/discard\n"
    private static let spam = ["EHLO client.example", "MAIL FROM:<a@spam.example>"]
    private static let mail = [Conversation.hello] + Conversation.mail

    private static func listed(_ body: (OperatedServer) async throws -> Void) async throws {
        let files = ["plugins": Self.plugins, "badmailfrom": "@spam.example\n"]
        try await OperatedServer.with(files: files) { try await body($0) }
    }

    // MARK: Sessions and bans

    @Test func kick() async throws {
        try await OperatedServer.with(files: [:]) { server in
            let client = try await server.connect(to: .rcpt)
            let id = try await server.only(.live).session.id
            #expect(try await server.ask("DELETE", "/api/v1/sessions/\(id)", as: nil).status == 401)
            #expect(try await server.ask("DELETE", "/api/v1/sessions/\(id)", as: .viewer).status == 403)
            #expect(try await client.say("NOOP") == 250)
            #expect(try await server.ask("DELETE", "/api/v1/sessions/\(id)", as: .operator).status == 204)
            #expect(try await client.rest().hasPrefix("421 "))
            #expect(await server.isEmpty())
            #expect(try await server.ask("DELETE", "/api/v1/sessions/\(id)", as: .operator).status == 404)
            let audit = try await server.get([AuditRow].self, "/api/v1/audit")
            #expect(audit.map(\.action) == ["kick", "kick", "kick"])
            #expect(audit.map(\.by) == ["operator", "operator", "viewer"])
            #expect(audit.map(\.result) == ["no such session", "done", "not allowed"])
        }
    }

    private static let inside = IPAddress(ipv4: 0x7F09_0909)
    private static let alsoInside = IPAddress(ipv4: 0x7F09_0908)

    private static func body(_ more: String = "") -> String {
        #"{"network": "127.9.9.0/24", "reason": "noise"\#(more)}"#
    }

    @Test func banAndUndo() async throws {
        try await OperatedServer.with(files: [:]) { server in
            let client = try await server.connect(to: .idle, from: Self.inside)
            let bystander = try await server.connect(to: .idle)
            let preview = try await server.ask("POST", "/api/v1/bans/preview", as: .operator, body: Self.body())
                .value(BanPreview.self)
            #expect(preview.live == 1)
            #expect(preview.network == "127.9.9.0/24")
            #expect(preview.needsForce.count == 1)

            for (token, more, status) in [
                (OperatedServer.Token.viewer, "", 403), (.operator, "", 409), (.admin, "", 409),
                (.operator, #", "force": true"#, 403), (.admin, #", "force": true, "time_to_live": 0"#, 422),
                (.admin, #", "forse": true"#, 400),
            ] {
                let answer = try await server.ask("POST", "/api/v1/bans", as: token, body: Self.body(more))
                #expect(answer.status == status, "\(token) \(more): \(answer.body)")
            }
            #expect(try await client.say("NOOP") == 250)

            let answer = try await server.ask("POST", "/api/v1/bans", body: Self.body(#", "force": true"#))
            #expect(answer.status == 201)
            let ban = try answer.value(BanRow.self)
            #expect(try await client.rest().hasPrefix("421 "))
            let refused = try await server.connect(from: Self.alsoInside)
            #expect(try await refused.rest().hasPrefix("554 "))
            #expect(try await bystander.say("NOOP") == 250)
            #expect(try await server.mail([]) == [220])
            let bans = try await server.get([BanRow].self, "/api/v1/bans")
            #expect(bans.map(\.id) == [ban.id])
            #expect(bans.map(\.hits) == [1])
            #expect(bans.map(\.reason) == ["noise"])

            #expect(try await server.ask("DELETE", "/api/v1/bans/\(ban.id)").status == 204)
            #expect(try await server.ask("DELETE", "/api/v1/bans/\(ban.id)").status == 404)
            #expect(try await server.mail([], from: Self.alsoInside) == [220])
            let samples = try await server.samples()
            #expect(samples["qpserver_bans"] == 0)
            #expect(server.family("qpserver_connections_total", samples)["smtp banned"] == 1)
        }
    }

    /// A second is the shortest life of a ban.
    @Test func bansEnd() async throws {
        try await OperatedServer.with(files: [:]) { server in
            let client = try await server.connect(to: .idle, from: Self.inside)
            let more = #", "force": true, "kick": false, "time_to_live": 1"#
            #expect(try await server.ask("POST", "/api/v1/bans", body: Self.body(more)).status == 201)
            #expect(try await client.say("NOOP") == 250)
            #expect(try await server.mail([], from: Self.alsoInside) == [554])
            let isOver = await server.eventually { await server.telemetry.bans(for: .tester).isEmpty }
            #expect(isOver)
            #expect(try await server.mail([], from: Self.alsoInside) == [220])
            #expect(try await client.say("NOOP") == 250)
        }
    }

    // MARK: Plugins

    @Test func modes() async throws {
        try await Self.listed { server in
            for (mode, code) in [("on", 550), ("shadow", 250), ("off", 250), ("on", 550)] {
                let answer = try await server.ask(
                    "PATCH", "/api/v1/plugins/badmailfrom", as: .operator, body: #"{"mode": "\#(mode)"}"#)
                #expect(answer.status == 200)
                #expect(try answer.value(PluginRow.self).mode == mode)
                #expect(try await server.mail(Self.spam) == [220, 250, code], "\(mode)")
                let kinds = try await server.get(Overview.self, "/api/v1/overview").alarms.map(\.kind)
                #expect(kinds == (mode == "on" ? [] : [mode]))
            }
            let row = try await server.get(PluginDetail.self, "/api/v1/plugins/badmailfrom").plugin
            #expect(row.shadowRuns == 1)
            #expect(row.shadowDifferences == 1)
            #expect(row.deny == 2)
            #expect(row.changes == [])
        }
    }

    @Test(arguments: [
        ("queue%2Fdiscard", #"{"mode": "shadow"}"#, 200), ("queue::discard", #"{"time_limit": 5}"#, 200),
        ("nobody", #"{"mode": "off"}"#, 404), ("rcpt_ok", #"{"mode": "of"}"#, 422), ("rcpt_ok", "{}", 422),
        ("rcpt_ok", #"{"time_limit": 601}"#, 422), ("rcpt_ok", #"{"log_level": "LOUD"}"#, 422),
        ("rcpt_ok", #"{"log_level": "LOGDEBUG", "mode": "on"}"#, 200), ("rcpt_ok", #"{"tempo": 5}"#, 400),
        ("rcpt_ok", #"{"mode": 5}"#, 400), ("rcpt_ok", "[", 400),
    ])
    func patches(_ name: String, _ body: String, _ status: Int) async throws {
        try await OperatedServer.with(files: [:]) { server in
            let answer = try await server.ask("PATCH", "/api/v1/plugins/\(name)", as: .operator, body: body)
            #expect(answer.status == status, "\(answer.body)")
        }
    }

    @Test func timeLimitAndLogLevel() async throws {
        let slow = ScriptedPlugin { hooks in
            hooks.on(.rcpt) { _, session in
                session.log.debug("a debug line of mine")
                return .ok
            }
            hooks.on(.dataPost) { _, session async throws in
                try await session.clock.sleep(for: .seconds(60))
                return .declined
            }
        }
        var options = OperatedServer.Options()
        options.logLevel = .info
        try await OperatedServer.with([("slow", slow)], options) { server in
            let limit = try await server.ask("PATCH", "/api/v1/plugins/slow", body: #"{"time_limit": 0.05}"#)
            #expect(try limit.value(PluginRow.self).timeLimit == 0.05)
            #expect(try await server.mail(Self.mail).last == 452)
            #expect(try await !server.logText().contains("a debug line of mine"))
            let samples = try await server.samples()
            #expect(server.family("qpserver_hook_errors_total", samples) == ["slow data_post timeout": 1])

            let level = try await server.ask("PATCH", "/api/v1/plugins/slow", body: #"{"log_level": "debug"}"#)
            #expect(try level.value(PluginRow.self).logLevel == "LOGDEBUG")
            try await server.mail(Self.mail)
            #expect(try await server.logText().contains("a debug line of mine"))
            let changes = try await server.get(PluginDetail.self, "/api/v1/plugins/slow").plugin.changes
            #expect(changes.map(\.by) == ["admin", "admin"])
            #expect(changes.map(\.what) == ["time_limit 0.05", "log_level LOGDEBUG"])
        }
    }

    // MARK: Configuration

    @Test func reloadAndGoBack() async throws {
        try await OperatedServer.with(files: ["badmailfrom": "@spam.example\n"]) { server in
            let old = try await server.connect(to: .helo)
            #expect(try await server.mail(Self.spam) == [220, 250, 250])
            server.folder.replace("plugins", Self.plugins)
            #expect(try await server.ask("POST", "/api/v1/generations/reload", as: .viewer).status == 403)
            // The watcher of files is first; what it does later would get between.
            let isSeen = await server.eventually { server.running.supervisor.generation.number == 2 }
            #expect(isSeen)
            let answer = try await server.ask("POST", "/api/v1/generations/reload", as: .operator)
            #expect(answer.status == 200)
            let now = try answer.value(Generations.self)
            #expect(now.generations.first?.isCurrent == true)
            #expect(now.generations.first?.plugins == 3)
            #expect(now.changedFiles == [])
            #expect(try await server.mail(Self.spam) == [220, 250, 550])
            for line in Self.spam { #expect(try await old.say(line) == 250) }
            let difference = try await server.get([FileDifference].self, "/api/v1/generations/diff?from=1")
            #expect(difference == [FileDifference(file: "plugins", removed: [], added: ["badmailfrom"])])

            for number in [2, 1] {
                #expect(try await server.ask("POST", "/api/v1/generations/go-back", as: .operator).status == 200)
                #expect(server.running.supervisor.generation.number == number)
            }
            #expect(try await server.mail(Self.spam) == [220, 250, 250])
            #expect(try await server.ask("POST", "/api/v1/generations/go-back", as: .operator).status == 409)
            let alarmed = await server.eventually(seconds: 20) {
                await server.telemetry.overview().alarms.map(\.kind) == ["config_differs"]
            }
            #expect(alarmed)
        }
    }

    @Test func aBadConfigurationIsRefused() async throws {
        try await OperatedServer.with(files: [:]) { server in
            server.folder.replace("plugins", "rcpt_ok\nbadmailfrom rejct 1\nqueue/discard\n")
            let answer = try await server.ask("POST", "/api/v1/generations/reload", as: .operator)
            #expect(answer.status == 409)
            #expect(answer.body.contains("plugins:2: error:"), "\(answer.body)")
            let generations = try await server.get(Generations.self, "/api/v1/generations")
            #expect(generations.refusal.count == 1)
            #expect(generations.refusal.first?.contains("plugins:2: error:") == true)
            #expect(generations.refusedAt != nil)
            #expect(generations.changedFiles == ["plugins"])
            #expect(generations.generations.map(\.number) == [1])
            let alarms = try await server.get(Overview.self, "/api/v1/overview").alarms
            let alarm = try #require(alarms.first { $0.kind == "reload_refused" })
            #expect(alarm.text.contains("plugins:2: error:"))
            #expect(try await server.samples()["qpserver_config_last_reload_successful"] == 0)
            #expect(try await server.mail(Self.mail).last == 250)

            server.folder.replace("plugins", "rcpt_ok\nqueue/discard\n")
            #expect(try await server.ask("POST", "/api/v1/generations/reload").status == 200)
            #expect(try await server.get(Generations.self, "/api/v1/generations").refusal == [])
            #expect(try await server.get(Overview.self, "/api/v1/overview").alarms == [])
        }
    }

    // MARK: Switches

    @Test func drain() async throws {
        try await OperatedServer.with(files: [:]) { server in
            let client = try await server.connect(to: .idle)
            #expect(try await server.ask("GET", "/readyz", as: nil).status == 200)
            #expect(try await server.ask("PUT", "/api/v1/drain", as: .operator).status == 200)
            #expect(try await server.mail([]) == [421])
            for line in Conversation.mail {
                try await client.send(line)
                #expect(try await client.answer().code < 400)
            }
            let answer = try await server.ask("GET", "/readyz", as: nil)
            #expect(answer.status == 503 && answer.body == "draining\n")
            #expect(try await server.samples()["qpserver_draining"] == 1)
            #expect(try await server.ask("DELETE", "/api/v1/drain", as: .operator).status == 200)
            #expect(try await server.mail([]) == [220])
            #expect(try await server.ask("GET", "/readyz", as: nil).status == 200)
            #expect(server.family("qpserver_connections_total", try await server.samples())["smtp draining"] == 1)
        }
    }

    @Test func softBounce() async throws {
        let elsewhere = [Conversation.hello, Conversation.sender, "RCPT TO:<x@elsewhere.example>"]
        try await OperatedServer.with(files: [:]) { server in
            for (isOn, code) in [(true, 450), (false, 550)] {
                let answer = try await server.ask(
                    "PUT", "/api/v1/soft-bounce", as: .operator, body: #"{"enabled": \#(isOn)}"#)
                #expect(answer.status == 200)
                #expect(try await server.mail(elsewhere).last == code)
                let kinds = try await server.get(Overview.self, "/api/v1/overview").alarms.map(\.kind)
                #expect(kinds == (isOn ? ["soft_bounce"] : []))
            }
        }
    }
}
