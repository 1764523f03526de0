// HostsAllowTests.swift
//
// RFC 5321 §7.8

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("hosts_allow")
struct HostsAllowTests {
    static let rules = """
        192.0.2.7        OK
        192.0.2.0/24     DENY  we  know you
        198.51.100.0/25  DENYSOFT
        2001:db8::/32    DENY_DISCONNECT  not you
        203.0.113.1      DECLINED
        203.0.113.0/24   DENYHARD
        """

    @Test(
        arguments: [
            Row("first match wins", "192.0.2.7", .ok),
            Row("a network", "192.0.2.8", .deny("we  know you")),
            Row("its last address", "192.0.2.255", .deny("we  know you")),
            Row("without a text", "198.51.100.127", .denysoft()),
            Row("behind it", "198.51.100.128", .declined),
            Row("IPv6", "2001:db8:ffff::1", .denyDisconnect("not you")),
            Row("DECLINED ends the list", "203.0.113.1", .declined),
            Row("an old name", "203.0.113.2", .denyDisconnect()),
            Row("nobody", "100.64.0.1", .declined),
        ] as [Row<String, Verdict<Void>>])
    func hosts(_ row: Row<String, Verdict<Void>>) async throws {
        let harness = try PluginHarness(HostsAllow.self, files: ["hosts_allow": Self.rules])
        harness.connect(from: row.input)
        let event = ArrivalEvent(maxConnectionsPerAddress: 0, liveAddresses: FakeLiveAddresses([row.input]))
        #expect(try await harness.run(.preConnection, event) == row.expected)
    }

    struct Crowd: Sendable {
        var limit = 5
        var others = 5
        var history: Int?
    }

    @Test(arguments: [
        Row("below the limit", Crowd(others: 4), false),
        Row("at the limit", Crowd(), true),
        Row("no limit", Crowd(limit: 0, others: 500), false),
        Row("good history: three more", Crowd(others: 7, history: 6), false),
        Row("good history, too many", Crowd(others: 8, history: 6), true),
        Row("middling history", Crowd(others: 5, history: 5), true),
        Row("bad history: one", Crowd(others: 1, history: 0), true),
        Row("bad history, the first", Crowd(others: 0, history: -3), false),
    ])
    func crowds(_ row: Row<Crowd, Bool>) async throws {
        let harness = try PluginHarness(HostsAllow.self)
        harness.session.notes[NoteKey<Int>("karma_history")] = row.input.history
        let addresses = Array(repeating: "192.0.2.1", count: row.input.others) + ["192.0.2.2", "2001:db8::1"]
        let event = ArrivalEvent(
            maxConnectionsPerAddress: row.input.limit, liveAddresses: FakeLiveAddresses(addresses))
        let verdict = try await harness.run(.preConnection, event)
        #expect(verdict.code == (row.expected ? .denysoft : .declined))
        #expect(verdict.text == (row.expected ? "too many connections from 192.0.2.1, try again later" : ""))
    }

    @Test func manyAddressesOfOneNetwork() async throws {
        let harness = try PluginHarness(HostsAllow.self)
        harness.connect(from: "2001:db8:0:1::9")
        let live = FakeLiveAddresses(["2001:db8:0:1::1", "2001:db8:0:1::2"])
        let event = ArrivalEvent(maxConnectionsPerAddress: 2, liveAddresses: live)
        #expect(try await harness.run(.preConnection, event).code == .denysoft)
    }

    @Test(arguments: [
        Row("no constant", "192.0.2.1", "hosts_allow:1: after"),
        Row("unknown constant", "192.0.2.1 REFUSE", "hosts_allow:1: after"),
        Row("no network", "somebody DENY", "hosts_allow:1: 'somebody'"),
        Row("bad mask", "192.0.2.1/33 DENY", "hosts_allow:1: '192.0.2.1/33'"),
    ])
    func badLines(_ row: Row<String, String>) {
        let error = #expect(throws: PluginError.self) {
            try PluginHarness(HostsAllow.self, files: ["hosts_allow": row.input])
        }
        #expect(error?.description.hasPrefix(row.expected) ?? false)
    }
}
