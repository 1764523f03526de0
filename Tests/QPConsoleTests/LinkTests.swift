// LinkTests.swift
//
// A link to a server that comes, goes, and says odd things.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct ServerLinkTests {
    static let wish = StreamWish(purpose: .log, wish: LogWish())

    /// Runs with a link to a server.
    private func withLink(
        _ server: FakeAdmin, port: Int? = nil, _ body: (ServerLink, NewsBox) async throws -> Void
    ) async throws {
        let box = NewsBox()
        let number = if let port { port } else { try await server.start() }
        let link = ServerLink(index: 3, client: try fakeClient(number)) { box.take($0) }
        do {
            try await body(link, box)
        } catch is CancellationError {
            // It is recorded already.
        }
        await link.stop()
        let count = box.all.count
        await server.stop()
        #expect(box.all.count == count, "nothing is told after the end")
        #expect(box.all.allSatisfy { $0.server == 3 })
    }

    @Test func comesUpAndAsks() async throws {
        let server = FakeAdmin { request in
            FakeReply.usual(request)
                ?? (request.path == "/api/v1/bans" ? .whole(200, "[]") : .problem(400, "bad query"))
        }
        try await self.withLink(server) { link, box in
            link.want([.overview, .bans, .sessions(SessionsWish())], streams: [], interval: 0.1)
            try await eventually("three rounds") { box.count { if case .bans = $0 { true } else { false } } >= 3 }
            #expect(box.links == [.up])
            #expect(box.objections == ["bad query"], "once")
            #expect(
                server.requests.prefix(2).allSatisfy { $0.path.hasSuffix("whoami") || $0.path.hasSuffix("overview") })
            guard case .link(.up)? = box.all.dropFirst(2).first?.content else {
                Issue.record("who and how come first")
                return
            }
        }
    }

    @Test func newNeedsAreAskedAtOnce() async throws {
        let server = FakeAdmin { FakeReply.usual($0) ?? .whole(200, "[]") }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [], interval: 3600)
            try await eventually("up") { box.links == [.up] }
            link.want([.overview, .hooks], streams: [], interval: 3600)
            try await eventually("hooks") { box.count { if case .hooks = $0 { true } else { false } } == 1 }
            #expect(server.requests.count { $0.path.hasSuffix("overview") } <= 2)
        }
    }

    @Test func ordersAreCarriedOutInTurn() async throws {
        let server = FakeAdmin { FakeReply.usual($0) ?? .whole(204, "") }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [], interval: 3600)
            for id in ["a", "b", "c"] { link.perform(.kick(id)) }
            try await eventually("three results") {
                box.all.count { if case .order(_, .done) = $0.content { true } else { false } } == 3
            }
            #expect(server.requests.filter { $0.method == "DELETE" }.map(\.path).map { $0.last } == ["a", "b", "c"])
        }
    }

    @Test func comesBack() async throws {
        let early = FakeAdmin { _ in .nothing }
        let port = try await early.start()
        await early.stop()
        let server = FakeAdmin { FakeReply.usual($0) ?? .nothing }
        try await self.withLink(server, port: port) { link, box in
            link.want([.overview], streams: [], interval: 0.1)
            try await eventually("down") { !box.links.isEmpty }
            #expect(box.links == [.down("127.0.0.1:\(port): connection refused; trying again")])
            _ = try await server.start(port: port)
            try await eventually("up") { box.links.last == .up }
            server.answer { _ in .nothing }
            try await eventually("down again") { box.links.count == 3 }
            #expect(box.links.last == .down("127.0.0.1:\(port): the connection was closed; trying again"))
        }
    }

    @Test(
        arguments: [
            (FakeReply.problem(401, "a token is needed"), LinkState.refused("401: a token is needed; trying again")),
            (
                .whole(200, "[]"),
                .foreign(
                    "SERVER speaks no API of version 1 that this console knows: /api/v1/whoami: the answer has another form; "
                        + "trying again")
            ),
            (
                .whole(200, "<html>", type: "text/html"),
                .foreign(
                    "SERVER speaks no API of version 1 that this console knows: /api/v1/whoami: the answer is no JSON; "
                        + "trying again")
            ),
        ] as [(FakeReply, LinkState)])
    func doesNotGetIn(_ reply: FakeReply, _ state: LinkState) async throws {
        let server = FakeAdmin { $0.path == "/api/v1/whoami" ? reply : .overview() }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [], interval: 0.1)
            try await eventually("a state") { !box.links.isEmpty }
            #expect(box.links.first?.text?.replacing(/127\.0\.0\.1:[0-9]+/, with: "SERVER") == state.text)
        }
    }

    @Test func whatBrokeTheLinkKeepsItBroken() async throws {
        let server = FakeAdmin { FakeReply.usual($0) ?? .whole(200, "{}") }
        try await self.withLink(server) { link, box in
            link.want([.overview, .hooks], streams: [], interval: 0.1)
            try await eventually("foreign") { box.links.count == 2 }
            #expect(box.links.first == .up)
            // Another view: nothing is wrong any more.
            link.want([.overview], streams: [], interval: 0.1)
            try await eventually("up") { box.links.count == 3 }
            #expect(box.links.last == .up)
        }
    }

    @Test func streamsGoOnWhereTheyBroke() async throws {
        let whole = (1...4).map(logLine).joined()
        let server = FakeAdmin { request in
            guard request.path == "/api/v1/logs" else { return FakeReply.usual(request) ?? .nothing }
            guard request.target.contains("after=") else {
                // In pieces that end anywhere.
                var pieces: [String] = []
                var rest = Substring(whole)
                while !rest.isEmpty {
                    pieces.append(String(rest.prefix(7)))
                    rest = rest.dropFirst(7)
                }
                return .pieces(pieces + ["\n\n"], .cut)
            }
            // What was under way when the connection was cut may be missing; it comes now.
            let place = request.target.last?.wholeNumberValue ?? 0
            let missing = place < 4 ? (place + 1...4).map(logLine).joined() : ""
            return .pieces([missing + "{\"lost\":5}\nnonsense\n" + logLine(5)], .hold)
        }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [Self.wish], interval: 3600)
            try await eventually("five lines") { box.sequences.count == 5 }
            #expect(box.sequences == [1, 2, 3, 4, 5])
            #expect(box.lost == 6)
            let targets = server.requests.map(\.target).filter { $0.contains("logs") }
            #expect(targets.first == "/api/v1/logs?follow=true&backlog=200")
            #expect(targets.last?.hasPrefix("/api/v1/logs?follow=true&after=") == true)
            #expect(box.links == [.up])
            #expect(box.objections.isEmpty)
        }
    }

    @Test func anotherProcessBeginsAnew() async throws {
        let process = ProcessNumber()
        let server = FakeAdmin { request in
            switch request.path {
            case "/api/v1/overview": return .overview(process: process.value)
            case "/api/v1/logs":
                let isFirst = process.next() == 1
                return .pieces([logLine(isFirst ? 900 : 1)], isFirst ? .finish : .hold)
            default: return FakeReply.usual(request) ?? .nothing
            }
        }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [Self.wish], interval: 3600)
            try await eventually("both") { box.sequences == [900, 1] }
            #expect(server.requests.filter { $0.path.hasSuffix("logs") }.allSatisfy { !$0.target.contains("after") })
            let processes = box.answers.compactMap { if case .overview(let row) = $0 { row.processId } else { nil } }
            #expect(processes.last == 2, "before its lines")
        }
    }

    @Test func streamsAreOpenedAndClosed() async throws {
        let server = FakeAdmin { request in
            request.path == "/api/v1/logs"
                ? request.target.contains("query") ? .problem(400, "no query") : .pieces([], .hold)
                : FakeReply.usual(request) ?? .nothing
        }
        let bad = StreamWish(purpose: .dialogue, wish: LogWish(query: "("), server: 3)
        let other = StreamWish(purpose: .dialogue, wish: LogWish(level: "LOGDEBUG"), server: 0)
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [Self.wish, bad, other], interval: 3600)
            try await eventually("an objection") { box.objections == ["no query"] }
            link.want([.overview], streams: [], interval: 3600)
            link.want([.overview], streams: [Self.wish], interval: 3600)
            try await eventually("opened twice") {
                server.requests.count { $0.path.hasSuffix("logs") && !$0.target.contains("query") } == 2
            }
            #expect(!server.requests.contains { $0.target.contains("LOGDEBUG") })
        }
    }

    @Test func quietStreamsEndWithTheLink() async throws {
        // No head before the first line.
        let server = FakeAdmin { $0.path == "/api/v1/logs" ? .silence : FakeReply.usual($0) ?? .nothing }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [Self.wish], interval: 3600)
            try await eventually("opened") { server.requests.contains { $0.path == "/api/v1/logs" } }
            #expect(box.objections.isEmpty)
        }
    }

    @Test func floodsAreBounded() async throws {
        let piece = (1...10_000).map(logLine).joined()
        let server = FakeAdmin { request in
            request.path == "/api/v1/logs" ? .pieces([piece], .hold) : FakeReply.usual(request) ?? .nothing
        }
        try await self.withLink(server) { link, box in
            link.want([.overview], streams: [Self.wish], interval: 3600)
            try await eventually("the last line") { box.sequences.last == 10_000 }
            #expect(UInt64(box.sequences.count) + box.lost == 10_000)
            for case .log(_, let rows, _) in box.answers { #expect(rows.count <= 500) }
        }
    }
}
