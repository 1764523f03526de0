// PluginSetup.swift
//
// What a plugin gets when it is made: its line, its data files, no effects.

import Synchronization

/// Configuration and declarations of one plugin line.
public final class PluginSetup {
    /// The name on the line, with its instance number (`my_rcpt_check:0`).
    public let name: String
    /// The words after the name.
    public let arguments: [String]
    /// What the plugin declared.
    package private(set) var declarations = PluginDeclarations()
    /// What was odd, but not wrong, with file and line where known.
    package private(set) var warnings: [String] = []
    private let source: any ConfigSource
    private let shared: SharedValues

    package init(name: String, arguments: [String], source: any ConfigSource, shared: SharedValues) {
        self.name = name
        self.arguments = arguments
        self.source = source
        self.shared = shared
    }

    /// The lines of a configuration file, once: comments and blank lines dropped, `$include` followed. Empty if there is
    /// no such file. For data that may change while the server runs use `table`.
    public func lines(of file: String) -> [ConfigLine] { self.source.lines(of: file) }

    /// The first line of a configuration file.
    public func value(of file: String) -> String? { self.source.lines(of: file).first?.text }

    /// The server's own name (`config/me`).
    public var me: String { self.source.me }

    /// Declares a data file that is read again whenever it changes. A file that does not parse is refused with its line
    /// at start, and keeps its former content while the server runs.
    /// - Throws: what `parse` throws, at start.
    public func table<Value: Sendable>(
        _ file: String, _ parse: @escaping @Sendable (ConfigFile) throws(PluginError) -> Value
    ) throws(PluginError) -> ConfigTable<Value> {
        let first = try parse(self.source.file(file))
        let index = self.source.declare(
            TableDeclaration(plugin: self.name, file: file, initial: TableBox(first)) { content throws(PluginError) in
                TableBox(try parse(content))
            })
        return ConfigTable(index: index, initial: first)
    }

    /// A constant database, `config/NAME.cdb`; it holds nothing if there is no such file.
    public func constantTable(_ name: String) -> any ConstantTable { self.source.constantTable(name) }

    /// A place for log lines, for plugins that answer the logging hook.
    public func lineOutput(_ target: LineTarget) -> any LineOutput { self.source.lineOutput(target) }

    /// The arguments as `key value` pairs, each key one of `allowed` or `loglevel`, which is seen to here: a digit gives
    /// every line of the plugin that level, `+N` and `-N` move its levels. Those in `repeatable` may come several times.
    /// - Throws: `PluginError` for an unknown key, a key twice, a key without value, or a bad `loglevel`.
    public func keyedArguments(
        _ allowed: Set<String>, repeatable: Set<String> = []
    ) throws(PluginError) -> KeyedArguments {
        let arguments = try KeyedArguments(
            self.arguments, allowed: allowed.union(["loglevel"]), repeatable: repeatable)
        if let text = arguments["loglevel"] {
            guard let adjustment = LogAdjustment(text) else {
                throw .argument("loglevel '\(text)' is neither 0 to 7 nor +N nor -N")
            }
            self.declarations.logAdjustment = adjustment
        }
        return arguments
    }

    /// Says what this queue plugin's backend can keep.
    public func declareBackend(_ capabilities: BackendCapabilities) {
        self.declarations.backend = capabilities
    }

    /// Says that the plugin's outward effects only ask (DNS, scanners) and may go on in shadow mode.
    public func declarePure() { self.declarations.isPure = true }

    /// Says which mechanisms, beside those of auth-plain, auth-login and auth-cram-md5, the plugin's `auth` handler knows:
    /// those of SCRAM, for which it hands keys over (`session.offer`), and EXTERNAL.
    public func declareMechanisms(_ mechanisms: Set<SASLMechanism>) {
        self.declarations.mechanisms.formUnion(mechanisms)
    }

    /// A value that survives reloads: the first caller makes it, the others get the same.
    public func shared<Value: Sendable>(_ key: StorageKey<Value>, _ make: () -> Value) -> Value {
        self.shared.value(key, make)
    }

    /// Says what is odd, but not wrong.
    public func warn(_ text: String) { self.warnings.append(text) }
}

package struct PluginDeclarations: Sendable {
    package var backend: BackendCapabilities?
    package var isPure = false
    package var mechanisms: Set<SASLMechanism> = []
    package var logAdjustment: LogAdjustment?

    package init() {}
}

/// A line of a configuration file.
public struct ConfigLine: Sendable, Hashable {
    /// The text, trimmed.
    public let text: String
    /// The file it stands in (includes keep their own).
    public let file: String
    /// Its number, from 1.
    public let number: Int

    /// Makes a line.
    public init(text: String, file: String, number: Int) {
        self.text = text
        self.file = file
        self.number = number
    }

    /// The words of the line.
    public var words: [String] {
        self.text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
    }

    /// An error that names this line.
    public func error(_ text: String) -> PluginError { .file(self.file, line: self.number, text) }
}

/// A data file as a parser gets it.
public struct ConfigFile: Sendable {
    /// The name asked for.
    public let name: String
    /// Where it is; `nil` if there is none.
    public let path: String?
    /// Its lines, comments and blank lines dropped.
    public let lines: [ConfigLine]
    /// The server's own name (`config/me`), which some tables imply.
    public let me: String

    /// Makes one.
    public init(name: String, path: String?, lines: [ConfigLine], me: String) {
        self.name = name
        self.path = path
        self.lines = lines
        self.me = me
    }
}

/// Where configuration comes from.
package protocol ConfigSource: Sendable {
    var me: String { get }
    func lines(of file: String) -> [ConfigLine]
    func file(_ name: String) throws(PluginError) -> ConfigFile
    /// Takes a table; gives its place in snapshots.
    func declare(_ declaration: TableDeclaration) -> Int
    /// A constant database, `config/NAME.cdb`; an empty one if there is no such file.
    func constantTable(_ name: String) -> any ConstantTable
    /// A place for log lines.
    func lineOutput(_ target: LineTarget) -> any LineOutput
}

package struct TableDeclaration: Sendable {
    package let plugin: String
    package let file: String
    package let initial: any AnyObject & Sendable
    package let parse: @Sendable (ConfigFile) throws(PluginError) -> any AnyObject & Sendable

    package init(
        plugin: String, file: String, initial: any AnyObject & Sendable,
        parse: @escaping @Sendable (ConfigFile) throws(PluginError) -> any AnyObject & Sendable
    ) {
        self.plugin = plugin
        self.file = file
        self.initial = initial
        self.parse = parse
    }
}

package final class TableBox<Value: Sendable>: Sendable {
    package let value: Value
    package init(_ value: Value) { self.value = value }
}

/// The content of all tables at one moment; a session keeps the one it began with.
package final class ConfigSnapshot: Sendable {
    package let tables: [any AnyObject & Sendable]
    package init(tables: [any AnyObject & Sendable]) { self.tables = tables }
    package static let empty = ConfigSnapshot(tables: [])
}

/// A data file that is read again whenever it changes.
public struct ConfigTable<Value: Sendable>: Sendable {
    let index: Int
    let initial: Value

    /// The content as it was when the session began.
    public func content(in session: SessionContext) -> Value { self.content(of: session.tables) }

    /// The content as it was when the client connected.
    public func content(in arrival: ArrivalContext) -> Value { self.content(of: arrival.tables) }

    private func content(of snapshot: ConfigSnapshot) -> Value {
        guard self.index < snapshot.tables.count,
            let box = snapshot.tables[self.index] as? TableBox<Value>
        else { return self.initial }
        return box.value
    }
}

/// Values that survive reloads.
package final class SharedValues: Sendable {
    private let values = Mutex<[String: any Sendable]>([:])

    package init() {}

    func value<Value: Sendable>(_ key: StorageKey<Value>, _ make: () -> Value) -> Value {
        self.values.withLock { values in
            if let value = values[key.name] as? Value { return value }
            let value = make()
            values[key.name] = value
            return value
        }
    }
}
