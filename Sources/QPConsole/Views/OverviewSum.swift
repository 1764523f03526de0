// OverviewSum.swift
//
// What several servers come to together.

import QPTelemetry

/// All servers that answer, as one.
struct OverviewSum: Sendable {
    /// The servers that are summed up: those that can be reached, or else what was known of the others last.
    let servers: [ServerState]
    private(set) var totals: [String: UInt64] = [:]
    private(set) var rates: [String: Rates] = [:]
    /// The newest last.
    private(set) var series: [String: [Double]] = [:]
    private(set) var sessions: UInt64 = 0
    /// `nil`: there is none.
    private(set) var sessionsLimit: UInt64?
    private(set) var phases: [String: UInt64] = [:]
    /// The worst first, with the server's name if there are several.
    private(set) var alarms: [(server: String, alarm: Alarm)] = []

    static let latency = "latency_p95"

    /// `nil`: no server has said anything yet.
    init?(_ snapshot: ConsoleSnapshot) {
        let known = snapshot.servers.filter { $0.overview != nil }
        guard !known.isEmpty else { return nil }
        let isAnyUp = known.contains { $0.link == .up }
        func isIncluded(_ server: ServerState) -> Bool { server.overview != nil && (server.link == .up || !isAnyUp) }
        self.servers = known.filter(isIncluded)
        let names = snapshot.shortNames
        for (index, server) in snapshot.servers.enumerated() where isIncluded(server) {
            if let overview = server.overview { self.add(overview, of: names[index]) }
            for (name, values) in server.rates?.series ?? [:] { self.add(values, of: name) }
        }
        let limits = self.servers.map { UInt64(clamped: $0.overview?.sessionsLimit ?? 0) }
        self.sessionsLimit = limits.contains(0) ? nil : limits.reduce(0, &+)
        let worst = self.alarms.filter { Self.isBad($0.alarm) }
        self.alarms = worst + self.alarms.filter { !Self.isBad($0.alarm) }
    }

    /// Whether mail suffers from it, not only the operator.
    static func isBad(_ alarm: Alarm) -> Bool {
        ["loop_stuck", "breaker_open", "reload_refused"].contains(alarm.kind)
    }

    private mutating func add(_ overview: Overview, of server: String) {
        self.totals.merge(overview.totals, uniquingKeysWith: &+)
        for (name, rates) in overview.rates {
            self.rates[name, default: Rates()].tenSeconds += rates.tenSeconds.orZero
            self.rates[name, default: Rates()].minute += rates.minute.orZero
            self.rates[name, default: Rates()].quarterHour += rates.quarterHour.orZero
        }
        self.sessions &+= UInt64(clamped: overview.sessions)
        for (phase, count) in overview.sessionsByPhase { self.phases[phase, default: 0] &+= UInt64(clamped: count) }
        self.alarms += overview.alarms.map { (server: server, alarm: $0) }
    }

    /// The last seconds of two servers end together, whenever they began. Of latencies the worst counts.
    private mutating func add(_ values: [Double], of name: String) {
        var longer = self.series[name] ?? []
        var shorter = values.map(\.orZero)
        if shorter.count > longer.count { swap(&longer, &shorter) }
        let offset = longer.count - shorter.count
        for (index, value) in shorter.enumerated() {
            let place = offset + index
            longer[place] = name == Self.latency ? max(longer[place], value) : longer[place] + value
        }
        self.series[name] = longer
    }
}

extension ConsoleSnapshot {
    /// Names of servers for places where there is little room: without their domain, if they still differ; empty if
    /// there is only one.
    var shortNames: [String] {
        guard self.hasSeveralServers else { return self.servers.map { _ in "" } }
        let names = self.servers.map(\.name)
        let short = names.map { name in
            let host = name.prefix { $0 != "." }
            // An address has no domain, and a port is not part of one.
            return host.isEmpty || host.allSatisfy(\.isNumber) || name.contains(":") ? name : String(host)
        }
        return Set(short).count == names.count ? short : names
    }
}
