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
