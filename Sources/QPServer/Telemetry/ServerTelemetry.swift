// ServerTelemetry.swift
//
// The running server as observers and operators see it.

import Glibc
import QPActors
import QPHooks
package import QPTelemetry
import Synchronization

/// Answers for a running server. Every call answers, also while event loops are stuck: they are left out then, and named.
package final class ServerTelemetry: TelemetrySource, ServerControl {
    let server: RunningServer
    let hub: TelemetryHub
    let meters: ExternalMeters
    let state = Mutex(State())

    struct State {
        /// What operators set live, by plugin.
        var changes: [String: PluginOverlay] = [:]
        var changedFiles: [String] = []
        var audit: [AuditRow] = []
        /// Certificates whose end is watched, by use: they may be renewed on disk.
        var certificates: [(use: String, expiry: @Sendable () -> Double?)] = []
        /// What an operator set; `nil`: what the configuration says.
        var softBounce: Bool?
        var nextFileCheck: Int64 = 0
    }

    package init(_ server: RunningServer, hub: TelemetryHub, meters: ExternalMeters) {
        self.server = server
        self.hub = hub
        self.meters = meters
    }

    /// Begins to gather.
    package func start() throws(StartError) {
        try self.hub.start(self.ports) { self.everySecond($0) }
        self.server.whenUsed {
            self.hub.privacy = self.server.config.telemetry.privacy
            await self.applyOverlay()
        }
    }

    var ports: LoopPorts { self.server.loopPorts }
    var supervisor: Supervisor { self.server.supervisor }

    /// Metrics tell the end of a certificate: seconds since 1970, asked for each time.
    package func watchCertificate(use: String, expiry: @escaping @Sendable () -> Double?) {
        self.state.withLock { $0.certificates.append((use, expiry)) }
    }

    // MARK: Health

    /// A loop that has not turned for this long is a reason to start the server anew.
    private static let stuckLimit = 60.0

    package func liveness() async -> String? {
        let stuck = self.loops.filter { ($0.stuck ?? 0) > Self.stuckLimit }
        return stuck.isEmpty ? nil : stuck.map(Self.text).joined(separator: "\n")
    }

    package func readiness() async -> String? {
        guard self.server.isStarted else { return "starting" }
        if self.supervisor.isDraining { return "draining" }
        let stuck = self.loops.filter { $0.stuck != nil }
        guard stuck.isEmpty else { return stuck.map(Self.text).joined(separator: "\n") }
        let settings = self.supervisor.generation.settings
        let shortage = self.server.gauge.shortage(settings.limits, spoolDirectory: settings.spoolDirectory)
        return shortage.map { "out of resources: \($0.rawValue)" }
    }

    var loops: [LoopRow] {
        let now = SystemCall.monotonic
        return self.ports.all.map { $0.row(at: now) }
    }

    static func text(_ loop: LoopRow) -> String {
        var text = "event loop \(loop.number) has not turned for \(Int(loop.stuck ?? 0)) s"
        if let plugin = loop.plugin, let hook = loop.hook {
            text += "; last ran plugin \(plugin) at \(hook) in session \(loop.session ?? "?")"
        }
        return text
    }

    // MARK: Overview

    package func overview() async -> Overview {
        var overview = Overview()
        let settings = self.supervisor.generation.settings
        let snapshot = await self.counts()
        overview.version = Version.number
        overview.name = settings.me
        overview.processId = Int(getpid())
        overview.now = Double(SystemCall.wall) / 1e9
        overview.uptime = Double(SystemCall.wall &- self.hub.startedAt) / 1e9
        overview.generation = self.supervisor.generation.number
        overview.isDraining = self.supervisor.isDraining
        overview.isSoftBouncing = self.supervisor.isSoftBouncing
        overview.sessions = self.supervisor.sessions
        overview.sessionsLimit = self.supervisor.sessionsLimit
        for (labels, count) in snapshot.sessions { overview.sessionsByPhase[labels[1], default: 0] += count }
        for (name, value) in zip(RateHistory.names, RateHistory.values(snapshot.counters)) {
            overview.totals[name] = value
        }
        overview.rates = self.hub.rates.rates
        let process = ProcessFacts.now()
        // What the kernel says has no bound of ours.
        overview.memory = UInt64(min(max(0, process.residentOctets), 1e18))
        overview.descriptors = Int(min(process.openDescriptors, 1e15))
        overview.descriptorsLimit = Int(min(process.maxDescriptors, 1e15))
        overview.loops = self.loops
        overview.alarms = self.alarms(overview.loops)
        overview.logDropped = self.server.log.dropped
        overview.eventsDropped = self.hub.dropped
        return overview
    }

    private func alarms(_ loops: [LoopRow]) -> [Alarm] {
        var alarms = loops.filter { $0.stuck != nil }.map { Alarm(kind: "loop_stuck", text: Self.text($0)) }
        let history = self.server.history.state
        if !history.refusal.isEmpty {
            alarms.append(Alarm(kind: "reload_refused", text: history.refusal.joined(separator: "\n")))
        }
        let changed = self.state.withLock { $0.changedFiles }
        if !changed.isEmpty {
            let names = changed.joined(separator: ", ")
            alarms.append(Alarm(kind: "config_differs", text: "files differ from the running configuration: \(names)"))
        }
        for plugin in self.supervisor.generation.plugins {
            if plugin.runtime.breaker != .closed {
                alarms.append(
                    Alarm(kind: "breaker_open", text: "\(plugin.name): its failure policy answers for the plugin"))
            }
            if plugin.runtime.mode != .on {
                let mode = plugin.runtime.mode.name
                alarms.append(Alarm(kind: mode, text: "\(plugin.name) is \(mode == "off" ? "off" : "in shadow mode")"))
            }
        }
        if self.server.log.dropped > 0 {
            alarms.append(Alarm(kind: "log_dropped", text: "\(self.server.log.dropped) log lines were not written"))
        }
        if self.hub.dropped > 0 {
            let reason = self.hub.database?.lastError.map { ": \($0.text)" } ?? ""
            alarms.append(Alarm(kind: "trails_not_kept", text: "\(self.hub.dropped) records were not kept\(reason)"))
        }
        if self.supervisor.isDraining {
            alarms.append(Alarm(kind: "draining", text: "new connections are turned away"))
        }
        if self.supervisor.isSoftBouncing {
            alarms.append(Alarm(kind: "soft_bounce", text: "every 5xx leaves as 4xx"))
        }
        return alarms
    }

    package func rates(seconds: Int) async -> RateSeries { self.hub.rates.series(seconds: seconds) }

    // MARK: Counts

    /// Everything that is counted, of all loops.
    struct Counts {
        var counters = ServerCounters()
        var hooks: [String: HookStatistics] = [:]
        /// By listener and phase.
        var sessions: [[String]: Int] = [:]
        /// By plugin and hook.
        var inFlight: [[String]: Int] = [:]
        /// By listener and result.
        var connections: [[String]: UInt64] = [:]
    }

    private struct Tally: Sendable {
        let listener: String
        let phase: SessionPhase
        let plugin: String?
        let hook: String?
    }

    func counts() async -> Counts {
        var counts = Counts()
        for (index, answer) in (await self.ports.ask { $0.counts() }).enumerated() {
            if let answer { self.hub.know(index, answer) }
            let known = answer ?? self.hub.lastKnown(index)
            counts.counters.add(known.counters)
            for hook in known.hooks {
                let key = hook.plugin + " " + hook.hook
                if counts.hooks[key]?.add(hook) == nil { counts.hooks[key] = hook }
            }
            for row in known.connections { counts.connections[[row.listener, row.result], default: 0] += row.count }
        }
        for plugin in self.supervisor.generation.plugins {
            for hook in plugin.hooks where counts.hooks[plugin.name + " " + hook.name] == nil {
                counts.hooks[plugin.name + " " + hook.name] = HookStatistics(plugin: plugin.name, hook: hook.name)
            }
        }
        await self.countSessions(&counts)
        return counts
    }

    private func countSessions(_ counts: inout Counts) async {
        for listener in Set(self.ports.all.flatMap { $0.listeners.map(\.name) }) {
            for phase in SessionPhase.allCases { counts.sessions[[listener, phase.rawValue]] = 0 }
        }
        for tally in await self.ports.tally() {
            for (place, count) in tally.places {
                counts.sessions[[place.listener.name, SessionPhase.allCases[place.phase].rawValue], default: 0] += count
            }
            for (key, count) in tally.waiting { counts.inFlight[key, default: 0] += count }
        }
    }
}

/// How many sessions of a loop are where.
final class SessionTally: @unchecked Sendable {
    // Invariant: filled on one loop, read when that is over.
    struct Place: Hashable {
        let listener: ListenerCounters
        let phase: Int

        static func == (left: Self, right: Self) -> Bool {
            left.listener === right.listener && left.phase == right.phase
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(ObjectIdentifier(self.listener))
            hasher.combine(self.phase)
        }
    }

    var places: [Place: Int] = [:]
    /// By plugin and hook.
    var waiting: [[String]: Int] = [:]
}

extension LoopPorts {
    /// Counts the sessions of every loop by listener and phase; loops that do not answer are left out.
    func tally() async -> [SessionTally] {
        var tallies: [ObjectIdentifier: SessionTally] = [:]
        for port in self.all { tallies[ObjectIdentifier(port)] = SessionTally() }
        let all = tallies
        let answers = await self.visitPorts { port, session -> Void? in
            guard let tally = all[ObjectIdentifier(port)] else { return nil }
            let phase = SessionPhase.allCases.firstIndex(of: session.shownPhase) ?? 0
            tally.places[.init(listener: session.listener, phase: phase), default: 0] += 1
            if let waiting = session.waiting {
                tally.waiting[[waiting.plugin, waiting.hook.name], default: 0] += 1
            }
            return nil
        }
        return zip(self.all, answers).compactMap { port, answer in
            answer == nil ? nil : tallies[ObjectIdentifier(port)]
        }
    }
}

/// The process, as the kernel counts it.
enum ProcessFacts {
    static func now() -> MetricsSnapshot.Process {
        var facts = MetricsSnapshot.Process()
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        let page = Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
        if let content = SystemCall.smallFile("/proc/self/stat") {
            // The name of the program may hold blanks: fields count from behind its parenthesis.
            let text = String(decoding: content, as: UTF8.self)
            let fields = (text.lastIndex(of: ")").map { text[text.index(after: $0)...] } ?? "").split(separator: " ")
            let field = { (number: Int) in number - 3 < fields.count ? Double(fields[number - 3]) ?? 0 : 0 }
            facts.cpuSeconds = (field(14) + field(15)) / ticks
            facts.threads = field(20)
            facts.startTime = Self.bootTime + field(22) / ticks
            facts.virtualOctets = field(23)
            facts.residentOctets = field(24) * page
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            facts.maxDescriptors = Double(limit.rlim_cur)
        }
        facts.openDescriptors = Double(Self.descriptors)
        return facts
    }

    private static var descriptors: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = -3  // ., .. and the folder itself
        while readdir(folder) != nil { count += 1 }
        return max(0, count)
    }

    private static let bootTime: Double = {
        guard let content = SystemCall.smallFile("/proc/stat", limit: 1 << 20) else { return 0 }
        for line in String(decoding: content, as: UTF8.self).split(separator: "\n") where line.hasPrefix("btime ") {
            return Double(line.dropFirst(6)) ?? 0
        }
        return 0
    }()
}
