// AdminRequestTests.swift
//
// What goes over the wire for each need and each order.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct AdminRequestTests {
    @Test(arguments: [
        (Need.overview, "overview"), (.rates, "rates?seconds=120"), (.whoami, "whoami"), (.plugins, "plugins"),
        (.hooks, "hooks"), (.bans, "bans"), (.generations, "generations"), (.backends, "backends"),
        (.difference(nil), "generations/diff"), (.difference(7), "generations/diff?from=7"),
        (.session("427ppwh0nhgm"), "sessions/427ppwh0nhgm"), (.session("../x?y"), "sessions/..%2Fx%3Fy"),
        (.sessions(SessionsWish()), "sessions?state=live&sort=age&order=desc&limit=100"),
        (
            .sessions(
                SessionsWish(
                    kind: .refused, query: "helo=\"a b\" and ip=192.0.2.0/24&é+%", sort: .rcpts, isDescending: false,
                    limit: 7, offset: 14)),
            "sessions?state=refused&query=helo%3D%22a%20b%22%20and%20ip%3D192.0.2.0%2F24%26%C3%A9%2B%25"
                + "&sort=rcpts&order=asc&limit=7&offset=14"
        ),
        (.top(.network, .live, query: "", limit: 20), "top?field=network&state=live&limit=20"),
        (.top(.sender, .ended, query: "rcpts>5", limit: 50), "top?field=sender&state=ended&query=rcpts%3E5&limit=50"),
    ])
    func needs(_ need: Need, _ target: String) {
        let request = AdminRequest(need)
        #expect(request.method == .get)
        #expect(request.target == "/api/v1/" + target)
        #expect(request.body == nil)
    }

    struct OrderCase: CustomTestStringConvertible, Sendable {
        let order: Order
        let line: String
        let body: String?

        init(_ order: Order, _ line: String, _ body: String? = nil) {
            self.order = order
            self.line = line
            self.body = body
        }

        var testDescription: String { self.line }
    }

    @Test(arguments: [
        OrderCase(.kick("427ppwh0nhgm"), "DELETE sessions/427ppwh0nhgm"),
        OrderCase(
            .previewBan(BanRequest(network: "192.0.2.0/24")), "POST bans/preview", #"{"network":"192.0.2.0/24"}"#),
        OrderCase(
            .ban(BanRequest(network: "2001:db8::/32", timeToLive: 3600, reason: "a \"b\"", force: true, kick: false)),
            "POST bans",
            #"{"force":true,"kick":false,"network":"2001:db8::/32","reason":"a \"b\"","time_to_live":3600}"#),
        OrderCase(
            .ban(BanRequest(network: "x", timeToLive: .nan)), "POST bans", #"{"network":"x","time_to_live":"nan"}"#),
        OrderCase(.liftBan("b/1"), "DELETE bans/b%2F1"),
        OrderCase(
            .patch("queue/maildir", PluginPatch(mode: "shadow")), "PATCH plugins/queue%2Fmaildir", #"{"mode":"shadow"}"#
        ),
        OrderCase(
            .patch("dnsbl:0", PluginPatch(timeLimit: 2.5, logLevel: "LOGDEBUG")), "PATCH plugins/dnsbl%3A0",
            #"{"log_level":"LOGDEBUG","time_limit":2.5}"#),
        OrderCase(.reload, "POST generations/reload"),
        OrderCase(.goBack, "POST generations/go-back"),
        OrderCase(.drain(true), "PUT drain"),
        OrderCase(.drain(false), "DELETE drain"),
        OrderCase(.softBounce(true), "PUT soft-bounce", #"{"enabled":true}"#),
        OrderCase(.softBounce(false), "PUT soft-bounce", #"{"enabled":false}"#),
    ])
    func orders(_ row: OrderCase) {
        let request = AdminRequest(row.order)
        #expect("\(request.method.rawValue) \(request.target.dropFirst("/api/v1/".count))" == row.line)
        #expect(request.body.map { String(decoding: $0, as: UTF8.self) } == row.body)
    }

    @Test(
        arguments: [
            (LogWish(), nil, "follow=true&backlog=200"),
            (LogWish(), 17, "follow=true&after=17"),
            (
                LogWish(level: "LOGINFO", plugins: ["dnsbl", "queue/maildir:LOGDEBUG"], query: "level<=warn"),
                UInt64.max,
                "follow=true&level=LOGINFO&plugin=dnsbl&plugin=queue%2Fmaildir%3ALOGDEBUG&query=level%3C%3Dwarn"
                    + "&after=18446744073709551615"
            ),
        ] as [(LogWish, UInt64?, String)])
    func streams(_ wish: LogWish, _ sequence: UInt64?, _ query: String) {
        #expect(AdminRequest(wish, after: sequence).target == "/api/v1/logs?" + query)
    }
}
