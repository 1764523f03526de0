// TutorialTests.swift
//
// The example of the article "Writing a plugin", word for word.

import QPHooks
import QPTestKit
import Testing

/// Greets those who send mail.
private struct Greeter: Plugin {
    static let name = "greeter"

    static let manual = """
        greeter WORD

        Puts a field on top of every message: `X-Greeting: WORD, HOST, visit NUMBER`. Visits are counted by address and
        forgotten after a day.
        """

    private static let visits = NoteKey<Int>("greeter_visits")
    private let word: String

    init(_ setup: PluginSetup) throws(PluginError) {
        guard let word = setup.arguments.first, setup.arguments.count == 1 else {
            throw .argument("one argument is needed: the word to greet with")
        }
        self.word = word
    }

    func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.count)
        hooks.on(.dataPost, self.greet)
    }

    @Sendable
    func count(_ event: PlainEvent, in session: SessionContext) async throws -> Verdict<Void> {
        let client = session.connection.remoteAddress.description
        let visits = try await session.store.add(1, to: client, lifetime: .seconds(86400))
        session.notes[Self.visits] = Int(visits)
        return .declined
    }

    @Sendable
    func greet(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        let host = session.introduction?.host ?? session.remoteHost
        let visits = session.notes[Self.visits] ?? 1
        session.transaction.addHeader("X-Greeting", "\(self.word), \(host), visit \(visits)")
        session.log.info("greeted \(host)")
        return .declined
    }
}

@Suite("tutorial")
struct TutorialTests {
    @Test func visitsAreCounted() async throws {
        let harness = try PluginHarness(Greeter.self, arguments: ["hello"])
        for visit in 1...2 {
            harness.connect(from: "192.0.2.7")
            harness.introduce("client.example")
            try harness.mail(to: ["ann@example.org"], "Subject: hi\n\nbody\n")
            #expect(try await harness.run(.connect) == .declined)
            #expect(try await harness.run(.dataPost) == .declined)
            #expect(harness.message?.header.first("X-Greeting")?.value == "hello, client.example, visit \(visit)")
        }
        harness.clock.advance(by: .seconds(86400))
        harness.connect(from: "192.0.2.7")
        _ = try await harness.run(.connect)
        #expect(harness.session.notes[NoteKey<Int>("greeter_visits")] == 1)
    }

    @Test func theWordIsNeeded() {
        #expect(throws: PluginError.self) { try PluginHarness(Greeter.self) }
    }
}
