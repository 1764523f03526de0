// KarmaTests.swift

import QPHooks
import QPTestKit
import Testing

@testable import QPPlugins

@Suite("karma")
struct KarmaTests {
    private static let now: Int64 = 1_700_000_000
    private static let history = NoteKey<Int>("karma_history")
    private static let karma = NoteKey<Int>("karma")

    private func harness(_ arguments: [String] = [], stored: String? = nil) async throws -> PluginHarness {
        let harness = try PluginHarness(
            Karma.self, arguments: arguments, files: ["karma_tlds": "example:-3\n.test;2\n"])
        if let stored { try await self.store(stored, harness) }
        return harness
    }

    private func store(_ value: String, _ harness: PluginHarness) async throws {
        let origin = EffectOrigin(session: nil, plugin: "karma", hook: nil, call: 0)
        try await harness.store.set(
            "192.0.2.1", to: Array(value.utf8), lifetime: nil, in: "karma", origin: origin)
    }

    private func stored(_ harness: PluginHarness) -> String? {
        harness.store.content(of: "karma")["192.0.2.1"].map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Arrival

    @Test(arguments: [
        Row("a stranger", nil, 0), Row("nice", "0:2:9:11", 7), Row("naughty", "0:4:1:5", -3),
        Row("no record", "nonsense", 0), Row("huge", "0:0:99999999999999999:1", 1 << 40),
    ])
    func historyAtArrival(_ row: Row<String?, Int>) async throws {
        let harness = try await self.harness(stored: row.input)
        let event = ArrivalEvent(maxConnectionsPerAddress: 5, liveAddresses: FakeLiveAddresses([]))
        #expect(try await harness.run(.preConnection, event) == .declined)
        #expect(harness.session.notes[Self.history] == row.expected)
    }

    @Test(
        arguments: [
            Row("a stranger", (nil, ["reject", "1"]), (ReturnCode.declined, "LOGINFO pass, no record")),
            Row(
                "no penalty", ("0:1:2:9", ["reject", "1"]),
                (.declined, "LOGINFO pass, no penalty (1 naughty, 2 nice, 9 connects)")),
            Row(
                "penalty over", ("1699913600:3:0:3", ["reject", "1"]),
                (.declined, "LOGINFO pass, penalty expired (3 naughty, 0 nice, 3 connects)")),
            Row(
                "penalty", ("1699956800:3:0:3", ["reject", "1"]),
                (.denyDisconnect, "LOGINFO fail, 3 naughty, 0 nice, 4 connects")),
            Row(
                "another type", ("1699956800:3:0:3", ["reject", "1", "reject_type", "temp"]),
                (.denysoft, "LOGINFO fail, 3 naughty, 0 nice, 4 connects")),
            Row(
                "left to naughty", ("1699956800:3:0:3", []),
                (.declined, "LOGINFO fail, NAUGHTY, 3 naughty, 0 nice, 4 connects")),
            Row(
                "tolerated", ("1699956800:3:0:3", ["reject", "0"]),
                (.declined, "LOGINFO fail, tolerated, 3 naughty, 0 nice, 4 connects")),
            Row(
                "a longer penalty", ("1699870400:3:0:3", ["reject", "1", "penalty_days", "2.5"]),
                (.denyDisconnect, "LOGINFO fail, 3 naughty, 0 nice, 4 connects")),
        ] as [Row<(String?, [String]), (ReturnCode, String)>])
    func penalties(_ row: Row<(String?, [String]), (ReturnCode, String)>) async throws {
        let harness = try await self.harness(row.input.1, stored: row.input.0)
        #expect(try await harness.run(.connect).code == row.expected.0)
        #expect(harness.log.lines == [row.expected.1])
    }

    @Test func textAndCount() async throws {
        let harness = try await self.harness(["reject", "1"], stored: "1699956800:3:0:3")
        #expect(try await harness.run(.connect).text == "You were naughty. You cannot connect for 0.50 more days.")
        #expect(self.stored(harness) == "1699956800:3:0:4")
        #expect(harness.session.notes[Self.history] == -3)
    }

    @Test func naughtyNotes() async throws {
        let harness = try await self.harness(stored: "1699956800:3:0:3")
        _ = try await harness.run(.connect)
        #expect(
            harness.session.notes[NoteKey<String>("naughty")]
                == "(karma) You were naughty. You cannot connect for 0.50 more days.")
        #expect(harness.session.notes[NoteKey<String>("naughty_reject_type")] == "disconnect")
    }

    @Test func relayClientsPass() async throws {
        let harness = try await self.harness(["reject", "1"], stored: "1699956800:3:0:3")
        harness.session.isRelayClient = true
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.log.lines == ["LOGINFO skip, relay client"])
    }

    @Test(arguments: [Row("very good history", "0:0:11:20", 1), Row("good history", "0:0:10:20", nil)])
    func awardForHistory(_ row: Row<String, Int?>) async throws {
        let harness = try await self.harness(stored: row.input)
        _ = try await harness.run(.connect)
        #expect(harness.session.notes[Self.karma] == row.expected)
    }

    // MARK: The envelope

    @Test(arguments: [
        Row("listed", "a@b.example", -3), Row("listed with a dot and a semicolon", "a@b.TEST", 2),
        Row("not listed", "a@b.invalid", nil), Row("null sender", "", nil),
    ])
    func topLevelDomains(_ row: Row<String, Int?>) async throws {
        let harness = try await self.harness()
        #expect(try await harness.run(.mail, MailEvent(testing: row.input)) == .declined)
        #expect(harness.session.notes[Self.karma] == row.expected)
    }

    @Test(arguments: [
        Row("right", "FROM:<a@b.invalid>", nil), Row("small letters", "from:<a@b.invalid>", nil),
        Row("a blank", "FROM: <a@b.invalid>", -2), Row("no brackets", "FROM:a@b.invalid", -2),
    ])
    func formOfPaths(_ row: Row<String, Int?>) async throws {
        let harness = try await self.harness()
        let line = ParseEvent(verb: "mail", argument: row.input)
        #expect(try await harness.run(.mailParse, line).code == .declined)
        #expect(try await harness.run(.mail, MailEvent(testing: "a@b.invalid")) == .declined)
        #expect(harness.session.notes[Self.karma] == row.expected)
        try harness.mail(from: "a@b.invalid")
        _ = try await harness.run(
            .rcptParse, ParseEvent(verb: "rcpt", argument: row.input.replacing("FROM", with: "TO")))
        _ = try await harness.run(.rcpt, RecipientEvent(testing: "c@d.example"))
        let isRight = row.expected == nil
        #expect(harness.session.notes[Self.karma] == (isRight ? nil : -4))
    }

    struct Client: Sendable {
        var karma: Int?
        var history: Int?
        var recipients = ["b@c.example"]
        var arguments: [String] = []
    }

    @Test(
        arguments: [
            Row("first recipient", Client(recipients: []), .declined),
            Row("second, unknown", Client(), .deny("too many recipients for karma 0 (h: 0)", .tooManyRecipients)),
            Row(
                "second, bad", Client(karma: -2, history: -1),
                .deny("too many recipients for karma -2 (h: -1)", .tooManyRecipients)),
            Row("second, good karma", Client(karma: 1), .declined),
            Row("second, good history", Client(karma: -2, history: 1), .declined),
            Row("tolerated", Client(arguments: ["reject", "0"]), .declined),
        ] as [Row<Client, Verdict<Void>>])
    func secondRecipient(_ row: Row<Client, Verdict<Void>>) async throws {
        let harness = try await self.harness(row.input.arguments)
        harness.session.notes[Self.karma] = row.input.karma
        harness.session.notes[Self.history] = row.input.history
        try harness.mail(to: row.input.recipients)
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "c@d.example")) == row.expected)
    }

    @Test(arguments: [Row("no karma", nil, false), Row("just bearable", -4, false), Row("not bearable", -5, true)])
    func veryBadKarma(_ row: Row<Int?, Bool>) async throws {
        let harness = try await self.harness(["reject", "1"])
        harness.session.notes[Self.karma] = row.input
        let verdict: Verdict<Void> = row.expected ? .denyDisconnect("very bad karma: -5", .notAuthorized) : .declined
        #expect(try await harness.run(.data, DataEvent(isChunked: false)) == verdict)
        #expect(try await harness.run(.dataPost) == verdict)
    }

    // MARK: The end

    struct Visit: Sendable {
        var karma: Int?
        var stored: String?
        var arguments: [String] = []
    }

    @Test(arguments: [
        Row("no karma", Visit(), nil), Row("karma 0", Visit(karma: 0), nil),
        Row("neutral", Visit(karma: 2), "0:0:0:1"), Row("neutral, bad side", Visit(karma: -2), "0:0:0:1"),
        Row("nice", Visit(karma: 3, stored: "0:1:2:5"), "0:1:3:6"),
        Row("naughty", Visit(karma: -3), "1700000000:1:0:1"),
        Row("naughty, but often nice", Visit(karma: -3, stored: "0:0:5:5"), "0:1:5:6"),
        Row("one nice, one naughty", Visit(karma: -3, stored: "0:0:1:1"), "0:1:1:2"),
        Row("negative 2 forgives one", Visit(karma: -3, arguments: ["negative", "2"]), "0:1:0:1"),
        Row(
            "negative 2, three naughty", Visit(karma: -3, stored: "0:2:1:3", arguments: ["negative", "2"]),
            "1700000000:3:1:4"),
        Row("fewer strikes", Visit(karma: -1, arguments: ["strikes", "1"]), "1700000000:1:0:1"),
        Row("incorrigible", Visit(karma: -9, stored: "5:5:0:5"), "1700518400:6:0:6"),
        Row("at most a year", Visit(karma: -9, stored: "5:4000:0:5"), "1731536000:4001:0:6"),
        Row("nonsense in the store", Visit(karma: 3, stored: "a:b"), "0:0:1:1"),
    ])
    func visits(_ row: Row<Visit, String?>) async throws {
        let harness = try await self.harness(row.input.arguments, stored: row.input.stored)
        harness.session.notes[Self.karma] = row.input.karma
        #expect(try await harness.run(.disconnect) == .declined)
        #expect(self.stored(harness) == row.expected)
    }

    /// A client is naughty, stays away, comes back, and is forgotten.
    @Test func aCareer() async throws {
        let harness = try await self.harness(["reject", "1"])
        #expect(try await harness.run(.connect) == .declined)
        harness.session.adjustKarma(-3)
        _ = try await harness.run(.disconnect)
        harness.clock.advance(by: .seconds(86399))
        harness.connect()
        #expect(try await harness.run(.connect).code == .denyDisconnect)
        harness.clock.advance(by: .seconds(1))
        harness.connect()
        #expect(try await harness.run(.connect) == .declined)
        #expect(self.stored(harness) == "1700000000:1:0:2")
        harness.clock.advance(by: .seconds(90 * 86400))
        #expect(self.stored(harness) == nil)
    }

    @Test func longPenaltiesOutliveTheUsualTime() async throws {
        let harness = try await self.harness(["penalty_days", "200"])
        harness.session.adjustKarma(-3)
        _ = try await harness.run(.disconnect)
        harness.clock.advance(by: .seconds(199 * 86400))
        #expect(self.stored(harness) != nil)
        harness.clock.advance(by: .seconds(86400))
        #expect(self.stored(harness) == nil)
    }

    @Test func brokenStore() async throws {
        let harness = try await self.harness(["reject", "1"])
        harness.breakStore()
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.log.lines == ["LOGERROR error, no history: disk gone"])
        harness.session.notes[Self.karma] = -5
        #expect(try await harness.run(.disconnect) == .declined)
        #expect(harness.log.lines.count == 2)
    }

    @Test(arguments: [
        Row("unknown", ["penalty", "1"], "unknown argument 'penalty'"),
        Row("strikes", ["strikes", "0"], "strikes '0'"),
        Row("negative", ["negative", "-1"], "negative '-1'"),
        Row("days", ["penalty_days", "nan"], "penalty_days 'nan'"),
        Row("type", ["reject_type", "maybe"], "reject_type 'maybe'"),
    ])
    func badArguments(_ row: Row<[String], String>) {
        let error = #expect(throws: PluginError.self) { try PluginHarness(Karma.self, arguments: row.input) }
        #expect(error?.description.hasPrefix(row.expected) ?? false)
    }

    @Test(arguments: ["example", "example:much", "example:1:2", "example:101"])
    func badDomains(_ line: String) {
        let error = #expect(throws: PluginError.self) {
            try PluginHarness(Karma.self, files: ["karma_tlds": "ok:1\n" + line])
        }
        #expect(error?.description.hasPrefix("karma_tlds:2: '\(line)'") ?? false)
    }

    @Test func argumentsOfOldDatabases() throws {
        let harness = try PluginHarness(Karma.self, arguments: ["db_dir", "/var/lib", "nfslock", "1"])
        #expect(harness.warnings.count == 2)
    }
}
