// MemoryConfig.swift
//
// A configuration directory in memory.

package import QPHooks
import Synchronization

/// Configuration files as texts.
package final class MemoryConfig: ConfigSource {
    private struct State {
        var files: [String: String]
        var tables: [TableDeclaration] = []
        var outputs: [LineTarget: CapturingOutput] = [:]
    }

    private struct Constants: ConstantTable {
        let values: [String: String]

        func value(of key: [UInt8]) -> [UInt8]? {
            self.values[String(decoding: key, as: UTF8.self)].map { Array($0.utf8) }
        }
    }

    package let me: String
    private let constants: [String: [String: String]]
    private let state: Mutex<State>

    package init(me: String, files: [String: String], constants: [String: [String: String]]) {
        self.me = me
        self.constants = constants
        self.state = Mutex(State(files: files))
    }

    package func lines(of file: String) -> [ConfigLine] {
        let text = self.state.withLock { $0.files[file] } ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            let trimmed = line.drop { $0.isWhitespace }
            guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }), trimmed.first != "#" else { return nil }
            return ConfigLine(text: String(trimmed[...last]), file: file, number: index + 1)
        }
    }

    package func file(_ name: String) throws(PluginError) -> ConfigFile {
        let isThere = self.state.withLock { $0.files[name] != nil }
        return ConfigFile(name: name, path: isThere ? name : nil, lines: self.lines(of: name), me: self.me)
    }

    package func declare(_ declaration: TableDeclaration) -> Int {
        self.state.withLock { state in
            state.tables.append(declaration)
            return state.tables.count - 1
        }
    }

    package func constantTable(_ name: String) -> any ConstantTable {
        Constants(values: self.constants[name] ?? [:])
    }

    package func lineOutput(_ target: LineTarget) -> any LineOutput { self.output(target) }

    package func output(_ target: LineTarget) -> CapturingOutput {
        self.state.withLock { state in
            let output = state.outputs[target] ?? CapturingOutput()
            state.outputs[target] = output
            return output
        }
    }

    package func replace(_ file: String, with text: String?) {
        self.state.withLock { $0.files[file] = text }
    }

    /// All tables, read again.
    package func snapshot() throws(PluginError) -> ConfigSnapshot {
        var tables: [any AnyObject & Sendable] = []
        for table in self.state.withLock({ $0.tables }) { tables.append(try table.parse(try self.file(table.file))) }
        return ConfigSnapshot(tables: tables)
    }
}
