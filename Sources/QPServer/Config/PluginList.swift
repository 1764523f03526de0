// PluginList.swift
//
// Lines of config/plugins and config/logging: a name, then words for the plugin.

package import QPHooks

/// A line of config/plugins.
package struct PluginEntry: Sendable, Hashable {
    /// The name as it stands, with its instance number.
    package let name: String
    /// The words after it.
    package let arguments: [String]
    /// Where it stands.
    package let line: ConfigLine

    /// The name without the instance number.
    var base: String { PluginNames.split(self.name).base }
    /// A library module's name (`My::Plugin`).
    var isModule: Bool { self.name.contains("::") }

    /// Reads a line.
    package init(_ line: ConfigLine) throws(ConfigProblem) {
        // Names and arguments reach log lines, notes and, with the Perl host, file names.
        guard line.text.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else {
            throw .error("unsafe characters in config line (only printable ASCII is allowed)", at: line)
        }
        let words = line.words
        guard let name = words.first else { throw .error("there is no plugin name", at: line) }
        if name.contains("::"), let colon = name.lastIndex(of: ":"), !name[..<colon].hasSuffix(":") {
            throw .error("'\(name)': a module cannot have an instance number", at: line)
        }
        if PluginNames.split(name).base.isEmpty { throw .error("'\(name)' has no name", at: line) }
        self.name = name
        self.arguments = Array(words.dropFirst())
        self.line = line
    }
}

/// What config/plugins says.
struct PluginList: Sendable {
    private(set) var entries: [PluginEntry] = []
    private(set) var problems: [ConfigProblem] = []

    init(_ content: ConfigContent) {
        self.problems = content.problems
        for line in content.lines {
            do throws(ConfigProblem) {
                self.entries.append(try PluginEntry(line))
            } catch {
                self.problems.append(error)
            }
        }
    }
}
