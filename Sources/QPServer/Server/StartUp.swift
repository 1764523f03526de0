// StartUp.swift
//
// From a command line to a running server: bind, drop privileges, then threads.

import Glibc
import Logging
import NIOCore
package import QPActors
public import QPHooks
public import QPTelemetry
import Synchronization

extension Server {
    /// Runs a server until it is told to stop. Called from the main thread before there are other threads.
    /// - Parameters:
    ///   - arguments: the command line.
    ///   - plugins: every plugin that `config/plugins` may name.
    ///   - admin: makes the admin endpoint (`AdminHTTP()` of QPAdminHTTP); without it `config/admin` is left alone.
    ///   - whenReady: called once all listeners accept.
    /// - Returns: the exit status: 0 after an orderly end, 1 when the start failed (the reason is on standard error).
    public static func run(
        _ arguments: ServeArguments, plugins: [any Plugin.Type], admin: (any AdminEndpointFactory)? = nil,
        whenReady: @escaping @Sendable () -> Void = {}
    ) -> Int32 {
        SignalWaiter.block()
        Descriptors.openStandardStreams()
        do throws(StartError) {
            try StartUp(arguments, plugins, admin, whenReady).run()
            return 0
        } catch {
            Self.complain("qpserver: \(error)")
            return 1
        }
    }

    /// Checks a configuration directory and prints what was found.
    /// - Returns: the exit status: 1 with any error.
    public static func check(_ config: String?, plugins: [any Plugin.Type]) -> Int32 {
        let report = CheckReport(Self.directory(config), catalogue: Self.catalogue(plugins))
        Self.print(report.description)
        return report.exitStatus
    }

    /// Prints what runs on each hook, in order.
    /// - Returns: the exit status.
    public static func printOrder(_ config: String?, plugins: [any Plugin.Type]) -> Int32 {
        let store = ConfigStore(directory: Self.directory(config), catalogue: Self.catalogue(plugins))
        switch store.load() {
        case .failure(let problems):
            for problem in problems.list { Self.complain(problem.description) }
            return 1
        case .success(let generation):
            for hook in HookID.allCases {
                let names = generation.plugins.filter { $0.hooks.contains(hook) }.map(\.name)
                if !names.isEmpty { Self.print("\(hook.name): \(names.joined(separator: ", "))\n") }
            }
            return 0
        }
    }

    /// The configuration as `serve` would use it, or one plugin line alone; problems go to standard error.
    package static func generation(
        _ config: String?, only line: String?, plugins: [any Plugin.Type]
    ) -> Generation? {
        let directory = Self.directory(config)
        let store = ConfigStore(directory: directory, catalogue: Self.catalogue(plugins), only: line)
        switch store.load() {
        case .success(let generation): return generation
        case .failure(let problems):
            for problem in problems.list { Self.complain(problem.description) }
            return nil
        }
    }

    static func directory(_ config: String?) -> ConfigDirectory {
        let environment = Self.environment()
        return ConfigDirectory.choose(config, environment: environment, program: Self.program())
    }

    static func catalogue(_ plugins: [any Plugin.Type]) -> [String: any Plugin.Type] {
        Dictionary(plugins.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
    }

    static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return result
    }

    static func program() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(2, bytes, bytes.count)
    }

    static func print(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// The steps of a start, in the order that privileges and threads demand.
private struct StartUp {
    let options: ServeOptions
    let directory: ConfigDirectory
    let catalogue: [String: any Plugin.Type]
    let environment: [String: String]
    let loops: Int
    let admin: (any AdminEndpointFactory)?
    let whenReady: @Sendable () -> Void

    init(
        _ arguments: ServeArguments, _ plugins: [any Plugin.Type], _ admin: (any AdminEndpointFactory)?,
        _ whenReady: @escaping @Sendable () -> Void
    ) throws(StartError) {
        self.whenReady = whenReady
        self.admin = admin
        self.options = try ServeOptions(arguments)
        self.environment = Server.environment()
        self.directory = Server.directory(self.options.config)
        self.catalogue = Server.catalogue(plugins)
        self.loops = arguments.loops ?? min(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), 16)
    }

    func run() throws(StartError) {
        // Read and check before anything outside is touched.
        let logConfig = LogConfig(self.directory)
        let isExplicit = !self.options.log.isEmpty || logConfig.isExplicit
        let log = try LogRouter(
            self.options.log.isEmpty ? logConfig.targets : self.options.log, isExplicit: isExplicit,
            lines: TelemetryConfig(self.directory).settings.logLines)
        let config = ConfigStore(
            directory: self.directory, catalogue: self.catalogue, admin: self.options.adminOverride,
            output: log.lineOutput, adjust: self.options.adjust)
        let generation = try self.load(config, log, logConfig.problems)
        if !isExplicit { log.setLevel(generation.settings.logLevel) }

        let descriptors = try Descriptors.raiseLimit()
        let activation = try SocketActivation(environment: self.environment)
        let doors = try self.doors(activation)
        if config.tls == nil, let door = doors.first(where: { $0.options.contains(.tls) }) {
            throw StartError("\(door.name) has the option tls, but there is no certificate (config/tls)")
        }
        let adminSockets = try self.adminSockets(config, log)
        defer { adminSockets.unlink() }
        if self.options.detach { try Detach.now() }
        let pidFile: PidFile?
        if let path = self.options.pidFile { pidFile = try PidFile(path) } else { pidFile = nil }
        defer { pidFile?.remove() }
        try self.dropPrivileges()

        let spool = try SpoolDirectory(generation.settings.spoolDirectory, mode: generation.settings.spoolMode)
        for warning in spool.warnings { log.write(.warning, warning) }
        let swept = spool.sweep()
        if swept > 0 { log.write(.notice, "removed \(swept) spool files that an earlier process left") }

        // From here on there are threads.
        try log.start()
        defer { log.shutdown() }
        let settings = config.telemetryAtStart
        let hub = try TelemetryHub(settings, database: self.database(settings, generation, log))
        hub.privacy = config.telemetry.privacy
        let meters = ExternalMeters()
        let server = try RunningServer(
            config: config, generation: generation, log: log, spool: spool, hub: hub, meters: meters,
            store: self.store(settings, generation, log), loops: self.loops,
            ceiling: Self.ceiling(descriptors, doors, adminSockets), environment: [:])
        let telemetry = ServerTelemetry(server, hub: hub, meters: meters)
        try self.serve(server, telemetry, doors, adminSockets, log)
    }

    /// Binds where the admin endpoint will listen.
    private func adminSockets(_ config: ConfigStore, _ log: LogRouter) throws(StartError) -> AdminSockets {
        let listeners = config.adminListeners
        guard self.admin != nil || listeners.isEmpty else {
            log.write(.warning, "config/admin: this program has no admin endpoint")
            return try AdminSockets.bind([])
        }
        let owner: Privileges?
        if let user = self.options.user { owner = try Privileges(user) } else { owner = nil }
        return try AdminSockets.bind(listeners, owner: owner)
    }

    /// Where records survive. Without them mail goes on all the same.
    private func database(
        _ settings: TelemetrySettings, _ generation: Generation, _ log: LogRouter
    ) -> TrailDatabase? {
        guard settings.trailsDisk > 0 else { return nil }
        let folder = self.stateFolder(settings, generation)
        do throws(TelemetryStorageError) {
            return try TrailDatabase(
                folder: folder,
                bounds: .init(octets: Int64(settings.trailsDisk), age: .seconds(settings.trailsDays * 86_400))
            ) { problem in log.write(.error, problem) }
        } catch {
            log.write(.error, "trails and what operators set are kept in memory only: \(error)")
            return nil
        }
    }

    private func stateFolder(_ settings: TelemetrySettings, _ generation: Generation) -> String {
        StateDirectory.path(
            configured: settings.stateDirectory, environment: self.environment["STATE_DIRECTORY"],
            spool: generation.settings.spoolDirectory)
    }

    /// Where plugins' values survive. Without it they are kept in memory.
    private func store(_ settings: TelemetrySettings, _ generation: Generation, _ log: LogRouter) -> SQLiteStore? {
        do throws(TelemetryStorageError) {
            return try SQLiteStore(folder: self.stateFolder(settings, generation)) { log.write(.error, $0) }
        } catch {
            log.write(.error, "what plugins remember is kept in memory only: \(error)")
            return nil
        }
    }

    /// Sessions that descriptors allow: some are needed for loops, the state folder's database, files, DNS, next hops
    /// and those who are turned away.
    private static func ceiling(
        _ descriptors: Int, _ doors: [RunningServer.Door], _ admin: AdminSockets
    ) -> Int {
        let fixed = 40 + doors.reduce(0) { $0 + $1.sockets.count } + (admin.list.isEmpty ? 0 : 16 + admin.list.count)
        return max(1, descriptors - fixed - min(descriptors / 8, 256))
    }

    private func load(
        _ config: ConfigStore, _ log: LogRouter, _ problems: [ConfigProblem]
    ) throws(StartError) -> Generation {
        for problem in problems where problem.refuses { throw StartError(problem.description) }
        switch config.load() {
        case .success(let generation):
            for warning in config.warnings { log.write(.warning, warning.description) }
            for name in self.options.ignored { log.write(.info, "option \(name) has no meaning here") }
            return generation
        case .failure(let problems):
            throw StartError(problems.list.map(\.description).joined(separator: "\nqpserver: "))
        }
    }

    private func doors(_ activation: SocketActivation) throws(StartError) -> [RunningServer.Door] {
        if !activation.entries.isEmpty {
            return activation.entries.map { .init(name: $0.socket.description, sockets: [$0.socket]) }
        }
        var wanted = self.options.listen
        if wanted.isEmpty { wanted = ListenConfig(self.directory).addresses }
        if wanted.isEmpty { wanted = [ServeOptions.standard] }
        let addresses = wanted.map { (host: $0.host, port: $0.port) }
        if self.loops > 1 {
            // Sockets that share a port would let a second server join in: one that does not share finds out.
            for group in try BoundSocket.bindAll(addresses.filter { $0.port != 0 }) {
                for socket in group { socket.close() }
            }
        }
        let groups = try BoundSocket.bindAll(addresses, perAddress: self.loops)
        return zip(wanted, groups).map { .init(name: $0.description, sockets: $1, options: $0.sessionOptions) }
    }

    private func dropPrivileges() throws(StartError) {
        guard let user = self.options.user else { return }
        try Privileges(user).drop()
    }

    /// Starts the endpoint on its sockets; `nil` without any.
    private func endpoint(
        _ telemetry: ServerTelemetry, _ sockets: AdminSockets, _ log: LogRouter
    ) async throws -> (any AdminEndpoint)? {
        guard let admin = self.admin, !sockets.list.isEmpty else { return nil }
        let config = telemetry.server.config
        let endpoint = try await admin.start(
            AdminSetup(
                sockets: sockets.list, access: { config.adminAccess }, source: telemetry, control: telemetry,
                log: { level, text in log.write(LogLevel(rawValue: level) ?? .warning, text) },
                reserve: SpareDescriptors()))
        for socket in sockets.list {
            log.write(.notice, "Admin endpoint on \(socket.name)")
            if let path = socket.certificate {
                telemetry.watchCertificate(use: "admin") { admin.certificateExpiry(path) }
            }
        }
        return endpoint
    }

    private func serve(
        _ server: RunningServer, _ telemetry: ServerTelemetry, _ doors: [RunningServer.Door],
        _ adminSockets: AdminSockets, _ log: LogRouter
    ) throws(StartError) {
        let notify = SystemdNotify(environment: self.environment)
        let end = try EndOfServer()
        let stops = Atomic<Int>(0)
        let signals = try SignalWaiter { signal in
            switch signal {
            case .terminate, .interrupt:
                // ServiceGroup would swallow the second one.
                if stops.wrappingAdd(1, ordering: .relaxed).oldValue > 0 {
                    log.write(.warning, "ending at once")
                    log.flush()
                    _exit(1)
                }
                end.stop()
            case .hangup:
                log.write(.notice, "SIGHUP: reading the configuration again, opening logs again")
                log.reopen()
                notify?.reloading()
                Task {
                    await server.reload()
                    notify?.ready()
                }
            case .user1:
                log.reopen()
            }
        }
        defer { signals.stop() }
        let watchdog = LoopWatchdog(server, notify, log)
        Task {
            var endpoint: (any AdminEndpoint)?
            do {
                try telemetry.start()
                await telemetry.restore()
                endpoint = try await self.endpoint(telemetry, adminSockets, log)
                telemetry.watchCertificate(use: "smtp") { server.config.tls?.expiry }
                try await server.start(doors)
                for door in doors { log.write(.notice, "Listening on \(door.name)") }
                log.write(.notice, "ready", fields: [("pid", String(getpid()))])
                log.flush()
                notify?.ready(status: "accepting mail")
                self.whenReady()
                watchdog.start()
            } catch {
                end.fail("\(error)")
            }
            await end.stopped()
            notify?.stopping()
            log.write(.notice, "draining: \(server.supervisor.sessions) sessions")
            watchdog.stop()
            adminSockets.unlink()
            let last = endpoint
            await server.stop { await last?.stop() }
            log.write(.notice, "ended")
            end.finish()
        }
        if let failure = end.wait() { throw StartError(failure) }
    }
}
