// HostileMatrixTests.swift
//
// All policy plugins in one server, and everything from outside hostile: names, addresses, the DNS, the message, the
// lists. Whatever comes, there is one well-formed reply, no forged log line, and no file outside of its folder.

import Glibc
import QPHooks
import QPPlugins
import QPTestKit
import Testing

@testable import QPServer

@Suite(.serialized)
struct HostileMatrixTests {
    /// A text of a stranger, as octets.
    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let octets: [UInt8]

        init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }

        init(_ name: String, _ octets: [UInt8]) {
            (self.testDescription, self.octets) = (name, octets)
        }
    }

    static let texts: [Hostile] = [
        Hostile("control octets", "\u{1}\u{7}\u{8}\u{1B}]0;owned\u{7}\u{1B}[2J\u{7F}"),
        Hostile("a path", "<../../escaped@d>"), Hostile("a path without brackets", "../../../../tmp/escaped"),
        Hostile("an absolute path", "/tmp/escaped"), Hostile("a slash", "/"), Hostile("dots", ".."),
        Hostile("NUL", "a\0b"), Hostile("255 octets", String(repeating: "a", count: 255)),
        Hostile("1900 octets", String(repeating: "x", count: 1900)), Hostile("bare CR", "a\rforged\r250 forged"),
        Hostile("separators", "a\u{2028}2026-01-01T00:00:00.000Z ERROR forged\u{85}\u{202E}\u{9B}31m"),
        Hostile("invalid UTF-8", [0xFF, 0xFE, 0xC0, 0x80, 0xED, 0xA0, 0x80, 0xF8]),
        Hostile("formats", "%s%n%1$s ${HOME} `id` $(id) %IP%"), Hostile("quotes", "\"\\\" ' <>(),;:\\"),
        Hostile("catastrophic", String(repeating: "a", count: 60) + "!"), Hostile("empty", ""),
    ]

    /// What the client says; the hostile text stands for §.
    private static let commands = [
        "HELO §", "EHLO §", "EHLO §.example", "EHLO [§]", "EHLO client.example§", "EHLO client.example",
        "MAIL FROM:<§@sender.example>", "RSET", "MAIL FROM:<\"§\"@sender.example>", "RSET", "MAIL FROM:<ann@§>", "RSET",
        "MAIL FROM:<ann@sender.example> §", "RSET", "MAIL FROM:<ann@listed.example>", "RSET", "MAIL FROM:§", "RSET",
        "NOOP §", "VRFY §", "§", "XYZZY §", "MAIL FROM:<ann@sender.example>", "RCPT TO:<§@server.example>",
        "RCPT TO:<\"§\"@server.example>", "RCPT TO:<bob@§>", "RCPT TO:§", "RCPT TO:<listed@server.example>",
        "RCPT TO:<carl@server.example>", "DATA",
    ]

    private static func commands(_ text: [UInt8]) -> [[UInt8]] {
        Self.commands.map { command in
            let parts = command.split(separator: "§", omittingEmptySubsequences: false).map { Array($0.utf8) }
            return Array(parts.joined(separator: text))
        }
    }

    private static func message(_ text: [UInt8]) -> [UInt8] {
        let fields = ["Message-ID: <", "Subject: ", "From: ", "Date: ", "X-", "Received: "]
        return fields.flatMap { Array($0.utf8) + text + Array("\r\n".utf8) } + [13, 10] + text + [13, 10, 46, 13, 10]
    }

    /// All that looks at a client or its mail, and refuses nobody: every plugin sees everything.
    private static let tolerant = [
        "logging/file nosplit loglevel LOGDEBUG $DIR/plugin.log", "hosts_allow", "relay", "karma reject 0",
        "dnsbl reject 0", "fcrdns reject 0", "count_unrecognized_commands 1000", "helo policy strict reject 0",
        "dont_require_anglebrackets", "bogus_bounce", "badmailfrom reject 0", "badmailfromto", "rhsbl reject 0",
        "resolvable_fromhost reject 0", "badrcptto", "greylisting reject 0 sender 1 recipient 1", "rcpt_regexp",
        "rcpt_ok", "headers reject 0", "loop", "virus/klez_filter", "content_log", "queue/maildir $DIR/Maildir %d/%l",
    ]

    /// Plugins whose refusals have words from outside in them.
    private static let refusing = [
        "logging/file nosplit loglevel LOGDEBUG $DIR/plugin.log", "karma", "fcrdns",
        "helo policy strict reject_type perm", "badmailfrom", "badmailfromto", "rhsbl", "resolvable_fromhost",
        "badrcptto", "greylisting", "rcpt_regexp", "rcpt_ok", "headers", "loop", "queue/maildir $DIR/Maildir %u",
    ]

    private static let naughty = [
        "logging/file nosplit loglevel LOGDEBUG $DIR/plugin.log", "dnsbl reject naughty",
        "helo policy rfc reject naughty",
        "badmailfrom reject naughty", "naughty reject mail reject_type perm", "rcpt_ok", "queue/maildir $DIR/Maildir",
    ]

    private static let white = [
        "logging/file nosplit loglevel LOGDEBUG $DIR/plugin.log", "dns_whitelist_soft", "dnsbl", "helo policy strict",
        "badmailfrom", "rcpt_ok", "queue/maildir $DIR/Maildir %l",
    ]

    /// Lists of plugins, and those of them that log each time: else the table might show nothing.
    private static let lists: [(name: String, plugins: [String], speakers: [String])] = [
        ("tolerant", tolerant, ["dnsbl", "helo", "rhsbl", "resolvable_fromhost", "greylisting", "rcpt_ok"]),
        ("refusing", refusing, ["helo", "rhsbl"]), ("naughty", naughty, ["dnsbl", "helo", "naughty"]),
        ("white", white, ["dns_whitelist_soft", "helo", "rcpt_ok"]),
    ]

    /// Lists whose lines are hostile, too, as far as they are taken.
    private static let files: [String: String] = [
        "me": "mx.server.example", "rcpthosts": "server.example", "reverse_dns": "1",
        "limits": "max_errors 1000\nmax_transactions 1000\nmax_conn_ip 100",
        "dnsbl_zones": "one.example\ntwo.example:\u{1B}[2J%IP%\u{7} \(String(repeating: "y", count: 600))",
        "rhsbl_zones": "names.example\nmore.example \u{1B}[2J\u{0}text", "whitelist_zones": "white.example",
        "badmailfrom":
            "@listed.example \u{1B}[2J\u{7}\u{0}\r250 forged\u{2028}x\n^(a+)+$ slow\n^(?=a)(a+)+$ slower\n^(a|a)*b$\n",
        "badmailfromto": "ann@sender.example bob@server.example\n",
        "badrcptto": "listed@server.example \(String(repeating: "z", count: 700))\n^(?=a)(a|aa)+$ slow",
        "badhelo": "^(a|aa)+$\n(?=a)(a|aa)+$\n\u{1B}2J",
        "content_log_file": "$DIR/content/%i",
        "rcpt_regexp": "^(?=a)(a+)+@$ DENY \u{1B}[31m no\n^(?=a)(a|a)*b$ DENY\n",
    ]

    @Test("hostile input: one reply, no forged line, nothing outside of its folder", arguments: Self.texts)
    func matrix(_ text: Hostile) async throws {
        let dns = try DNSTestServer(always: "hostile")
        defer { dns.stop() }
        for (name, plugins, speakers) in Self.lists {
            let files = ScratchFolder()
            var content = Self.files
            content["plugins"] = plugins.joined(separator: "\n")
            content["dns_servers"] = dns.address
            for (name, text) in content { files.write(name, text.replacing("$DIR", with: files.path) + "\n") }
            try await TestServer.with(files: files, BundledPlugins.all) { server in
                let problems = try await server.client { client in Self.talk(client, text.octets) }
                #expect(problems == [], "\(name)")
                await server.expectNothingLeft()
            }
            Self.checkLog(files, "log")
            Self.checkLog(files, "plugin.log")
            Self.checkFolders(files, Set(content.keys))
            let log = files.text("log") ?? ""
            for plugin in speakers where !log.contains(" \(plugin)/") {
                Issue.record("\(name): \(plugin) said nothing")
            }
        }
    }

    /// The listed client is refused with a text that the DNS chose.
    @Test func listingsAreOneReply() async throws {
        let dns = try DNSTestServer(always: "hostile")
        defer { dns.stop() }
        let files = ScratchFolder()
        var content = Self.files
        content["plugins"] = "dnsbl\nrcpt_ok\nqueue/discard"
        content["dns_servers"] = dns.address
        for (name, text) in content { files.write(name, text + "\n") }
        try await TestServer.with(files: files, BundledPlugins.all) { server in
            let lines = try await server.client { client in try client.octets() }
            #expect(Self.problem(lines) == nil)
            #expect(lines.first?.starts(with: Array("550".utf8)) ?? false)
            await server.expectNothingLeft()
        }
        Self.checkLog(files, "log")
    }

    /// A pattern that would take for ever on a sender counts as one that does not match.
    @Test func costlyPatternsDecideNothing() async throws {
        let files = ScratchFolder()
        var content = Self.files
        content["plugins"] = "badmailfrom\nbadrcptto\nrcpt_ok\nqueue/discard"
        content["reverse_dns"] = "0"
        for (name, text) in content { files.write(name, text + "\n") }
        let local = String(repeating: "a", count: 60)
        try await TestServer.with(files: files, BundledPlugins.all) { server in
            let codes = try await server.client { client in
                [try client.answer().code]
                    + (try ["EHLO x.example", "MAIL FROM:<\(local)@x.example>", "RCPT TO:<\(local)@server.example>"].map
                    {
                        try client.say($0).code
                    })
            }
            #expect(codes == [220, 250, 250, 250])
            await server.expectNothingLeft()
        }
        let errors = files.lines("log").filter { $0.contains("costs too much") }
        #expect(errors.count == 2)
        #expect(errors.contains { $0.contains("\(files.path)/badmailfrom:3: ") && $0.contains(" ERROR ") })
        #expect(errors.contains { $0.contains("\(files.path)/badrcptto:2: ") })
    }

    // MARK: What is looked for

    /// Says everything, and gives what is wrong with the replies.
    private static func talk(_ client: SocketClient, _ text: [UInt8]) -> [String] {
        var problems: [String] = []
        do {
            if let problem = Self.problem(try client.octets()) { problems.append("greeting: \(problem)") }
            for command in Self.commands(text) {
                try client.send(command + [13, 10])
                var lines = try client.octets()
                if let problem = Self.problem(lines) { problems.append("\(Self.shown(command)): \(problem)") }
                guard lines[0].starts(with: Array("354".utf8)) else { continue }
                try client.send(Self.message(text))
                lines = try client.octets()
                if let problem = Self.problem(lines) { problems.append("message: \(problem)") }
            }
            // A reply too many would stand here in place of this one.
            try client.send("QUIT\r\n")
            let last = try client.octets()
            if !last[0].starts(with: Array("221".utf8)) { problems.append("QUIT: \(Self.shown(last[0]))") }
            let rest = try client.rest()
            if !rest.isEmpty { problems.append("after QUIT: \(rest)") }
        } catch {
            problems.append("\(error)")
        }
        return problems
    }

    /// RFC 5321 §4.2, §4.5.3.1.5: one code, text of printable ASCII, 512 octets with CRLF.
    private static func problem(_ lines: [[UInt8]]) -> String? {
        let code = lines[0].prefix(3)
        guard code.count == 3, (UInt8(ascii: "2")...UInt8(ascii: "5")).contains(code[0]),
            code.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return "no code: \(Self.shown(lines[0]))" }
        for (index, line) in lines.enumerated() {
            let mark = line.dropFirst(3).first ?? UInt8(ascii: " ")
            let isGood =
                line.prefix(3) == code && line.count <= 510 && line.allSatisfy { (0x20...0x7E).contains($0) }
                && mark == UInt8(ascii: index == lines.count - 1 ? " " : "-")
            if !isGood { return "not well-formed: \(Self.shown(line))" }
        }
        return nil
    }

    private static func shown(_ octets: [UInt8]) -> String {
        String(decoding: octets.prefix(80), as: UTF8.self).logEscaped
    }

    /// Each line begins in the form of the log and has nothing that steers a terminal.
    private static func checkLog(_ files: ScratchFolder, _ name: String) {
        guard let text = files.text(name) else { return }
        let treacherous = Set("\u{2028}\u{2029}\u{85}\u{9B}\u{202E}".unicodeScalars)
        #expect(!text.utf8.contains { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }, "\(name)")
        #expect(!text.unicodeScalars.contains { treacherous.contains($0) }, "\(name)")
        let form: Regex<Substring> =
            name == "log"
            ? /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ .*/
            : /[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4} .*/
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(!lines.isEmpty)
        for line in lines where line.prefixMatch(of: form) == nil {
            Issue.record("\(name): a line of another form: \(line.prefix(200))")
        }
    }

    /// Mail is in Maildirs, if anywhere, and nothing is anywhere else.
    private static func checkFolders(_ files: ScratchFolder, _ config: Set<String>) {
        let known = config.union(["log", "plugin.log", "spool", "Maildir", "content"])
        #expect(Set(files.names()).isSubset(of: known), "\(files.names())")
        for folder in ["/tmp", "/", ".", ".."] {
            let strange = (ScratchFolder.names(of: folder) ?? []).filter { $0.hasPrefix("escaped") }
            #expect(strange == [], "in \(folder)")
        }
    }
}
