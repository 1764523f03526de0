// CheckReport.swift
//
// What `qpserver check` says: all problems, then what becomes of each plugin line.

package import QPHooks

/// The answer to `qpserver check --config DIR`.
package struct CheckReport: Sendable, CustomStringConvertible {
    /// What becomes of a plugin line.
    package struct Row: Sendable, Hashable, CustomStringConvertible {
        let entry: PluginEntry
        let fate: PluginFate

        /// `file:line: NAME: native`
        package var description: String {
            "\(self.entry.line.file):\(self.entry.line.number): \(self.entry.name): \(self.fate)"
        }
    }

    /// What is wrong or odd.
    package let problems: [ConfigProblem]
    /// A row for each plugin line, in order.
    package let rows: [Row]

    /// Reads the directory as `serve` would, touching nothing else: plugins are made, logs are not opened.
    package init(_ directory: ConfigDirectory, catalogue: [String: any Plugin.Type]) {
        let catalogue = PluginCatalogue(catalogue)
        let cache = ConfigReadCache(directory)
        let draft = ConfigDraft(
            cache: cache, catalogue: catalogue, shared: SharedValues(), output: { _ in NoLineOutput() },
            adjust: { _ in }, before: ConfigStore.State())
        self.problems = draft.problems + LogConfig(directory).problems
        self.rows = draft.entries.map { Row(entry: $0, fate: catalogue.fate(of: $0, cache: cache)) }
    }

    /// 1 with any error, also one that `serve` would start with.
    package var exitStatus: Int32 {
        self.problems.contains { $0.severity == .error } ? 1 : 0
    }

    package var description: String {
        let errors = self.problems.count { $0.severity == .error }
        let lines = self.problems.map(\.description) + self.rows.map(\.description)
        let last = "\(Self.count(errors, "error")), \(Self.count(self.problems.count - errors, "warning"))"
        return (lines + [last]).joined(separator: "\n") + "\n"
    }

    private static func count(_ number: Int, _ word: String) -> String {
        number == 1 ? "1 \(word)" : "\(number) \(word)s"
    }
}
