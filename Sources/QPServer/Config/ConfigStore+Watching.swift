// ConfigStore+Watching.swift
//
// Data files are read again at once, the plugin list and settings when their directory has come to rest.

package import QPActors

extension ConfigStore {
    /// What a change of files led to.
    package enum Event: Sendable {
        /// Data files were read again.
        case refreshed(Refreshed)
        /// A new generation is in place.
        case loaded(Generation, warnings: [ConfigProblem])
        /// The files as they are now are refused; the running configuration goes on.
        case refused(ConfigProblems)
    }

    /// Asks config handlers again about names of which one said that it answers otherwise now; `nil` if nobody reads
    /// these.
    package func answersChanged(_ names: Set<String>) -> Event? {
        guard names.isDisjoint(with: SettingsReader.names) else {
            switch self.load() {
            case .success(let generation): return .loaded(generation, warnings: self.warnings)
            case .failure(let problems):
                // A bad setting must not keep data files from their new content.
                self.refreshTables(answers: names)
                return .refused(problems)
            }
        }
        let refreshed = self.refreshTables(answers: names)
        return refreshed.files.isEmpty && refreshed.problems.isEmpty ? nil : .refreshed(refreshed)
    }

    /// Follows changes of the files until the watcher is stopped. The report is called on the watcher's thread.
    package func watch(
        usesNotification: Bool = true, interval: Duration = .seconds(1),
        _ report: @escaping @Sendable (Event) -> Void
    ) -> ConfigWatcher? {
        ConfigWatcher(usesNotification: usesNotification, interval: interval, sources: { self.sources }) { change in
            guard change.isSettled else {
                let refreshed = self.refreshTables(named: change.paths)
                if !refreshed.files.isEmpty || !refreshed.problems.isEmpty { report(.refreshed(refreshed)) }
                return
            }
            switch self.reloadIfChanged(named: change.paths) {
            case .success(let generation): report(.loaded(generation, warnings: self.warnings))
            case .failure(let problems): report(.refused(problems))
            case nil: break
            }
        }
    }
}
