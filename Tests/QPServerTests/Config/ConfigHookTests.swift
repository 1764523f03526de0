// ConfigHookTests.swift
//
// config and user_config: plugins as sources of values.

import QPActors
import QPHooks
import QPTestKit
import Testing

@testable import QPServer

/// Says what the server is called, and who may be written to.
private struct Namer: Plugin {
    static let name = "namer"
    static let manual = "namer\n\nFor tests."

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.config) { event in
            switch event.name {
            case "me": .ok(["hooked.example"])
            case "words": .ok(["from", "the hook"])
            default: .declined
            }
        }
    }
}

/// Has no opinion about any value.
private struct Silent: Plugin {
    static let name = "silent"
    static let manual = "silent\n\nFor tests."

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.config) { _ in .declined }
    }
}

/// Reads a data file.
private struct Reader: Plugin {
    static let name = "reader"
    static let manual = "reader\n\nFor tests."
    let words: ConfigTable<[String]>

    init(_ setup: PluginSetup) throws(PluginError) {
        self.words = try setup.table("words") { file throws(PluginError) in file.lines.map(\.text) }
    }

    func register(on hooks: inout HookTable) {
        hooks.on(.connect) { _, session in .deny(self.words.content(in: session).joined(separator: "+")) }
    }
}

@Suite struct ConfigHookTests {
    private static var seams: Seams {
        Seams(
            resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(),
            store: TestStore(clock: ManualClock()), files: TestFiles(), random: SeededRandom(),
            offloader: InlineOffloader(), log: CapturingLog())
    }

    @Test func handlersWinOverFiles() throws {
        let folder = ConfigFolder(["plugins": "namer\nreader\n", "me": "file.example\n", "words": "file\n"])
        let store = ConfigStore(
            directory: ConfigDirectory(folder.path), catalogue: ["namer": Namer.self, "reader": Reader.self])
        let generation = try store.load().get()
        #expect(generation.settings.me == "hooked.example")
        let harness = EngineHarness(generation, seams: Self.seams)
        #expect(harness.connect().replies().contains { $0.hasPrefix("550 5.7.1 from+the hook") })
    }

    @Test("claim 26: a plugin that answers config gives the server its name, as the greeting shows")
    func nameInTheGreeting() throws {
        for (plugins, name) in [("namer\n", "hooked.example"), ("silent\n", "file.example")] {
            let folder = ConfigFolder(["plugins": plugins, "me": "file.example\n"])
            let store = ConfigStore(
                directory: ConfigDirectory(folder.path), catalogue: ["namer": Namer.self, "silent": Silent.self])
            let client = EngineHarness(try store.load().get(), seams: Self.seams).connect()
            #expect(client.replies().first?.hasPrefix("220 \(name) ") == true)
        }
    }

    @Test func usersValues() {
        let harness = EngineHarness(
            [
                .init("first") { hooks in hooks.on(.userConfig) { _ in .declined } },
                .init("second") { hooks in
                    hooks.on(.userConfig) { event in
                        event.name == "colour" ? .ok(["blue for \(event.user.localPart)"]) : .declined
                    }
                },
                .init("asker") { hooks in
                    hooks.on(.rcpt) { event, session async throws in
                        let colour = await session.userConfig(of: event.recipient, "colour")
                        let taste = await session.userConfig(of: event.recipient, "taste")
                        return .deny("\(colour?.first ?? "none"), \(taste?.first ?? "none")")
                    }
                },
            ], seams: Self.seams)
        let client = harness.connect()
        client.send("HELO a.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@c.example>\r\n")
        harness.settle { client.output.count > 0 }
        #expect(client.replies().last?.contains("blue for ann, none") == true)
    }
}
