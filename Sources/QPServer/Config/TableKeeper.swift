// TableKeeper.swift
//
// The content of all data files, by the places that plugins hold.

import QPHooks

/// Data files and their places in snapshots.
///
/// A plugin instance holds its table's place (`ConfigTable.index`) for its whole life, and an unchanged line keeps its
/// instance through any number of reloads. Places are therefore numbered once for the whole process and never given out
/// again: a generation's snapshot has gaps where tables of other generations are. A gap costs 8 octets, and only a reload
/// that makes plugins anew leaves any, so ten changed tables in each of a thousand reloads cost 80 kB. Places taken by a
/// load that was refused are used again, since its instances are gone.
///
/// A gap is filled with an object of no table's type; a reader who came upon it would get its initial content.
struct TableKeeper: Sendable {
    private final class Gap: Sendable {}
    private static let gap = Gap()

    /// The first place that was never given out.
    private(set) var next = 0
    private var boxes: [Int: any AnyObject & Sendable] = [:]
    /// What each data file was read from.
    private var files: [String: [ConfigFileSource]] = [:]

    /// All files that tables come from.
    var sources: [ConfigFileSource] { self.files.values.flatMap(\.self) }

    /// Takes the tables of an instance that has just been made.
    mutating func adopt(_ instance: PluginInstance, _ read: (String) -> ConfigContent) {
        for table in instance.tables {
            self.boxes[table.index] = table.declaration.initial
            self.files[table.declaration.file] = read(table.declaration.file).sources
            self.next = max(self.next, table.index + 1)
        }
    }

    /// The files that have changed since they were read.
    /// - Parameter named: paths known to have changed, whatever their stamps say: two writes within a tick of the file
    ///   system's clock leave the same stamp.
    /// - Returns: their names.
    func stale(named: Set<String>) -> Set<String> {
        Set(
            self.files.filter { _, sources in
                sources.contains { named.contains($0.path) || $0.hasChanged }
            }.keys)
    }

    /// Reads files again for the instances' tables. What does not parse keeps its former content and is told.
    mutating func refresh(
        _ names: Set<String>, of instances: [PluginInstance], me: String, _ read: (String) -> ConfigContent
    ) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        for name in names.sorted() {
            let content = read(name)
            self.files[name] = content.sources
            problems += content.problems.map(\.asWarning)
            // Unreadable is not empty: an empty list of recipients or senders would be another policy.
            if content.problems.contains(where: \.refuses) { continue }
            let file = ConfigFile(name: name, path: content.path, lines: content.lines, me: me)
            for table in instances.flatMap(\.tables) where table.declaration.file == name {
                do throws(PluginError) {
                    self.boxes[table.index] = try table.declaration.parse(file)
                } catch {
                    let place = ConfigLine(text: "", file: content.path ?? name, number: 0)
                    let problem = ConfigProblem.of(error, plugin: table.declaration.plugin, at: place)
                    problems.append(
                        .warning("\(problem.text); the former content stays", file: problem.file, line: problem.line))
                }
            }
        }
        return problems
    }

    /// What sessions of a generation with these instances see.
    func snapshot(for instances: [PluginInstance]) -> ConfigSnapshot {
        let indices = instances.flatMap { $0.tables.map(\.index) }
        guard let last = indices.max() else { return .empty }
        var tables = [any AnyObject & Sendable](repeating: Self.gap, count: last + 1)
        for index in indices { tables[index] = self.boxes[index] ?? Self.gap }
        return ConfigSnapshot(tables: tables)
    }

    /// Forgets what none of these instances uses; places stay taken.
    mutating func forget(allBut instances: [PluginInstance]) {
        let tables = instances.flatMap(\.tables)
        let indices = Set(tables.map(\.index))
        let names = Set(tables.map(\.declaration.file))
        self.boxes = self.boxes.filter { indices.contains($0.key) }
        self.files = self.files.filter { names.contains($0.key) }
    }
}
