// StuckLoopTests.swift
//
// A handler that never answers holds every event loop: operators are answered all the same.

import Glibc
import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

@Suite(.serialized)
struct StuckLoopTests {
    /// Whether the handler goes on spinning; it gives up by itself in the end.
    private final class Spell: Sendable {
        private let state = Atomic<Bool>(false)
        var isOn: Bool {
            get { self.state.load(ordering: .relaxed) }
            set { self.state.store(newValue, ordering: .relaxed) }
        }
    }

    private static func plugins(_ spell: Spell) -> [(name: String, plugin: ScriptedPlugin)] {
        [
            (
                "spinner",
                ScriptedPlugin { hooks in
                    hooks.on(.helo) { _, _ in
                        for _ in 0..<6000 where spell.isOn { usleep(10_000) }
                        return .declined
                    }
                    hooks.on(.rcpt) { _, _ in .ok }
                    hooks.on(.queue) { _, _ in .ok("queued") }
                }
            )
        ]
    }

    private static let source = IPAddress(ipv4: 0x7F07_0001)

    /// Everything that must never fall, from /metrics.
    private static func counters(_ server: OperatedServer) async throws -> [String: Double] {
        try await server.samples().filter { sample in
            sample.key.prefix { $0 != "{" }.hasSuffix("_total") || sample.key.contains("_bucket{")
        }
    }

    private static func fallen(_ before: [String: Double], _ after: [String: Double]) -> [String] {
        before.filter { $0.value > after[$0.key] ?? -1 }.map(\.key).sorted()
    }

    @Test func everyLoopIsStuck() async throws {
        let spell = Spell()
        var options = OperatedServer.Options()
        options.loops = 2
        options.limits.maxConnectionsPerAddress = 100
        try await OperatedServer.with(Self.plugins(spell), options) { server in
            defer { spell.isOn = false }
            let mail = [Conversation.hello] + Conversation.mail
            for _ in 0..<20 { try await server.mail(mail) }
            let before = try await Self.counters(server)
            var clients: [MailClient] = []
            for _ in 0..<16 { clients.append(try await server.connect(to: .helo, from: Self.source)) }
            let ids = await server.telemetry.sessions(SessionsRequest(), for: .tester).sessions.map(\.id)
            #expect(ids.count == 16)

            spell.isOn = true
            for client in clients { try await client.send("HELO client.example\r\n") }
            let isStuck = await server.eventually {
                await server.telemetry.overview().loops.allSatisfy { $0.stuck != nil }
            }
            #expect(isStuck)
            try await Self.look(server, ids)
            let during = try await Self.counters(server)
            #expect(Self.fallen(before, during) == [])
            try await Self.steer(server, ids)

            spell.isOn = false
            let isWell = try await server.eventually { try await server.ask("GET", "/readyz", as: nil).status == 200 }
            #expect(isWell)
            // The ban and the kick are carried out as soon as that can be.
            #expect(await server.isEmpty())
            let after = try await Self.counters(server)
            #expect(Self.fallen(during, after) == [])
            let ends = server.family("qpserver_disconnects_total", after)
            #expect(ends.reduce(0) { $1.key.hasSuffix(" operator") ? $0 + $1.value : $0 } == 16, "\(ends)")
            #expect(try await server.mail(mail).last == 250)
            #expect(try await server.mail([], from: Self.source) == [554])
            #expect(await server.telemetry.overview().alarms == [])
        }
    }

    private static func look(_ server: OperatedServer, _ ids: [String]) async throws {
        #expect(try await server.ask("GET", "/livez", as: nil).status == 200)
        let readiness = try await server.ask("GET", "/readyz", as: nil)
        #expect(readiness.status == 503)
        let overview = try await server.get(Overview.self, "/api/v1/overview")
        #expect(overview.loops.count == 2)
        for loop in overview.loops {
            #expect(loop.plugin == "spinner" && loop.hook == "helo")
            let id = try #require(loop.session)
            #expect(ids.contains(id))
            #expect(readiness.body.contains("plugin spinner at helo in session \(id)"), "\(readiness.body)")
        }
        #expect(overview.alarms.map(\.kind) == ["loop_stuck", "loop_stuck"])
        #expect(overview.totals["messages_queued"] == 20)
        #expect(try await server.samples()["qpserver_event_loops_stuck"] == 2)
        let page = try await server.get(SessionPage.self, "/api/v1/sessions")
        #expect(page.missingLoops == [0, 1])
        #expect(page.sessions == [])
        for target in ["plugins", "hooks", "bans", "generations", "sessions?state=ended", "explain?peer=127.0.0.1"] {
            #expect(try await server.ask("GET", "/api/v1/\(target)").status == 200, "\(target)")
        }
    }

    private static func steer(_ server: OperatedServer, _ ids: [String]) async throws {
        let id = try #require(ids.last)
        let kick = try await server.ask("DELETE", "/api/v1/sessions/\(id)")
        #expect(kick.status == 409 && kick.body.contains("does not answer"), "\(kick.body)")
        let ban = #"{"network": "\#(Self.source)", "force": true}"#
        #expect(try await server.ask("POST", "/api/v1/bans", body: ban).status == 201)
        #expect(try await server.get([BanRow].self, "/api/v1/bans").count == 1)
        #expect(try await server.ask("PATCH", "/api/v1/plugins/spinner", body: #"{"time_limit": 9}"#).status == 200)
    }
}
