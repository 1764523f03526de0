// MetricsFamilies+Hooks.swift
//
// The families of each plugin on each hook, and of each plugin.

import QPTelemetry

extension MetricsFamily {
    static let ofHooks: [Self] = [
        .init(
            .counter, "qpserver_hook_runs_total", [.plugin, .hook, .init("verdict", HookRow.verdictNames)],
            "Runs of a plugin on a hook, by answer.", .pairs { $0.statistics.verdicts.map { Double($0) } }),
        .init(
            .histogram, "qpserver_hook_duration_seconds", [.plugin, .hook],
            "Runs by duration. With very many plugins on hooks there are fewer buckets, then only sum and count.",
            .latencies),
        .init(
            .gauge, "qpserver_hook_in_flight", [.plugin, .hook], "Handlers that wait for something now.",
            .pairs { [$0.inFlight] }),
        .init(
            .counter, "qpserver_hook_errors_total", [.plugin, .hook, .init("kind", ["error", "timeout"])],
            "Runs that threw or ran out of time.",
            .pairs { [Double($0.statistics.errors), Double($0.statistics.timeouts)] }),
        .init(
            .counter, "qpserver_hook_shadow_runs_total", [.plugin, .hook],
            "Runs in shadow mode, whose answers have no effect.", .pairs { [Double($0.statistics.shadowRuns)] }),
        .init(
            .counter, "qpserver_hook_shadow_differences_total", [.plugin, .hook],
            "Shadow runs whose answer was not what came of the hook.",
            .pairs { [Double($0.statistics.shadowDifferences)] }),
        .init(
            .counter, "qpserver_hook_broken_off_total", [.plugin, .hook],
            "Answers given by the failure policy because the breaker was open.",
            .pairs { [Double($0.statistics.brokenOff)] }),
    ]

    static let ofPlugins: [Self] = [
        .init(
            .gauge, "qpserver_plugin_stragglers", [.plugin],
            "Handlers that run on beyond their time limit.", .plugins { [Double($0.stragglers)] }),
        .init(
            .gauge, "qpserver_plugin_breaker_state", [.plugin, .init("state", Self.breakerStates)],
            "1 for the state that the breaker of the plugin is in, 0 for the others.",
            .plugins { plugin in Self.breakerStates.map { $0 == plugin.breaker ? 1 : 0 } }),
        .init(
            .gauge, "qpserver_plugin_mode", [.plugin, .init("mode", Self.modes)],
            "1 for the mode that the plugin is in, 0 for the others.",
            .plugins { plugin in Self.modes.map { $0 == plugin.mode ? 1 : 0 } }),
    ]

    private static let breakerStates = ["closed", "open", "half_open"]
    private static let modes = ["on", "shadow", "off"]

    /// Series of each plugin on each hook, without durations.
    static let seriesPerPair = Self.all.reduce(0) { sum, family in
        guard case .pairs = family.content else { return sum }
        return sum + family.lastLabels.count
    }

    /// Series of each plugin.
    static let seriesPerPlugin = Self.all.reduce(0) { sum, family in
        guard case .plugins = family.content else { return sum }
        return sum + family.lastLabels.count
    }
}
