// RelayTests.swift
//
// RFC 5321 §3.6.2

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("relay")
struct RelayTests {
    static let files = [
        "relayclients": """
        # the house
        127.0.0.1
        192.0.2.0/24
        198.51.
        2001:db8:17:
        fdda:b13d:e431:ae06::/64
        """,
        "morerelayclients": "203.0.113.9",
        "norelayclients": "192.0.2.5\n198.51.98.",
    ]
    static let constants = ["morerelayclients": ["100.64.": "", "2001:0db8:0042:": "", "2001:db8:99::1": ""]]

    @Test(arguments: [
        Row("a listed address", "127.0.0.1", true),
        Row("first address of a network", "192.0.2.0", true),
        Row("last address of a network", "192.0.2.255", true),
        Row("behind a network", "192.0.3.0", false),
        Row("prefix with a dot", "198.51.7.200", true),
        Row("a prefix is no prefix of text", "198.5.1.1", false),
        Row("denied address in a network", "192.0.2.5", false),
        Row("denied prefix in a prefix", "198.51.98.255", false),
        Row("neighbour of a denied prefix", "198.51.99.0", true),
        Row("IPv6 prefix with a colon", "2001:db8:17::1", true),
        Row("IPv6 neighbour", "2001:db8:18::1", false),
        Row("IPv6 network", "fdda:b13d:e431:ae06:a1::", true),
        Row("loopback is not listed", "::1", true),
        Row("the second file", "203.0.113.9", true),
        Row("mapped IPv4 is IPv4", "::ffff:203.0.113.9", true),
        Row("constant database by prefix", "100.64.1.2", true),
        Row("constant database by expanded groups", "2001:db8:42::7", true),
        Row("constant database by address", "2001:db8:99::1", true),
        Row("a stranger", "203.0.113.10", false),
    ])
    func clients(_ row: Row<String, Bool>) async throws {
        let harness = try PluginHarness(Relay.self, files: Self.files, constants: Self.constants)
        harness.connect(from: row.input)
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.session.isRelayClient == row.expected)
    }

    /// Client, relayclients, norelayclients.
    @Test(arguments: [
        Row("a prefix", ("192.0.1.1", "192.0.", ""), true), Row("not that prefix", ("192.51.1.1", "192.0.", ""), false),
        Row("nothing like it", ("203.0.113.0", "192.0.", ""), false),
        Row("a network", ("192.0.1.1", "192.0.1.0/24", ""), true),
        Row("the network before", ("192.0.1.1", "192.0.0.0/24", ""), false),
        Row("IPv6 network", ("fdda:b13d:e431:ae06:00a1::", "fdda:b13d:e431:ae06::/64", ""), true),
        Row("IPv6 address", ("fdda:b13d:e431:ae06:00a1::", "fdda:b13d:e431:be17::", ""), false),
        Row("denied address", ("192.0.99.5", "192.0.", "192.0.99.5\n192.0.98."), false),
        Row("first of a denied prefix", ("192.0.98.1", "192.0.", "192.0.99.5\n192.0.98."), false),
        Row("last of a denied prefix", ("192.0.98.255", "192.0.", "192.0.99.5\n192.0.98."), false),
        Row("beside a denied address", ("192.0.99.7", "192.0.", "192.0.99.5\n192.0.98."), true),
        Row("looks like a denied prefix", ("192.0.109.7", "192.0.", "192.0.99.5\n192.0.98."), true),
        Row("IPv6 in whole groups", ("2001:db8:7::1", "2001:0DB8", ""), true),
        Row("beside those groups", ("2001:db9:7::1", "2001:0DB8", ""), false),
    ])
    func lines(_ row: Row<(String, String, String), Bool>) async throws {
        let files = ["relayclients": row.input.1, "norelayclients": row.input.2]
        let harness = try PluginHarness(Relay.self, files: files)
        harness.connect(from: row.input.0)
        _ = try await harness.run(.connect)
        #expect(harness.session.isRelayClient == row.expected)
    }

    @Test func refusalTakesTheFlagAway() async throws {
        let harness = try PluginHarness(Relay.self, files: Self.files)
        harness.connect(from: "192.0.2.5")
        harness.session.isRelayClient = true
        _ = try await harness.run(.connect)
        #expect(!harness.session.isRelayClient)
        #expect(harness.changes.last == .relayClient(false))
    }

    @Test(arguments: [Row("relay client", true, ReturnCode.ok), Row("anybody", false, .deny)])
    func onlyRelayClients(_ row: Row<Bool, ReturnCode>) async throws {
        let harness = try PluginHarness(Relay.self, arguments: ["only", "1"])
        harness.session.isRelayClient = row.input
        let verdict = try await harness.run(.rcpt, RecipientEvent(testing: "ann@example.net"))
        #expect(verdict.code == row.expected)
        #expect(verdict.denial?.status == (row.expected == .deny ? .notAuthorized : nil))
    }

    @Test func withoutOnlyRecipientsAreNoConcern() throws {
        #expect(try PluginHarness(Relay.self).hooks == [.connect])
        #expect(try PluginHarness(Relay.self, arguments: ["only", "0"]).hooks == [.connect])
    }

    @Test func editsAreSeenByTheNextConnection() async throws {
        let harness = try PluginHarness(Relay.self, files: Self.files)
        try harness.replace("relayclients", with: "203.0.113.10")
        harness.connect(from: "203.0.113.10")
        _ = try await harness.run(.connect)
        #expect(harness.session.isRelayClient)
    }

    @Test(arguments: [
        Row(
            "text", "example.org",
            "relayclients:2: 'example.org' is no address, no network, and no prefix ending in '.' or ':'"),
        Row(
            "prefix without its dot", "192.168",
            "relayclients:2: '192.168' is no address, no network, and no prefix ending in '.' or ':'"),
    ])
    func badLines(_ row: Row<String, String>) {
        let error = #expect(throws: PluginError.self) {
            try PluginHarness(Relay.self, files: ["relayclients": "127.0.0.1\n\(row.input)"])
        }
        #expect(error?.description == row.expected)
    }

    @Test func unknownArgument() {
        #expect(throws: PluginError.self) { try PluginHarness(Relay.self, arguments: ["always", "1"]) }
    }
}
