// RunningServer.swift
//
// A server that accepts mail: loops, listeners, configuration, the way out.

import NIOCore
import NIOPosix
package import QPActors
package import QPHooks
package import QPTelemetry
import Synchronization

/// A server on sockets that were bound before.
package final class RunningServer: Sendable {
    /// A bound address: one socket for each loop, or one for all.
    package struct Door: Sendable {
        let name: String
        let sockets: [BoundSocket]

        package init(name: String, sockets: [BoundSocket]) {
            self.name = name
            self.sockets = sockets
        }
    }

    private struct Worker: Sendable {
        let eventLoop: any EventLoop
        let core: LoopCore
        let sessions: LiveSessions
    }

    package let config: ConfigStore
    package let log: LogRouter
    package let supervisor: Supervisor
    package let seams: Seams
    private let group: MultiThreadedEventLoopGroup
    private let workers: [Worker]
    private let resolver: CaresResolver
    private let pool: ThreadPool
    private let spool: SpoolDirectory
    private let gauge: SystemGauge
    private let state = Mutex(State())

    private struct State {
        var listeners: [Listener] = []
        var watcher: ConfigWatcher?
    }

    /// Makes loops and seams; nothing is accepted yet. Takes at most `ceiling` sessions, what descriptors allow.
    package init(
        config: ConfigStore, generation: Generation, log: LogRouter, spool: SpoolDirectory, loops: Int, ceiling: Int,
        environment: [String: String]
    ) throws(StartError) {
        self.config = config
        self.log = log
        self.spool = spool
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, loops))
        self.pool = ThreadPool(threads: 8)
        self.resolver = try CaresResolver(servers: config.directory.read("dns_servers").lines.map(\.text))
        self.gauge = SystemGauge(memory: ProcessMemory(), spool: spool)
        self.seams = Seams(
            resolver: self.resolver, connector: NIOConnector(group: self.group, pool: self.pool),
            http: UnavailableHTTP(), store: MemoryStore(),
            files: FileSystemStore(spoolDirectory: spool.path, offloader: self.pool), random: SystemRandom(),
            offloader: self.pool, log: log, environment: environment)
        self.supervisor = Supervisor(generation, ceiling: ceiling)
        var workers: [Worker] = []
        for (number, eventLoop) in self.group.makeIterator().enumerated() {
            workers.append(
                Worker(
                    eventLoop: eventLoop, core: NIOLoop.makeCore(eventLoop, number: number), sessions: LiveSessions()))
        }
        self.workers = workers
        self.applyLogging(of: generation)
    }

    // MARK: Start

    /// Accepts on every door. Returns when all do.
    package func start(_ doors: [Door]) async throws {
        let generation = self.supervisor.generation
        self.runPostFork(generation)
        self.startBackgrounds(of: generation)
        var listeners: [Listener] = []
        for door in doors {
            let isShared = door.sockets.count < self.workers.count
            let rims = self.rims(door.name)
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
        self.state.withLock { $0.watcher = watcher }
    }

    /// What the connections of a door share, for each loop.
    private func rims(_ listener: String) -> @Sendable (any EventLoop) -> RimSetup {
        let setups = self.workers.map { worker in
            RimSetup(
                session: SessionSetup(
                    core: worker.core, supervisor: self.supervisor, seams: self.seams, spool: self.spool,
                    gauge: self.gauge),
                listener: listener, sessions: worker.sessions)
        }
        let loops = self.workers.map(\.eventLoop)
        return { eventLoop in setups[loops.firstIndex { $0 === eventLoop } ?? 0] }
    }

    /// Where the doors are: the port that the system chose for port 0, too.
    private var addresses: [SocketAddress] {
        self.state.withLock { $0.listeners.compactMap { $0.channel.localAddress } }
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
        await self.use(generation, [])
        return true
    }

    private func configurationChanged(_ event: ConfigStore.Event) {
        switch event {
        case .refreshed(let refreshed):
            for problem in refreshed.problems { self.log.write(.error, problem.description) }
            for file in refreshed.files { self.log.write(.info, "read again: \(file)") }
        case .loaded(let generation, let warnings):
            Task { await self.use(generation, warnings) }
        case .refused(let problems):
            self.refused(problems)
        }
    }

    private func use(_ generation: Generation, _ warnings: [ConfigProblem]) async {
        self.applyLogging(of: generation)
        self.startBackgrounds(of: generation)
        await self.supervisor.use(generation)
        for warning in warnings { self.log.write(.warning, warning.description) }
        self.log.write(.notice, "configuration \(generation.number) in use")
    }

    private func refused(_ problems: ConfigProblems) {
        for problem in problems.list { self.log.write(.error, problem.description) }
        self.log.write(.error, "configuration refused; number \(self.supervisor.generation.number) goes on")
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
        let (seams, clock, log) = (self.seams, self.workers[0].core.clock, self.log)
        for plugin in generation.plugins {
            let (instance, name) = (plugin.instance, plugin.name)
            plugin.background.start {
                do {
                    try await instance.run(BackgroundContext(seams: seams, clock: clock, plugin: name))
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
    /// everything back.
    package func stop(grace: Duration? = nil) async {
        let grace = grace ?? self.supervisor.generation.settings.limits.gracePeriod
        await self.supervisor.setDraining(true)
        let (listeners, watcher) = self.state.withLock { ($0.listeners, $0.watcher) }
        watcher?.stop()
        for listener in listeners { try? await listener.channel.close() }
        if !(await self.allGone(within: grace)) {
            self.endSessions()
            _ = await self.allGone(within: .seconds(10))
        }
        self.resolver.stop()
        try? await self.group.shutdownGracefully()
        await self.pool.shutdown()
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
