// JSONAnswerTests.swift
//
// Rows as a server writes them.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct JSONAnswerTests {
    static let session = #"""
        {"age":12.5,"by":"client","code":550,"decided_by":"rcpt_ok","generation":3,"helo":"vm","hook":"rcpt",
        "id":"427ppwh0nhgm","listener":"0.0.0.0:25","marks":{"rcpt_ok":"refused","queue/maildir":"ok"},"messages":2,
        "notes":{"spam_score":"5","snake_case_key":"kept"},"number":7,"octets":123,"peer":"192.0.2.1","peer_port":4711,
        "phase":"rcpt","plugin":"rcpt_ok","rate":"inf","reason":"Relaying denied","recipient_count":1,
        "recipients":["bob@ok.example"],"remote_host":"mail.example","running":0.5,"sender":"","started_at":1795867200,
        "state":"live","tls":"TLSv1.3","user":"ann"}
        """#

    private static func answer(_ need: Need, _ text: String) throws -> Answer {
        try Answer(to: need, Array(text.utf8))
    }

    @Test func sessions() throws {
        let text = #"{"missing_loops":[1],"next":1,"sessions":[\#(Self.session)],"total":2}"#
        guard case .sessions(let wish, let page) = try Self.answer(.sessions(SessionsWish(limit: 1)), text) else {
            return
        }
        #expect(wish.limit == 1)
        #expect(page.total == 2)
        #expect(page.next == 1)
        #expect(page.missingLoops == [1])
        let row = try #require(page.sessions.first)
        #expect(row.decidedBy == "rcpt_ok")
        #expect(row.remoteHost == "mail.example")
        #expect(row.sender == "")
        #expect(row.rate == .infinity)
        #expect(row.notes == ["spam_score": "5", "snake_case_key": "kept"])
        #expect(row.marks == ["rcpt_ok": .refused, "queue/maildir": .ok])
        #expect(row.phase == .rcpt)
    }

    @Test func overview() throws {
        let text = #"""
            {"alarms":[{"kind":"draining","text":"x"}],"descriptors":10,"descriptors_limit":1024,"events_dropped":0,
            "generation":3,"is_draining":true,"is_soft_bouncing":false,"log_dropped":1,
            "loops":[{"lag":0.001,"number":0},{"hook":"rcpt","lag":"nan","number":1,"plugin":"dnsbl","stuck":2.5}],
            "memory":1,"name":"mx1.example.com","now":1795867200.25,"process_id":42,
            "rates":{"messages_queued":{"minute":1.5,"quarter_hour":1,"second":0,"ten_seconds":"-inf"}},"sessions":1,
            "sessions_by_phase":{"rcpt":1},"sessions_limit":100,"totals":{"messages_queued":5,"replies_4xx":1},
            "uptime":60,"version":"0.1"}
            """#
        guard case .overview(let overview) = try Self.answer(.overview, text) else { return }
        #expect(overview.processId == 42)
        #expect(overview.isDraining)
        #expect(overview.totals == ["messages_queued": 5, "replies_4xx": 1])
        #expect(overview.rates["messages_queued"]?.quarterHour == 1)
        #expect(overview.rates["messages_queued"]?.tenSeconds == -.infinity)
        #expect(overview.loops.last?.lag.isNaN == true)
        #expect(overview.loops.last?.stuck == 2.5)
    }

    @Test func detail() throws {
        let text = #"""
            {"decision":{"hook":"rcpt","plugin":"rcpt_ok","status":"5.7.1","text":"no","transaction":1,"verdict":"DENY"},
            "dropped":0,"last_hook":"quit","session":\#(Self.session),"trail":[{"decided":true,"flags":["shadow"],
            "hook":"rcpt","microseconds":12,"offset":1.5,"plugin":"rcpt_ok","text":"","transaction":1,"verdict":"DENY"}],
            "transactions":[{"code":250,"ended_at":1,"id":"a.1","message_id":"m@x","number":1,"recipient_count":1,
            "recipients":[{"address":"bob@ok.example","code":250}],"result":"queued","size":10,"text":"Queued"}]}
            """#
        guard case .session("a", let detail?) = try Self.answer(.session("a"), text) else {
            Issue.record("no session")
            return
        }
        #expect(detail.lastHook == "quit")
        #expect(detail.trail.first?.flags == ["shadow"])
        #expect(detail.transactions.first?.messageId == "m@x")
        #expect(detail.transactions.first?.sender == nil)
        #expect(detail.decision?.status == "5.7.1")
    }

    @Test func plugins() throws {
        let row = #"""
            {"arguments":["1"],"breaker":"closed","changes":[{"at":1,"by":"ann","what":"mode shadow"}],
            "decision_share":0.5,"declined":1,"deny":1,"errors":0,"hooks":["rcpt"],"in_flight":0,"log_level":"LOGDEBUG",
            "mode":"shadow","name":"queue/maildir","ok":0,"on_error":"standard","p50":0.001,"p95":0.002,"p99":0.003,
            "place":"plugins:3","runs":2,"shadow_differences":1,"shadow_runs":1,"soft":0,"stragglers":0,"time_limit":30,
            "timeouts":0}
            """#
        guard case .plugins(let rows) = try Self.answer(.plugins, "[\(row)]") else { return }
        #expect(rows.first?.decisionShare == 0.5)
        #expect(rows.first?.p95 == 0.002)
        #expect(rows.first?.changes.first?.what == "mode shadow")
    }

    @Test func hooks() throws {
        let row = #"""
            {"broken_off":0,"configured":true,"errors":0,"histogram":[[2.56e-7,3]],"hook":"rcpt","in_flight":0,
            "plugin":"rcpt_ok","runs":3,"seconds":0.1,"shadow_differences":0,"shadow_runs":0,"stragglers":0,"timeouts":0,
            "verdicts":{"declined":2,"deny":1,"deny_disconnect":0}}
            """#
        guard case .hooks(let rows) = try Self.answer(.hooks, "[\(row)]") else { return }
        #expect(rows.first?.verdicts == ["declined": 2, "deny": 1, "deny_disconnect": 0])
        #expect(rows.first?.histogram == [[2.56e-7, 3]])
    }

    @Test func others() throws {
        if case .rates(let rates) = try Self.answer(.rates, #"{"series":{"messages_queued":[1,0.5]},"start":5}"#) {
            #expect(rates.series == ["messages_queued": [1, 0.5]])
        }
        if case .whoami(let whoami) = try Self.answer(
            .whoami, #"{"hides_addresses":false,"name":"ann","role":"operator","source":"unix"}"#)
        {
            #expect(whoami == Whoami(name: "ann", role: .operator_, source: "unix", hidesAddresses: false))
        }
        if case .difference(7, let rows) = try Self.answer(
            .difference(7), #"[{"added":["b"],"file":"me","removed":["a"]}]"#)
        {
            #expect(rows == [FileDifference(file: "me", removed: ["a"], added: ["b"])])
        }
        if case .top(.sender, let rows) = try Self.answer(
            .top(.sender, .live, query: "", limit: 1), #"[{"count":2,"session":"a","value":"x"}]"#)
        {
            #expect(rows == [TopRow(value: "x", count: 2, session: "a")])
        }
        if case .backends(let rows) = try Self.answer(
            .backends,
            #"[{"errors":1,"in_flight":0,"kind":"dns","last_error":"x","last_error_at":1,"name":"n","oldest_wait":0,"#
                + #""requests":2,"state":"ok"}]"#)
        {
            #expect(rows.first?.lastErrorAt == 1)
        }
        #expect(throws: Never.self) { try Self.answer(.bans, "[]") }
        #expect(throws: Never.self) {
            try Self.answer(.generations, String(decoding: OrderResultTests.generations, as: UTF8.self))
        }
    }

    @Test(arguments: [
        ("", "the answer is no JSON"), ("<html>", "the answer is no JSON"), ("{}", "the answer has another form"),
        (#"[{"added":[],"removed":[]}]"#, "file' is missing"),
        (#"[{"added":[1],"file":"x","removed":[]}]"#, "has another form"),
    ])
    func whatIsWrong(_ text: String, _ words: String) {
        do {
            _ = try Self.answer(.difference(nil), text)
            Issue.record("it was understood")
        } catch {
            #expect(JSONAnswer.describe(error).contains(words), "\(JSONAnswer.describe(error))")
        }
    }
}
