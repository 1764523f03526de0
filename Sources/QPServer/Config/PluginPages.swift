// PluginPages.swift
//
// Plugins and their manuals, as a table for terminals and as pages for docs/plugins.

import Glibc
public import QPHooks
import QPTelemetry

extension Server {
    /// A line for each plugin, by name: the name, its short forms, the first line of its manual.
    public static func pluginList(_ plugins: [any Plugin.Type]) -> String {
        let rows = plugins.sorted { $0.name < $1.name }.map { plugin in
            let entry = PluginRegistry.find(plugin.name)
            return (plugin.name, entry?.three ?? "", entry?.five ?? "", Self.firstLine(plugin.manual))
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, three, five, line in
            "\(Self.padded(name, width))  \(Self.padded(three, 3))  \(Self.padded(five, 5))  \(line)\n"
        }.joined()
    }

    /// Writes a page for each plugin and an index into a folder, which is made if needed.
    /// - Returns: the exit status; what is wrong is on standard error.
    public static func writePluginPages(_ plugins: [any Plugin.Type], to folder: String) -> Int32 {
        if mkdir(folder, 0o755) != 0, errno != EEXIST {
            Self.complain("qpserver: \(folder): \(String(cString: strerror(errno)))")
            return 1
        }
        for (name, text) in Self.pluginPages(plugins).sorted(by: { $0.key < $1.key }) {
            let path = "\(folder)/\(name)"
            guard let file = fopen(path, "w") else {
                Self.complain("qpserver: \(path): \(String(cString: strerror(errno)))")
                return 1
            }
            let written = fwrite(text, 1, text.utf8.count, file)
            guard fclose(file) == 0, written == text.utf8.count else {
                Self.complain("qpserver: \(path) could not be written whole")
                return 1
            }
        }
        return 0
    }

    /// The pages by their file names; README.md is the index.
    static func pluginPages(_ plugins: [any Plugin.Type]) -> [String: String] {
        let sorted = plugins.sorted { $0.name < $1.name }
        var pages: [String: String] = [:]
        var index = """
            # Plugins

            The plugins that come with the server. `make plugin-docs` makes these pages out of what
            `qpserver plugins manual NAME` prints. Short names stand in narrow columns of the console.

            | plugin | short | usage |
            |---|---|---|

            """
        for plugin in sorted {
            let entry = PluginRegistry.find(plugin.name)
            let short = entry.map { "\($0.three), \($0.five)" } ?? ""
            let usage = Self.firstLine(plugin.manual).replacing("|", with: "\\|")
            index += "| [\(plugin.name)](\(Self.pageName(plugin.name))) | \(short) | \(usage) |\n"
            pages[Self.pageName(plugin.name)] = Self.page(plugin, entry)
        }
        pages["README.md"] = index
        return pages
    }

    private static func page(_ plugin: any Plugin.Type, _ entry: PluginRegistry.Entry?) -> String {
        var page = "# \(plugin.name)\n\n"
        if let entry, !entry.aliases.isEmpty {
            page += "Former names: \(entry.aliases.joined(separator: ", ")).\n\n"
        }
        var manual = plugin.manual
        while manual.hasSuffix("\n") { manual.removeLast() }
        return page + "```text\n\(manual)\n```\n"
    }

    private static func pageName(_ plugin: String) -> String { plugin.replacing("/", with: "-") + ".md" }

    private static func firstLine(_ manual: String) -> String {
        manual.split(separator: "\n").first.map(String.init) ?? ""
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
