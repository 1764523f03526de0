// GreylistingTests.swift
//
// RFC 6647

import QPHooks
import QPTestKit
import Testing

@testable import QPPlugins

@Suite("greylisting")
struct GreylistingTests {
    private static let text = "This mail is temporarily denied"
    private static let exclusions = [
        "greylist_exclude_files": "/etc/list\n",
        "/etc/list": """
        # postgrey's form
        194.7.234.142
        198.51.100.0/24
        yahoo.com
        /^mta[12].siol.net$/
        """,
    ]

    private func harness(_ arguments: [String] = [], files: [String: String] = [:]) throws -> PluginHarness {
        let harness = try PluginHarness(Greylisting.self, arguments: arguments, files: files)
        try harness.mail(from: "Ann@Client.example")
        return harness
    }

    private func mail(_ harness: PluginHarness, _ sender: String = "Ann@Client.example") async throws -> ReturnCode {
        try await harness.run(.mail, MailEvent(testing: sender)).code
    }

    private func stored(_ harness: PluginHarness) -> [String: String] {
        harness.store.content(of: "greylisting").mapValues { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Time

    @Test func minutesAndDays() async throws {
        let harness = try self.harness()
        #expect(try await harness.run(.mail, MailEvent(testing: "a@b.example")) == .denysoft(Self.text, .notAuthorized))
        #expect(self.stored(harness) == ["192.0.2.1": "1700000000:1:0:0"])
        harness.clock.advance(by: .seconds(49 * 60))
        #expect(try await self.mail(harness) == .denysoft)
        #expect(self.stored(harness) == ["192.0.2.1": "1700000000:1:1:0"])
        harness.clock.advance(by: .seconds(2 * 60))
        #expect(try await self.mail(harness) == .declined)
        #expect(self.stored(harness) == ["192.0.2.1": "1700003060:1:1:1"])
        harness.clock.advance(by: .seconds(1))
        #expect(try await self.mail(harness) == .declined)
        #expect(self.stored(harness) == ["192.0.2.1": "1700003061:1:1:2"])
        harness.clock.advance(by: .seconds(36 * 86400))
        #expect(self.stored(harness).isEmpty)
        #expect(try await self.mail(harness) == .denysoft)
        #expect(
            harness.log.lines == [
                "LOGINFO fail, unknown", "LOGINFO fail, black, 1 deferred", "LOGINFO pass, updated grey to white",
                "LOGINFO pass, white, 2 deliveries", "LOGINFO fail, unknown",
            ])
    }

    /// Trust counts from the last use on.
    @Test func trustIsRenewed() async throws {
        let harness = try self.harness()
        _ = try await self.mail(harness)
        harness.clock.advance(by: .seconds(3000))
        for _ in 0..<5 {
            #expect(try await self.mail(harness) == .declined)
            harness.clock.advance(by: .seconds(35 * 86400))
        }
    }

    @Test(arguments: [
        Row("just too early", 59, ReturnCode.denysoft), Row("in time", 60, .declined), Row("late", 199, .declined),
        Row("too late", 200, .denysoft),
    ])
    func ownTimes(_ row: Row<Int, ReturnCode>) async throws {
        let harness = try self.harness(["black_timeout", "60", "white_timeout", "200"])
        _ = try await self.mail(harness)
        harness.clock.advance(by: .seconds(row.input))
        #expect(try await self.mail(harness) == row.expected)
    }

    @Test func strangersAreForgotten() async throws {
        let harness = try self.harness()
        _ = try await self.mail(harness)
        harness.clock.advance(by: .seconds(6 * 86400))
        #expect(self.stored(harness).count == 1)
        harness.clock.advance(by: .seconds(3000))
        #expect(self.stored(harness).isEmpty)
    }

    /// A value from elsewhere, as an import leaves it: never marked white, long past the black time.
    @Test(arguments: [
        Row("old enough", "1699990000:1:3:0", ReturnCode.declined), Row("too young", "1699999000:1:3:0", .denysoft),
        Row("trusted", "1699999990:1:0:7", .declined), Row("outlived", "1690000000:1:0:7", .denysoft),
        Row("nonsense", "x", .denysoft), Row("more nonsense", "1:2:3:4:5", .denysoft),
    ])
    func storedValues(_ row: Row<String, ReturnCode>) async throws {
        let harness = try self.harness()
        let origin = EffectOrigin(session: nil, plugin: "greylisting", hook: nil, call: 0)
        try await harness.store.set(
            "192.0.2.1", to: Array(row.input.utf8), lifetime: nil, in: "greylisting", origin: origin)
        #expect(try await self.mail(harness) == row.expected)
    }

    // MARK: Keys

    @Test(
        arguments: [
            Row("address", (["remote_ip", "1"], "192.168.1.1"), ["192.168.1.1"]),
            Row("IPv6", ([], "2001:DB8:0::1"), ["[2001:db8::1]"]),
            Row("sender", (["sender", "1"], "192.168.1.1"), ["192.168.1.1:ann@client.example"]),
            Row("sender alone", (["sender", "1", "remote_ip", "0"], "192.168.1.1"), ["ann@client.example"]),
            Row("nothing", (["remote_ip", "0"], "192.168.1.1"), []),
        ] as [Row<([String], String), [String]>])
    func keys(_ row: Row<([String], String), [String]>) async throws {
        let harness = try self.harness(row.input.0)
        harness.connect(from: row.input.1)
        _ = try await self.mail(harness)
        #expect(self.stored(harness).keys.sorted() == row.expected)
    }

    @Test func recipients() async throws {
        let harness = try self.harness(["sender", "1", "recipient", "1"])
        #expect(harness.hooks == [.rcpt, .data])
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "Bob@Here.example")).code == .denysoft)
        harness.clock.advance(by: .seconds(3000))
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "bob@here.example")) == .declined)
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "eve@here.example")).code == .denysoft)
        try harness.mail(from: "")
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "bob@here.example")) == .declined)
        #expect(
            self.stored(harness).keys.sorted() == [
                "192.0.2.1::bob@here.example", "192.0.2.1:ann@client.example:bob@here.example",
                "192.0.2.1:ann@client.example:eve@here.example",
            ])
    }

    // MARK: At DATA

    @Test(
        arguments: [Row("null sender", ([], ""), true), Row("deny_late", (["deny_late", "1"], "a@b.example"), true)]
            as [Row<([String], String), Bool>])
    func late(_ row: Row<([String], String), Bool>) async throws {
        let harness = try self.harness(row.input.0)
        try harness.mail(from: row.input.1, to: ["c@d.example", "e@f.example"])
        let data = DataEvent(isChunked: false)
        #expect(try await harness.run(.data, data) == .declined)
        #expect(try await self.mail(harness, row.input.1) == .declined)
        #expect(try await harness.run(.data, data) == .denysoft(Self.text, .notAuthorized))
        harness.session.transaction.notes["whitelistrcpt"] = .int(1)
        #expect(try await harness.run(.data, data).code == .denysoft)
        harness.session.transaction.notes["whitelistrcpt"] = .int(2)
        #expect(try await harness.run(.data, data) == .declined)
    }

    // MARK: Who passes

    @Test(arguments: [
        Row("excluded address", ("194.7.234.142", "Unknown"), "LOGINFO skip, excluded address"),
        Row("excluded network", ("198.51.100.9", "Unknown"), "LOGINFO skip, excluded address"),
        Row("excluded host", ("192.0.2.1", "YAHOO.com"), "LOGINFO skip, excluded host"),
        Row("below it", ("192.0.2.1", "n1.yahoo.com"), "LOGINFO skip, excluded host"),
        Row("not below it", ("192.0.2.1", "notyahoo.com"), "LOGINFO fail, unknown"),
        Row("pattern", ("192.0.2.1", "mta2.siol.net"), "LOGINFO skip, excluded host (pattern)"),
        Row("not the pattern", ("192.0.2.1", "mta3.siol.net"), "LOGINFO fail, unknown"),
        Row("longer than the pattern", ("192.0.2.1", "mta1234.siol.net"), "LOGINFO fail, unknown"),
    ])
    func excluded(_ row: Row<(String, String), String>) async throws {
        let harness = try self.harness(files: Self.exclusions)
        harness.connect(from: row.input.0)
        harness.nameClient(row.input.1)
        let code = try await self.mail(harness)
        #expect(harness.log.lines == [row.expected])
        #expect(code == (row.expected.contains("skip") ? .declined : .denysoft))
    }

    @Test func relayClients() async throws {
        let harness = try self.harness()
        harness.session.isRelayClient = true
        #expect(try await self.mail(harness) == .declined)
        #expect(self.stored(harness).isEmpty)
    }

    private static let windows: [String: NoteValue] = [
        "genre": .string("Windows XP"), "distance": .int(9), "link": .string("DSL"), "uptime": .string("3"),
    ]

    @Test(
        arguments: [
            Row("genre", ("genre,windows", Self.windows), ReturnCode.denysoft),
            Row("another genre", ("genre,linux", Self.windows), .declined),
            Row("farther", ("distance,8", Self.windows), .denysoft),
            Row("not farther", ("distance,9", Self.windows), .declined),
            Row("link", ("link,dsl", Self.windows), .denysoft), Row("uptime", ("uptime,4", Self.windows), .denysoft),
            Row("up too long", ("uptime,3", Self.windows), .declined),
            Row("all of it", ("genre,windows,link,dsl,distance,3", Self.windows), .denysoft),
            Row("not all of it", ("genre,windows,link,dsl,distance,30", Self.windows), .declined),
            Row("no fingerprint", ("genre,windows", nil), .declined),
        ] as [Row<(String, [String: NoteValue]?), ReturnCode>])
    func fingerprints(_ row: Row<(String, [String: NoteValue]?), ReturnCode>) async throws {
        let harness = try self.harness(["p0f", row.input.0])
        if let note = row.input.1 { harness.session.notes["p0f"] = .map(note) }
        #expect(try await self.mail(harness) == row.expected)
    }

    @Test(arguments: [
        Row("listed", "US", ReturnCode.declined), Row("in small letters", "us", .declined),
        Row("a line in small letters", "UK", .declined), Row("not listed", "CA", .denysoft),
        Row("nor this one", "ru", .denysoft), Row("unknown", nil, .denysoft),
    ])
    func countries(_ row: Row<String?, ReturnCode>) async throws {
        let harness = try self.harness(["geoip", "US,uk"])
        harness.session.notes[NoteKey<String>("geoip_country")] = row.input
        #expect(try await self.mail(harness) == row.expected)
    }

    @Test func onlyWatching() async throws {
        let harness = try self.harness(["reject", "0"])
        #expect(try await self.mail(harness) == .declined)
        #expect(harness.log.lines == ["LOGINFO fail, tolerated, unknown"])
        #expect(self.stored(harness).count == 1)
    }

    @Test func brokenStore() async throws {
        let harness = try self.harness()
        harness.breakStore()
        #expect(try await self.mail(harness) == .declined)
        #expect(harness.log.lines == ["LOGERROR error, the store does not answer: disk gone"])
    }

    // MARK: Settings

    @Test func settingsInTheFile() async throws {
        let harness = try self.harness(["sender", "0"], files: ["denysoft_greylist": "sender 1\nblack_timeout 60\n"])
        _ = try await self.mail(harness)
        #expect(self.stored(harness).keys.sorted() == ["192.0.2.1"])
        harness.clock.advance(by: .seconds(60))
        #expect(try await self.mail(harness) == .declined)
        try harness.replace("denysoft_greylist", with: "reject 0\n")
        harness.connect(from: "192.0.2.2")
        #expect(try await self.mail(harness) == .declined)
        #expect(harness.log.lines.last == "LOGINFO fail, tolerated, unknown")
    }

    @Test(arguments: [
        Row("off for the user", ["reject 0"], ReturnCode.declined), Row("nothing said", [], .denysoft),
        Row("nonsense", ["reject maybe"], .denysoft),
    ])
    func usersSettings(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try self.harness(["per_recipient", "1"])
        harness.session.userConfigHandlers = [{ _ in row.input.isEmpty ? .declined : .ok(row.input) }]
        #expect(harness.hooks.contains(.rcpt))
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "c@d.example")).code == row.expected)
    }

    @Test(arguments: [
        Row("unknown", ["mode", "testonly"], "unknown argument 'mode'"),
        Row("flag", ["sender", "yes"], "sender 'yes'"),
        Row("time", ["black_timeout", "0"], "black_timeout '0'"),
        Row("times", ["black_timeout", "60", "white_timeout", "60"], "white_timeout must be longer"),
        Row("p0f", ["p0f", "os,windows"], "p0f 'os,windows'"), Row("p0f number", ["p0f", "distance,far"], "p0f"),
        Row("p0f pair", ["p0f", "genre"], "p0f 'genre'"),
    ])
    func badArguments(_ row: Row<[String], String>) {
        let error = #expect(throws: PluginError.self) { try PluginHarness(Greylisting.self, arguments: row.input) }
        #expect(error?.description.hasPrefix(row.expected) ?? false)
    }

    @Test func badPattern() {
        let error = #expect(throws: PluginError.self) {
            try PluginHarness(
                Greylisting.self, files: ["greylist_exclude_files": "/etc/list", "/etc/list": "ok.example\n/a(/"])
        }
        #expect(error?.description.hasPrefix("/etc/list:2: ") ?? false)
    }

    @Test func argumentsOfOldDatabases() throws {
        let harness = try PluginHarness(
            Greylisting.self, arguments: ["db_dir", "/var/lib", "nfslock", "1", "redis", "localhost", "upgrade", "1"])
        #expect(harness.warnings.count == 4)
    }
}
