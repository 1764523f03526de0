// PluginOverlay.swift
//
// What an operator switched live: it stays over reload and restart until it is switched back.

import QPActors
import QPHooks
import QPTelemetry

/// The switches of one plugin that an operator set.
struct PluginOverlay: Sendable, Codable {
    /// One switch.
    struct Setting<Value: Sendable & Codable>: Sendable, Codable {
        var value: Value
        /// What the configuration said then: when it says something else, the operator's word is over.
        var over: Value
        var by: String
        var at: Double
    }

    var mode: Setting<String>?
    var timeLimit: Setting<Double>?
    var logLevel: Setting<String>?

    var isEmpty: Bool { self.mode == nil && self.timeLimit == nil && self.logLevel == nil }

    /// What is shown of it.
    var rows: [LiveChange] {
        var rows: [LiveChange] = []
        if let mode { rows.append(LiveChange(by: mode.by, at: mode.at, what: "mode \(mode.value)")) }
        if let limit = self.timeLimit {
            rows.append(LiveChange(by: limit.by, at: limit.at, what: "time_limit \(limit.value)"))
        }
        if let level = self.logLevel {
            rows.append(LiveChange(by: level.by, at: level.at, what: "log_level \(level.value)"))
        }
        return rows
    }

    /// What the configuration says of a plugin.
    struct Configured {
        let mode: String
        let timeLimit: Double
        let logLevel: String

        init(_ policy: PluginPolicy) {
            self.mode = policy.mode.name
            self.timeLimit = Double(policy.timeout.clampedNanoseconds) / 1e9
            self.logLevel = policy.logLevel?.name ?? "default"
        }
    }

    /// Forgets what the configuration has overtaken, or says itself.
    mutating func settle(_ configured: Configured) {
        if let mode = self.mode, mode.over != configured.mode || mode.value == configured.mode { self.mode = nil }
        if let limit = self.timeLimit, limit.over != configured.timeLimit || limit.value == configured.timeLimit {
            self.timeLimit = nil
        }
        if let level = self.logLevel, level.over != configured.logLevel || level.value == configured.logLevel {
            self.logLevel = nil
        }
    }

    /// Switches a plugin.
    func apply(to runtime: PluginRuntime) {
        if let mode = self.mode.flatMap({ PluginMode(name: $0.value) }) { runtime.mode = mode }
        if let limit = self.timeLimit { runtime.timeout = .seconds(limit.value) }
    }
}

/// A ban as it is kept over a restart.
struct KeptBan: Codable {
    var network: String
    var reason: String
    var by: String
    var createdAt: Int64
    var expiresAt: Int64?

    init(_ ban: Ban) {
        self.network = ban.network.description
        self.reason = ban.reason
        self.by = ban.by
        self.createdAt = ban.createdAt
        self.expiresAt = ban.expiresAt
    }

    func ban(id: String) -> Ban? {
        Network(self.network).map {
            Ban(
                id: id, network: $0, reason: self.reason, by: self.by, createdAt: self.createdAt,
                expiresAt: self.expiresAt)
        }
    }
}
