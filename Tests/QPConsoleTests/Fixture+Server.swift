// Fixture+Server.swift
//
// The server, its plugins and its backends, as fixtures have them.

import QPTelemetry

@testable import QPConsole

extension Fixture {
    func fillServer(_ server: inout ServerState) {
        server.whoami = Whoami(name: self.text("uid 0"), role: .admin, source: self.text("unix"), hidesAddresses: false)
        server.take(.overview(self.overview), at: Self.now)
        server.take(.rates(self.rates), at: Self.now)
        let now = self.plugins
        for second in 0..<12 {
            let plugins = now.map { plugin in
                var plugin = plugin
                plugin.runs -= min(plugin.runs, UInt64(11 - second) * (plugin.runs / 100_000))
                return plugin
            }
            server.take(.plugins(plugins), at: Self.now - Double(11 - second))
        }
        server.take(.hooks(self.hooks(before: true)), at: Self.now - 1)
        server.take(.hooks(self.hooks(before: false)), at: Self.now)
        server.take(.backends(self.backends), at: Self.now)
        server.take(.top(.network, self.top), at: Self.now)
    }

    /// A text, or one that no screen may show as it is.
    private func text(_ text: String, _ number: Int = 0) -> String {
        self == .hostile ? Self.hostileTexts[number % Self.hostileTexts.count] : text
    }

    // MARK: The server

    private var overview: Overview {
        var overview = Overview()
        overview.version = self.text("1.4.2")
        overview.name = self.text("mx1.example.com", 2)
        overview.processId = 4711
        overview.now = Self.now
        overview.uptime = self == .empty ? 4 : 353_520
        overview.generation = self == .empty ? 1 : 7
        overview.sessionsLimit = self == .crowded ? 12_000 : 1000
        overview.memory = 48_234_496
        overview.descriptors = self == .crowded ? 10_230 : 140
        overview.descriptorsLimit = 16_384
        overview.loops = (0..<(self == .crowded ? 8 : 4)).map { LoopRow(number: $0, lag: Double($0) * 0.000_08) }
        for (index, name) in Self.counters.enumerated() {
            overview.totals[name] = self.total(index)
            overview.rates[name] = self.rates(index)
        }
        overview.sessionsByPhase = self.phases
        overview.sessions = self.phases.values.reduce(0, &+)
        overview.alarms = self.alarms
        self.trouble(&overview)
        return overview
    }

    private func trouble(_ overview: inout Overview) {
        guard self == .crowded || self == .hostile else { return }
        overview.isDraining = self == .hostile
        overview.isSoftBouncing = true
        overview.logDropped = 1200
        overview.eventsDropped = self == .hostile ? .max : 3
        overview.loops[2] = LoopRow(
            number: 2, lag: 0, stuck: 12.4, plugin: self.text("uribl", 3), hook: self.text("data_post", 4),
            session: self.text("427ppwh0nhgm", 5))
        guard self == .hostile else { return }
        overview.loops[1].lag = .nan
        overview.uptime = -.infinity
        overview.descriptors = .min
        overview.memory = .max
        overview.rates["octets"]?.minute = 1e300
        overview.rates["connections"]?.tenSeconds = .nan
        overview.rates["refused"]?.tenSeconds = 1e300
        overview.totals["octets"] = .max
    }

    static let counters = [
        "connections", "refused", "messages_queued", "messages_rejected", "messages_deferred",
        "recipients_accepted", "recipients_refused", "octets", "replies_4xx", "replies_5xx", "timeouts",
    ]
    private static let perSecond = [12.4, 0.8, 6.1, 2.2, 0.4, 9.7, 3.6, 482_000, 1.3, 7.9, 0.02]

    private var scale: Double {
        switch self {
        case .empty: 0
        case .ordinary, .hostile: 1
        case .crowded: 40
        }
    }

    private func total(_ index: Int) -> UInt64 { UInt64(Self.perSecond[index] * self.scale * 350_000) }

    private func rates(_ index: Int) -> Rates {
        var rates = Rates()
        let mean = Self.perSecond[index] * self.scale
        rates.tenSeconds = mean * 1.1
        rates.minute = mean
        rates.quarterHour = mean * 0.8
        return rates
    }

    private var phases: [String: Int] {
        switch self {
        case .empty: [:]
        case .ordinary: ["connect": 3, "helo": 1, "idle": 24, "mail": 2, "rcpt": 6, "data": 11, "queue": 1]
        case .crowded:
            [
                "connect": 420, "helo": 310, "idle": 5200, "mail": 180, "rcpt": 890, "data": 2700, "queue": 260,
                "leaving": 40,
            ]
        case .hostile: ["connect": .max, "idle": -5, "rcpt": 4, Self.hostileTexts[0]: 7, Self.hostileTexts[9]: 1]
        }
    }

    private var alarms: [Alarm] {
        switch self {
        case .empty: []
        case .ordinary: [Alarm(kind: "shadow", text: "badmailfrom is in shadow mode")]
        case .crowded:
            [
                Alarm(kind: "config_differs", text: "files differ from the running configuration: plugins, rcpthosts"),
                Alarm(
                    kind: "loop_stuck",
                    text: "event loop 2 has not turned for 12 s; last ran plugin uribl at data_post in session "
                        + "427ppwh0nhgm"),
                Alarm(kind: "breaker_open", text: "virus/clamdscan: its failure policy answers for the plugin"),
                Alarm(kind: "shadow", text: "badmailfrom is in shadow mode"),
                Alarm(kind: "off", text: "rhsbl is off"),
                Alarm(kind: "reload_refused", text: "plugins:12: error: unknown plugin\nplugins:14: error: no"),
                Alarm(kind: "log_dropped", text: "1200 log lines were not written"),
                Alarm(kind: "soft_bounce", text: "every 5xx leaves as 4xx"),
            ]
        case .hostile:
            Self.hostileTexts.enumerated().map { Alarm(kind: self.text("", $0.offset + 3), text: $0.element) }
        }
    }

    private var rates: RateSeries {
        var series: [String: [Double]] = [:]
        guard self != .empty else { return RateSeries(start: Self.now, series: series) }
        for (index, name) in (Self.counters + ["latency_p95"]).enumerated() {
            let mean = index < Self.perSecond.count ? Self.perSecond[index] * self.scale : 40
            series[name] = (0..<120).map { second in
                // Waves of different lengths, and sometimes nothing.
                let wave = Double((second * (index + 3)) % 23) / 11
                return mean < 1 && second % 7 != 0 ? 0 : (mean * wave).rounded(.up)
            }
        }
        if self == .hostile {
            series["octets"] = [.nan, -.infinity, .infinity, -1, 1e308]
            series["refused"] = []
            series[Self.hostileTexts[0]] = [1]
        }
        return RateSeries(start: Self.now - 120, series: series)
    }

    // MARK: Plugins

    private static let few = [
        "hosts_allow", "relay", "count_unrecognized_commands", "dnsbl", "badmailfrom", "quit_fortune", "rcpt_ok",
        "virus/clamdscan", "queue/maildir",
    ]
    private static let many = [
        "hosts_allow", "ident/geoip", "ident/p0f", "karma", "relay", "fcrdns", "earlytalker", "dnsbl", "dnsbl:1",
        "count_unrecognized_commands", "helo", "tls", "auth/auth_flat_file", "badmailfrom", "resolvable_fromhost",
        "rhsbl", "sender_permitted_from", "greylisting", "badrcptto", "rcpt_map", "headers", "loop", "dkim", "dmarc",
        "uribl", "spamassassin", "virus/clamdscan", "milter", "naughty", "our_own_policy", "our_other_policy",
        "rcpt_ok", "queue/smtp-forward", "queue/maildir",
    ]
    private var pluginNames: [String] {
        switch self {
        case .empty, .ordinary: Self.few
        case .crowded: Self.many
        case .hostile: Self.hostileTexts + [""]
        }
    }

    /// Where a plugin is asked.
    private func hookNames(of plugin: String, _ index: Int) -> [String] {
        switch plugin {
        case _ where self == .hostile: ["connect", self.text("", index + 1)]
        case "hosts_allow": ["pre-connection"]
        case "relay", "fcrdns", "earlytalker", "ident/geoip": ["connect"]
        case "karma": ["connect", "mail", "rcpt", "data", "data_post", "disconnect"]
        case "dnsbl", "dnsbl:1": ["connect", "rcpt"]
        case "count_unrecognized_commands": ["unrecognized_command"]
        case "quit_fortune": ["quit"]
        case "rcpt_ok", "badrcptto", "rcpt_map", "greylisting": ["rcpt"]
        case "queue/maildir", "queue/smtp-forward": ["queue"]
        case "helo": ["helo", "ehlo"]
        case "tls": ["ehlo", "unrecognized_command"]
        case _ where plugin.hasPrefix("auth/"): ["auth-plain", "auth-login"]
        case "badmailfrom", "rhsbl", "resolvable_fromhost", "sender_permitted_from": ["mail"]
        case "our_own_policy": ["rcpt", "their_hook"]
        default: ["data_post"]
        }
    }

    private var plugins: [PluginRow] {
        let hooks = Dictionary(grouping: self.hooks(before: false), by: \.plugin)
        return self.pluginNames.enumerated().map { index, name in
            var row = PluginRow(name: name)
            row.arguments = [self.text("reject", index), self.text("1", index + 1)]
            row.place = self.text("plugins:\(index + 11)", index)
            row.hooks = self.hookNames(of: name, index)
            row.onError = self.text("standard", index)
            if self == .hostile { row.mode = self.text("", index) }
            for hook in hooks[name] ?? [] { self.add(hook, to: &row) }
            self.change(&row)
            return row
        }
    }

    private func add(_ hook: HookRow, to row: inout PluginRow) {
        row.runs &+= hook.runs
        row.ok &+= hook.verdicts["ok"] ?? 0
        row.deny &+= hook.verdicts["deny"] ?? 0
        row.soft &+= hook.verdicts["denysoft"] ?? 0
        row.declined &+= hook.verdicts["declined"] ?? 0
        row.errors &+= hook.errors
        row.timeouts &+= hook.timeouts
        row.inFlight &+= hook.inFlight
        (row.p50, row.p95, row.p99) = (hook.p50, hook.p95, hook.p99)
        row.decisionShare = Double(row.deny) / 5_000_000 / max(1, self.scale)
    }

    private func change(_ row: inout PluginRow) {
        guard self != .empty else { return }
        switch row.name {
        case "badmailfrom":
            row.mode = "shadow"
            (row.shadowRuns, row.shadowDifferences) = (34_000, 120)
            row.changes = [LiveChange(by: "uid 0", at: Self.now - 3600, what: "mode shadow")]
        case "rhsbl": row.mode = "off"
        case "virus/clamdscan": row.breaker = self == .crowded ? "open" : "half_open"
        case _ where self == .hostile:
            row.breaker = Self.hostileTexts[1]
            row.logLevel = Self.hostileTexts[2]
            (row.shadowRuns, row.shadowDifferences) = (.max, .max)
            row.decisionShare = .nan
            row.changes = Self.hostileTexts.map { LiveChange(by: $0, at: .infinity, what: $0) }
        default: break
        }
    }

    // MARK: Hooks

    private func hooks(before: Bool) -> [HookRow] {
        var rows: [HookRow] = []
        for (index, name) in self.pluginNames.enumerated() {
            for (place, hook) in self.hookNames(of: name, index).enumerated() {
                rows.append(self.hook(name, hook, index * 7 + place, before: before))
            }
        }
        // As servers list them.
        rows.sort { ($0.plugin + " " + $0.hook) < ($1.plugin + " " + $1.hook) }
        if self == .hostile { rows += [Self.nonsense] }
        return rows
    }

    private func hook(_ plugin: String, _ hook: String, _ seed: Int, before: Bool) -> HookRow {
        var counts = HookStatistics(plugin: plugin, hook: hook)
        guard self != .empty, plugin != "rhsbl", !plugin.isEmpty else {
            return HookRow(counts, configured: true, inFlight: 0)
        }
        let runs = UInt64(Double(4_000_000 / (1 + seed % 11)) * self.scale) - (before ? 240 : 0)
        if plugin != "badmailfrom" {
            let (denied, soft) = (runs / UInt64(2 + seed % 90), runs / UInt64(5 + seed % 300))
            let refuses = hook == "rcpt" || hook == "mail" || plugin.hasPrefix("dnsbl") || self == .hostile
            counts.verdicts = [
                runs / 10, refuses ? denied : 0, refuses ? soft : 0, refuses ? 3 : 0, 0, runs - runs / 10, 1,
            ]
        }
        counts.errors = seed % 3 == 0 ? 12 : 0
        counts.timeouts = plugin.hasPrefix("virus/") ? 431 : 0
        counts.nanoseconds = UInt64(Double(runs) * 2e5)
        // Three hills, one far out.
        let middle = 20 + seed * 5 % 70
        for bucket in 0..<LatencyScale.count {
            let distance = UInt32(abs(bucket - middle) + 1)
            counts.latencies[bucket] = distance < 20 ? UInt32(clamping: runs) / (distance * distance * 8) : 0
        }
        counts.latencies[LatencyScale.count - 50] = 7
        return HookRow(counts, configured: true, inFlight: plugin.hasPrefix("virus/") ? 3 : 0)
    }

    /// What no server should say.
    private static var nonsense: HookRow {
        var row = HookRow(HookStatistics(plugin: "nonsense", hook: "connect"), configured: false, inFlight: .min)
        row.runs = .max
        row.verdicts = ["deny": .max, "denysoft": .max, Self.hostileTexts[0]: 5]
        (row.p50, row.p95, row.p99, row.seconds) = (.nan, .infinity, -1, -.infinity)
        row.histogram = [
            [], [1], [.nan, 4], [-1, 4], [0.001, .infinity], [.infinity, 1], [0.5, -3], [0.25, 1e300],
        ]
        return row
    }

    // MARK: Backends and counts

    private var backends: [BackendRow] {
        let dns = BackendRow(kind: "dns", name: "127.0.0.1:53", state: "unused")
        guard self != .empty else { return [dns] }
        guard self != .hostile else {
            return Self.hostileTexts.map { text in
                BackendRow(
                    kind: text, name: text, state: text, inFlight: .min, oldestWait: .nan, requests: .max, errors: .max,
                    lastError: text, lastErrorAt: -.infinity, p95: .infinity)
            }
        }
        return [
            BackendRow(
                kind: "dns", name: "127.0.0.1:53", state: "ok", inFlight: 4, oldestWait: 0.21, requests: 12_400_210,
                errors: 1210, lastError: "no answer in 5 s", lastErrorAt: Self.now - 310, p95: 0.034),
            BackendRow(
                kind: "next_hop", name: "mailstore.example.com:24", state: "failing", inFlight: 12, oldestWait: 31.4,
                requests: 220_101, errors: 4012, lastError: "cannot connect: connection refused",
                lastErrorAt: Self.now - 2, p95: 1.9),
            BackendRow(kind: "store", name: "greylist.db", state: "ok", requests: 820, p95: 0.000_4),
            BackendRow(kind: "http", name: "reputation.example.net", state: "unused"),
            BackendRow(kind: "disk", name: "trails", state: "ok"),
        ]
    }

    private var top: [TopRow] {
        switch self {
        case .empty: []
        case .ordinary, .crowded:
            (0..<30).map { index in
                TopRow(
                    value: index == 4 ? "2001:db8:\(index)::/48" : "198.51.\(100 + index).0/24",
                    count: Int(self.scale) * 900 / (index + 1) / (index + 1), session: "427ppwh0nh\(10 + index)")
            }
        case .hostile:
            Self.hostileTexts.enumerated().map { index, text in
                TopRow(value: text, count: [Int.max, .min, 0][index % 3], session: text)
            } + [TopRow(value: "", count: 3, session: "")]
        }
    }
}
