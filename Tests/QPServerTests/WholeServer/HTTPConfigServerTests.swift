// HTTPConfigServerTests.swift
//
// Configuration that a web server has, in a server that runs.

import QPPlugins
import Testing

@testable import QPServer

@Suite struct HTTPConfigServerTests {
    private static func page(_ text: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
    }
    private static let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
    private static let failing = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

    private static func answers(
        _ pages: [String: String], otherwise: String, _ files: [String: String]
    ) async throws -> (greeting: String, codes: [Int], log: String, requests: [String]) {
        let web = try HTTPTestServer(pages, otherwise: otherwise)
        defer { web.stop() }
        let folder = ScratchFolder()
        let url = "http://127.0.0.1:\(web.port)"
        folder.write("plugins", "http_config \(url)/a/ \(url)/b/\nbadmailfrom\nrcpt_ok\nqueue/discard\n")
        folder.write("me", "file.example\n")
        folder.write("reverse_dns", "0\n")
        for (name, text) in files { folder.write(name, text) }
        var greeting = ""
        var codes: [Int] = []
        try await TestServer.with(files: folder, BundledPlugins.all) { server in
            (greeting, codes) = try await server.client { client in
                let greeting = try client.answer().lines.joined()
                let codes = try [
                    "HELO client.example", "MAIL FROM:<x@spam.example>", "MAIL FROM:<x@ok.example>",
                    "RCPT TO:<ann@web.example>", "RCPT TO:<ann@file.example>", "RCPT TO:<ann@hosts.example>",
                ].map { try client.say($0).code }
                return (greeting, codes)
            }
        }
        return (greeting, codes, folder.text("log") ?? "", web.requests)
    }

    @Test("claim 81: http_config asks one web server, then the next, then there are files")
    func fallingThrough() async throws {
        let result = try await Self.answers(
            ["/a/rcpthosts": Self.page("# ours\n"), "/b/rcpthosts": Self.page("web.example\n")],
            otherwise: Self.missing, ["badmailfrom": "@spam.example\n", "rcpthosts": "hosts.example\n"])
        #expect(result.greeting.contains("file.example"))
        #expect(result.codes == [250, 550, 250, 250, 250, 550])
        #expect(result.requests.contains { $0.hasPrefix("GET /b/badmailfrom ") })
        // Who steers the server is for files alone.
        #expect(!result.requests.contains { $0.contains("plugins") || $0.contains("admin") })
    }

    @Test func settingsComeFromTheWebToo() async throws {
        let result = try await Self.answers(
            ["/a/me": Self.page("web.example\n"), "/a/badmailfrom": Self.page("@ok.example\n")],
            otherwise: Self.missing, ["badmailfrom": "@spam.example\n"])
        #expect(result.greeting.contains("web.example"))
        #expect(result.codes == [250, 250, 503, 250, 550, 550])
        #expect(result.log.contains("configuration 2 in use"))
    }

    @Test func filesCountWhileTheWebServerFails() async throws {
        let result = try await Self.answers(
            [:], otherwise: Self.failing, ["badmailfrom": "@spam.example\n", "rcpthosts": "hosts.example\n"])
        #expect(result.codes == [250, 550, 250, 550, 250, 250])
        #expect(result.log.ranges(of: "what it said last stays").count == 2)
    }

    @Test(arguments: [
        ("databytes", "many\n", "config hook (databytes)"), ("badmailfrom", "^(x\n", "the former content stays"),
    ])
    func whatDoesNotParseIsRefused(_ name: String, _ text: String, _ complaint: String) async throws {
        let result = try await Self.answers(
            ["/a/\(name)": Self.page(text), "/a/rcpthosts": Self.page("web.example\n")], otherwise: Self.missing,
            ["badmailfrom": "@spam.example\n", "rcpthosts": "hosts.example\n"])
        #expect(result.codes == [250, 550, 250, 250, 250, 550])
        #expect(result.log.contains(complaint))
    }
}
