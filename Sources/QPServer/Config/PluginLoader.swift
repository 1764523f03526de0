// PluginLoader.swift
//
// From plugin lines to made plugins with their hook tables.

import QPActors
import QPHooks

/// The live switches of a line, with the policy that was last applied to them.
struct KeptRuntime: Sendable {
    let runtime: PluginRuntime
    let policy: PluginPolicy
}

/// Makes the plugins of one load.
struct PluginLoader {
    /// A slot is 16 bits wide.
    static let maxLines = 65535

    let catalogue: PluginCatalogue
    let cache: ConfigReadCache
    let me: String
    let shared: SharedValues
    let output: LineOutputFactory
    let policies: PluginPolicyReader
    /// Instances of the configuration that runs.
    let former: [PluginKey: PluginInstance]
    var runtimes: [PluginKey: KeptRuntime]
    var nextTable: Int

    private(set) var plugins: [LoadedPlugin] = []
    private(set) var hookTables: [HookTable] = []
    private(set) var instances: [PluginInstance] = []
    /// Instances that did not exist before.
    private(set) var made: [PluginInstance] = []
    private(set) var problems: [ConfigProblem] = []
    private var occurrences: [String: Int] = [:]

    init(
        catalogue: PluginCatalogue, cache: ConfigReadCache, me: String, shared: SharedValues,
        output: @escaping LineOutputFactory, policies: PluginPolicyReader, former: [PluginInstance],
        runtimes: [PluginKey: KeptRuntime], nextTable: Int
    ) {
        self.catalogue = catalogue
        self.cache = cache
        self.me = me
        self.shared = shared
        self.output = output
        self.policies = policies
        self.former = Dictionary(former.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        self.runtimes = runtimes
        self.nextTable = nextTable
    }

    /// Loads lines in order: those of config/logging first, then those of config/plugins.
    mutating func load(_ entries: [PluginEntry]) {
        if let extra = entries.dropFirst(Self.maxLines).first {
            self.problems.append(.error("more than \(Self.maxLines) plugin lines", at: extra.line))
        }
        for entry in entries.prefix(Self.maxLines) { self.load(entry) }
        self.problems += self.policies.unused(loaded: entries.map(\.name))
        self.problems += self.policies.idleLimits(of: self.plugins)
        // With a line missing, what is said about the whole would be wrong.
        guard self.plugins.count == entries.count else { return }
        self.problems += PluginOrder.warnings(self.plugins, last: entries.last?.line)
    }

    private mutating func load(_ entry: PluginEntry) {
        guard let (type, extra) = self.catalogue.find(entry) else {
            self.problems.append(.error(self.catalogue.absence(of: entry, cache: self.cache), at: entry.line))
            return
        }
        if let alias = PluginNames.aliases[entry.base], type.name == alias.name {
            let words = ([alias.name] + alias.arguments).joined(separator: " ")
            self.problems.append(.warning("'\(entry.base)' is called '\(words)' now", at: entry.line))
        }
        let key = self.key(of: entry, arguments: extra + entry.arguments)
        guard let instance = self.instance(key, type, entry) else { return }
        self.problems += instance.warnings.map { .warning("\(entry.name): \($0)", at: entry.line) }
        self.register(instance, entry)
    }

    private mutating func key(of entry: PluginEntry, arguments: [String]) -> PluginKey {
        let text = ([entry.name] + arguments).joined(separator: " ")
        let occurrence = self.occurrences[text, default: 0]
        self.occurrences[text] = occurrence + 1
        if occurrence > 0 {
            self.problems.append(.warning("the same line stands here twice; \(entry.name) runs twice", at: entry.line))
        }
        return PluginKey(name: entry.name, arguments: arguments, occurrence: occurrence)
    }

    /// The instance that the line has already, or a new one.
    private mutating func instance(
        _ key: PluginKey, _ type: any Plugin.Type, _ entry: PluginEntry
    ) -> PluginInstance? {
        if let instance = self.former[key], instance.isCurrent(self.cache.read, me: self.me) { return instance }

        let source = PluginConfigSource(cache: self.cache, me: self.me, firstTable: self.nextTable, output: self.output)
        let setup = PluginSetup(name: entry.name, arguments: key.arguments, source: source, shared: self.shared)
        defer {
            self.problems += source.problems
            self.nextTable += source.tableCount
        }
        do throws(PluginError) {
            let instance = source.instance(try type.init(setup), setup: setup, key: key)
            self.made.append(instance)
            return instance
        } catch {
            self.problems.append(.of(error, plugin: entry.name, at: entry.line))
            return nil
        }
    }

    /// A kept instance is registered again as well: its slot may be another, and slots are written into the table.
    private mutating func register(_ instance: PluginInstance, _ entry: PluginEntry) {
        guard let slot = PluginSlot(exactly: self.plugins.count) else { return }
        var table = HookTable(slot: slot)
        instance.plugin.register(on: &table)
        self.problems += table.problems.map { .error("\(entry.name): \($0)", at: entry.line) }
        if table.hooks.isEmpty {
            self.problems.append(.warning("\(entry.name) answers no hook with these arguments", at: entry.line))
        }
        self.instances.append(instance)
        self.hookTables.append(table)
        self.plugins.append(
            LoadedPlugin(
                name: entry.name, arguments: instance.key.arguments, place: "\(entry.line.file):\(entry.line.number)",
                hooks: table.hooks, runtime: self.runtime(of: instance.key), instance: instance.plugin,
                declarations: instance.declarations, background: instance.background))
    }

    /// What operators switched live stays, until the line in config/plugin_policy itself changes.
    private mutating func runtime(of key: PluginKey) -> PluginRuntime {
        let policy = self.policies.policy(for: key.name)
        if let kept = self.runtimes[key], kept.policy == policy { return kept.runtime }
        let runtime: PluginRuntime
        if let kept = self.runtimes[key], kept.policy.breaker == policy.breaker {
            runtime = kept.runtime
        } else {
            // A breaker's threshold is fixed; with another one it begins anew.
            runtime = PluginRuntime(name: key.name, policy: policy)
        }
        self.runtimes[key] = KeptRuntime(runtime: runtime, policy: policy)
        return runtime
    }

    /// Puts changed policies into runtimes that live already; called once the configuration is accepted, so that a refused
    /// one changes nothing.
    static func apply(_ runtimes: [PluginKey: KeptRuntime], over former: [PluginKey: KeptRuntime]) {
        for (key, kept) in runtimes {
            guard let old = former[key], old.runtime === kept.runtime, old.policy != kept.policy else { continue }
            kept.runtime.policy = kept.policy
        }
    }
}

/// What is odd about a list of plugins as a whole.
enum PluginOrder {
    static func warnings(_ plugins: [LoadedPlugin], last: ConfigLine?) -> [ConfigProblem] {
        let file = last?.file ?? "plugins"
        var problems: [ConfigProblem] = []
        if !plugins.contains(where: { $0.hooks.contains(.rcpt) }) {
            problems.append(.warning("no plugin answers rcpt: every recipient will get 450", file: file))
        }
        if !plugins.contains(where: { $0.hooks.contains(.queue) }) {
            problems.append(.warning("no plugin answers queue: every message will get 451", file: file))
        }
        let named = { (name: String) in
            plugins.firstIndex { PluginNames.split($0.name).base == name }
        }
        if let first = named("rcpt_ok"), let second = named("rcpt_ok_maxrelay") {
            let text = "rcpt_ok and rcpt_ok_maxrelay are both loaded; the second contains the first"
            problems.append(Self.warning(text, plugins[max(first, second)]))
        }
        for name in ["rcpt_ok", "rcpt_ok_maxrelay"] {
            guard let index = named(name),
                let later = plugins[(index + 1)...].first(where: {
                    $0.hooks.contains(.rcpt) && !PluginNames.split($0.name).base.hasPrefix("rcpt_ok")
                })
            else { continue }
            problems.append(Self.warning("\(later.name) comes after \(name) and is asked about no recipient", later))
        }
        return problems
    }

    private static func warning(_ text: String, _ plugin: LoadedPlugin) -> ConfigProblem {
        guard let colon = plugin.place.lastIndex(of: ":") else { return .warning(text, file: plugin.place) }
        let line = Int(plugin.place[plugin.place.index(after: colon)...]) ?? 0
        return .warning(text, file: String(plugin.place[..<colon]), line: line)
    }
}
