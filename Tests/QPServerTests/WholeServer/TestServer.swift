// TestServer.swift
//
// A whole server in the test's process: loops, sockets, configuration.

import QPActors
import QPHooks
import QPTestKit
import Testing

@testable import QPServer

/// Listens on both loopback addresses, on ports that the system chooses.
final class TestServer: Sendable {
    let running: RunningServer
    /// Holds configuration, spool, log.
    let folder: ScratchFolder
    /// The ports of 127.0.0.1 and of ::1.
    let ports: [UInt16]
    private let log: LogRouter

    static let v4 = IPAddress(ipv4: 0x7F00_0001)
    static let v6 = IPAddress(ipv6High: 0, low: 1)

    private init(
        _ config: ConfigStore, _ generation: Generation, _ folder: ScratchFolder, loops: Int,
        options: ListenerOptions = []
    ) async throws {
        self.folder = folder
        self.log = try LogRouter([LogTarget(.file(folder("log")), level: .debug)], isExplicit: true)
        try self.log.start()
        self.running = try RunningServer(
            config: config, generation: generation, log: self.log, spool: try SpoolDirectory(folder("spool")),
            hub: try TelemetryHub(TelemetrySettings(), database: nil), loops: loops, ceiling: .max, environment: [:])
        let groups = try BoundSocket.bindAll([(host: "127.0.0.1", port: 0), (host: "::1", port: 0)], perAddress: loops)
        self.ports = groups.compactMap { $0.first?.port }
        try await self.running.start(
            groups.map { .init(name: $0.first?.description ?? "", sockets: $0, options: options) })
    }

    /// Runs a server of plugins that a test made, and ends it.
    static func with(
        _ plugins: [(name: String, plugin: ScriptedPlugin)], loops: Int = 1, limits: Limits = Limits(),
        options: ListenerOptions = [], adjust: (inout ServerSettings) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        var settings = EngineHarness.quietSettings
        settings.limits = limits
        // The memory of the process is that of all tests.
        settings.limits.processMemory = 0
        adjust(&settings)
        var loaded: [LoadedPlugin] = []
        var tables: [HookTable] = []
        for (slot, entry) in plugins.enumerated() {
            var table = HookTable(slot: PluginSlot(slot))
            entry.plugin.register(on: &table)
            tables.append(table)
            var declarations = PluginDeclarations()
            declarations.backend = .all
            loaded.append(
                LoadedPlugin(
                    name: entry.name, arguments: [], place: "test:\(slot + 1)", hooks: table.hooks,
                    runtime: PluginRuntime(name: entry.name, policy: PluginPolicy()), instance: entry.plugin,
                    declarations: declarations))
        }
        let folder = ScratchFolder()
        let config = ConfigStore(directory: ConfigDirectory(folder.path), catalogue: [:])
        let generation = Generation(
            number: 1, settings: settings, plugins: loaded, hookTables: tables, tables: .empty)
        try await TestServer(config, generation, folder, loops: loops, options: options).run(body)
    }

    /// Runs a server of configuration files, and ends it.
    static func with(
        files: ScratchFolder, _ catalogue: [any Plugin.Type], loops: Int = 1, options: ListenerOptions = [],
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let config = ConfigStore(
            directory: ConfigDirectory(files.path), catalogue: Server.catalogue(catalogue),
            adjust: { $0.limits.processMemory = 0 })
        let generation = try config.load().get()
        try await TestServer(config, generation, files, loops: loops, options: options).run(body)
    }

    private func run(_ body: (TestServer) async throws -> Void) async throws {
        do {
            try await body(self)
            await self.stop()
        } catch {
            await self.stop()
            throw error
        }
    }

    private func stop() async {
        await self.running.stop(grace: .zero)
        let log = self.log
        _ = try? await offPool { log.shutdown() }
    }

    /// Waits until something is so, without a thread.
    func eventually(seconds: Int = 5, _ condition: () -> Bool) async -> Bool {
        for _ in 0..<seconds * 200 {
            if condition() { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return condition()
    }

    /// Waits until no session is left, and looks for what it might have left behind.
    func expectNothingLeft(seconds: Int = 5) async {
        let isEmpty = await self.eventually(seconds: seconds) { self.running.supervisor.sessions == 0 }
        #expect(isEmpty, "\(self.running.supervisor.sessions) sessions are left")
        #expect(ScratchFolder.names(of: self.folder("spool")) == [])
    }

    /// Runs a client that blocks, off the pool.
    func client<Result: Sendable>(
        v6: Bool = false, from source: IPAddress? = nil, _ body: @escaping @Sendable (SocketClient) throws -> Result
    ) async throws -> Result {
        let (address, port) = v6 ? (Self.v6, self.ports[1]) : (Self.v4, self.ports[0])
        return try await offPool { try body(SocketClient(address, port: port, from: source)) }
    }
}
