// ReplayTests.swift
//
// Saved streams: what can be known from them, and what is no stream.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct ReplayTests {
    private static let stream = """
        {"kind":"connected","sequence":1,"time":1000,"session":\(Self.row("aaa", at: 1000))}
        {"kind":"connected","sequence":2,"time":1001,"session":\(Self.row("bbb", at: 1001))}

        id: 3
        event: session
        data: {"kind":"transaction","sequence":3,"time":1002,"session":\(Self.row("aaa", at: 1000)),"transaction":{"id":"aaa.1","number":1,"ended_at":1002,"sender":"ann@a.example","recipients":[{"address":"b@b.example","code":250}],"recipient_count":1,"size":10,"result":"queued","code":250,"text":"queued"}}
        :
        {"lost":7}
        {"kind":"ended","sequence":4,"time":1003,"session":\(Self.row("aaa", at: 1000, state: "ended"))}
        {"kind":"operator","sequence":5,"time":1003,"text":"drained \\u001b[2J"}
        {"fields":{},"level":"LOGWARN","sequence":9,"text":"careful","time":1004,"transaction":0,"plugin":"queue::maildir"}
        no event
        {"kind":"refused","sequence":6,"time":1004,"session":\(Self.row("ccc", at: 1004, state: "refused"))}
        {"kind":"connected","sequence":7}
        """

    private static func row(_ id: String, at time: Int, state: String = "live") -> String {
        """
        {"id":"\(id)","number":1,"state":"\(state)","started_at":\(time),"age":1,"peer":"192.0.2.7","peer_port":1,\
        "listener":"x","phase":"idle","recipients":[],"recipient_count":0,"messages":0,"octets":5,"rate":0,"notes":{},\
        "marks":{},"generation":1}
        """
    }

    private static var server: ReplayServer {
        var server = ReplayServer(name: "events")
        for item in ReplayFile(Self.stream, file: "events").items { server.take(item) }
        return server
    }

    @Test func badLinesAreNamed() {
        let file = ReplayFile(Self.stream, file: "events")
        #expect(file.items.count == 8)
        #expect(
            file.problems == [12, 14].map { "events:\($0): error: this is no event and no line of a log" })
        #expect(ReplayFile("", file: "x").items.isEmpty)
    }

    @Test(arguments: [(SessionKind.live, ["bbb"]), (.ended, ["aaa"]), (.refused, ["ccc"])])
    func sessions(_ kind: SessionKind, _ ids: [String]) throws {
        var wish = SessionsWish()
        wish.kind = kind
        guard case .sessions(_, let page)? = Self.server.answer(.sessions(wish)) else { return #expect(Bool(false)) }
        #expect(page.sessions.map(\.id) == ids && page.total == 1)
        wish.query = "ip=198.51.100.0/24"
        guard case .sessions(_, let none)? = Self.server.answer(.sessions(wish)) else { return #expect(Bool(false)) }
        #expect(none.sessions.isEmpty)
    }

    @Test func numbersAndStories() throws {
        guard case .overview(let overview)? = Self.server.answer(.overview) else { return #expect(Bool(false)) }
        #expect(overview.sessions == 1 && overview.uptime == 4)
        #expect(overview.totals["messages_queued"] == 1 && overview.totals["connections"] == 2)
        guard case .session(_, let detail?)? = Self.server.answer(.session("aaa")) else { return #expect(Bool(false)) }
        #expect(detail.transactions.map(\.id) == ["aaa.1"])
        guard case .top(_, let top)? = Self.server.answer(.top(.network, .ended, query: "", limit: 5)) else {
            return #expect(Bool(false))
        }
        #expect(top == [TopRow(value: "192.0.2.0/24", count: 1, session: "aaa")])
        #expect(Self.server.answer(.plugins) == nil)
        #expect(Self.server.lost == 7)
    }

    @Test func lines() {
        var wish = LogWish()
        #expect(Self.server.lines(wish).map(\.text) == ["drained \u{1b}[2J", "careful"])
        wish.plugins = ["queue/maildir"]
        #expect(Self.server.lines(wish).map(\.text) == ["careful"])
        wish.plugins = []
        wish.level = "LOGERROR"
        #expect(Self.server.lines(wish).isEmpty)
    }

    @Test func absurdTimes() {
        let text = ["\"nan\"", "\"inf\"", "-1e300", "1e300", "5"].map { time in
            "{\"kind\":\"operator\",\"sequence\":1,\"time\":\(time),\"text\":\"x\"}"
        }.joined(separator: "\n")
        var feed = ReplayFeed(ReplayFile(text, file: "events"), name: "events", speed: 0)
        let news = feed.advance(to: 1, [.overview, .rates, .sessions(SessionsWish())], [], interval: 1)
        #expect(news.count == 5 && feed.isOver)
    }

    @Test func timePasses() {
        var feed = ReplayFeed(ReplayFile(Self.stream, file: "events"), name: "events", speed: 2)
        func kinds(_ news: [News]) -> [String] {
            news.map { item in
                switch item.content {
                case .link: "link"
                case .objection: "end"
                case .answer(.overview(let overview)): "overview \(overview.sessions)"
                default: "other"
                }
            }
        }
        #expect(kinds(feed.advance(to: 50, [.overview], [], interval: 1)) == ["link", "overview 1"])
        #expect(kinds(feed.advance(to: 50.5, [.overview], [], interval: 1)) == [])
        #expect(kinds(feed.advance(to: 51, [.overview], [], interval: 1)) == ["overview 2"])
        #expect(kinds(feed.advance(to: 60, [.overview], [], interval: 1)) == ["end", "overview 1"])
    }
}
