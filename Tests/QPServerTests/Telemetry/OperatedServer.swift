// OperatedServer.swift
//
// A whole server with all that operators have: telemetry, a state folder, the admin endpoint.

import Glibc
import QPActors
import QPAdminHTTP
import QPHooks
import QPPlugins
import QPTelemetry
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

/// Listens on 127.0.0.1, for mail and for operators; ports are those that the system chooses.
final class OperatedServer: Sendable {
    struct Options: Sendable {
        var loops = 1
        var privacy = TelemetrySettings.Privacy.shown
        /// Whether records and what operators set are kept in the folder `state`.
        var keepsState = false
        var logLevel = LogLevel.debug
        var logFormat = LogFormat.text
        var limits = Limits()
    }

    /// Tokens by the name of their role; `hidden` is a viewer who sees no addresses.
    enum Token: String, CaseIterable {
        case scrape, viewer, `operator`, admin, hidden

        var secret: String { "secret-\(self.rawValue)" }

        static let access: AdminAccess = {
            var access = AdminAccess()
            access.tokens = Self.allCases.map { token in
                AdminToken(
                    name: token.rawValue, role: AdminRole(rawValue: token.rawValue) ?? .viewer,
                    hash: AdminToken.hash(of: token.secret), hidesAddresses: token == .hidden)
            }
            return access
        }()
    }

    let running: RunningServer
    let telemetry: ServerTelemetry
    let hub: TelemetryHub
    /// Holds configuration, state, spool, log.
    let folder: ScratchFolder
    let port: UInt16
    let adminPort: UInt16
    private let log: LogRouter
    private let endpoint: any AdminEndpoint

    private init(
        _ config: ConfigStore, _ generation: Generation, _ folder: ScratchFolder, _ options: Options
    ) async throws {
        self.folder = folder
        self.log = try LogRouter(
            [LogTarget(.file(folder("log")), format: options.logFormat, level: options.logLevel)], isExplicit: true)
        try self.log.start()
        var settings = TelemetrySettings()
        settings.privacy = options.privacy
        let database = options.keepsState ? try TrailDatabase(folder: folder("state")) { _ in } : nil
        self.hub = try TelemetryHub(settings, database: database)
        let meters = ExternalMeters()
        self.running = try RunningServer(
            config: config, generation: generation, log: self.log, spool: try SpoolDirectory(folder("spool")),
            hub: self.hub, meters: meters, loops: options.loops, ceiling: .max, environment: [:])
        self.telemetry = ServerTelemetry(self.running, hub: self.hub, meters: meters)
        try self.telemetry.start()
        await self.telemetry.restore()
        let admin = try BoundSocket(TestServer.v4, port: 0)
        self.adminPort = admin.port
        let log = self.log
        self.endpoint = try await AdminHTTP().start(
            AdminSetup(
                sockets: [
                    AdminSocket(
                        name: admin.description, descriptor: admin.descriptor, isUnix: false, isLoopback: true)
                ],
                access: { Token.access }, source: self.telemetry, control: self.telemetry,
                log: { level, text in log.write(LogLevel(rawValue: level) ?? .warning, text) },
                reserve: SpareDescriptors(1)))
        let groups = try BoundSocket.bindAll([(host: "127.0.0.1", port: 0)], perAddress: options.loops)
        self.port = groups.first?.first?.port ?? 0
        try await self.running.start(groups.map { .init(name: "smtp", sockets: $0) })
    }

    /// Runs a server of plugins that a test made, and ends it. Breakers stay closed.
    static func with(
        _ plugins: [(name: String, plugin: ScriptedPlugin)], in folder: ScratchFolder = ScratchFolder(),
        _ options: Options = Options(), _ body: (OperatedServer) async throws -> Void
    ) async throws {
        var settings = EngineHarness.quietSettings
        settings.limits = options.limits
        // The memory of the process is that of all tests.
        settings.limits.processMemory = 0
        var policy = PluginPolicy()
        policy.breaker = 0
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
                    runtime: PluginRuntime(name: entry.name, policy: policy), instance: entry.plugin,
                    declarations: declarations))
        }
        let config = ConfigStore(directory: ConfigDirectory(folder.path), catalogue: [:])
        let generation = Generation(
            number: 1, settings: settings, plugins: loaded, hookTables: tables, tables: .empty)
        try await OperatedServer(config, generation, folder, options).run(body)
    }

    /// Runs a server of configuration files (the usual ones, and these), and ends it.
    static func with(
        files: [String: String], in folder: ScratchFolder = ScratchFolder(), _ options: Options = Options(),
        _ body: (OperatedServer) async throws -> Void
    ) async throws {
        var content = [
            "me": "mx.server.example\n", "reverse_dns": "0\n", "plugins": "rcpt_ok\nqueue/discard\n",
            "rcpthosts": "server.example\n", "limits": "max_conn_ip 100\n",
        ]
        content.merge(files) { _, own in own }
        for (name, text) in content { folder.replace(name, text) }
        let config = ConfigStore(
            directory: ConfigDirectory(folder.path), catalogue: Server.catalogue(BundledPlugins.all),
            adjust: { $0.limits.processMemory = 0 })
        let generation = try config.load().get()
        try await OperatedServer(config, generation, folder, options).run(body)
    }

    private func run(_ body: (OperatedServer) async throws -> Void) async throws {
        do {
            try await body(self)
            await self.stop()
        } catch {
            await self.stop()
            throw error
        }
    }

    private func stop() async {
        await self.running.stop(grace: .zero) { await self.endpoint.stop() }
        let log = self.log
        _ = try? await offPool { log.shutdown() }
    }

    // MARK: Waiting

    /// Waits until something is so.
    func eventually(seconds: Int = 10, _ condition: () async throws -> Bool) async rethrows -> Bool {
        for _ in 0..<seconds * 100 {
            if try await condition() { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return try await condition()
    }

    /// Waits until no session is left.
    func isEmpty() async -> Bool { await self.eventually { self.running.supervisor.sessions == 0 } }

    /// Everything that the log's file holds.
    func logText() async throws -> String {
        let (log, folder) = (self.log, self.folder)
        return try await offPool {
            log.flush()
            return folder.text("log") ?? ""
        }
    }

    // MARK: Mail

    /// Connects a client.
    func connect(from source: IPAddress? = nil) async throws -> MailClient {
        let port = self.port
        return try await offPool { MailClient(try SocketClient(TestServer.v4, port: port, from: source)) }
    }

    /// Connects a client and brings it to a phase: what it says on the way is in `Conversation`.
    func connect(to phase: SessionPhase, from source: IPAddress? = nil) async throws -> MailClient {
        let client = try await self.connect(from: source)
        for line in Conversation.lines(to: phase) {
            guard let line else {
                _ = try await client.answer()
                continue
            }
            try await client.send(line)
            if phase != .queue || line != Conversation.message { _ = try await client.answer() }
        }
        return client
    }

    /// A client that says lines and leaves with QUIT; the codes it got, that of the greeting first.
    @discardableResult
    func mail(_ lines: [String], from source: IPAddress? = nil) async throws -> [Int] {
        let port = self.port
        return try await offPool {
            let client = try SocketClient(TestServer.v4, port: port, from: source)
            var codes = [try client.answer().code]
            for line in lines {
                try client.send(line.hasSuffix("\r\n") ? line : line + "\r\n")
                codes.append(try client.answer().code)
            }
            try client.send("QUIT\r\n")
            _ = try client.rest()
            return codes
        }
    }

    /// The only session of a kind.
    func only(_ kind: SessionKind, for caller: Caller = .tester) async throws -> SessionDetail {
        var request = SessionsRequest()
        request.state = kind
        let rows = await self.telemetry.sessions(request, for: caller).sessions
        #expect(rows.count == 1, "\(rows.map(\.id))")
        let id = try #require(rows.first?.id)
        return try #require(await self.telemetry.session(id, for: caller))
    }
}

extension Caller {
    static let tester = Caller(name: "tester", role: .admin, source: "test")
}

/// One client for tests that wait elsewhere meanwhile.
final class MailClient: Sendable {
    private let client: Mutex<SocketClient>

    init(_ client: sending SocketClient) {
        self.client = Mutex(client)
    }

    private func run<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing SocketClient) throws -> Result
    ) async throws -> Result {
        try await offPool { try self.client.withLock { try body($0) } }
    }

    func say(_ line: String) async throws -> Int { try await self.run { try $0.say(line).code } }
    func send(_ text: String) async throws { try await self.run { try $0.send(text) } }
    func answer() async throws -> SocketClient.Answer { try await self.run { try $0.answer() } }
    func answers(_ count: Int) async throws -> [Int] {
        try await self.run { client in try (0..<count).map { _ in try client.answer().code } }
    }
    /// Everything until the server closes.
    func rest() async throws -> String { try await self.run { try $0.rest() } }
    func resetOnClose() async throws { try await self.run { $0.resetOnClose() } }
}

/// A mail, line by line.
enum Conversation {
    static let hello = "EHLO client.example\r\n"
    static let sender = "MAIL FROM:<ann@client.example>\r\n"
    static let recipient = "RCPT TO:<bob@server.example>\r\n"
    static let message = "Message-ID: <one@client.example>\r\nSubject: s\r\n\r\nhello\r\n.\r\n"
    static let mail = [Self.sender, Self.recipient, "DATA\r\n", Self.message]

    /// What brings a client to a phase; `nil`: it waits for the greeting.
    static func lines(to phase: SessionPhase) -> [String?] {
        let all: [String?] = [nil, Self.hello] + Self.mail
        switch phase {
        case .connect: return []
        case .helo: return Array(all.prefix(1))
        case .idle: return Array(all.prefix(2))
        case .mail: return Array(all.prefix(3))
        case .rcpt: return Array(all.prefix(4))
        case .data: return Array(all.prefix(5))
        case .queue, .leaving: return all
        }
    }
}

extension ScratchFolder {
    /// Writes a file anew, so that no reader sees half of it.
    func replace(_ name: String, _ text: String) {
        let path = self(name)
        unlink(path + ".new")
        self.write(name + ".new", text)
        rename(path + ".new", path)
    }
}
