// ConfigHookTests.swift
//
// config and user_config: plugins as sources of values.

import QPActors
import QPHooks
import QPTestKit
import Synchronization
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
    static var seams: Seams {
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

/// Answers for `words` what it was told last, and tells when it prepares and works.
private final class Changing: Plugin {
    static let name = "changing"
    static let manual = "changing\n\nFor tests."
    let words: SharedWords

    init(_ setup: PluginSetup) throws(PluginError) {
        self.words = setup.shared(StorageKey("words")) { SharedWords() }
    }

    func register(on hooks: inout HookTable) {
        hooks.on(.config) { event in event.name == "words" ? .ok([self.words.text]) : .declined }
    }

    func prepare(_ background: BackgroundContext) async throws {
        self.words.text = "prepared"
        await background.configChanged(["words"])
    }

    func run(_ background: BackgroundContext) async throws {
        defer { self.words.hasEnded = true }
        self.words.isRunning = true
        try await background.clock.sleep(for: .seconds(86400))
    }
}

private final class SharedWords: Sendable {
    private let state = Mutex((text: "initial", isRunning: false, hasEnded: false))

    var text: String {
        get { self.state.withLock(\.text) }
        set { self.state.withLock { $0.text = newValue } }
    }
    var isRunning: Bool {
        get { self.state.withLock(\.isRunning) }
        set { self.state.withLock { $0.isRunning = newValue } }
    }
    var hasEnded: Bool {
        get { self.state.withLock(\.hasEnded) }
        set { self.state.withLock { $0.hasEnded = newValue } }
    }
}

@Suite struct ConfigChangeTests {
    private let folder = ConfigFolder(["plugins": "changing\nreader\n", "words": "file\n"])

    private func store() -> ConfigStore {
        ConfigStore(
            directory: ConfigDirectory(self.folder.path),
            catalogue: ["changing": Changing.self, "reader": Reader.self])
    }

    /// What clients of the generation that runs would be told.
    private func words(_ store: ConfigStore) throws -> String {
        let generation = try #require(store.current)
        return EngineHarness(generation, seams: ConfigHookTests.seams).connect().replies().first ?? ""
    }

    @Test func answersThatChangeAreReadAgain() throws {
        let store = self.store()
        let first = try store.load().get()
        let plugin = try #require(first.plugins.first?.instance as? Changing)
        #expect(try self.words(store).contains("initial"))
        plugin.words.text = "changed"
        #expect(try self.words(store).contains("initial"))
        #expect(store.answersChanged(["other"]).map { _ in true } == nil)
        guard case .refreshed(let refreshed) = store.answersChanged(["words", "other"]) else {
            Issue.record("a data file does not need another generation")
            return
        }
        #expect(refreshed.files == ["words"])
        #expect(try self.words(store).contains("changed"))
        guard case .loaded(let generation, _) = store.answersChanged(["me"]) else {
            Issue.record("a setting needs another generation")
            return
        }
        #expect(generation.number == 2)
        #expect(generation.plugins.first?.instance as? Changing === plugin)
    }

    @Test func goingBackAsksHandlersToo() throws {
        let store = self.store()
        _ = try store.load().get()
        _ = try store.reload().get()
        #expect(store.goBack()?.number == 1)
        #expect(try self.words(store).contains("initial"))
    }

    @Test func pluginsPrepareBeforeTheFirstClientAndEndBeforeTheLoops() async throws {
        let files = ScratchFolder()
        files.write("plugins", "changing\nreader\n")
        files.write("reverse_dns", "0\n")
        let shared = Mutex<SharedWords?>(nil)
        try await TestServer.with(files: files, [Changing.self, Reader.self]) { server in
            let greeting = try await server.client { client in try client.answer().lines.joined() }
            #expect(greeting.contains("prepared"))
            let plugin = server.running.supervisor.generation.plugins.first?.instance as? Changing
            let words = try #require(plugin?.words)
            #expect(await server.eventually { words.isRunning })
            #expect(!words.hasEnded)
            shared.withLock { $0 = words }
        }
        #expect(shared.withLock { $0 }?.hasEnded == true)
    }
}
