// PluginCatalogue.swift
//
// The plugins that are there to be loaded, and what is said about those that are not.

package import QPHooks
import QPTelemetry

/// The plugins built into the program, by name.
package struct PluginCatalogue: Sendable {
    let types: [String: any Plugin.Type]

    package init(_ types: [String: any Plugin.Type]) {
        self.types = types
    }

    /// The type for a line, and the words that an old name stands for.
    func find(_ entry: PluginEntry) -> (type: any Plugin.Type, arguments: [String])? {
        if let type = self.types[entry.base] { return (type, []) }
        guard let alias = PluginNames.aliases[entry.base], let type = self.types[alias.name] else { return nil }
        return (type, alias.arguments)
    }

    /// What becomes of a line.
    func fate(of entry: PluginEntry, cache: ConfigReadCache) -> PluginFate {
        let name = PluginNames.aliases[entry.base]?.name ?? entry.base
        if self.find(entry) != nil {
            return UpstreamPlugins.differences[name].map(PluginFate.nativeWithDifferences) ?? .native
        }
        switch UpstreamPlugins.all[name] {
        case .planned: return .planned
        case .perl: return .perl
        case .obsolete(let reason): return .obsolete(reason)
        case nil: break
        }
        if entry.isModule || PluginDirectories(cache.read("plugin_dirs")).contains(entry.base) { return .perl }
        return .unknown(nearest: self.nearest(to: entry.base))
    }

    /// Why a line cannot be loaded.
    func absence(of entry: PluginEntry, cache: ConfigReadCache) -> String {
        let name = PluginNames.aliases[entry.base].map { "\(entry.name)' (now '\($0.name)')" } ?? "\(entry.name)'"
        switch self.fate(of: entry, cache: cache) {
        case .native, .nativeWithDifferences: return "'\(name) cannot be loaded"
        case .planned: return "'\(name) will be native, but is not in this version"
        case .perl: return "'\(name) is Perl, which runs in a host that is not in this version"
        case .obsolete(let reason): return "'\(name) is obsolete: \(reason)"
        case .unknown(let nearest):
            return "there is no plugin '\(name)\(nearest.map { " (did you mean \($0)?)" } ?? "")"
        }
    }

    private func nearest(to name: String) -> String? {
        let known = Set(self.types.keys).union(UpstreamPlugins.all.keys).union(PluginNames.aliases.keys)
        // The folder left out is the commonest mistake: `maildir` for `queue/maildir`.
        let tail = name.split(separator: "/").last.map { "/\($0)" } ?? name
        if let whole = known.filter({ $0.hasSuffix(tail) }).min() { return whole }
        return EditDistance.nearest(to: name, in: known)
    }
}

/// What becomes of a plugin line of qpsmtpd here.
enum PluginFate: Sendable, Hashable, CustomStringConvertible {
    case native
    case nativeWithDifferences(String)
    case planned
    case perl
    case obsolete(String)
    case unknown(nearest: String?)

    var description: String {
        switch self {
        case .native: "native"
        case .nativeWithDifferences(let text): "native, with differences: \(text)"
        case .planned: "will be native, not in this version"
        case .perl: "Perl (runs in a host, not in this version)"
        case .obsolete(let reason): "obsolete: \(reason)"
        case .unknown(let nearest): nearest.map { "unknown (did you mean \($0)?)" } ?? "unknown"
        }
    }
}

/// config/plugin_dirs: where plugin files are looked for.
struct PluginDirectories: Sendable {
    let lines: [ConfigLine]
    private let contentProblems: [ConfigProblem]

    init(_ content: ConfigContent) {
        self.lines = content.lines
        self.contentProblems = content.problems
    }

    var problems: [ConfigProblem] {
        self.contentProblems
            + self.lines.filter { !ConfigFileReader.isDirectory($0.text) }
            .map { .warning("'\($0.text)' is no directory", at: $0) }
    }

    func contains(_ plugin: String) -> Bool {
        self.lines.contains { ConfigFileStamp.now("\($0.text)/\(plugin)") != nil }
    }
}
