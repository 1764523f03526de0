// ServerTelemetry+Plugins.swift
//
// Plugins, hooks, backends, configurations, what operators did.

import QPActors
import QPHooks
package import QPTelemetry
import Synchronization

extension ServerTelemetry {
    package func plugins() async -> [PluginRow] {
        let counts = await self.counts()
        let refusals = counts.hooks.values.reduce(UInt64(0)) { $0 &+ $1.refusals }
        return self.supervisor.generation.plugins.map { self.row($0, counts, refusals) }
    }

    package func plugin(_ name: String) async -> PluginDetail? {
        guard let plugin = self.plugins(named: name).first else { return nil }
        let counts = await self.counts()
        let refusals = counts.hooks.values.reduce(UInt64(0)) { $0 &+ $1.refusals }
        let hooks = counts.hooks.values.filter { $0.plugin == plugin.name }.sorted { $0.hook < $1.hook }
        return PluginDetail(
            plugin: self.row(plugin, counts, refusals), manual: type(of: plugin.instance).manual,
            hooks: hooks.map { self.row($0, counts) })
    }

    package func hooks() async -> [HookRow] {
        let counts = await self.counts()
        return counts.hooks.sorted { $0.key < $1.key }.map { self.row($0.value, counts) }
    }

    /// The plugins of the running configuration with a name, in either form.
    func plugins(named name: String) -> [LoadedPlugin] {
        let wanted = PluginNameForm.canonical(name)
        return self.supervisor.generation.plugins.filter { PluginNameForm.canonical($0.name) == wanted }
    }

    private func row(_ hook: HookStatistics, _ counts: Counts) -> HookRow {
        let isConfigured = self.supervisor.generation.plugins.contains { plugin in
            plugin.name == hook.plugin && plugin.hooks.contains { $0.name == hook.hook }
        }
        return HookRow(hook, configured: isConfigured, inFlight: counts.inFlight[[hook.plugin, hook.hook]] ?? 0)
    }

    private func row(_ plugin: LoadedPlugin, _ counts: Counts, _ refusals: UInt64) -> PluginRow {
        var row = PluginRow(name: plugin.name)
        row.arguments = plugin.arguments
        row.place = plugin.place
        row.hooks = plugin.hooks.map(\.name).sorted()
        row.mode = plugin.runtime.mode.name
        row.timeLimit = Double(plugin.runtime.timeout.clampedNanoseconds) / 1e9
        row.onError = "\(plugin.runtime.failurePolicy)"
        row.logLevel = self.server.log.level(plugin: plugin.name)?.name
        row.breaker = plugin.runtime.breaker.name
        row.stragglers = plugin.runtime.stragglers
        row.inFlight = counts.inFlight.reduce(0) { $1.key.first == plugin.name ? $0 + $1.value : $0 }
        var all = HookStatistics(plugin: plugin.name, hook: "")
        for hook in counts.hooks.values where hook.plugin == plugin.name { all.add(hook) }
        row.runs = all.runs
        row.ok = all.verdicts[Int(ReturnCode.ok.rawValue)] &+ all.verdicts[Int(ReturnCode.done.rawValue)]
        row.deny = all.denials
        row.soft = all.refusals &- all.denials
        row.declined = all.verdicts[Int(ReturnCode.declined.rawValue)]
        row.errors = all.errors
        row.timeouts = all.timeouts
        row.shadowRuns = all.shadowRuns
        row.shadowDifferences = all.shadowDifferences
        row.p50 = LatencyScale.percentile(0.50, of: all.latencies)
        row.p95 = LatencyScale.percentile(0.95, of: all.latencies)
        row.p99 = LatencyScale.percentile(0.99, of: all.latencies)
        row.decisionShare = refusals > 0 ? Double(all.refusals) / Double(refusals) : 0
        row.changes = self.state.withLock { $0.changes[plugin.name]?.rows } ?? []
        return row
    }

    package func backends() async -> [BackendRow] {
        var rows = self.meters.rows(now: SystemCall.monotonic)
        if let database = self.hub.database {
            let error = database.lastError
            rows.append(
                BackendRow(
                    kind: "disk", name: "trails", state: error == nil ? "ok" : "failing", errors: database.dropped,
                    lastError: error?.text, lastErrorAt: error.map { Double($0.at) / 1e9 }))
        }
        return rows
    }

    // MARK: Configurations

    package func generations() async -> Generations {
        let number = self.supervisor.generation.number
        return self.server.history.rows(
            current: number, available: Set(self.server.config.numbers),
            changedFiles: self.server.history.changed(since: number))
    }

    package func difference(from generation: Int?) async throws(ControlError) -> [FileDifference] {
        let number = self.supervisor.generation.number
        guard let difference = self.server.history.difference(of: number, from: generation) else {
            throw .notFound("configuration \(generation ?? number) is not remembered")
        }
        return difference
    }

    // MARK: Operators

    package func audit(limit: Int) async -> [AuditRow] {
        if let database = self.hub.database { return database.audit(limit: limit) }
        return Array(self.state.withLock { $0.audit }.suffix(limit).reversed())
    }

    /// Writes down what an operator did or wanted.
    func record(_ action: String, _ subject: String, by caller: Caller, result: String = "done") {
        let row = AuditRow(
            time: Double(SystemCall.wall) / 1e9, by: caller.name, role: caller.role.rawValue, source: caller.source,
            action: action, subject: subject, result: result)
        if let database = self.hub.database {
            database.appendAudit(row)
        } else {
            self.state.withLock { state in
                state.audit.append(row)
                if state.audit.count > 10_000 { state.audit.removeFirst(1000) }
            }
        }
        let operatorName = "\(caller.name) (\(caller.role.rawValue), \(caller.source))"
        let text = "operator \(operatorName): \(action) \(subject): \(result)"
        self.server.log.write(.notice, text)
        self.hub.event("operator", text)
    }

    // MARK: Streams

    package func logs(_ request: LogRequest, for caller: Caller) throws(ControlError) -> any TelemetryStream<LogRow> {
        let watch = try LogWatch(request)
        let query = request.query.flatMap { $0.isEmpty ? nil : $0 }
        let mask = self.hub.mask(for: caller)
        return self.server.log.watch(
            watch, transform: mask.mode == .shown ? nil : { @Sendable row in mask.row(row) },
            where: query.map { query in { @Sendable row in query.matches(row) } })
    }

    package func events(_ request: EventRequest, for caller: Caller) -> any TelemetryStream<EventRow> {
        EventStream(self.hub, request, mask: self.hub.mask(for: caller))
    }
}

extension HookStatistics {
    /// Refusals for good.
    fileprivate var denials: UInt64 {
        self.verdicts[Int(ReturnCode.deny.rawValue)] &+ self.verdicts[Int(ReturnCode.denyDisconnect.rawValue)]
    }

    /// Refusals and deferrals.
    fileprivate var refusals: UInt64 {
        self.denials &+ self.verdicts[Int(ReturnCode.denysoft.rawValue)]
            &+ self.verdicts[Int(ReturnCode.denysoftDisconnect.rawValue)]
    }
}
