// PluginPolicyReader.swift
//
// config/plugin_policy: a plugin's name, then settings with their values.

import QPActors
import QPHooks
import QPTelemetry

/// Reads `config/plugin_policy`.
struct PluginPolicyReader {
    /// By canonical name.
    private(set) var policies: [String: PluginPolicy] = [:]
    private(set) var problems: [ConfigProblem] = []
    private var lines: [(key: String, name: String, line: ConfigLine)] = []
    /// Lines that set a time limit.
    private var limits: [(key: String, line: ConfigLine)] = []

    static let settings = ["timeout", "on-error", "mode", "breaker", "loglevel"]

    init(_ content: ConfigContent) {
        self.problems = content.problems
        for line in content.lines {
            do throws(ConfigProblem) {
                try self.read(line)
            } catch {
                self.problems.append(error)
            }
        }
    }

    /// What holds for a line: its own policy, else that of its plugin without the instance number.
    func policy(for name: String) -> PluginPolicy {
        let own = self.policies[PluginNames.canonical(name)]
        return own ?? self.policies[PluginNames.canonical(PluginNames.split(name).base)] ?? PluginPolicy()
    }

    /// Lines that no loaded plugin answers to.
    func unused(loaded: some Sequence<String>) -> [ConfigProblem] {
        let loaded = Array(loaded)
        let names = Set(loaded.flatMap { [$0, PluginNames.split($0).base] }.map(PluginNames.canonical))
        return self.lines.filter { !names.contains($0.key) }.map { entry in
            let nearest = EditDistance.nearest(to: entry.name, in: loaded).map { " (did you mean \($0)?)" } ?? ""
            return .warning("no plugin '\(entry.name)' is loaded\(nearest)", at: entry.line)
        }
    }

    /// Time limits that nobody has to keep: a queue handler has as long as its chain (docs/decisions/0009-failure-policy.md).
    func idleLimits(of plugins: [LoadedPlugin]) -> [ConfigProblem] {
        self.limits.compactMap { limit in
            let meant = plugins.filter { plugin in
                [plugin.name, PluginNames.split(plugin.name).base].map(PluginNames.canonical).contains(limit.key)
            }
            guard let first = meant.first, meant.allSatisfy({ $0.hooks == [.queue] }) else { return nil }
            return .warning(
                "timeout has no effect on \(first.name): a queue plugin has limits of its own", at: limit.line)
        }
    }

    private mutating func read(_ line: ConfigLine) throws(ConfigProblem) {
        let words = line.words
        guard let name = words.first, words.count >= 3, words.count % 2 == 1 else {
            throw .error("a line is NAME setting value [setting value ...]", at: line)
        }
        let key = PluginNames.canonical(name)
        var policy = self.policies[key] ?? PluginPolicy()
        for index in stride(from: 1, to: words.count, by: 2) {
            try Self.set(words[index], words[index + 1], in: &policy, at: line)
        }
        self.policies[key] = policy
        self.lines.append((key, name, line))
        if stride(from: 1, to: words.count, by: 2).contains(where: { words[$0] == "timeout" }) {
            self.limits.append((key, line))
        }
    }

    private static func set(
        _ setting: String, _ value: String, in policy: inout PluginPolicy, at line: ConfigLine
    ) throws(ConfigProblem) {
        switch setting {
        case "timeout":
            guard let time = ConfigNumber.seconds(value), time > .zero, time <= .seconds(86400) else {
                throw .error("timeout: '\(value)' is no number of seconds (0.001 to 86400)", at: line)
            }
            policy.timeout = time
        case "on-error":
            switch value {
            case "declined": policy.onError = .declined
            case "denysoft": policy.onError = .denysoft
            default: throw .error("on-error: '\(value)' is neither declined nor denysoft", at: line)
            }
        case "mode":
            guard let mode = PluginMode(name: value) else {
                throw .error("mode: '\(value)' is none of on, shadow, off", at: line)
            }
            policy.mode = mode
        case "breaker":
            guard let count = ConfigNumber.whole(value), count <= 1_000_000 else {
                throw .error("breaker: '\(value)' is no number of failures (0 to 1000000)", at: line)
            }
            policy.breaker = Int(count)
        case "loglevel":
            guard let level = LogLevel(value) ?? LogLevel("LOG\(value.uppercased())") else {
                throw .error("loglevel: '\(value)' is no log level (0 to 7, or LOGERROR and so on)", at: line)
            }
            policy.logLevel = level
        default:
            let nearest = EditDistance.nearest(to: setting, in: Self.settings).map { " (did you mean \($0)?)" } ?? ""
            throw .error("there is no setting '\(setting)'\(nearest)", at: line)
        }
    }
}
