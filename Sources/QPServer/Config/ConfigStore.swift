// ConfigStore.swift
//
// The configuration that runs, those before it, and the way to the next.

package import QPActors
package import QPHooks
package import QPTelemetry
import Synchronization

/// Owns the generations. Loading, reloading, refreshing and going back exclude each other; reading `current` waits for
/// none of them.
package final class ConfigStore: Sendable {
    /// Generations that can be gone back to.
    static let remembered = 3

    /// A generation with what it takes to go on from it.
    struct Loaded: Sendable {
        let generation: Generation
        let instances: [PluginInstance]
    }

    struct State: Sendable {
        var current: Loaded?
        var former: [Loaded] = []
        var number = 0
        var runtimes: [PluginKey: KeptRuntime] = [:]
        var tables = TableKeeper()
        /// What the plugin list and settings were read from; a change there asks for a reload.
        var sources: [ConfigFileSource] = []
        var warnings: [ConfigProblem] = []
        /// Certificates; going back to a former generation does not change them.
        var tls: TLSIdentities?
        /// Files whose content nobody is shown: keys and passwords are among them.
        var secrets: Set<String> = []
        /// What sessions do not see.
        var operators = OperatorState()
    }

    package let directory: ConfigDirectory
    let catalogue: PluginCatalogue
    private let only: String?
    private let output: LineOutputFactory
    private let adjust: @Sendable (inout ServerSettings) -> Void
    private let shared = SharedValues()
    let state: Mutex<State>
    /// Held while files are read and plugins made, which may take long; `state` is held for moments only.
    private let work = Mutex(())

    /// - Parameters:
    ///   - directory: where the files are.
    ///   - catalogue: the plugins that lines may name.
    ///   - only: one plugin line that stands for the whole list.
    ///   - admin: what --admin says in place of config/admin; `nil`: nothing.
    ///   - output: opens the logs of logging plugins.
    ///   - adjust: what the command line says, which overrides files.
    package init(
        directory: ConfigDirectory, catalogue: [String: any Plugin.Type], only: String? = nil,
        admin: [AdminListener]? = nil,
        output: @escaping LineOutputFactory = { _ in NoLineOutput() },
        adjust: @escaping @Sendable (inout ServerSettings) -> Void = { _ in }
    ) {
        self.directory = directory
        self.catalogue = PluginCatalogue(catalogue)
        self.only = only
        self.output = output
        self.adjust = adjust
        self.state = Mutex(State(operators: OperatorState(override: admin)))
    }

    /// The generation that new sessions begin with; `nil` before the first load.
    package var current: Generation? { self.state.withLock { $0.current?.generation } }

    /// What was odd about the configuration that was loaded last.
    package var warnings: [ConfigProblem] { self.state.withLock { $0.warnings } }

    // MARK: Operators

    /// Who may do what at the admin endpoint; nobody before the first load. From any thread.
    package var adminAccess: AdminAccess { self.state.withLock { $0.operators.access }?.access ?? AdminAccess() }

    /// Where the admin endpoint listens: what --admin and config/admin said at the first load; later ones do not count.
    package var adminListeners: [AdminListener] { self.state.withLock { $0.operators.start }?.listeners ?? [] }

    /// What config/telemetry says now; sizes that only a start can change are those of `telemetryAtStart`.
    package var telemetry: TelemetrySettings { self.state.withLock { $0.operators.telemetry } }

    /// What config/telemetry said at the first load.
    package var telemetryAtStart: TelemetrySettings {
        self.state.withLock { $0.operators.start }?.telemetry ?? TelemetrySettings()
    }

    /// The work beside sessions of all plugins that may still do some.
    package var backgrounds: [BackgroundRun] {
        self.state.withLock { state in
            (state.former + (state.current.map { [$0] } ?? [])).flatMap(\.instances).map(\.background)
        }
    }

    /// The certificates that the next handshake is to use; from any thread.
    var tls: TLSIdentities? { self.state.withLock { $0.tls } }

    /// Every file that the running configuration came from.
    package var sources: [ConfigFileSource] {
        self.state.withLock { state in
            let databases = state.current?.instances.flatMap(\.databases).flatMap(\.sources) ?? []
            return state.sources + state.tables.sources + databases
        }
    }

    // MARK: Loading

    /// Reads the directory; the first time, and again.
    package func load() -> Result<Generation, ConfigProblems> {
        self.work.withLock { _ in self.loadAlone() }
    }

    /// Reads the directory again. When that fails, the running configuration goes on.
    package func reload() -> Result<Generation, ConfigProblems> { self.load() }

    /// Reloads if a file that is no data file has changed, or is among the named ones; `nil` if none has.
    package func reloadIfChanged(named: Set<String> = []) -> Result<Generation, ConfigProblems>? {
        self.work.withLock { _ in
            let sources = self.state.withLock { $0.sources }
            guard sources.contains(where: { named.contains($0.path) || $0.hasChanged }) else { return nil }
            return self.loadAlone()
        }
    }

    private func loadAlone() -> Result<Generation, ConfigProblems> {
        let cache = ConfigReadCache(self.directory)
        let before = self.state.withLock { $0 }
        let draft = ConfigDraft(
            cache: cache, catalogue: self.catalogue, shared: self.shared, output: self.output, only: self.only,
            adjust: self.adjust,
            before: before)
        guard !draft.problems.contains(where: \.refuses) else {
            // The files as they are now have had their say: they are not asked again until they change.
            self.state.withLock { $0.sources = draft.allSources }
            return .failure(ConfigProblems(draft.problems))
        }
        let after = draft.state(after: before)
        PluginLoader.apply(after.runtimes, over: before.runtimes)
        self.state.withLock { $0 = after }
        guard let generation = after.current?.generation else { return .failure(ConfigProblems(draft.problems)) }
        return .success(generation)
    }

    // MARK: Going back

    /// Puts the generation before the running one back in place, with its data files as they are now.
    package func goBack() -> Generation? {
        self.work.withLock { _ in
            var state = self.state.withLock { $0 }
            guard let last = state.former.popLast() else { return nil }
            state.current = last
            let cache = ConfigReadCache(self.directory)
            let names = Set(last.instances.flatMap(\.tables).map(\.declaration.file))
            let me = last.generation.settings.me
            let answers = ConfigAnswers(last.generation)
            state.warnings = state.tables.refresh(names, of: last.instances, me: me) {
                answers.content(of: $0, cache.read($0))
            }
            last.generation.replaceTables(state.tables.snapshot(for: last.instances))
            state.forgetUnused()
            self.state.withLock { $0 = state }
            return last.generation
        }
    }

    // MARK: Data files

    /// What re-reading data files did.
    package struct Refreshed: Sendable {
        /// The files whose content was read again.
        package let files: [String]
        /// Files that could not be used; their former content stays.
        package let problems: [ConfigProblem]
    }

    /// Reads data files that have changed again; sessions that begin from now on see the new content.
    /// - Parameters:
    ///   - named: paths known to have changed.
    ///   - answers: names that a config handler answers otherwise now.
    /// - Returns: what was read, and what could not be used.
    @discardableResult
    package func refreshTables(named: Set<String> = [], answers: Set<String> = []) -> Refreshed {
        self.work.withLock { _ in
            var state = self.state.withLock { $0 }
            guard let current = state.current else { return Refreshed(files: [], problems: []) }
            var problems = current.instances.flatMap(\.databases).compactMap { $0.refresh() }
            let names = Set(current.instances.flatMap(\.tables).map(\.declaration.file))
            let stale = state.tables.stale(named: named).union(answers.intersection(names))
            guard !stale.isEmpty else { return Refreshed(files: [], problems: problems) }
            let cache = ConfigReadCache(self.directory)
            let answers = ConfigAnswers(current.generation)
            problems += state.tables.refresh(
                stale, of: current.instances, me: current.generation.settings.me
            ) { answers.content(of: $0, cache.read($0)) }
            current.generation.replaceTables(state.tables.snapshot(for: current.instances))
            self.state.withLock { $0.tables = state.tables }
            return Refreshed(files: stale.sorted(), problems: problems)
        }
    }
}

extension ConfigStore.State {
    /// Drops what neither the running generation nor one that can be gone back to uses.
    mutating func forgetUnused() {
        let instances = (self.former + (self.current.map { [$0] } ?? [])).flatMap(\.instances)
        self.tables.forget(allBut: instances)
        let keys = Set(instances.map(\.key))
        self.runtimes = self.runtimes.filter { keys.contains($0.key) }
    }
}
