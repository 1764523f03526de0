// ExplainTests.swift
//
// What became of a mail: found by whatever the sender or the client knows of it.

import FoundationEssentials
import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPServer

@Suite(.serialized)
struct ExplainTests {
    private static let relay = IPAddress(ipv4: 0x7F06_0001)
    private static let naughty = IPAddress(ipv4: 0x7F06_0002)
    private static let early = IPAddress(ipv4: 0x7F06_0003)
    private static let banned = IPAddress(ipv4: 0x7F06_0004)
    private static let crowd = IPAddress(ipv4: 0x7F06_0005)

    /// One that lists at connect and leaves it to the naughty plugin, that plugin, and one for all else.
    private static let plugins: [(name: String, plugin: ScriptedPlugin)] = [
        (
            "blocklist",
            ScriptedPlugin { hooks in
                hooks.on(.preConnection) { _, arrival in
                    arrival.session.connection.remoteAddress == Self.early ? .deny("not you") : .declined
                }
                hooks.on(.connect) { _, session in
                    guard session.connection.remoteAddress == Self.naughty,
                        let policy = try? RejectPolicy(reject: "naughty", type: nil)
                    else { return .declined }
                    return policy.verdict("you are listed", in: session)
                }
            }
        ),
        (
            "naughty",
            ScriptedPlugin { hooks in
                hooks.on(.rcpt) { _, session in
                    guard let note = session.notes[NoteKey<String>("naughty")] else { return .declined }
                    return .deny(note, .badSenderSystem)
                }
            }
        ),
        (
            "rules",
            ScriptedPlugin { hooks in
                hooks.on(.rcpt) { event, _ in
                    event.recipient.localPart == "nobody" ? .deny("no such user", .badDestinationMailbox) : .ok
                }
                hooks.on(.queue) { _, _ in .ok("queued as 1") }
            }
        ),
    ]

    private static func ids(_ server: OperatedServer, _ query: String) async throws -> [String] {
        try await server.get([SessionDetail].self, "/api/v1/explain?\(query)").map(\.session.id)
    }

    @Test func byWhateverIsKnown() async throws {
        try await OperatedServer.with(Self.plugins) { server in
            let mail = [Conversation.hello, Conversation.sender, "RCPT TO:<nobody@server.example>"]
            let codes = try await server.mail(mail + Conversation.mail.dropFirst(), from: Self.relay)
            #expect(codes == [220, 250, 250, 550, 250, 354, 250])
            try await server.mail([Conversation.hello, "MAIL FROM:<>", "RCPT TO:<carl@server.example>"])
            var request = SessionsRequest()
            request.state = .ended
            let rows = await server.telemetry.sessions(request, for: .tester).sessions
            let id = try #require(rows.first { $0.peer == Self.relay.description }?.id)
            let other = try #require(rows.first { $0.id != id }?.id)
            for (query, found) in [
                ("id=\(id)", [id]), ("id=\(id).1", [id]), ("id=\(id).999", [id]), ("id=000000000000", []),
                ("sender=ann@client.example", [id]), ("sender=ANN%40Client.example", [id]), ("sender=", [other]),
                ("sender=bob@server.example", []), ("recipient=bob@server.example", [id]),
                ("recipient=nobody@server.example", [id]), ("recipient=carl@server.example", [other]),
                ("peer=\(Self.relay)", [id]), ("peer=127.0.0.1", [other]), ("peer=192.0.2.1", []),
                ("message_id=one@client.example", [id]), ("message_id=%3Cone@client.example%3E", [id]),
                ("message_id=two@client.example", []),
            ] {
                #expect(try await Self.ids(server, query) == found, "\(query)")
            }
            for (query, status) in [
                ("id=short", 422), ("peer=everywhere", 422), ("", 400), ("id=\(id)&peer=::1", 400), ("name=x", 400),
            ] {
                #expect(try await server.ask("GET", "/api/v1/explain?\(query)").status == status, "\(query)")
            }

            let detail = try #require(await server.telemetry.session("\(id).1", for: .tester))
            let transaction = try #require(detail.transactions.first)
            #expect(transaction.id == "\(id).1")
            #expect(transaction.sender == "ann@client.example")
            #expect(transaction.recipients.map(\.address) == ["bob@server.example", "nobody@server.example"])
            #expect(transaction.recipients.map(\.code) == [250, 550])
            #expect(transaction.messageId == "one@client.example")
            #expect(transaction.result == "queued")
            #expect(transaction.code == 250)
            #expect(transaction.size > 0)
            let refusal = try #require(detail.trail.first { $0.verdict == "DENY" })
            #expect(refusal.plugin == "rules" && refusal.hook == "rcpt" && refusal.decided)
            #expect(refusal.status == "5.1.1" && refusal.text == "no such user" && refusal.transaction == 1)
            #expect(detail.trail.contains { $0.microseconds > 0 })
            #expect(detail.decision?.plugin == "rules")
            #expect(detail.decision?.hook == "rcpt")
        }
    }

    @Test func whoReallyDecided() async throws {
        try await OperatedServer.with(Self.plugins) { server in
            #expect(
                try await server.mail([Conversation.hello] + Conversation.mail.prefix(2), from: Self.naughty).last
                    == 550)
            let detail = try await server.only(.ended)
            let decision = try #require(detail.decision)
            #expect(decision.plugin == "blocklist")
            #expect(decision.via == "naughty")
            #expect(decision.hook == "connect")
            #expect(decision.verdict == "DENY")
            #expect(decision.text == "you are listed")
            #expect(decision.status == "5.1.8")
            #expect(decision.transaction == 1)
            #expect(detail.session.decidedBy == "blocklist")
            #expect(detail.session.marks["naughty"] == .refused)
            var request = SessionsRequest()
            request.state = .ended
            #expect(await server.telemetry.sessions(request, for: .tester).sessions.map(\.decidedBy) == ["blocklist"])
        }
    }

    /// Clients that never had a session: how they are turned away.
    private struct Stranger: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let source: IPAddress
        let code: Int
        let decidedBy: String?
    }

    private static let strangers = [
        Stranger(testDescription: "a plugin", source: early, code: 550, decidedBy: "blocklist"),
        Stranger(testDescription: "a ban", source: banned, code: 554, decidedBy: nil),
        Stranger(testDescription: "a limit", source: crowd, code: 451, decidedBy: nil),
    ]

    @Test func turnedAwayAtTheDoor() async throws {
        var options = OperatedServer.Options()
        options.limits.maxConnectionsPerAddress = 1
        try await OperatedServer.with(Self.plugins, options) { server in
            let request = BanRequest(network: Self.banned.description, force: true)
            _ = try await server.telemetry.ban(request, by: .tester)
            let first = try await server.connect(to: .helo, from: Self.crowd)
            for stranger in Self.strangers {
                let answer = try await server.connect(from: stranger.source).rest()
                #expect(answer.hasPrefix("\(stranger.code) "), "\(answer)")
                let found = try await server.get([SessionDetail].self, "/api/v1/explain?peer=\(stranger.source)")
                let detail = try #require(found.first { $0.session.state == .refused }, "\(stranger)")
                // A bounce names it.
                #expect(answer.hasSuffix("[\(detail.session.id)]\r\n"), "\(answer)")
                #expect(try await Self.ids(server, "id=\(detail.session.id)") == [detail.session.id])
                #expect(detail.session.code == stranger.code)
                #expect(detail.session.reason?.isEmpty == false)
                #expect(detail.session.decidedBy == stranger.decidedBy)
                #expect(detail.decision?.plugin == stranger.decidedBy)
                #expect(detail.session.phase == .connect)
            }
            #expect(try await first.say("NOOP") == 250)
        }
    }

    /// The live trail is bounded; what is written down is not.
    @Test func aLongSession() async throws {
        let count = 300
        try await OperatedServer.with(Self.plugins) { server in
            let client = try await server.connect(to: .idle)
            for _ in 0..<6 {
                let mails = String(repeating: Conversation.mail.joined(), count: count / 6)
                try await client.send(mails)
                #expect(Set(try await client.answers(count / 6 * 4)) == [250, 354])
            }
            for kind in [SessionKind.live, .ended] {
                let detail = try await server.only(kind)
                #expect(detail.transactions.map(\.number) == (1...UInt32(count)).map { $0 })
                #expect(detail.transactions.allSatisfy { $0.result == "queued" })
                #expect(detail.dropped == 0)
                for (plugin, hook) in [("naughty", "rcpt"), ("rules", "rcpt"), ("rules", "queue")] {
                    let runs = detail.trail.filter { $0.plugin == plugin && $0.hook == hook }
                    #expect(runs.map(\.transaction) == (1...UInt32(count)).map { $0 }, "\(plugin) \(hook)")
                }
                #expect(detail.decision?.plugin == "rules")
                #expect(detail.decision?.transaction == UInt32(count))
                guard kind == .live else { continue }
                #expect(try await client.say("QUIT") == 221)
                #expect(await server.isEmpty())
            }
        }
    }
}
