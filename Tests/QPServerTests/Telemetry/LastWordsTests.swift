// LastWordsTests.swift
//
// However a session ends, and wherever it stands: its record says so, also after a restart.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

@Suite(.serialized)
struct LastWordsTests {
    /// How a session is ended.
    enum Way: String, Sendable, CaseIterable, CustomTestStringConvertible {
        case reset, timeout, kick

        var testDescription: String { self.rawValue }

        var by: String {
            switch self {
            case .reset: "client"
            case .timeout: "timeout"
            case .kick: "operator"
            }
        }

        var limits: Limits {
            var limits = Limits()
            guard self == .timeout else { return limits }
            // Long enough to come to every phase on a busy machine.
            limits.commandTimeout = .seconds(2)
            limits.dataTimeout = .seconds(2)
            limits.sessionTimeout = .seconds(4)
            return limits
        }
    }

    /// A phase, the last hook that has run there, and where its client comes from.
    private struct Stand: Sendable {
        let phase: SessionPhase
        let lastHook: String
        let source: IPAddress

        init(_ phase: SessionPhase, _ lastHook: String, _ number: UInt32) {
            self.phase = phase
            self.lastHook = lastHook
            self.source = IPAddress(ipv4: 0x7F05_0000 + number)
        }
    }

    private static let stands = [
        Stand(.connect, "connect", 1), Stand(.helo, "connect", 2), Stand(.idle, "ehlo", 3), Stand(.mail, "mail", 4),
        Stand(.rcpt, "rcpt", 5), Stand(.data, "data", 6), Stand(.queue, "queue", 7),
    ]

    /// Lets handlers wait until it is opened.
    private final class Door: Sendable {
        private let state = Atomic<Bool>(false)
        var isOpen: Bool {
            get { self.state.load(ordering: .relaxed) }
            set { self.state.store(newValue, ordering: .relaxed) }
        }
    }

    private static func plugins(_ door: Door) -> [(name: String, plugin: ScriptedPlugin)] {
        let slow = Self.stands[0].source
        return [
            (
                "witness",
                ScriptedPlugin { hooks in
                    hooks.on(.connect) { _, _ in .declined }
                    hooks.on(.ehlo) { _, _ in .declined }
                    hooks.on(.mail) { _, _ in .declined }
                    hooks.on(.rcpt) { _, _ in .ok }
                    hooks.on(.data) { _, _ in .declined }
                }
            ),
            (
                "waiter",
                ScriptedPlugin { hooks in
                    hooks.on(.connect) { _, session async throws in
                        while session.connection.remoteAddress == slow {
                            try await session.clock.sleep(for: .milliseconds(10))
                        }
                        return .declined
                    }
                    hooks.on(.queue) { _, session async throws in
                        while !door.isOpen { try await session.clock.sleep(for: .milliseconds(10)) }
                        return .ok("queued")
                    }
                }
            ),
        ]
    }

    private static func phase(of stand: Stand, _ server: OperatedServer) async -> SessionPhase? {
        await server.telemetry.sessions(SessionsRequest(), for: .tester).sessions
            .first { $0.peer == stand.source.description }?.phase
    }

    private static func end(_ client: MailClient, _ stand: Stand, _ way: Way, _ server: OperatedServer) async throws {
        switch way {
        case .reset: try await client.resetOnClose()
        case .timeout: break
        case .kick:
            let id = try #require(
                await server.telemetry.sessions(SessionsRequest(), for: .tester).sessions
                    .first { $0.peer == stand.source.description }?.id)
            #expect(try await server.ask("DELETE", "/api/v1/sessions/\(id)").status == 204)
        }
    }

    private static func explain(_ stand: Stand, _ server: OperatedServer) async throws -> SessionDetail {
        var request = ExplainRequest()
        request.peer = stand.source.description
        let found = try await server.telemetry.explain(request, for: .tester)
        #expect(found.count == 1)
        return try #require(found.first)
    }

    /// While its handler waits, a queue runs out of its own time only: the session goes on.
    @Test(arguments: Way.allCases)
    func everyPhase(_ way: Way) async throws {
        let folder = ScratchFolder()
        let door = Door()
        var options = OperatedServer.Options()
        options.keepsState = true
        options.limits = way.limits
        let stands = Self.stands.filter { way != .timeout || $0.phase != .queue }
        var before: [SessionDetail] = []
        try await OperatedServer.with(Self.plugins(door), in: folder, options) { server in
            var clients: [MailClient] = []
            for stand in stands { clients.append(try await server.connect(to: stand.phase, from: stand.source)) }
            if way != .timeout {
                for stand in stands {
                    let isThere = await server.eventually { await Self.phase(of: stand, server) == stand.phase }
                    #expect(isThere, "\(stand.phase)")
                }
            }
            for (client, stand) in zip(clients, stands) { try await Self.end(client, stand, way, server) }
            if way == .reset { clients = [] }
            door.isOpen = true
            #expect(await server.isEmpty())
            for stand in stands {
                let detail = try await Self.explain(stand, server)
                #expect(detail.session.phase == stand.phase)
                #expect(detail.session.by == way.by, "\(stand.phase)")
                #expect(detail.lastHook == stand.lastHook, "\(stand.phase)")
                #expect(detail.session.state == (stand.phase == .connect ? .refused : .ended))
                #expect(detail.transactions.count == (stand.source.bytes.last ?? 0 > 3 ? 1 : 0))
                before.append(detail)
            }
        }
        try await OperatedServer.with(Self.plugins(door), in: folder, options) { server in
            for (stand, detail) in zip(stands, before) {
                #expect(try await Self.explain(stand, server) == detail)
                let byID = try await server.get([SessionDetail].self, "/api/v1/explain?id=\(detail.session.id)")
                #expect(byID.map(\.session.id) == [detail.session.id])
                #expect(byID.map(\.trail) == [detail.trail])
            }
        }
    }
}
