// RunningServer.swift
//
// A server that accepts mail: loops, listeners, configuration, the way out.

import NIOCore
import NIOPosix
package import QPActors
import QPCrypto
import QPHTTPClient
package import QPHooks
package import QPTelemetry
import Synchronization

/// A server on sockets that were bound before.
package final class RunningServer: Sendable {
    /// A bound address: one socket for each loop, or one for all.
    package struct Door: Sendable {
        let name: String
        let sockets: [BoundSocket]
        let options: ListenerOptions

        package init(name: String, sockets: [BoundSocket], options: ListenerOptions = []) {
            self.name = name
            self.sockets = sockets
            self.options = options
        }
    }

    private struct Worker: Sendable {
        let eventLoop: any EventLoop
        let core: LoopCore
        let sessions: LiveSessions
        let port: LoopPort
    }

    package let config: ConfigStore
    package let log: LogRouter
    package let supervisor: Supervisor
    package let seams: Seams
    private let group: MultiThreadedEventLoopGroup
    private let workers: [Worker]
    private let resolver: CaresResolver
    private let http = AsyncHTTPFetcher()
    private let store: SQLiteStore?
    private let pool: ThreadPool
    /// Threads for passwords, which nothing else may wait for.
    private let hashing = ThreadPool(threads: 2, limit: 256)
    /// Threads that wait for programs: files and names must not wait for one that hangs.
    package let programs = ThreadPool(threads: 16)
    private let spool: SpoolDirectory
    let gauge: SystemGauge
    /// What each configuration was made from.
    let history: ConfigHistory
    let hub: TelemetryHub
    /// The loops, for observers.
    let loopPorts: LoopPorts
    private let state = Mutex(State())

    private struct State {
        var listeners: [Listener] = []
        var watcher: ConfigWatcher?
        var isStarted = false
        /// Told when a configuration comes into use.
        var whenUsed: (@Sendable () async -> Void)?
    }

    /// Makes loops and seams; nothing is accepted yet. Without a store, plugins' values are kept in memory. Takes at most `ceiling` sessions, what descriptors allow.
    package init(
        config: ConfigStore, generation: Generation, log: LogRouter, spool: SpoolDirectory, hub: TelemetryHub,
        meters: ExternalMeters = ExternalMeters(), store: SQLiteStore? = nil, loops: Int, ceiling: Int,
        environment: [String: String]
    ) throws(StartError) {
        self.config = config
        self.hub = hub
        self.history = ConfigHistory(folder: config.directory.path)
        self.log = log
        self.spool = spool
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, loops))
        self.pool = ThreadPool(threads: 8)
        self.resolver = try CaresResolver(servers: config.directory.read("dns_servers").lines.map(\.text))
        self.store = store
        self.gauge = SystemGauge(memory: ProcessMemory(), spool: spool)
        self.seams = Seams(
            resolver: MeteredResolver(self.resolver, meters),
            connector: MeteredConnector(NIOConnector(group: self.group, pool: self.pool), meters),
            http: MeteredHTTP(self.http, meters), store: MeteredStore(store ?? MemoryStore(), meters),
            files: FileSystemStore(spoolDirectory: spool.path, offloader: self.pool, programs: self.programs),
            random: SystemRandom(), offloader: self.pool, log: log, secrets: SystemSecrets(offloader: self.hashing),
            environment: environment)
        self.supervisor = Supervisor(generation, ceiling: ceiling)
        // Of the descriptors that sessions leave: the others are for files, next hops and the admin endpoint.
        let farewells = max(1, min(ceiling / 16, 128) / max(1, loops))
        var workers: [Worker] = []
        for (number, eventLoop) in self.group.makeIterator().enumerated() {
            let core = NIOLoop.makeCore(eventLoop, number: number)
            let sessions = LiveSessions(farewells: farewells)
            let port = LoopPort(core: core, sessions: sessions, journal: LoopJournal { hub.deliver($0) })
            workers.append(Worker(eventLoop: eventLoop, core: core, sessions: sessions, port: port))
        }
        self.workers = workers
        self.loopPorts = LoopPorts(all: workers.map(\.port))
        self.remember(generation, config.warnings)
        self.applyLogging(of: generation)
    }

    // MARK: Start

    /// Accepts on every door. Returns when all do.
    package func start(_ doors: [Door]) async throws {
        await self.prepare(self.supervisor.generation)
        let generation = self.supervisor.generation
        self.logHooks(of: generation)
        self.runPostFork(generation)
        self.startBackgrounds(of: generation)
        var listeners: [Listener] = []
        for door in doors {
            let isShared = door.sockets.count < self.workers.count
            let rims = self.rims(door.name, door.options)
            for (index, socket) in door.sockets.enumerated() {
                let worker = self.workers[index % self.workers.count]
                let clients: any EventLoopGroup = isShared ? self.group : worker.eventLoop
                listeners.append(
                    try await Listener.start(
                        descriptor: socket.descriptor, name: door.name, on: worker.eventLoop, clients: clients,
                        setup: rims))
            }
        }
        let started = listeners
        self.state.withLock { $0.listeners = started }
        let watcher = self.config.watch { event in self.configurationChanged(event) }
        self.state.withLock { state in
            state.watcher = watcher
            state.isStarted = true
        }
    }

    /// What the connections of a door share, for each loop.
    private func rims(
        _ listener: String, _ options: ListenerOptions
    ) -> @Sendable (any EventLoop) -> RimSetup {
        let setups = self.workers.map { worker in
            let counters = ListenerCounters(listener)
            worker.port.add(counters)
            return RimSetup(
                session: SessionSetup(
                    core: worker.core, supervisor: self.supervisor, seams: self.seams, spool: self.spool,
                    gauge: self.gauge, journal: worker.port.journal, listener: counters, options: options),
                listener: listener, sessions: worker.sessions, identities: { [config = self.config] in config.tls })
        }
        let loops = self.workers.map(\.eventLoop)
        return { eventLoop in setups[loops.firstIndex { $0 === eventLoop } ?? 0] }
    }

    /// Where the doors are: the port that the system chose for port 0, too.
    private var addresses: [SocketAddress] {
        self.state.withLock { $0.listeners.compactMap { $0.channel.localAddress } }
    }

    /// Whether all doors are open.
    var isStarted: Bool { self.state.withLock { $0.isStarted } }

    /// The addresses that the doors are bound to, those of "any address" left out.
    var ownAddresses: [IPAddress] {
        let any = [IPAddress(ipv4: 0), IPAddress(ipv6High: 0, low: 0)]
        return self.addresses.compactMap { IPAddress($0) }.filter { !any.contains($0) }
    }

    /// The ports of all doors, in order.
    package var ports: [Int] { self.addresses.compactMap(\.port) }

    // MARK: Configuration

    /// Reads the configuration again; a bad one is refused with its problems and the running one goes on.
    @discardableResult
    package func reload() async -> Bool {
        switch self.config.reload() {
        case .success(let generation):
            await self.use(generation, self.config.warnings)
            return true
        case .failure(let problems):
            self.refused(problems)
            return false
        }
    }

    /// Puts the configuration before the running one back in place. False if there is none.
    package func goBack() async -> Bool {
        guard let generation = self.config.goBack() else { return false }
        await self.use(generation, [], isNew: false)
        self.history.wentBack()
        return true
    }

    /// Calls a function each time a configuration comes into use.
    func whenUsed(_ body: @escaping @Sendable () async -> Void) { self.state.withLock { $0.whenUsed = body } }

    private func remember(_ generation: Generation, _ warnings: [ConfigProblem]) {
        self.history.loaded(
            generation, warnings: warnings.map(\.description), paths: self.config.settingsPaths, at: SystemCall.wall)
    }

    private func configurationChanged(_ event: ConfigStore.Event) {
        if let (generation, warnings) = self.report(event) { Task { await self.use(generation, warnings) } }
    }

    /// Logs what came of a change; gives the configuration that is to be used now.
    func report(_ event: ConfigStore.Event) -> (Generation, [ConfigProblem])? {
        switch event {
        case .refreshed(let refreshed):
            for problem in refreshed.problems { self.log.write(.error, problem.description) }
            for file in refreshed.files { self.log.write(.info, "read again: \(file)") }
        case .loaded(let generation, let warnings):
            return (generation, warnings)
        case .refused(let problems):
            self.refused(problems)
        }
        return nil
    }

    func use(_ generation: Generation, _ warnings: [ConfigProblem], isNew: Bool = true) async {
        await self.prepare(generation)
        // What plugins fetched may have led to a later configuration, which is in use by now.
        guard self.config.current === generation else { return }
        self.applyLogging(of: generation)
        self.startBackgrounds(of: generation)
        await self.supervisor.use(generation)
        if isNew { self.remember(generation, warnings) }
        await self.state.withLock { $0.whenUsed }?()
        self.hub.event("config", "configuration \(generation.number) in use")
        for warning in warnings { self.log.write(.warning, warning.description) }
        self.logHooks(of: generation)
        self.log.write(.notice, "configuration \(generation.number) in use")
    }

    /// Tells authors what their plugins have registered.
    private func logHooks(of generation: Generation) {
        for plugin in generation.plugins {
            let name = PluginName.mangled(plugin.name)
            let hooks = plugin.hooks.map(\.name).sorted()
            for hook in hooks { self.log.write(.debug, "\(name) hooking \(hook)") }
        }
    }

    private func refused(_ problems: ConfigProblems) {
        for problem in problems.list { self.log.write(.error, problem.description) }
        let text = "configuration refused; number \(self.supervisor.generation.number) goes on"
        self.log.write(.error, text)
        self.history.refused(problems.list.map(\.description), at: SystemCall.wall)
        self.hub.event("config", text)
    }

    // MARK: Server hooks

    /// Lines go through the logging hook while any plugin has it.
    private func applyLogging(of generation: Generation) {
        let elements = generation.serverChains.logging.elements
        guard !elements.isEmpty else { return self.log.setHook(nil) }
        let names = generation.names
        self.log.setHook { event in
            for element in elements where names[Int(element.slot)] != event.plugin {
                guard generation.plugins[Int(element.slot)].runtime.mode == .on else { continue }
                // A logging plugin that throws must not take the line from the others.
                guard let verdict = try? element.handler(event) else { continue }
                if verdict.code != .declined { return true }
            }
            return false
        }
    }

    /// Starts the work of plugins that are new with a generation.
    private func startBackgrounds(of generation: Generation) {
        let log = self.log
        for plugin in generation.plugins {
            let (instance, name, background) = (plugin.instance, plugin.name, self.background(of: plugin))
            plugin.background.start {
                do {
                    try await instance.run(background)
                } catch is CancellationError {
                    return
                } catch {
                    log.write(.error, "plugin \(name) ended its work: \(error)")
                }
            }
        }
    }

    private func runPostFork(_ generation: Generation) {
        for worker in self.workers {
            for element in generation.serverChains.postFork.elements {
                let name = generation.names[Int(element.slot)]
                do {
                    if try element.handler(WorkerEvent(worker: worker.core.number)).code != .declined { break }
                } catch {
                    self.log.write(.critical, "plugin \(name) failed at post-fork: \(error)")
                }
            }
        }
    }

    // MARK: Statistics

    /// The clock of plugins' work beside sessions.
    var backgroundClock: any SessionClock { self.workers[0].core.clock }

    /// The loops.
    var cores: [LoopCore] { self.workers.map(\.core) }

    /// The server at this moment.
    package func snapshot() async -> ServerSnapshot {
        var counters = ServerCounters()
        var hooks: [String: HookStatistics] = [:]
        for worker in self.workers {
            let core = worker.core
            let part = try? await worker.eventLoop.submit { (core.serverCounters(), core.hookStatistics()) }.get()
            guard let part else { continue }
            counters.add(part.0)
            for statistics in part.1 {
                let key = statistics.plugin + " " + statistics.hook
                if hooks[key] == nil { hooks[key] = statistics } else { hooks[key]?.add(statistics) }
            }
        }
        return ServerSnapshot(
            sessions: self.supervisor.sessions, generation: self.supervisor.generation.number,
            isDraining: self.supervisor.isDraining, counters: counters,
            hooks: hooks.sorted { $0.key < $1.key }.map(\.value))
    }

    // MARK: End

    /// Accepts nobody any more, lets sessions end by themselves for the grace period, ends the rest with 421, and gives
    /// everything back; `last` ends what watches.
    package func stop(grace: Duration? = nil, last: @Sendable () async -> Void = {}) async {
        let grace = grace ?? self.supervisor.generation.settings.limits.gracePeriod
        await self.supervisor.setDraining(true)
        let (listeners, watcher) = self.state.withLock { ($0.listeners, $0.watcher) }
        watcher?.stop()
        for listener in listeners { try? await listener.channel.close() }
        if !(await self.allGone(within: grace)) {
            self.endSessions()
            _ = await self.allGone(within: .seconds(10))
        }
        // Their clock is a loop's, so they end before the loops do.
        let backgrounds = self.supervisor.generation.plugins.map(\.background) + self.config.backgrounds
        for background in backgrounds { await background.stop() }
        await last()
        _ = await self.loopPorts.ask { $0.journal.seal() }
        let hub = self.hub
        _ = try? await self.pool.run { hub.stop() }
        self.resolver.stop()
        await self.http.close()
        await self.store?.close()
        try? await self.group.shutdownGracefully()
        await self.pool.shutdown()
        await self.hashing.shutdown()
        await self.programs.shutdown()
    }

    private func allGone(within limit: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.supervisor.allGone()
                return true
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            if !first { self.supervisor.forgetWaiters() }
            return first
        }
    }

    /// Ends every session with 421.
    package func endSessions() {
        for worker in self.workers {
            worker.core.loop.execute {
                for session in worker.sessions.all { session.assumeIsolated { $0.shutDown() } }
            }
        }
    }
}
