// SurvivalTests.swift
//
// What operators set live outlives reload and restart, until the configuration says something else.

import QPActors
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite(.serialized)
struct SurvivalTests {
    private static let files = [
        "plugins": "badmailfrom\nrcpt_ok\nqueue/discard\n", "badmailfrom": "@spam.example\n",
        "plugin_policy": "badmailfrom timeout 20\n",
    ]
    private static let spam = ["EHLO client.example", "MAIL FROM:<a@spam.example>"]
    private static let elsewhere = [
        "EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<x@elsewhere.example>",
    ]

    private static func steer(_ server: OperatedServer) async throws {
        for (method, target, body) in [
            ("PATCH", "plugins/badmailfrom", #"{"mode": "shadow", "log_level": "LOGDEBUG", "time_limit": 7}"#),
            ("POST", "bans", #"{"network": "192.0.2.0/24", "reason": "noise"}"#),
            ("POST", "bans", #"{"network": "198.51.100.7", "time_to_live": 3600}"#),
            ("PUT", "soft-bounce", #"{"enabled": true}"#),
        ] {
            #expect(try await server.ask(method, "/api/v1/\(target)", body: body).status < 300, "\(target)")
        }
    }

    /// Everything is as it was set.
    private static func check(_ server: OperatedServer, bans: Bool = true) async throws {
        let row = try await server.get(PluginDetail.self, "/api/v1/plugins/badmailfrom").plugin
        #expect(row.mode == "shadow" && row.logLevel == "LOGDEBUG" && row.timeLimit == 7)
        #expect(row.changes.map(\.by) == ["admin", "admin", "admin"])
        #expect(try await server.mail(Self.spam).last == 250)
        #expect(try await server.mail(Self.elsewhere).last == 450)
        guard bans else { return }
        let rows = try await server.get([BanRow].self, "/api/v1/bans")
        #expect(Set(rows.map(\.network)) == ["192.0.2.0/24", "198.51.100.7/32"])
        #expect(rows.map { $0.expiresAt == nil }.sorted { !$0 && $1 } == [false, true])
        #expect(Set(rows.map(\.reason)) == ["", "noise"])
    }

    @Test(arguments: [true, false])
    func reload(_ keepsState: Bool) async throws {
        var options = OperatedServer.Options()
        options.keepsState = keepsState
        try await OperatedServer.with(files: Self.files, options) { server in
            try await Self.steer(server)
            try await Self.check(server)
            for _ in 0..<2 {
                #expect(try await server.ask("POST", "/api/v1/generations/reload").status == 200)
                try await Self.check(server)
            }
            #expect(try await server.ask("POST", "/api/v1/generations/go-back").status == 200)
            try await Self.check(server)
        }
    }

    @Test func restart() async throws {
        var options = OperatedServer.Options()
        options.keepsState = true
        let folder = ScratchFolder()
        try await OperatedServer.with(files: Self.files, in: folder, options) { try await Self.steer($0) }
        try await OperatedServer.with(files: Self.files, in: folder, options) { server in
            try await Self.check(server)
            #expect(try await server.get([AuditRow].self, "/api/v1/audit").count == 4)
            for ban in try await server.get([BanRow].self, "/api/v1/bans") {
                #expect(try await server.ask("DELETE", "/api/v1/bans/\(ban.id)").status == 204)
            }
            let soft = try await server.ask("PUT", "/api/v1/soft-bounce", body: #"{"enabled": false}"#)
            #expect(soft.status == 200)
            let back = #"{"mode": "on", "log_level": "default", "time_limit": 20}"#
            #expect(try await server.ask("PATCH", "/api/v1/plugins/badmailfrom", body: back).status == 200)
        }
        try await OperatedServer.with(files: Self.files, in: folder, options) { server in
            let bans = try await server.get([BanRow].self, "/api/v1/bans")
            #expect(bans == [])
            #expect(try await server.get(Overview.self, "/api/v1/overview").alarms == [])
            #expect(try await server.mail(Self.spam).last == 550)
            #expect(try await server.mail(Self.elsewhere).last == 550)
        }
    }

    /// A new line of config/plugin_policy, and what is left of the operator's word.
    private struct Policy: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: String
        let mode: String
        let timeLimit: Double
        let logLevel: String?
        let changes: [String]
    }

    private static let policies = [
        Policy(
            testDescription: "another mode", line: "badmailfrom mode off timeout 20\n", mode: "off", timeLimit: 7,
            logLevel: "LOGDEBUG", changes: ["time_limit 7.0", "log_level LOGDEBUG"]),
        Policy(
            testDescription: "another time limit", line: "badmailfrom timeout 21\n", mode: "shadow", timeLimit: 21,
            logLevel: "LOGDEBUG", changes: ["mode shadow", "log_level LOGDEBUG"]),
        Policy(
            testDescription: "another level", line: "badmailfrom timeout 20 loglevel LOGWARN\n", mode: "shadow",
            timeLimit: 7, logLevel: "LOGWARN", changes: ["mode shadow", "time_limit 7.0"]),
        Policy(
            testDescription: "the same words", line: "badmailfrom mode shadow timeout 7 loglevel LOGDEBUG\n",
            mode: "shadow", timeLimit: 7, logLevel: "LOGDEBUG", changes: []),
        Policy(
            testDescription: "nothing about it", line: "rcpt_ok timeout 3\nbadmailfrom timeout 20\n", mode: "shadow",
            timeLimit: 7, logLevel: "LOGDEBUG", changes: ["mode shadow", "time_limit 7.0", "log_level LOGDEBUG"]),
    ]

    private static func check(_ policy: Policy, _ server: OperatedServer) async throws {
        let row = try await server.get(PluginDetail.self, "/api/v1/plugins/badmailfrom").plugin
        #expect(row.mode == policy.mode)
        #expect(row.timeLimit == policy.timeLimit)
        #expect(row.logLevel == policy.logLevel)
        #expect(row.changes.map(\.what) == policy.changes)
    }

    @Test(arguments: policies, [true, false])
    private func yields(_ policy: Policy, _ atRestart: Bool) async throws {
        var options = OperatedServer.Options()
        options.keepsState = true
        let folder = ScratchFolder()
        try await OperatedServer.with(files: Self.files, in: folder, options) { server in
            try await Self.steer(server)
            guard !atRestart else { return }
            server.folder.replace("plugin_policy", policy.line)
            #expect(try await server.ask("POST", "/api/v1/generations/reload").status == 200)
            try await Self.check(policy, server)
        }
        let files = Self.files.merging(["plugin_policy": policy.line]) { $1 }
        try await OperatedServer.with(files: files, in: folder, options) { try await Self.check(policy, $0) }
    }
}
