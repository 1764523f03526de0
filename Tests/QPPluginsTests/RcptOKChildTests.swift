// RcptOKChildTests.swift
//
// The manual's example of a child: it does what rcpt_ok does, and something of its own before.

import QPHooks
import QPPlugins
import QPTestKit
import Testing

/// `rcpt_ok` that knows who has moved.
struct RcptOKChild: Plugin {
    static let name = "rcpt_ok_child"

    static let manual = """
        rcpt_ok_child

        Does what rcpt_ok does, but first refuses the recipients in config/moved, one address on a line. It takes the
        place of rcpt_ok.
        """

    private let parent: RcptOK
    private let moved: ConfigTable<Set<String>>

    init(_ setup: PluginSetup) throws(PluginError) {
        self.parent = try RcptOK(setup)
        self.moved = try setup.table("moved") { file in Set(file.lines.map { $0.text.lowercased() }) }
    }

    func register(on hooks: inout HookTable) {
        hooks.wrap(.rcpt, self.parent, self.check)
    }

    @Sendable
    func check(
        _ event: RecipientEvent, in session: SessionContext, next: Handler<RecipientEvent, Void>
    ) throws -> Verdict<Void> {
        let address = event.recipient.localPart.lowercased() + "@" + event.recipient.domainKey
        guard !self.moved.content(in: session).contains(address) else {
            session.log.info("fail, \(address) has moved")
            return .deny("This recipient has moved", .mailboxMoved)
        }
        return try next(event, session)
    }
}

@Suite("rcpt_ok_child")
struct RcptOKChildTests {
    private static let files = ["rcpthosts": "example.org", "moved": "gone@example.org"]

    @Test(
        "claim 23: rcpt_ok_child asks its parent, and does something special before",
        arguments: [
            Row("the parent takes it", "ann@example.org", Verdict<Void>.ok),
            Row("the parent refuses it", "ann@example.com", .deny("Relaying denied", .notAuthorized)),
            Row("the child refuses it", "Gone@Example.org", .deny("This recipient has moved", .mailboxMoved)),
        ])
    func recipients(_ row: Row<String, Verdict<Void>>) async throws {
        let harness = try PluginHarness(RcptOKChild.self, files: Self.files)
        #expect(harness.hooks == [.rcpt])
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: row.input)) == row.expected)
    }

    /// The files of the parent are the child's, too: an edit is seen by the next connection.
    @Test func tablesOfTheParent() async throws {
        let harness = try PluginHarness(RcptOKChild.self, files: Self.files)
        try harness.replace("rcpthosts", with: "example.com")
        try harness.replace("moved", with: nil)
        harness.connect()
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "ann@example.com")) == .ok)
        #expect(try await harness.run(.rcpt, RecipientEvent(testing: "gone@example.org")).code == .deny)
    }

    @Test func argumentsOfTheParent() {
        #expect(throws: PluginError.self) { try PluginHarness(RcptOKChild.self, arguments: ["unknown"]) }
    }
}
