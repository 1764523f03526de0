// ServerTelemetry+Metrics.swift
//
// All counts as an exporter wants them.

import QPActors
import QPHooks
package import QPTelemetry
import Synchronization

extension ServerTelemetry {
    package func metrics() async -> MetricsSnapshot {
        let counts = await self.counts()
        var metrics = MetricsSnapshot()
        metrics.version = Version.number
        metrics.hooks = counts.hooks.sorted { $0.key < $1.key }.map(\.value)
        metrics.hookInFlight = Self.labelled(counts.inFlight)
        metrics.plugins = self.supervisor.generation.plugins.map { plugin in
            .init(
                name: plugin.name, breaker: plugin.runtime.breaker.name, mode: plugin.runtime.mode.name,
                stragglers: plugin.runtime.stragglers)
        }
        metrics.sessions = Self.labelled(counts.sessions)
        metrics.sessionsLimit = Double(self.supervisor.sessionsLimit)
        metrics.connections = Self.labelled(counts.connections)
        self.fill(&metrics, counts.counters)
        metrics.deliveries = Self.deliveries(metrics.hooks)
        metrics.externalRequests = self.meters.counts().map { .init([$0.kind, $0.result], Double($0.count)) }
        metrics.externalInFlight = self.meters.inFlight().map { .init([$0.kind], Double($0.count)) }
        self.fillServer(&metrics)
        metrics.process = ProcessFacts.now()
        return metrics
    }

    private static func labelled(_ counts: [[String]: some BinaryInteger]) -> [MetricsSnapshot.Labelled] {
        counts.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { .init($0.key, Double($0.value)) }
    }

    private func fill(_ metrics: inout MetricsSnapshot, _ counters: ServerCounters) {
        metrics.disconnects = Self.labelled(
            Dictionary(
                counters.disconnects.map { ($0.key.split(separator: " ").map(String.init), $0.value) },
                uniquingKeysWith: &+))
        metrics.commands = Self.labelled(
            Dictionary(counters.commands.map { ([$0.key], $0.value) }, uniquingKeysWith: &+))
        metrics.replies = Self.labelled(
            Dictionary(counters.replies.map { ([String($0.key)], $0.value) }, uniquingKeysWith: &+))
        metrics.messages = [
            .init(["queued"], Double(counters.queued)), .init(["rejected"], Double(counters.rejected)),
            .init(["deferred"], Double(counters.deferred)),
        ]
        metrics.recipients = [
            .init(["accepted"], Double(counters.recipientsAccepted)),
            .init(["rejected"], Double(counters.recipientsRejected)),
            .init(["deferred"], Double(counters.recipientsDeferred)),
        ]
        metrics.messageSizes = Histogram(
            bounds: (0..<ServerCounters.sizeBuckets - 1).map { Double(1 << ($0 + 10)) }, counts: counters.sizes,
            sum: Double(counters.messageOctets))
        metrics.sessionDurations = Self.histogram(counters.durations, counters.durationSum)
        metrics.admissionWaits = Self.histogram(counters.admissions, counters.admissionSum)
        metrics.receivedOctets = counters.receivedOctets
        metrics.messageOctets = counters.messageOctets
        metrics.bareNewlineWarnings = counters.bareNewlineWarnings
        metrics.handshakes = Self.labelled(
            Dictionary(counters.handshakes.map { ([$0.key], $0.value) }, uniquingKeysWith: &+))
        metrics.ciphers = Self.labelled(
            Dictionary(
                counters.ciphers.map { ($0.key.split(separator: " ").map(String.init), $0.value) },
                uniquingKeysWith: &+))
    }

    /// Durations under a bound for each power of four, so that there are not too many.
    private static func histogram(_ counts: [UInt64], _ sum: UInt64) -> Histogram {
        var histogram = Histogram(bounds: [], counts: [], sum: Double(sum) / 1e9)
        var count: UInt64 = 0
        for (bucket, runs) in counts.enumerated() {
            count += runs
            guard bucket % 8 == 0, let bound = LatencyScale.upperBound(of: bucket) else { continue }
            histogram.bounds.append(Double(bound) / 1e9)
            histogram.counts.append(count)
            count = 0
        }
        histogram.counts.append(count)
        return histogram
    }

    /// What backends answered: the verdicts of the queue hook.
    private static func deliveries(_ hooks: [HookStatistics]) -> [MetricsSnapshot.Labelled] {
        hooks.filter { $0.hook == HookID.queue.name }.flatMap { hook -> [MetricsSnapshot.Labelled] in
            let runs = { (codes: [ReturnCode]) in
                Double(codes.reduce(UInt64(0)) { $0 &+ hook.verdicts[Int($1.rawValue)] })
            }
            return [
                .init([hook.plugin, "queued"], runs([.ok, .done])),
                .init([hook.plugin, "rejected"], runs([.deny, .denyDisconnect])),
                .init([hook.plugin, "deferred"], runs([.denysoft, .denysoftDisconnect])),
            ]
        }
    }

    private func fillServer(_ metrics: inout MetricsSnapshot) {
        let now = SystemCall.monotonic
        metrics.loopLag = self.ports.all.map { .init([String($0.core.number)], Double($0.lag(at: now)) / 1e9) }
        metrics.loopsStuck = Double(self.ports.all.filter { $0.stuck(at: now) != nil }.count)
        metrics.generation = Double(self.supervisor.generation.number)
        let history = self.server.history.state
        metrics.lastReloadSuccess = Double(history.lastSuccess) / 1e9
        metrics.lastReloadSucceeded = history.refusedAt == nil
        metrics.reloads = [
            .init(["success"], Double(history.succeeded)), .init(["refused"], Double(history.failed)),
        ]
        metrics.certificateExpiry = self.state.withLock { $0.certificates }.compactMap { certificate in
            certificate.expiry().map { .init([certificate.use], $0) }
        }
        metrics.logDropped = self.server.log.dropped
        metrics.eventsDropped = self.hub.ring.dropped
        metrics.trailsDropped = self.hub.dropped
        metrics.watchers = [
            .init(["events"], Double(self.hub.watchers)), .init(["logs"], Double(self.server.log.watchers)),
        ]
        metrics.watchersLost = [
            .init(["events"], Double(self.hub.lost)), .init(["logs"], Double(self.server.log.watchersLost)),
        ]
        let bans = self.supervisor.bans { ($0.count, $0.hits) }
        metrics.bans = Double(bans.0)
        metrics.banHits = bans.1
        metrics.isDraining = self.supervisor.isDraining
        metrics.isSoftBouncing = self.supervisor.isSoftBouncing
    }
}

extension Breaker.State {
    /// The label of metrics.
    var name: String {
        switch self {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half_open"
        }
    }
}

extension PluginMode {
    /// The word of configuration.
    var name: String { "\(self)" }
}
