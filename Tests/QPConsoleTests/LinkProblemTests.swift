// LinkProblemTests.swift
//
// What is said of refusals, and of orders that were carried out.

import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct LinkProblemTests {
    static let json = "application/problem+json"

    struct Case: CustomTestStringConvertible, Sendable {
        var status: Int
        var type: String? = LinkProblemTests.json
        var body = ""
        var request = AdminRequest(.plugins)
        var hasToken = true
        var expected: LinkProblem

        var testDescription: String { "\(self.status): \(self.expected.text)" }
    }

    @Test(arguments: [
        Case(
            status: 400, body: #"{"column":12,"detail":"unknown field 'plugni'","status":400,"title":"Bad Request"}"#,
            expected: .rejected(400, "column 12: unknown field 'plugni'")),
        Case(status: 404, body: #"{"detail":"there is no ban 7"}"#, expected: .rejected(404, "there is no ban 7")),
        Case(status: 422, body: #"{"detail":"no such mode"}"#, expected: .rejected(422, "no such mode")),
        Case(status: 409, body: #"{"detail":"a: error: b"}"#, expected: .rejected(409, "a: error: b")),
        Case(
            status: 409, type: "Application/Problem+JSON; charset=utf-8",
            body: #"{"detail":"plugins:3: error: x\nme: error: y\nlisten:1: error: z"}"#,
            expected: .rejected(409, "plugins:3: error: x; and 2 more")),
        Case(
            status: 500, body: #"{"title":"Internal Server Error"}"#, expected: .rejected(500, "Internal Server Error")),
        Case(status: 400, body: "{}", expected: .rejected(400, "no reason is given")),
        Case(status: 401, body: #"{"detail":"x"}"#, expected: .refused("401: the token is not known there")),
        Case(
            status: 401, body: #"{"detail":"a token is needed"}"#, hasToken: false,
            expected: .refused("401: a token is needed")),
        Case(
            status: 403, body: #"{"detail":"this needs the role operator"}"#,
            expected: .refused("403: this needs the role operator")),
        Case(status: 429, body: #"{"detail":"wait a second"}"#, expected: .refused("429: wait a second")),
        Case(status: 421, type: nil, body: "", expected: .refused("421: no reason is given")),
        Case(
            status: 404, body: #"{"detail":"there is nothing at this address"}"#, request: AdminRequest(.overview),
            expected: .foreign(at: "mx1:8025", "404 for /api/v1/overview")),
        Case(
            status: 404, type: "text/html", body: "<html>",
            expected: .foreign(at: "mx1:8025", "404 for /api/v1/plugins")),
        Case(status: 301, type: nil, expected: .foreign(at: "mx1:8025", "301 for /api/v1/plugins")),
        Case(status: 503, body: #"{"detail":"too many"}"#, expected: .unreachable("mx1:8025: 503: too many")),
        Case(
            status: 502, type: "text/html", body: "<html>",
            expected: .unreachable("mx1:8025: 502: no reason is given")),
        Case(status: 500, type: "text/html", expected: .unreachable("mx1:8025: 500 for /api/v1/plugins")),
    ])
    func answers(_ row: Case) {
        let problem = LinkProblem(
            status: row.status, contentType: row.type, body: Array(row.body.utf8), to: row.request,
            from: Peer(label: "mx1:8025", hasToken: row.hasToken))
        #expect(problem == row.expected)
    }

    @Test func longTextsAreCut() {
        let body = Array((#"{"detail":""# + String(repeating: "x", count: 5000) + #""}"#).utf8)
        let problem = LinkProblem(
            status: 400, contentType: Self.json, body: body, to: AdminRequest(.hooks),
            from: Peer(label: "x", hasToken: false))
        #expect(problem.text.count == 300)
    }

    @Test(
        arguments: [
            (IOError(errnoCode: ENOENT, reason: "connect"), "x: no such file"),
            (IOError(errnoCode: ECONNREFUSED, reason: "connect"), "x: connection refused"),
            (IOError(errnoCode: EACCES, reason: "connect"), "x: permission denied"),
            (HTTPClientError.connectTimeout, "x: no answer in time"),
            (HTTPClientError.deadlineExceeded, "x: no answer in time"),
            (HTTPClientError.remoteConnectionClosed, "x: the connection was closed"),
            (ChannelError.connectTimeout(.seconds(5)), "x: no answer in time"),
            (
                NIOTooManyBytesError(maxBytes: 1),
                "x speaks no API of version 1 that this console knows: the answer is too large"
            ),
            (HTTPParserError.invalidEOFState, "x: the connection was closed"),
            (
                HTTPParserError.invalidConstant,
                "x speaks no API of version 1 that this console knows: it speaks no HTTP"
            ),
        ] as [(any Error, String)])
    func transport(_ error: any Error, _ text: String) {
        #expect(LinkProblem(error, from: Peer(label: "x", hasToken: false)).text == text)
    }
}

@Suite struct OrderResultTests {
    static let generations = Array(
        #"""
        {"changed_files":[],"generations":[{"is_current":false,"loaded_at":1,"number":6,"plugins":3,"warnings":[]},
        {"is_current":true,"loaded_at":2,"number":7,"plugins":3,"warnings":["x"]}],"refusal":[]}
        """#.utf8)
    static let ban = Array(
        #"{"by":"ann","created_at":1,"expires_at":3601,"hits":0,"id":"b1","network":"192.0.2.0/24","reason":""}"#.utf8)

    @Test(
        arguments: [
            (Order.kick("427ppwh0nhgm"), [], "ended 427ppwh0nhgm"),
            (.ban(BanRequest(network: "192.0.2.7/24", timeToLive: 3600)), Self.ban, "banned 192.0.2.0/24 for 1h"),
            (.ban(BanRequest(network: "192.0.2.7/24")), Self.ban, "banned 192.0.2.0/24 until it is lifted"),
            (.liftBan("b1"), [], "lifted the ban"),
            (.patch("badmailfrom", PluginPatch(mode: "shadow")), [], "badmailfrom: mode shadow"),
            (
                .patch("dnsbl", PluginPatch(mode: "on", timeLimit: 5, logLevel: "LOGDEBUG")), [],
                "dnsbl: mode on, time limit 5.0s, log level LOGDEBUG"
            ),
            (.reload, Self.generations, "configuration 7 in use"),
            (.goBack, Self.generations, "went back to configuration 7"),
            (.drain(true), [], "draining"), (.drain(false), [], "no longer draining"),
            (.softBounce(true), [], "soft bounce on"), (.softBounce(false), [], "soft bounce off"),
        ] as [(Order, [UInt8], String)])
    func words(_ order: Order, _ answer: [UInt8], _ text: String) throws {
        guard case .done(let words) = try OrderResult(of: order, answer) else {
            Issue.record("not done")
            return
        }
        #expect(words == text)
    }
}
