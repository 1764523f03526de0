// ServerTelemetry+Control.swift
//
// What operators do: each of it leaves a record.

import FoundationEssentials
import QPActors
import QPHooks
package import QPTelemetry
import Synchronization

extension ServerTelemetry {
    // MARK: Sessions

    package func kick(_ id: String, by caller: Caller) async throws(ControlError) {
        var ended = (count: 0, missing: [Int]())
        if let wanted = SessionID(id) { ended = await self.end { $0.id == wanted } }
        guard ended.count == 0 else { return self.record("kick", id, by: caller) }
        guard ended.missing.isEmpty else {
            self.record("kick", id, by: caller, result: "waits for event loops")
            let loops = ended.missing.map(String.init).joined(separator: ", ")
            throw .conflict("event loop \(loops) does not answer: if the session is there, it ends when the loop turns")
        }
        self.record("kick", id, by: caller, result: "no such session")
        throw .notFound("there is no live session \(id)")
    }

    /// Ends sessions: how many, and which loops do that only when they turn again.
    private func end(
        _ isMeant: @escaping @Sendable (isolated Session) -> Bool
    ) async -> (count: Int, missing: [Int]) {
        let act: @Sendable (isolated Session) -> Bool? = { session in
            guard isMeant(session) else { return nil }
            session.kick()
            return true
        }
        let found = await self.ports.visit(act)
        var missing: [Int] = []
        for (port, ended) in zip(self.ports.all, found) where ended == nil {
            LoopPorts.later(port) { _ = act($0) }
            missing.append(port.core.number)
        }
        return (found.reduce(0) { $0 + ($1?.count ?? 0) }, missing)
    }

    // MARK: Plugins

    package func change(
        _ name: String, _ patch: PluginPatch, by caller: Caller
    ) async throws(ControlError) -> PluginRow {
        let plugins = self.plugins(named: name)
        guard !plugins.isEmpty else { throw .notFound("the running configuration has no plugin \(name)") }
        let change = try self.checked(patch)
        for plugin in plugins {
            self.apply(change, to: plugin, by: caller)
        }
        let text = [
            patch.mode.map { "mode \($0)" }, patch.timeLimit.map { "time_limit \($0)" },
            patch.logLevel.map { "log_level \($0)" },
        ].compactMap { $0 }.joined(separator: ", ")
        self.record("plugin", "\(plugins.map(\.name).joined(separator: ", ")): \(text)", by: caller)
        guard let row = await self.plugin(plugins[0].name)?.plugin else { throw .notFound(name) }
        return row
    }

    private func apply(_ change: Checked, to plugin: LoadedPlugin, by caller: Caller) {
        var overlay = self.state.withLock { $0.changes[plugin.name] } ?? PluginOverlay()
        let configured = PluginOverlay.Configured(plugin.runtime.policy)
        let now = Double(SystemCall.wall) / 1e9
        if let mode = change.mode {
            plugin.runtime.mode = mode
            overlay.mode = .init(value: mode.name, over: configured.mode, by: caller.name, at: now)
        }
        if let limit = change.timeLimit {
            plugin.runtime.timeout = .seconds(limit)
            overlay.timeLimit = .init(value: limit, over: configured.timeLimit, by: caller.name, at: now)
        }
        if let level = change.level {
            self.server.log.setLevel(level ?? plugin.runtime.policy.logLevel, plugin: plugin.name)
            overlay.logLevel = level.map {
                .init(value: $0.name, over: configured.logLevel, by: caller.name, at: now)
            }
        }
        overlay.settle(configured)
        let kept = overlay
        self.state.withLock { $0.changes[plugin.name] = kept.isEmpty ? nil : kept }
        self.keep("plugin", plugin.name, kept.isEmpty ? nil : kept)
    }

    private struct Checked {
        var mode: PluginMode?
        var timeLimit: Double?
        /// Outer: whether it changes; inner `nil`: the outputs' own level again.
        var level: LogLevel??
    }

    private func checked(_ patch: PluginPatch) throws(ControlError) -> Checked {
        var checked = Checked()
        if let text = patch.mode {
            guard let mode = PluginMode(name: text) else { throw .invalid("mode '\(text)' is none of on, shadow, off") }
            checked.mode = mode
        }
        if let limit = patch.timeLimit {
            guard limit >= 0.001, limit <= 600 else { throw .invalid("time_limit is 0.001 to 600 seconds") }
            checked.timeLimit = limit
        }
        if let text = patch.logLevel {
            if text == "default" {
                checked.level = .some(nil)
            } else if let level = LogTarget.level(text) {
                checked.level = .some(level)
            } else {
                throw .invalid("'\(text)' is no level (info, LOGINFO, 6) and not 'default'")
            }
        }
        if patch.mode == nil, patch.timeLimit == nil, patch.logLevel == nil {
            throw .invalid("nothing to change: mode, time_limit or log_level is needed")
        }
        return checked
    }

    // MARK: Bans

    package func bans(for caller: Caller) async -> [BanRow] {
        let mask = self.hub.mask(for: caller)
        return self.supervisor.bans { $0.all }.map { mask.row($0.row) }
    }

    package func ban(_ request: BanRequest, by caller: Caller) async throws(ControlError) -> BanRow {
        let network = try self.network(request)
        let reasons = self.needsForce(network)
        guard reasons.isEmpty || request.force == true else {
            self.record("ban", network.description, by: caller, result: "needs force")
            throw .needsForce(reasons)
        }
        let now = SystemCall.wall
        let random = SystemRandom().next(
            origin: EffectOrigin(session: nil, plugin: "", hook: nil, call: 0))
        let ban = Ban(
            id: SessionID(bits: random).description, network: network, reason: request.reason ?? "", by: caller.name,
            createdAt: now,
            expiresAt: request.timeToLive.map { now &+ Duration.seconds($0).clampedNanoseconds })
        let replaced = self.supervisor.bans { bans in bans.all.first { $0.network == network } }
        guard self.supervisor.bans({ $0.add(ban) }) else { throw .conflict("there are too many bans") }
        if let replaced { self.keep("ban", replaced.id, KeptBan?.none) }
        self.keep("ban", ban.id, KeptBan(ban))
        if request.kick != false {
            _ = await self.end { network.contains($0.peer) }
        }
        let life = request.timeToLive.map { "for \($0) s" } ?? "until it is lifted"
        self.record("ban", "\(network) \(life)", by: caller)
        return ban.row
    }

    package func previewBan(_ request: BanRequest, for caller: Caller) async throws(ControlError) -> BanPreview {
        let network = try self.network(request)
        let mask = self.hub.mask(for: caller)
        let live = await self.ports.visit { session -> SessionRow? in
            network.contains(session.peer) ? session.row() : nil
        }.flatMap { $0 ?? [] }
        let past = await self.lastHour(of: network)
        let examples = (live + past).prefix(20).map { mask.row($0) }
        return BanPreview(
            network: network.description, live: live.count, lastHour: past.count,
            messagesLastHour: past.reduce(0) { $0 + $1.messages }, needsForce: self.needsForce(network),
            examples: Array(examples))
    }

    private func lastHour(of network: Network) async -> [SessionRow] {
        _ = await self.ports.ask { $0.journal.seal() }
        self.hub.collect()
        let since = SystemCall.wall &- 3_600_000_000_000
        var rows: [SessionRow] = []
        var seen = Set<SessionID>()
        let mask = self.hub.mask
        let segments = self.hub.ring.entries.compactMap(\.segment)
        let oldest = segments.map(\.firstTime).min() ?? .max
        let saved = (self.hub.database?.since(since, limit: 1024) ?? []).filter { $0.firstTime < oldest }
        for segment in segments + saved.map({ JournalSegment($0) }) {
            for named in segment.named() {
                guard case .session(let session) = named.record, session.endedAt >= since,
                    network.contains(session.peer) || self.isHashed(session.peer, in: network, mask),
                    seen.insert(session.session).inserted
                else { continue }
                rows.append(Explainer.row(session, named.names))
            }
        }
        return rows.sorted { $0.startedAt > $1.startedAt }
    }

    /// Hashed addresses can be told for bans of one address only.
    private func isHashed(_ peer: IPAddress, in network: Network, _ mask: AddressMask) -> Bool {
        mask.mode == .hashed && network.prefixLength == network.address.bitWidth
            && mask.address(network.address) == peer
    }

    private func network(_ request: BanRequest) throws(ControlError) -> Network {
        guard let network = Network(request.network) else {
            throw .invalid("'\(request.network)' is neither an address nor a network like 192.0.2.0/24")
        }
        if let life = request.timeToLive {
            guard life >= 1, life <= 31_536_000 else { throw .invalid("time_to_live is 1 to 31536000 seconds") }
        }
        guard (request.reason ?? "").utf8.count <= 500 else { throw .invalid("the reason is longer than 500 octets") }
        return network
    }

    /// Why a network should not be banned in passing.
    private func needsForce(_ network: Network) -> [String] {
        var reasons: [String] = []
        let loopback = [IPAddress(ipv4: 0x7F00_0001), IPAddress(ipv6High: 0, low: 1)]
        if loopback.contains(where: { network.contains($0) }) || network.address.isLoopback {
            reasons.append("it holds loopback addresses")
        }
        for address in self.server.ownAddresses where network.contains(address) {
            reasons.append("it holds this server's own address \(address)")
        }
        for (file, text) in self.server.config.lines(ofAny: ["relayclients", "morerelayclients", "proxy_networks"]) {
            if Self.overlaps(network, text) { reasons.append("it holds \(text), which \(file) names") }
        }
        if network.prefixLength < (network.address.isIPv4 ? 8 : 16) {
            reasons.append("it holds a large part of all addresses")
        }
        var seen = Set<String>()
        return Array(reasons.filter { seen.insert($0).inserted }.prefix(20))
    }

    private static func overlaps(_ network: Network, _ text: String) -> Bool {
        // qpsmtpd's relayclients names networks by leading octets: `10.1.`
        let octets = text.split(separator: ".", omittingEmptySubsequences: true)
        let isPrefix = text.hasSuffix(".") && octets.count < 4
        let padded = (octets.map(String.init) + ["0", "0", "0", "0"]).prefix(4).joined(separator: ".")
        let cidr = isPrefix ? "\(padded)/\(octets.count * 8)" : text
        guard let other = Network(cidr) else { return false }
        return network.contains(other.address) || other.contains(network.address)
    }

    package func liftBan(_ id: String, by caller: Caller) async throws(ControlError) {
        guard let ban = self.supervisor.bans({ $0.remove(id) }) else { throw .notFound("there is no ban \(id)") }
        self.keep("ban", id, KeptBan?.none)
        self.record("unban", ban.network.description, by: caller)
    }

    // MARK: Configuration

    package func reload(by caller: Caller) async throws(ControlError) -> Generations {
        guard await self.server.reload() else {
            let problems = self.server.history.state.refusal
            self.record("reload", "configuration", by: caller, result: "refused")
            throw .conflict(problems.joined(separator: "\n"))
        }
        self.record("reload", "configuration \(self.supervisor.generation.number)", by: caller)
        return await self.generations()
    }

    package func goBack(by caller: Caller) async throws(ControlError) -> Generations {
        guard await self.server.goBack() else {
            self.record("go_back", "configuration", by: caller, result: "there is none")
            throw .conflict("there is no configuration to go back to")
        }
        self.record("go_back", "configuration \(self.supervisor.generation.number)", by: caller)
        return await self.generations()
    }

    package func setDraining(_ isOn: Bool, by caller: Caller) async {
        await self.supervisor.setDraining(isOn)
        self.record(isOn ? "drain" : "undrain", "server", by: caller)
    }

    package func setSoftBounce(_ isOn: Bool, by caller: Caller) async {
        await self.supervisor.setSoftBounce(isOn)
        let isConfigured = isOn == self.supervisor.generation.settings.softBounce
        self.state.withLock { $0.softBounce = isConfigured ? nil : isOn }
        self.keep("server", "soft_bounce", isConfigured ? nil : isOn)
        self.record("soft_bounce", isOn ? "on" : "off", by: caller)
    }

    package func refused(_ action: String, _ subject: String, by caller: Caller) async {
        self.record(action, subject, by: caller, result: "not allowed")
    }

    // MARK: What was set live

    private func keep(_ kind: String, _ key: String, _ value: (some Encodable)?) {
        let octets = value.flatMap { try? JSONEncoder().encode($0) }.map { [UInt8]($0) }
        self.hub.database?.setOverlay(kind, key, octets)
    }

    /// Takes up what operators set before the server was started anew.
    package func restore() async {
        guard let database = self.hub.database else { return }
        let now = SystemCall.wall
        for (id, value) in database.overlay("ban") {
            guard let kept = try? JSONDecoder().decode(KeptBan.self, from: Data(value)), let ban = kept.ban(id: id),
                ban.expiresAt ?? .max > now
            else {
                database.setOverlay("ban", id, nil)
                continue
            }
            _ = self.supervisor.bans { $0.add(ban) }
        }
        for (name, value) in database.overlay("plugin") {
            guard let overlay = try? JSONDecoder().decode(PluginOverlay.self, from: Data(value)) else { continue }
            self.state.withLock { $0.changes[name] = overlay }
        }
        if let value = database.overlay("server").first(where: { $0.key == "soft_bounce" })?.value {
            let isOn = try? JSONDecoder().decode(Bool.self, from: Data(value))
            self.state.withLock { $0.softBounce = isOn }
        }
        await self.applyOverlay()
    }

    /// Puts what operators set over a configuration that has just come into use.
    package func applyOverlay() async {
        let changes = self.state.withLock { $0.changes }
        for plugin in self.supervisor.generation.plugins {
            let policy = plugin.runtime.policy
            guard var overlay = changes[plugin.name] else {
                self.server.log.setLevel(policy.logLevel, plugin: plugin.name)
                continue
            }
            overlay.settle(PluginOverlay.Configured(policy))
            overlay.apply(to: plugin.runtime)
            let level = overlay.logLevel.flatMap { LogLevel($0.value) } ?? policy.logLevel
            self.server.log.setLevel(level, plugin: plugin.name)
            let kept = overlay
            self.state.withLock { $0.changes[plugin.name] = kept.isEmpty ? nil : kept }
            self.keep("plugin", plugin.name, kept.isEmpty ? nil : kept)
        }
        if let isOn = self.state.withLock({ $0.softBounce }) { await self.supervisor.setSoftBounce(isOn) }
    }

    /// What is to be done once a second, on the telemetry thread.
    package func everySecond(_ now: Int64) {
        for ban in self.supervisor.bans({ $0.isEmpty ? [] : $0.expire(at: SystemCall.wall) }) {
            self.keep("ban", ban.id, KeptBan?.none)
            self.hub.event("operator", "the ban of \(ban.network) is over after \(ban.hits) connections")
            self.server.log.write(.notice, "the ban of \(ban.network) is over after \(ban.hits) connections")
        }
        let isDue = self.state.withLock { state in
            guard now >= state.nextFileCheck else { return false }
            state.nextFileCheck = now &+ 5_000_000_000
            return true
        }
        if isDue {
            let changed = self.server.history.changed(since: self.supervisor.generation.number)
            self.state.withLock { $0.changedFiles = changed }
        }
    }
}

extension Ban {
    fileprivate var row: BanRow {
        BanRow(
            id: self.id, network: self.network.description, reason: self.reason, by: self.by,
            createdAt: Double(self.createdAt) / 1e9, expiresAt: self.expiresAt.map { Double($0) / 1e9 }, hits: self.hits
        )
    }
}
