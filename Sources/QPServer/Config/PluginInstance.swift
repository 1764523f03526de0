// PluginInstance.swift
//
// A plugin that was made for a line, and what must be kept with it when the line survives a reload.

import QPActors
package import QPHooks
import Synchronization

/// Opens a place for log lines.
package typealias LineOutputFactory = @Sendable (LineTarget) -> any LineOutput

/// Lines that go nowhere: a configuration that is only checked must not touch log files.
package struct NoLineOutput: LineOutput {
    package init() {}
    package var zone: Int { 0 }
    package func write(_ line: String, for event: LoggingEvent) {}
}

/// What makes two lines the same: name, words, and which of several equal lines it is.
struct PluginKey: Sendable, Hashable {
    let name: String
    let arguments: [String]
    let occurrence: Int
}

/// A data file of a plugin, with its place in snapshots.
struct PluginTable: Sendable {
    let index: Int
    let declaration: TableDeclaration
}

/// A made plugin.
struct PluginInstance: Sendable {
    let key: PluginKey
    let plugin: any Plugin
    let declarations: PluginDeclarations
    let warnings: [String]
    /// What it does beside sessions; goes on over reloads as the instance does.
    let background: BackgroundRun
    let tables: [PluginTable]
    let databases: [LiveConstantTable]
    /// The texts of the files that its `init` read once. When they change, the line is made anew: keeping the instance
    /// would keep the old content.
    let reads: [String: [String]]
    /// The server's name, if `init` asked for it.
    let me: String?

    /// Whether `init` would see the same again.
    func isCurrent(_ read: (String) -> ConfigContent, me: String) -> Bool {
        if let asked = self.me, asked != me { return false }
        return self.reads.allSatisfy { name, texts in read(name).lines.map(\.text) == texts }
    }
}

/// File contents of one load: every file is read once, so that all plugins see the same.
final class ConfigReadCache: Sendable {
    let directory: ConfigDirectory
    private let contents = Mutex<[String: ConfigContent]>([:])

    init(_ directory: ConfigDirectory) {
        self.directory = directory
    }

    func read(_ name: String) -> ConfigContent {
        if let content = self.contents.withLock({ $0[name] }) { return content }
        let content = self.directory.read(name)
        self.contents.withLock { $0[name] = content }
        return content
    }

    /// Every file that was looked for.
    var sources: [ConfigFileSource] { self.contents.withLock { $0.values.flatMap(\.sources) } }
}

/// The configuration as the `init` of one plugin line sees it.
final class PluginConfigSource: ConfigSource {
    private struct State: Sendable {
        var tables: [PluginTable] = []
        var databases: [LiveConstantTable] = []
        var reads: [String: [String]] = [:]
        var problems: [ConfigProblem] = []
        var askedForName = false
    }

    private let cache: ConfigReadCache
    private let serverName: String
    private let firstTable: Int
    private let output: LineOutputFactory
    private let state = Mutex(State())

    init(cache: ConfigReadCache, me: String, firstTable: Int, output: @escaping LineOutputFactory) {
        self.cache = cache
        self.serverName = me
        self.firstTable = firstTable
        self.output = output
    }

    var me: String {
        self.state.withLock { $0.askedForName = true }
        return self.serverName
    }

    func lines(of file: String) -> [ConfigLine] {
        let content = self.cache.read(file)
        self.state.withLock { state in
            if state.reads.updateValue(content.lines.map(\.text), forKey: file) == nil {
                state.problems += content.problems
            }
        }
        return content.lines
    }

    func file(_ name: String) throws(PluginError) -> ConfigFile {
        let content = self.cache.read(name)
        if let problem = content.problems.first(where: \.refuses) {
            throw .file(problem.file, line: problem.line, problem.text)
        }
        self.state.withLock { $0.problems += content.problems }
        return ConfigFile(name: name, path: content.path, lines: content.lines, me: self.serverName)
    }

    func declare(_ declaration: TableDeclaration) -> Int {
        self.state.withLock { state in
            let index = self.firstTable + state.tables.count
            state.tables.append(PluginTable(index: index, declaration: declaration))
            return index
        }
    }

    func constantTable(_ name: String) -> any ConstantTable {
        let file = name.hasSuffix(".cdb") ? name : "\(name).cdb"
        let table = LiveConstantTable(paths: self.cache.directory.candidates(file))
        self.state.withLock { state in
            state.databases.append(table)
            if let problem = table.problem { state.problems.append(problem) }
        }
        return table
    }

    func lineOutput(_ target: LineTarget) -> any LineOutput { self.output(target) }

    // MARK: Afterwards

    /// What was odd in the files it read.
    var problems: [ConfigProblem] { self.state.withLock { $0.problems } }
    var tableCount: Int { self.state.withLock { $0.tables.count } }

    func instance(_ plugin: any Plugin, setup: PluginSetup, key: PluginKey) -> PluginInstance {
        let state = self.state.withLock { $0 }
        return PluginInstance(
            key: key, plugin: plugin, declarations: setup.declarations, warnings: setup.warnings,
            background: BackgroundRun(), tables: state.tables, databases: state.databases, reads: state.reads,
            me: state.askedForName ? self.serverName : nil)
    }
}
