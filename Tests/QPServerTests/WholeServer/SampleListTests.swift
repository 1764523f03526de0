// SampleListTests.swift
//
// qpsmtpd's sample configuration: what becomes of each line, and a server of those that are native.

import QPHooks
import QPPlugins
import Testing

@testable import QPServer

@Suite(.serialized)
struct SampleListTests {
    private static let catalogue = Server.catalogue(BundledPlugins.all)
    /// Lines of the sample that are in no version yet.
    private static let coming = ["sender_permitted_from", "dkim", "dmarc", "spamassassin"]

    /// A copy of a folder of Tests/Samples.
    private static func copy(of name: String, without left: Set<String> = []) throws -> ScratchFolder {
        // Tests/QPServerTests/WholeServer/SampleListTests.swift
        let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let sample = tests.joined(separator: "/") + "/Samples/\(name)"
        let folder = ScratchFolder()
        for name in try #require(ScratchFolder.names(of: sample)) where !left.contains(name) {
            folder.write(name, String(decoding: try FileWork.read("\(sample)/\(name)", limit: 1 << 20), as: UTF8.self))
        }
        return folder
    }

    private static func report(_ folder: ScratchFolder) -> CheckReport {
        CheckReport(ConfigDirectory(folder.path), catalogue: Self.catalogue)
    }

    private static func names(_ report: CheckReport, _ isMeant: (PluginFate) -> Bool) -> [String] {
        report.rows.filter { isMeant($0.fate) }.map(\.entry.name)
    }

    private static func isNative(_ fate: PluginFate) -> Bool {
        switch fate {
        case .native, .nativeWithDifferences: true
        case .planned, .perl, .obsolete, .unknown: false
        }
    }

    // MARK: What is said about it

    @Test func everyLineIsNativeOrComing() throws {
        let report = Self.report(try Self.copy(of: "qpsmtpd"))
        #expect(Self.names(report) { $0 == .planned } == Self.coming)
        #expect(
            Self.names(report, Self.isNative) == [
                "logging/warn", "hosts_allow", "fcrdns", "quit_fortune", "earlytalker", "count_unrecognized_commands",
                "relay", "dnsbl", "rhsbl", "helo", "auth/auth_flat_file", "auth/authdeny", "dont_require_anglebrackets",
                "badmailfrom", "resolvable_fromhost", "badrcptto", "rcpt_ok", "headers", "bogus_bounce",
                "virus/klez_filter", "naughty",
            ])
        #expect(report.rows.count == 21 + Self.coming.count)
        // Beside what is not there yet and a certificate, nothing is wrong: not with the arguments, and not with the data
        // files.
        let absent = Self.coming.map { "'\($0)' will be native, but is not in this version" }
        let withoutTLS = "AUTH is not offered: there is no certificate, and tls_before_auth is on"
        #expect(report.problems.map(\.text) == [withoutTLS] + absent)
        #expect(report.exitStatus == 1)
    }

    @Test func theServerDoesNotStartWithoutThem() throws {
        let folder = try Self.copy(of: "qpsmtpd")
        let store = ConfigStore(directory: ConfigDirectory(folder.path), catalogue: Self.catalogue)
        guard case .failure(let problems) = store.load() else {
            Issue.record("it starts")
            return
        }
        let lines = folder.lines("plugins")
        let refused = problems.list.filter(\.refuses).compactMap { lines[$0.line - 1].split(separator: " ").first }
        #expect(refused.map(String.init) == Self.coming)
    }

    @Test func commentedLinesAreKnownToo() throws {
        let report = Self.report(try Self.copy(of: "qpsmtpd-examples"))
        let perl = [
            "auth/auth_vpopmail", "auth/auth_vpopmaild", "auth/auth_vpopmail_sql", "qmail_deliverable", "dspam",
        ]
        #expect(Self.names(report) { $0 == .perl } == perl)
        let obsolete = Self.names(report) { if case .obsolete = $0 { true } else { false } }
        #expect(obsolete == ["logging/apache"])
        #expect(report.rows.count == 32)
        let unknown = Self.names(report) { if case .unknown = $0 { true } else { false } }
        #expect(unknown.isEmpty)
    }

    // MARK: A server of it

    /// The world that the sample's plugins ask about.
    private static let zone = """
        3.0.0.127.in-addr.arpa PTR client.example
        client.example A 127.0.0.3
        client.example MX mx.client.example
        mx.client.example A 192.0.2.25
        4.0.0.127.zen.spamhaus.org TXT listed for this test
        spam.example.dsn.rfc-ignorant.org A 127.0.0.2
        """

    /// A client, by the last number of 127.0.0.x, and what it lives to see.
    struct Visit: Sendable {
        let number: UInt32
        let name: String
        let text: String
    }

    private static let visits = [
        Visit(
            number: 3, name: "a mail goes through",
            text: """
                S: 220 mx.server.example
                C: EHLO client.example
                S: 250
                C: MAIL FROM:ann@client.example
                S: 250
                C: RCPT TO:<bob@elsewhere.example>
                S: 550 5.7.1 Relaying denied
                C: RCPT TO:<bad@example.com>
                S: 550 5.1.1 mail to <bad@example.com> not accepted here
                C: RCPT TO:<ask@localhost>
                S: 250
                C: RCPT TO:ann@mx.server.example
                S: 250
                C: DATA
                S: 354
                C: Subject: through
                C:
                C: No Date and no From: headers only looks at it.
                C: .
                S: 250
                Q> Subject: through
                C: QUIT
                S: 221
                S: (closed)
                """),
        Visit(
            number: 1, name: "a relay client",
            text: """
                S: 220
                C: HELO inside
                S: 250
                C: MAIL FROM:<ann@localhost>
                S: 250
                C: RCPT TO:<bob@elsewhere.example>
                S: 250
                C: DATA
                S: 354
                C: Subject: out
                C:
                C: .
                S: 250
                Q> Subject: out
                C: QUIT
                S: 221
                S: (closed)
                """),
        Visit(
            number: 5, name: "names and a bounce that are only logged",
            text: """
                S: 220
                C: EHLO yahoo.com
                S: 250
                C: MAIL FROM:<eve@nowhere.example>
                S: 250
                C: RSET
                S: 250
                C: MAIL FROM:<>
                S: 250
                C: RCPT TO:<postmaster>
                S: 250
                C: DATA
                S: 354
                C: Return-Path: <x@y.example>
                C: Subject: bounce
                C:
                C: .
                S: 250
                Q> Subject: bounce
                C: QUIT
                S: 221
                S: (closed)
                """),
        Visit(
            number: 4, name: "a listed client is refused at DATA",
            text: """
                S: 220
                C: EHLO client.example
                S: 250
                C: MAIL FROM:<ann@client.example>
                S: 250
                C: RCPT TO:<ask@localhost>
                S: 250
                C: DATA
                S: 554 5.7.0 (dnsbl) listed for this test
                S: (closed)
                """),
        Visit(
            number: 4, name: "but it may write to postmaster",
            text: """
                S: 220
                C: EHLO client.example
                S: 250
                C: MAIL FROM:<ann@client.example>
                S: 250
                C: RCPT TO:<postmaster>
                S: 250
                C: DATA
                S: 354
                C: Subject: listed by mistake
                C:
                C: .
                S: 250
                Q> Subject: listed by mistake
                C: QUIT
                S: 221
                S: (closed)
                """),
        Visit(
            number: 6, name: "a listed sender is refused at DATA as well",
            text: """
                S: 220
                C: EHLO client.example
                S: 250
                C: MAIL FROM:<badmailexample@microsoft.com>
                S: 250
                C: RCPT TO:<ask@localhost>
                S: 250
                C: DATA
                S: 554 5.7.0 (badmailfrom)
                S: (closed)
                """),
        Visit(
            number: 7, name: "a sender's domain that a list knows",
            text: """
                S: 220
                C: EHLO client.example
                S: 250
                C: MAIL FROM:<eve@spam.example>
                S: 550 5.1.8 Mail from spam.example rejected because it does not take bounces
                C: QUIT
                S: 221
                S: (closed)
                """),
        Visit(
            number: 8, name: "hosts_allow",
            text: """
                S: 550 5.7.1 go away
                S: (closed)
                """),
        Visit(
            number: 9, name: "an early talker",
            text: """
                C: EHLO early.example
                S: 450
                S: (closed)
                """),
        Visit(
            number: 10, name: "four unknown commands",
            text: """
                S: 220
                C: XA
                S: 500
                C: XB
                S: 500
                C: XC
                S: 500
                C: XD
                S: 521
                S: (closed)
                """),
        Visit(
            number: 11, name: "a worm",
            text: """
                S: 220
                C: EHLO client.example
                S: 250
                C: MAIL FROM:<ann@client.example>
                S: 250
                C: RCPT TO:<ask@localhost>
                S: 250
                C: DATA
                S: 354
                C: Subject: worm
                C:
                C: Content-Type: audio/x-wav; name=x.exe
                C:
                C: TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAA
                C> z\\{60000}\\r\\n.\\r\\n
                S: 552
                C: QUIT
                S: 221
                S: (closed)
                """),
    ]

    @Test func dialogues() async throws {
        let dns = try DNSTestServer(zone: Self.zone)
        defer { dns.stop() }
        let files = try Self.copy(of: "qpsmtpd", without: ["plugins"])
        let rows = Self.report(try Self.copy(of: "qpsmtpd", without: ["logging"])).rows
        let native = rows.filter { Self.isNative($0.fate) }
        #expect(rows.count - native.count == Self.coming.count)
        let lines = native.map(\.entry.line.text) + ["queue/maildir \(files("Maildir"))"]
        files.write("plugins", lines.map { $0 + "\n" }.joined())
        files.write("me", "mx.server.example\n")
        files.write("dns_servers", dns.address + "\n")
        files.write("hosts_allow", "127.0.0.8 DENY go away\n")
        try await TestServer.with(files: files, BundledPlugins.all) { server in
            let maildir = files("Maildir")
            // All at once: earlytalker lets each of them wait for a second.
            let problems = try await withThrowingTaskGroup(of: String?.self) { group in
                for visit in Self.visits {
                    let dialog = try Dialog(visit.name, visit.text)
                    group.addTask {
                        try await server.client(from: IPAddress(ipv4: 0x7F00_0000 | visit.number)) { client in
                            dialog.play(client, maildir: maildir)
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { $0 += $1.map { [$0] } ?? [] }
            }
            #expect(problems.isEmpty, "\(problems)")
            await server.expectNothingLeft()
            #expect(ScratchFolder.names(of: maildir + "/new")?.count == 4)
        }
    }
}
