// Greeter.swift
//
// A plugin outside of the server's own package.

import QPHooks

/// Greets those who send mail.
struct Greeter: Plugin {
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
