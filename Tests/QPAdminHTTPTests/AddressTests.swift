// AddressTests.swift
//
// Names, origins, methods, paths and parameters.

import QPTelemetry
import Synchronization
import Testing

@testable import QPAdminHTTP

struct AddressTests {
    @Test(arguments: [
        ("localhost", 200), ("LOCALHOST", 200), ("localhost:8025", 200), ("localhost:", 200), ("127.0.0.1", 200),
        ("127.0.0.1:1", 200), ("[::1]", 200), ("[::1]:80", 200), ("[0:0:0:0:0:0:0:1]", 200), ("mail.example", 200),
        ("MAIL.example:443", 200), ("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.2", 421),
        ("192.0.2.1", 421), ("[::2]", 421), ("[localhost]", 421), ("[::1", 421), ("localhost:80:90", 421),
        ("localhost:x", 421), ("localhost:99999", 421), ("user@localhost", 421), ("", 421),
    ])
    func hosts(_ host: String, _ expected: Int) async throws {
        try await AdminFixture.run { fixture in
            let answer = try fixture.ask("GET", "/livez", host: host)
            #expect(answer.status == expected)
            #expect(try fixture.askUnix("GET", "/livez", host: host).status == 200)
        }
    }

    @Test func oneHostIsNeeded() async throws {
        try await AdminFixture.run { fixture in
            let none = try fixture.ask("GET", "/livez", host: nil)
            #expect(none.status == 400)
            let two = try fixture.ask("GET", "/livez", ["Host: evil.example"])
            #expect(two.status == 400)
        }
    }

    @Test(arguments: [
        ("http://localhost:8025", 200), ("HTTP://LOCALHOST:8025", 200), ("http://localhost", 403),
        ("http://localhost:8026", 403), ("http://evil.example:8025", 403), ("null", 403), ("localhost:8025", 403),
        ("file://", 403), ("", 403),
    ])
    func origins(_ origin: String, _ expected: Int) async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            let fields = ["Origin: \(origin)", AdminFixture.bearer(.admin)]
            #expect(try client.request("PUT", "/api/v1/drain", host: "localhost:8025", fields).status == expected)
            #expect(try client.request("GET", "/api/v1/drain", host: "localhost:8025", fields).status == 200)
        }
    }

    @Test(arguments: [
        ("POST", "/livez", 405, "GET, HEAD"), ("GET", "/api/v1/bans/b1", 405, "DELETE"),
        ("POST", "/api/v1/drain", 405, "GET, HEAD, PUT, DELETE"), ("OPTIONS", "/api/v1/hooks", 405, "GET, HEAD"),
        ("TRACE", "/", 405, "GET, HEAD"), ("FOO", "/livez", 400, nil), ("PROPFIND", "/livez", 405, "GET, HEAD"),
        ("DELETE", "/api/v1/bans/preview", 405, "POST"), ("GET", "/nowhere", 404, nil), ("GET", "/api/v1", 404, nil),
        ("GET", "/api/v1/hooks/x", 404, nil),
        ("GET", "/api/v1/sessions/unknown", 404, nil), ("GET", "/api/v1/plugins/nothing", 404, nil),
    ])
    func methodsAndPaths(_ method: String, _ path: String, _ expected: Int, _ allow: String?) async throws {
        try await AdminFixture.run { fixture in
            let answer = try fixture.ask(method, path)
            #expect(answer.status == expected)
            #expect(answer.fields["allow"] == allow)
        }
    }

    @Test(arguments: [
        ("/api/v1/rates?seconds=0", "'seconds' is a number from 1 to 900"),
        ("/api/v1/rates?seconds=901", "'seconds' is a number from 1 to 900"),
        ("/api/v1/rates?seconds=-1", "'seconds' is a number from 1 to 900"),
        ("/api/v1/rates?seconds=99999999999999999999", "'seconds' is a number from 1 to 900"),
        ("/api/v1/rates?seconds=", "'seconds' is a number from 1 to 900"),
        ("/api/v1/rates?seconds=1&seconds=1", "'seconds' is given more than once"),
        ("/api/v1/rates?second=1", "unknown parameter 'second'; there are: seconds"),
        ("/api/v1/hooks?x", "unknown parameter 'x'; there are none"),
        ("/api/v1/sessions?state=dead", "'state' is one of: live, ended, refused"),
        ("/api/v1/sessions?query=%zz", "the query string is not percent-encoded UTF-8"),
        ("/api/v1/sessions?query=%ff", "the query string is not percent-encoded UTF-8"),
        ("/api/v1/sessions/%ff", "the address is not percent-encoded UTF-8"),
        ("/api/v1/explain", "exactly one of id, sender, recipient, peer, message_id is needed"),
        ("/api/v1/explain?id=a&peer=b", "exactly one of id, sender, recipient, peer, message_id is needed"),
        ("/api/v1/top", "'field' is missing"), ("/api/v1/logs?plugin=", "'plugin' has 1 to 200 characters"),
    ])
    func parameters(_ path: String, _ detail: String) async throws {
        try await AdminFixture.run { fixture in
            let answer = try fixture.ask("GET", path)
            #expect(answer.status == 400)
            #expect(answer.fields["content-type"] == "application/problem+json")
            #expect(answer.body == #"{"detail":"\#(detail)","status":400,"title":"Bad Request"}"#)
        }
    }

    @Test func queryErrorsHaveColumns() async throws {
        try await AdminFixture.run { fixture in
            let answer = try fixture.ask("GET", "/api/v1/sessions?query=plugin%3Da+and+(")
            #expect(answer.status == 400)
            #expect(answer.body.hasPrefix(#"{"column":"#))
        }
    }

    @Test(arguments: [
        ("queue%2Fmaildir", "queue/maildir"), ("queue::maildir", "queue/maildir"),
        ("queue%3A%3Amaildir", "queue/maildir"),
        ("my_rcpt_check:0", "my_rcpt_check:0"), ("my_rcpt_check%3A0", "my_rcpt_check:0"),
        ("my_rcpt_check_3a0", "my_rcpt_check:0"),
    ])
    func pluginNames(_ path: String, _ name: String) async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            #expect(try client.request("GET", "/api/v1/plugins/\(path)").body.contains("manual of \(name)"))
            let changed = try client.request(
                "PATCH", "/api/v1/plugins/\(path)", [AdminFixture.bearer(.operator_)], body: "{}")
            #expect(changed.status == 200)
            #expect(fixture.fake.state.withLock { $0.calls } == ["change \(name) by operator"])
        }
    }

    @Test(arguments: [
        ("dnsbl", "dnsbl", nil), ("dnsbl:LOGDEBUG", "dnsbl", "LOGDEBUG"), ("dnsbl:logdebug", "dnsbl", "LOGDEBUG"),
        ("queue::maildir", "queue::maildir", nil), ("queue::maildir:LOGINFO", "queue::maildir", "LOGINFO"),
        ("my_check:0", "my_check:0", nil), ("my_check:0:LOGWARN", "my_check:0", "LOGWARN"),
        ("logging::LOGX", "logging::LOGX", nil), (":LOGX", ":LOGX", nil),
    ])
    func pluginLevels(_ text: String, _ name: String, _ level: String?) {
        let split = AdminRoutes.split(text)
        #expect(split.name == name)
        #expect(split.level == level)
    }

    @Test(arguments: [
        (ControlError.notFound("x"), 404), (.invalid("x"), 422), (.conflict("x"), 409),
        (.needsForce(["own", "relay"]), 409),
    ])
    func controlErrors(_ error: ControlError, _ expected: Int) async throws {
        try await AdminFixture.run { fixture in
            fixture.fake.state.withLock { $0.error = error }
            let client = try RawClient(port: fixture.port)
            let answer = try client.request("POST", "/api/v1/generations/reload", [AdminFixture.bearer(.admin)])
            #expect(answer.status == expected)
            #expect(answer.body.contains(#""reasons":["own","relay"]"#) == (error == .needsForce(["own", "relay"])))
            #expect(try client.request("GET", "/api/v1/logs").status == expected)
        }
    }

    @Test func headsAreGetsWithoutBodies() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            for row in RoleRow.all where row.method == "GET" && row.role != .admin {
                let head = try client.request("HEAD", row.path)
                #expect(head.status == 200, "\(row.path)")
                let get = try client.request("GET", row.path)
                #expect(head.fields["content-type"] == get.fields["content-type"], "\(row.path)")
                if get.fields["transfer-encoding"] != nil { _ = try client.chunks() }
            }
        }
    }

    @Test func everyAnswerIsGuarded() async throws {
        try await AdminFixture.run { fixture in
            let client = try RawClient(port: fixture.port)
            for path in ["/", "/livez", "/api/v1/overview", "/nowhere", "/api/v1/audit"] {
                let fields = try client.request("GET", path).fields
                #expect(fields["x-content-type-options"] == "nosniff")
                #expect(fields["referrer-policy"] == "no-referrer")
                #expect(fields["cache-control"] == "no-store")
                #expect(fields["date"]?.count == 29 && fields["date"]?.hasSuffix(" GMT") == true, "\(fields)")
                #expect(fields["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
                #expect(fields["content-security-policy"]?.contains("unsafe") == false)
            }
        }
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func dates(_ seconds: Int, _ expected: String) {
        #expect(HTTPDate.text(seconds) == expected)
    }

    /// RFC 9112 §9.3: whoever speaks HTTP/1.0 waits for the end of the connection.
    @Test func oldClients() async throws {
        try await AdminFixture.run { fixture in
            for field in ["", "Connection: keep-alive\r\n"] {
                let client = try RawClient(port: fixture.openPort)
                client.send("GET /livez HTTP/1.0\r\nHost: localhost\r\n\(field)\r\n")
                let text = client.rest()
                #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("\r\nConnection: close\r\n"), "\(text)")
            }
        }
    }

    @Test func pageHashes() {
        let page = "<style>a</style><script type=module>b</script><script>c</script>"
        #expect(
            PagePolicy.hashes(of: "style", in: page) == "'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='")
        #expect(PagePolicy.hashes(of: "script", in: page).split(separator: " ").count == 2)
        #expect(PagePolicy.hashes(of: "script", in: "<p>") == "'none'")
        #expect(PagePolicy.page.contains("script-src 'sha256-"))
        #expect(PagePolicy.page.contains("style-src 'sha256-"))
    }

    @Test func health() async throws {
        try await AdminFixture.run { fixture in
            fixture.fake.state.withLock { $0.alive = "loop 1 is stuck" }
            fixture.fake.state.withLock { $0.ready = "draining" }
            let client = try RawClient(port: fixture.openPort)
            let alive = try client.request("GET", "/livez")
            #expect(alive.status == 503)
            #expect(alive.body == "loop 1 is stuck\n")
            #expect(try client.request("GET", "/readyz").body == "draining\n")
        }
    }
}
