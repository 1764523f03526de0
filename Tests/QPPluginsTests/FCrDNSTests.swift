// FCrDNSTests.swift
//
// RFC 8601 §2.7.3

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("fcrdns")
struct FCrDNSTests {
    struct Client: Sendable {
        var address = "192.0.2.1"
        var names: Result<[String], DNSError> = .success(["host.client.example"])
        var addresses: [String: Result<[String], DNSError>] = [:]
    }

    struct Outcome: Sendable {
        let code: ReturnCode
        let karma: Int?
        let result: String?
    }

    static let fails = Outcome(code: .denysoft, karma: -1, result: "iprev=fail policy.iprev=192.0.2.1")
    /// Fails, whatever the address.
    static let claims = Outcome(code: .denysoft, karma: -1, result: nil)
    static let exact = Outcome(code: .declined, karma: 1, result: "iprev=pass policy.iprev=192.0.2.1")
    static let near = Outcome(code: .declined, karma: nil, result: "iprev=pass policy.iprev=192.0.2.1")
    static let unknown = Outcome(code: .declined, karma: nil, result: "iprev=temperror policy.iprev=192.0.2.1")
    static let local = Outcome(code: .declined, karma: 1, result: nil)

    private static func named(_ names: [String]) -> Client { Client(names: .success(names)) }

    @Test(
        arguments: [
            Row("there and back", Client(addresses: ["host.client.example": .success(["192.0.2.1"])]), exact),
            Row("a neighbour", Client(addresses: ["host.client.example": .success(["192.0.2.77"])]), near),
            Row("elsewhere", Client(addresses: ["host.client.example": .success(["198.51.100.1"])]), fails),
            Row("no address", Client(), fails),
            Row("no name", Client(names: .failure(.noSuchName)), fails),
            Row("no PTR", Client(names: .failure(.noData)), fails),
            Row(
                "the second name is good",
                Client(names: .success(["a.example", "b.example"]), addresses: ["b.example": .success(["192.0.2.1"])]),
                exact),
            Row("one label: com", Self.named(["com"]), fails), Row("one label: net", Self.named(["net"]), fails),
            Row("one label: edu", Self.named(["edu"]), fails), Row("one label", Self.named(["boogers"]), fails),
            Row("not localhost", Self.named(["localhost"]), fails),
            Row(
                "fully qualified",
                Client(names: .success(["foo.com"]), addresses: ["foo.com": .success(["192.0.2.1"])]), exact),
            Row("SERVFAIL for the name", Client(names: .failure(.temporary("SERVFAIL"))), unknown),
            Row("silence", Client(names: .failure(.timedOut)), unknown),
            Row(
                "SERVFAIL for the address",
                Client(addresses: ["host.client.example": .failure(.temporary("SERVFAIL"))]), unknown),
            Row(
                "one unknown, one good",
                Client(
                    names: .success(["a.example", "b.example"]),
                    addresses: ["a.example": .failure(.timedOut), "b.example": .success(["192.0.2.1"])]), exact),
            Row("localhost", Client(address: "127.0.0.1", names: .failure(.timedOut)), local),
            Row("another of this machine", Client(address: "127.1.1.1"), local),
            Row("the last of this machine", Client(address: "127.255.255.255"), local),
            Row("behind this machine", Client(address: "128.0.0.1", names: .success(["localhost"])), claims),
            Row("before this machine", Client(address: "126.1.1.1", names: .success(["localhost"])), claims),
            Row("IPv6 localhost", Client(address: "::1"), local),
        ] as [Row<Client, Outcome>])
    func clients(_ row: Row<Client, Outcome>) async throws {
        let harness = try PluginHarness(FCrDNS.self)
        harness.connect(from: row.input.address)
        harness.resolver[.ptr(row.input.address)] = row.input.names.map { .names($0) }
        for (name, answer) in row.input.addresses { harness.resolver[.a(name)] = answer.map { .addresses($0) } }
        #expect(try await harness.run(.connect).code == row.expected.code)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == row.expected.karma)
        let result = harness.session.notes[NoteKey<String>("authentication_results")]
        let fails = row.expected.code != .declined
        #expect(result == row.expected.result ?? (fails ? "iprev=fail policy.iprev=\(row.input.address)" : nil))
    }

    @Test(arguments: [
        Row("temp by default", [], ReturnCode.denysoft), Row("perm", ["reject_type", "perm"], .deny),
        Row("only logged", ["reject", "0"], .declined), Row("naughty", ["reject", "naughty"], .declined),
    ])
    func policies(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try PluginHarness(FCrDNS.self, arguments: row.input)
        #expect(try await harness.run(.connect).code == row.expected)
        #expect((harness.session.notes["naughty"] != nil) == row.input.contains("naughty"))
    }

    @Test func ipv6AndEarlierResults() async throws {
        let harness = try PluginHarness(FCrDNS.self)
        harness.connect(from: "2001:db8::25")
        harness.resolver[.ptr("2001:db8::25")] = .success(.names(["six.example"]))
        harness.resolver[.aaaa("six.example")] = .success(.addresses(["2001:db8::25"]))
        harness.session.notes["authentication_results"] = .string("x=pass")
        #expect(try await harness.run(.connect) == .declined)
        let results = harness.session.notes[NoteKey<String>("authentication_results")]
        #expect(results == "x=pass; iprev=pass policy.iprev=\"2001:db8::25\"")
    }

    @Test func oneAnswerIsEnough() async throws {
        let harness = try PluginHarness(FCrDNS.self)
        harness.resolver[.ptr("192.0.2.1")] = .success(.names(["a.example", "b.example"]))
        harness.resolver[.a("b.example")] = .success(.addresses(["192.0.2.1"]))
        harness.resolver.silence(.a("a.example"))
        harness.resolver.silence(.aaaa("a.example"))
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == 1)
    }

    @Test func relayClientsAreNotLookedAt() async throws {
        let harness = try PluginHarness(FCrDNS.self)
        harness.session.isRelayClient = true
        #expect(try await harness.run(.connect) == .declined)
        #expect(harness.resolver.asked.isEmpty)
    }

    @Test(arguments: [["timeout", "0"], ["timeout", "soon"], ["reject_type", "x"], ["policy", "rfc"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(FCrDNS.self, arguments: arguments) }
    }
}
