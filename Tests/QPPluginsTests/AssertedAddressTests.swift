// AssertedAddressTests.swift
//
// A loopback address that a proxy told grants nothing.

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite struct AssertedAddressTests {
    @Test(arguments: [
        Row("127.0.0.1", "127.0.0.1", false), Row("::1", "::1", false), Row("mapped", "::ffff:127.0.0.1", false),
        Row("a listed network", "192.0.2.7", true),
    ])
    func relay(_ row: Row<String, Bool>) async throws {
        let files = ["relayclients": "127.0.0.0/8\n::1\n192.0.2.0/24"]
        for isAsserted in [true, false] {
            let harness = try PluginHarness(Relay.self, files: files)
            harness.connect(from: row.input, isAsserted: isAsserted)
            _ = try await harness.run(.connect)
            #expect(harness.session.isRelayClient == (row.expected || !isAsserted))
        }
    }

    @Test(arguments: [Row("told", true, false), Row("seen", false, true)])
    func fcrdns(_ row: Row<Bool, Bool>) async throws {
        let harness = try PluginHarness(FCrDNS.self)
        harness.connect(from: "127.0.0.1", isAsserted: row.input)
        _ = try await harness.run(.connect)
        #expect((harness.session.notes[NoteKey<Int>("karma")] ?? 0 > 0) == row.expected)
    }

    @Test(arguments: [Row("told", true, false), Row("seen", false, true)])
    func helo(_ row: Row<Bool, Bool>) async throws {
        let harness = try PluginHarness(Helo.self)
        harness.connect(from: "127.0.0.1", isAsserted: row.input)
        let verdict = try await harness.run(.helo, HelloEvent(host: "localhost", isExtended: false))
        #expect((verdict == .declined) == row.expected)
    }

    @Test(arguments: [Row("told", true, .declined), Row("seen", false, .ok)] as [Row<Bool, Verdict<Void>>])
    func whitelist(_ row: Row<Bool, Verdict<Void>>) async throws {
        for arguments in [[], ["per_recipient", "1"]] {
            let harness = try PluginHarness(
                Whitelist.self, arguments: arguments, files: ["whitelisthosts": "127.0.0.1"])
            harness.connect(from: "127.0.0.1", isAsserted: row.input)
            let verdict =
                arguments.isEmpty
                ? try await harness.run(.connect)
                : try await harness.run(.rcpt, RecipientEvent(testing: "b@ok.example"))
            #expect(verdict == row.expected)
        }
    }

    @Test(arguments: [Row("told", true, ReturnCode.deny), Row("seen", false, .declined)])
    func dnsbl(_ row: Row<Bool, ReturnCode>) async throws {
        let harness = try PluginHarness(
            DNSBL.self, files: ["dnsbl_zones": "bl.example", "dnsbl_allow": "127.0.0.1"])
        harness.connect(from: "127.0.0.1", isAsserted: row.input)
        harness.resolver[.txt("1.0.0.127.bl.example")] = .success(.texts(["listed"]))
        #expect(try await harness.run(.connect).code == row.expected)
    }

    @Test(arguments: [Row("told", true, ReturnCode.denysoft), Row("seen", false, .declined)])
    func greylisting(_ row: Row<Bool, ReturnCode>) async throws {
        let files = ["greylist_exclude_files": "/etc/list\n", "/etc/list": "127.0.0.1\n"]
        let harness = try PluginHarness(Greylisting.self, files: files)
        harness.connect(from: "127.0.0.1", isAsserted: row.input)
        #expect(try await harness.run(.mail, MailEvent(testing: "a@client.example")).code == row.expected)
    }

    /// A proxy that does not say who the client is lends it nothing.
    @Test(arguments: [Row("named", (true, false), true), Row("not named", (true, true), false)])
    func unknownClients(_ row: Row<(Bool, Bool), Bool>) throws {
        let address = try #require(IPAddress("192.0.2.7"))
        let connection = Connection(
            remoteAddress: address, remotePort: 1, localAddress: address, localPort: 25, listener: "", acceptedAt: 0,
            isAsserted: row.input.0, isUnknown: row.input.1)
        #expect(connection.mayBeTrusted == row.expected)
    }

    /// A line that lets in is passed over, one that refuses counts.
    @Test(
        arguments: [
            Row("let in", "127.0.0.0/8 OK\n0.0.0.0/0 DENY", .deny()), Row("refused", "127.0.0.0/8 DENY", .deny()),
        ] as [Row<String, Verdict<Void>>])
    func hostsAllow(_ row: Row<String, Verdict<Void>>) async throws {
        let harness = try PluginHarness(HostsAllow.self, files: ["hosts_allow": row.input])
        harness.connect(from: "127.0.0.1", isAsserted: true)
        let event = ArrivalEvent(maxConnectionsPerAddress: 0, liveAddresses: FakeLiveAddresses([]))
        #expect(try await harness.run(.preConnection, event) == row.expected)
    }
}
