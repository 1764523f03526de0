// PrivacyTests.swift
//
// Addresses shown, hashed, dropped: in answers, in streams, on disk.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPServer

@Suite(.serialized)
struct PrivacyTests {
    private static let source = IPAddress(ipv4: 0x7F42_4D58)
    private static let plugins: [(name: String, plugin: ScriptedPlugin)] = [
        (
            "rules",
            ScriptedPlugin { hooks in
                hooks.on(.rcpt) { event, session in
                    session.log.info("\(event.recipient) of \(session.connection.remoteAddress)")
                    return event.recipient.localPart == "bob" ? .ok : .deny("no \(event.recipient) here")
                }
                hooks.on(.queue) { _, _ in .ok("queued") }
            }
        )
    ]
    private static let mail = [
        Conversation.hello, Conversation.sender, "RCPT TO:<nobody@server.example>", Conversation.recipient, "DATA",
        Conversation.message,
    ]
    /// What would tell who it was.
    private static let names = [
        "127.66.77.88", "ann@client.example", "bob@server.example", "nobody@server.example", "client.example",
        "one@client.example",
    ]

    private static func hits(in text: String) -> [String] { Self.names.filter { text.contains($0) } }

    private static func run(_ server: OperatedServer) async throws {
        let listed = [220, 250, 250, 550, 250, 354, 250]
        for _ in 0..<2 { #expect(try await server.mail(Self.mail, from: Self.source) == listed) }
        #expect(await server.isEmpty())
    }

    /// Everything that an operator can ask for of the sessions.
    private static func answers(_ server: OperatedServer, as token: OperatedServer.Token?) async throws -> String {
        let page = try await server.get(SessionPage.self, "/api/v1/sessions?state=ended", as: token)
        #expect(page.sessions.count == 2)
        var text = ""
        for target in [
            "sessions?state=ended", "sessions/\(page.sessions.first?.id ?? "")", "explain?peer=127.66.77.88",
            "explain?sender=ann@client.example", "logs?follow=false&backlog=1000", "events?follow=false&backlog=1000",
            "top?field=address&state=ended", "top?field=sender&state=ended", "top?field=reason&state=ended",
        ] {
            let answer = try await server.ask("GET", "/api/v1/\(target)", as: token)
            #expect(answer.status == 200)
            text += answer.body
        }
        return text
    }

    private static func octets(of folder: ScratchFolder) throws -> [UInt8] {
        var octets: [UInt8] = []
        for name in ScratchFolder.names(of: folder("state")) ?? [] {
            octets += try FileWork.read(folder("state/\(name)"), limit: 1 << 26)
        }
        return octets
    }

    @Test(arguments: TelemetrySettings.Privacy.allCases)
    func everywhere(_ privacy: TelemetrySettings.Privacy) async throws {
        var options = OperatedServer.Options()
        options.privacy = privacy
        options.keepsState = true
        let folder = ScratchFolder()
        try await OperatedServer.with(Self.plugins, in: folder, options) { server in
            try await Self.run(server)
            let text = try await Self.answers(server, as: .admin)
            #expect(Self.hits(in: text) == (privacy == .shown ? Self.names : []))
            #expect(text.contains("\"h-") == (privacy == .hashed))

            // Who knows an address still finds what is kept under its hash.
            let found = try await server.get([SessionDetail].self, "/api/v1/explain?peer=127.66.77.88")
            #expect(found.count == (privacy == .dropped ? 0 : 2))
        }
        let octets = try Self.octets(of: folder)
        #expect(!octets.isEmpty)
        for name in Self.names.dropFirst() {
            let isThere = octets.firstRange(of: Array(name.utf8)) != nil
            #expect(isThere == (privacy == .shown), "\(name)")
        }
        // Peers are kept as numbers.
        let isThere = octets.firstRange(of: [0x58, 0x4D, 0x42, 0x7F]) != nil
        #expect(isThere == (privacy == .shown))
    }

    /// Whoever has no name, and whose token says so, sees hashes only.
    @Test(arguments: [OperatedServer.Token?.none, .hidden])
    func readersWhoMayNotKnow(_ token: OperatedServer.Token?) async throws {
        try await OperatedServer.with(Self.plugins) { server in
            try await Self.run(server)
            try await server.mail([Conversation.hello, Conversation.sender])
            try await server.mail(["EHLO other.example"], from: Self.source)
            let page = try await server.get(
                SessionPage.self, "/api/v1/sessions?state=ended&sort=started&order=asc", as: token)
            let peers = page.sessions.map(\.peer)
            #expect(peers.count == 4 && peers.allSatisfy { $0.hasPrefix("h-") })
            #expect(Set(peers).count == 2 && peers[0] == peers[1] && peers[1] == peers[3])
            #expect(Set(page.sessions.compactMap(\.helo)).count == 2)
            #expect(Set(page.sessions.compactMap(\.sender)).count == 1)
            #expect(Self.hits(in: try await server.ask("GET", "/api/v1/sessions?state=ended", as: token).body) == [])
            let all = try await server.ask("GET", "/api/v1/sessions?state=ended", as: .viewer).body
            #expect(Self.hits(in: all).contains("127.66.77.88"))
        }
    }
}
