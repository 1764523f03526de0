// ResolvableFromHostTests.swift
//
// RFC 5321 §5.1, RFC 7505 §4.2

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("resolvable_fromhost")
struct ResolvableFromHostTests {
    struct Zone: Sendable {
        var mx: Result<[String], DNSError> = .failure(.noData)
        var a: [String: Result<[String], DNSError>] = [:]
        var aaaa: [String: Result<[String], DNSError>] = [:]
    }

    struct Outcome: Sendable {
        let code: ReturnCode
        let note: String
        var karma: Int?
    }

    static let address: [String: Result<[String], DNSError>] = ["mx.perl.example": .success(["192.0.2.25"])]

    private static func passes(_ note: String) -> Outcome { Outcome(code: .declined, note: note) }
    private static func fails(_ note: String) -> Outcome { Outcome(code: .deny, note: note, karma: -1) }
    private static func deferred(_ note: String) -> Outcome { Outcome(code: .denysoft, note: note) }

    @Test(
        arguments: [
            Row("MX", Zone(mx: .success(["mx.perl.example"]), a: address), passes("mx")),
            Row(
                "MX by IPv6",
                Zone(
                    mx: .success(["mx.perl.example"]), aaaa: ["mx.perl.example": .success(["2001:db8::25"])]),
                passes("mx")),
            Row("second MX", Zone(mx: .success(["gone.perl.example", "mx.perl.example"]), a: address), passes("mx")),
            Row(
                "second MX, first unknown",
                Zone(
                    mx: .success(["gone.perl.example", "mx.perl.example"]),
                    a: address.merging(["gone.perl.example": .failure(.timedOut)]) { old, _ in old }), passes("mx")),
            Row("A", Zone(a: ["perl.example": .success(["192.0.2.25"])]), passes("a")),
            Row("AAAA", Zone(aaaa: ["perl.example": .success(["2001:db8::1"])]), passes("a")),
            Row("nothing", Zone(), fails("no MX, no address")),
            Row("no such name", Zone(mx: .failure(.noSuchName)), fails("no MX, no address")),
            Row("MX without address", Zone(mx: .success(["gone.perl.example"])), fails("no usable MX")),
            // RFC 5321 §5.1: with an MX the domain's own address does not count.
            Row(
                "unusable MX, but an A",
                Zone(
                    mx: .success(["gone.perl.example"]), a: ["perl.example": .success(["192.0.2.25"])]),
                fails("no usable MX")),
            Row("null MX", Zone(mx: .success([""]), a: ["perl.example": .success(["192.0.2.25"])]), fails("null MX")),
            Row(
                "MX in an invalid network",
                Zone(
                    mx: .success(["mx.perl.example"]), a: ["mx.perl.example": .success(["127.0.0.1"])]),
                fails("addresses in invalid networks")),
            Row(
                "A that is invalid", Zone(a: ["perl.example": .success(["203.0.113.7"])]),
                fails("addresses in invalid networks")),
            Row("one of two is good", Zone(a: ["perl.example": .success(["10.1.1.1", "192.0.2.25"])]), passes("a")),
            Row("SERVFAIL", Zone(mx: .failure(.temporary("SERVFAIL"))), deferred("DNS failure: SERVFAIL")),
            Row("silence", Zone(mx: .failure(.timedOut)), deferred("DNS timeout")),
            Row(
                "silence about the MX's address",
                Zone(
                    mx: .success(["mx.perl.example"]), a: ["mx.perl.example": .failure(.timedOut)]),
                deferred("DNS timeout")),
        ] as [Row<Zone, Outcome>])
    func domains(_ row: Row<Zone, Outcome>) async throws {
        let harness = try self.harness(["reject_type", "perm"], row.input)
        #expect(try await harness.run(.mail, MailEvent(testing: "ask@perl.example")).code == row.expected.code)
        let notes = harness.session.transaction.notes
        #expect(notes[NoteKey<String>("resolvable_fromhost")] == row.expected.note)
        #expect(notes[NoteKey<String>("resolvable_fromhost_host")] == "perl.example")
        #expect(harness.session.notes[NoteKey<Int>("karma")] == row.expected.karma)
    }

    private func harness(_ arguments: [String], _ zone: Zone) throws -> PluginHarness {
        let files = ["invalid_resolvable_fromhost": "127.0.0.0/8\n10.0.0.0/8\n203.0.113.7\n"]
        let harness = try PluginHarness(ResolvableFromHost.self, arguments: arguments, files: files)
        harness.resolver[.mx("perl.example")] = zone.mx.map { names in
            .exchanges(names.enumerated().map { .init(preference: UInt16($0.offset) * 10, name: $0.element) })
        }
        for (name, answer) in zone.a { harness.resolver[.a(name)] = answer.map { .addresses($0) } }
        for (name, answer) in zone.aaaa { harness.resolver[.aaaa(name)] = answer.map { .addresses($0) } }
        return harness
    }

    @Test(
        arguments: [
            Row("soft by default", [], .denysoft), Row("soft", ["reject_type", "soft"], .denysoft),
            Row("hard", ["reject_type", "hard"], .deny), Row("only logged", ["reject", "0"], .declined),
            Row("naughty waits", ["reject", "naughty"], .declined),
            Row("disconnect", ["reject_type", "disconnect"], .denyDisconnect),
        ] as [Row<[String], ReturnCode>])
    func policies(_ row: Row<[String], ReturnCode>) async throws {
        let harness = try self.harness(row.input, Zone())
        #expect(try await harness.run(.mail, MailEvent(testing: "ask@perl.example")).code == row.expected)
        #expect((harness.session.notes["naughty"] != nil) == row.input.contains("naughty"))
    }

    @Test func onlyDeferredWithoutAnAnswer() async throws {
        let harness = try self.harness(["reject_type", "disconnect"], Zone(mx: .failure(.timedOut)))
        let mail = try MailEvent(testing: "ask@perl.example")
        #expect(try await harness.run(.mail, mail).code == .denysoftDisconnect)
        let tolerant = try self.harness(["reject", "0"], Zone(mx: .failure(.timedOut)))
        #expect(try await tolerant.run(.mail, mail) == .declined)
    }

    @Test(arguments: [Row("the null sender", "", "null"), Row("an address", "x@[192.0.2.1]", "ip")])
    func notLookedUp(_ row: Row<String, String>) async throws {
        let harness = try self.harness([], Zone())
        #expect(try await harness.run(.mail, MailEvent(testing: row.input)) == .declined)
        #expect(harness.session.transaction.notes[NoteKey<String>("resolvable_fromhost")] == row.expected)
        #expect(harness.session.notes[NoteKey<Int>("karma")] == (row.expected == "ip" ? -1 : nil))
        #expect(harness.resolver.asked.isEmpty)
    }

    @Test func statuses() async throws {
        let nullMX = try self.harness([], Zone(mx: .success([""])))
        let mail = try MailEvent(testing: "ask@perl.example")
        #expect(try await nullMX.run(.mail, mail).denial?.status == .senderNullMX)
        #expect(try await self.harness([], Zone()).run(.mail, mail).denial?.status == .badSenderSystem)
    }

    @Test func manyExchangesAreBounded() async throws {
        let names = (0..<500).map { "mx\($0).perl.example" }
        let harness = try self.harness([], Zone(mx: .success(names)))
        #expect(try await harness.run(.mail, MailEvent(testing: "ask@perl.example")).code == .denysoft)
        #expect(harness.resolver.asked.count == 21)
    }

    @Test func relayClientsPass() async throws {
        let harness = try self.harness([], Zone())
        harness.session.isRelayClient = true
        #expect(try await harness.run(.mail, MailEvent(testing: "ask@perl.example")) == .declined)
    }

    @Test(arguments: [["reject_type", "x"], ["timeout", "3"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(ResolvableFromHost.self, arguments: arguments) }
    }

    @Test func badNetwork() {
        let files = ["invalid_resolvable_fromhost": "127.0.0.0/8\nall"]
        let error = #expect(throws: PluginError.self) { try PluginHarness(ResolvableFromHost.self, files: files) }
        #expect(error?.description.hasPrefix("invalid_resolvable_fromhost:2:") ?? false)
    }
}
