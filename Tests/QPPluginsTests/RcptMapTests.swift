// RcptMapTests.swift

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("rcpt_map")
struct RcptMapTests {
    static let map = """
        # people
        ann@example.org   OK
        Bob@Example.org   DENY      Bob has left us
        eve@example.org   DENYSOFT  Mailbox is full
        out@example.org   DECLINED
        """

    private func harness(_ more: [String] = [], map: String? = Self.map) throws -> PluginHarness {
        try PluginHarness(
            RcptMap.self, arguments: ["domain", "Example.org", "file", "people"] + more,
            files: map.map { ["people": $0] } ?? [:])
    }

    @Test(arguments: [
        Row("accepted", "ann@example.org", Verdict<Void>.ok),
        Row("in other letters", "ANN@EXAMPLE.ORG", .ok),
        Row("refused with a text", "bob@example.org", .deny("Bob has left us", .badDestinationMailbox)),
        Row("deferred", "eve@example.org", .denysoft("Mailbox is full")),
        Row("left to others", "out@example.org", .declined),
        Row("unknown", "nobody@example.org", .deny("No such user.", .badDestinationMailbox)),
        Row("a local part with @", "\"ann@example.org\"@example.org", .deny("No such user.", .badDestinationMailbox)),
        Row("another domain", "ann@example.com", .declined),
        Row("a domain below", "ann@a.example.org", .declined),
        Row("postmaster alone", "postmaster", .declined),
    ])
    func recipients(_ row: Row<String, Verdict<Void>>) async throws {
        let harness = try self.harness()
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: row.input)) == row.expected)
    }

    @Test(arguments: [
        Row("a constant", "DECLINED", Verdict<Void>.declined),
        Row("with a text", "DENYSOFT=Try_again_later", .denysoft("Try again later")),
        Row("a refusal without one", "DENY", .deny("", .badDestinationMailbox)),
    ])
    func defaults(_ row: Row<String, Verdict<Void>>) async throws {
        let harness = try self.harness(["default", row.input])
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "nobody@example.org")) == row.expected)
    }

    @Test func editsAreSeenByTheNextConnection() async throws {
        let harness = try self.harness()
        try harness.replace("people", with: "ann@example.org DENY gone")
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "ann@example.org")) == .ok)
        harness.connect()
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "ann@example.org")).code == .deny)
    }

    @Test(arguments: [
        [], ["domain", "a.example"], ["file", "people"], ["domain", "a..b", "file", "people"],
        ["domain", "a.example", "file", "missing"], ["domain", "a.example", "file", "people", "default", "NEVER"],
        ["domain", "a.example", "file", "people", "colour", "blue"],
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) {
            try PluginHarness(RcptMap.self, arguments: arguments, files: ["people": Self.map])
        }
    }

    @Test(arguments: ["ann@example.org", "ann OK", "@example.org OK", "ann@ OK", "ann@example.org ok"])
    func badLines(_ line: String) {
        #expect { try self.harness(map: "\n" + line) } throws: { error in
            "\(error)".hasPrefix("people:2: ")
        }
    }
}
