// Engine.swift
//
// Plugins in a whole session, without sockets.

import QPHooks
import QPTestKit

/// The engine with some plugins, then one that takes every recipient and every message.
struct Engine {
    let resolver = FakeResolver()
    let files = TestFiles()
    let log = CapturingLog()
    let harness: EngineHarness

    init(_ plugins: [EngineHarness.Entry]) {
        let accepting = EngineHarness.Entry("accepting") { hooks in
            hooks.on(.rcpt) { _, _ in .ok }
            hooks.on(.queue) { _, _ in .ok("queued") }
        }
        self.harness = EngineHarness(
            plugins + [accepting],
            seams: Seams(
                resolver: self.resolver, connector: FakeConnector(), http: FakeHTTP(),
                store: TestStore(clock: ManualClock()), files: self.files, random: SeededRandom(),
                offloader: InlineOffloader(), log: self.log))
    }

    /// A plugin as its line and its files would make it.
    static func entry<P: Plugin>(
        _ type: P.Type, _ arguments: [String] = [], files: [String: String] = [:]
    ) throws -> EngineHarness.Entry {
        .init(P.name, try PluginHarness(type, arguments: arguments, files: files).plugin)
    }

    /// Refuses at rcpt what earlier plugins left in the note naughty.
    static let refusesNaughty = EngineHarness.Entry("late") { hooks in
        hooks.on(.rcpt) { _, session in
            session.notes[NoteKey<String>("naughty")].map { .deny($0) } ?? .declined
        }
    }
}
