// ConfigDraft.swift
//
// A configuration read completely, before anything of it is used.

import QPActors
import QPHooks

/// Everything read once, with all that is wrong with it.
struct ConfigDraft {
    /// The files that are read beside plugins' own.
    static let coreNames =
        SettingsReader.names + AdminConfig.names + TelemetryConfig.names + TLSConfig.names
        + ["plugins", "logging", "plugin_policy", "plugin_dirs", "listen"]

    let settings: ServerSettings
    let entries: [PluginEntry]
    private(set) var problems: [ConfigProblem]
    private let loader: PluginLoader
    private let cache: ConfigReadCache
    private let answers: ConfigAnswers
    private let admin: AdminConfig
    private let telemetry: TelemetrySettings
    private let tls: TLSLoader

    init(
        cache: ConfigReadCache, catalogue: PluginCatalogue, shared: SharedValues,
        output: @escaping LineOutputFactory, only: String? = nil, adjust: (inout ServerSettings) -> Void,
        before: ConfigStore.State
    ) {
        var reader = SettingsReader(reading: cache.read)
        var settings = reader.settings
        adjust(&settings)
        let logging = PluginList(cache.read("logging"))
        var content = cache.read("plugins")
        if let only { content.lines = [ConfigLine(text: only, file: "--plugin", number: 1)] }
        let plugins = PluginList(content)
        let policies = PluginPolicyReader(cache.read("plugin_policy"))
        var loader = PluginLoader(
            catalogue: catalogue, cache: cache, me: settings.me, shared: shared, output: output, policies: policies,
            former: before.current?.instances ?? [], runtimes: before.runtimes, nextTable: before.tables.next)
        loader.load(logging.entries + plugins.entries)
        // Plugins are made from files; what they say about the server's own values counts from here on.
        let answers = ConfigAnswers(loader.hookTables)
        if !answers.isEmpty {
            let asked = SettingsReader(reading: { answers.content(of: $0, cache.read($0)) })
            settings = asked.settings
            adjust(&settings)
            reader = asked
        }
        self.answers = answers
        let tls = TLSConfig(
            reading: { answers.content(of: $0, cache.read($0)) }, folder: cache.directory.path, plugins: plugins.entries
        )
        self.tls = TLSLoader(tls.settings, former: before.tls)
        settings.offersTLS = self.tls.identities != nil
        // Who may steer the server is the files' to say, not a plugin's.
        let telemetry = TelemetryConfig(reading: cache.read)
        self.admin = AdminConfig(reading: cache.read, folder: cache.directory.path)
        self.telemetry = telemetry.settings

        var problems = only == nil ? Self.directoryProblems(cache, before) : []
        problems += reader.problems
        let listen = ListenConfig(cache.read("listen"))
        problems += listen.problems + listen.problems(with: settings)
        problems += self.admin.problems + telemetry.problems + tls.problems + self.tls.problems
        if self.tls.identities == nil, listen.addresses.contains(where: { $0.options.contains(.tls) }) {
            problems.append(.error("an address has the option tls, but there is no certificate", file: "listen"))
        }
        problems += Self.authProblems(listen, settings, loader.plugins)
        problems += before.operators.problems(with: self.admin, in: cache.directory.path)
        problems += PluginDirectories(cache.read("plugin_dirs")).problems + policies.problems
        problems += logging.problems + Self.listProblems(plugins.problems, before) + loader.problems
        self.problems = problems.uniqued()
        self.settings = settings
        self.entries = logging.entries + plugins.entries
        self.loader = loader
        self.cache = cache
    }

    /// AUTH that nobody can use, where it was meant to be used.
    private static func authProblems(
        _ listen: ListenConfig, _ settings: ServerSettings, _ plugins: [LoadedPlugin]
    ) -> [ConfigProblem] {
        let hooks: Set<HookID> = [.auth, .authPlain, .authLogin, .authCramMD5]
        guard plugins.contains(where: { !$0.hooks.isDisjoint(with: hooks) }) else {
            return listen.addresses.filter { $0.options.contains(.submission) }.map { address in
                .warning("nobody can send mail to \(address): no plugin authenticates", file: "listen")
            }
        }
        guard !settings.offersTLS, !settings.authInClear else { return [] }
        return [.warning("AUTH is not offered: there is no certificate, and tls_before_auth is on", file: "plugins")]
    }

    private static func directoryProblems(_ cache: ConfigReadCache, _ before: ConfigStore.State) -> [ConfigProblem] {
        let path = cache.directory.path
        guard ConfigFileReader.isDirectory(path) else { return [.error("there is no such directory", file: path)] }
        guard cache.read("plugins").path == nil, cache.read("plugins").problems.isEmpty else { return [] }

        // A list that goes missing under a running server is a slip, not a wish to refuse all mail.
        let isRunning = Self.isRunning(before)
        let text = "there is no plugin list"
        return [isRunning ? .error(text, file: "\(path)/plugins") : .warning(text, file: "\(path)/plugins")]
    }

    /// A part of the list that goes missing under a running server is no wish to do without the plugins in it.
    private static func listProblems(_ problems: [ConfigProblem], _ before: ConfigStore.State) -> [ConfigProblem] {
        Self.isRunning(before) ? problems.map(\.asRefusal) : problems
    }

    private static func isRunning(_ before: ConfigStore.State) -> Bool {
        before.current?.generation.plugins.isEmpty == false
    }

    /// Everything that was read: a change to any of it may mend what is wrong.
    var allSources: [ConfigFileSource] { self.cache.sources + self.tls.sources }

    /// Where it was read from, data files left out.
    var sources: [ConfigFileSource] {
        let own = self.loader.instances.flatMap(\.reads.keys)
        return Set(Self.coreNames + own).sorted().flatMap { self.cache.read($0).sources } + self.tls.sources
    }

    /// Keys, and data files: a plugin that looks into one of those at its beginning may have looked at passwords.
    private var secrets: Set<String> {
        let data = Set(self.loader.instances.flatMap(\.tables).map(\.declaration.file)).subtracting(Self.coreNames)
        return Set((self.tls.sources + data.flatMap { self.cache.read($0).sources }).map(\.path))
    }

    /// The state with this configuration in place of the running one.
    func state(after before: ConfigStore.State) -> ConfigStore.State {
        var state = before
        state.number += 1
        let made = Set(self.loader.made.map(\.key))
        for instance in self.loader.made { state.tables.adopt(instance, self.cache.read) }

        // Kept instances see their files as they are now, like new ones.
        let kept = self.loader.instances.filter { !made.contains($0.key) }
        var problems = kept.flatMap(\.databases).compactMap { $0.refresh() }
        let names = Set(kept.flatMap(\.tables).map(\.declaration.file))
        problems += state.tables.refresh(names, of: kept, me: self.settings.me, self.cache.read)

        if !self.answers.isEmpty {
            let all = Set(self.loader.instances.flatMap(\.tables).map(\.declaration.file))
            problems += state.tables.refresh(all, of: self.loader.instances, me: self.settings.me) {
                self.answers.content(of: $0, self.cache.read($0))
            }
        }

        let generation = Generation(
            number: state.number, settings: self.settings, plugins: self.loader.plugins,
            hookTables: self.loader.hookTables, tables: state.tables.snapshot(for: self.loader.instances))
        if let current = before.current { state.former = (before.former + [current]).suffix(ConfigStore.remembered) }
        state.current = ConfigStore.Loaded(generation: generation, instances: self.loader.instances)
        state.runtimes = self.loader.runtimes
        state.tls = self.tls.identities
        state.secrets = self.secrets
        problems += state.operators.take(self.admin, self.telemetry, in: self.cache.directory.path)
        state.sources = self.sources
        state.warnings = self.problems + problems
        state.forgetUnused()
        return state
    }
}

extension Array where Element: Hashable {
    /// Every element once, at its first place.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return self.filter { seen.insert($0).inserted }
    }
}
