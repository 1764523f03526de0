// ConfigHistory.swift
//
// The configurations that were loaded, as their files were, and the last that was refused.

import Glibc
import QPActors
import QPTelemetry
import Synchronization

/// Remembers what each generation was made from. Any thread.
package final class ConfigHistory: Sendable {
    /// Lines of files up to this size are kept; of larger ones only that they are there.
    private static let fileLimit = 256 << 10
    private static let remembered = 8

    struct Entry: Sendable {
        let number: Int
        let loadedAt: Int64
        let plugins: Int
        let warnings: [String]
        /// By path; `nil`: too large to be kept, or not there.
        let files: [String: [String]?]
        /// What the files looked like from outside, so that they need not be read again while they look the same.
        let stamps: [String: ConfigFileStamp?]
    }

    struct State: Sendable {
        var entries: [Entry] = []
        var refusal: [String] = []
        var refusedAt: Int64?
        var lastSuccess: Int64 = 0
        var succeeded: UInt64 = 0
        var failed: UInt64 = 0
    }

    private let folder: String
    private let contents = Mutex(State())

    /// - Parameter folder: the configuration directory, which names of files are shown without.
    package init(folder: String) {
        self.folder = folder.hasSuffix("/") ? folder : folder + "/"
    }

    var state: State { self.contents.withLock { $0 } }

    /// A configuration is in use.
    func loaded(_ generation: Generation, warnings: [String], paths: [String], at now: Int64) {
        var stamps: [String: ConfigFileStamp?] = [:]
        for path in paths { stamps[path] = .some(ConfigFileStamp.now(path)) }
        let entry = Entry(
            number: generation.number, loadedAt: now, plugins: generation.plugins.count, warnings: warnings,
            files: self.read(paths), stamps: stamps)
        self.contents.withLock { state in
            state.entries.removeAll { $0.number == generation.number }
            state.entries.append(entry)
            if state.entries.count > Self.remembered { state.entries.removeFirst() }
            state.refusal = []
            state.refusedAt = nil
            state.lastSuccess = now
            state.succeeded += 1
        }
    }

    /// A configuration was refused.
    func refused(_ problems: [String], at now: Int64) {
        self.contents.withLock { state in
            state.refusal = problems
            state.refusedAt = now
            state.failed += 1
        }
    }

    /// The configuration before was put back: a refusal is history.
    func wentBack() {
        self.contents.withLock { state in
            state.refusal = []
            state.refusedAt = nil
        }
    }

    private func read(_ paths: [String]) -> [String: [String]?] {
        var files: [String: [String]?] = [:]
        for path in Set(paths) where !AdminConfig.names.contains(self.name(path)) {
            files[path] = .some(Self.lines(path))
        }
        return files
    }

    private static func lines(_ path: String) -> [String]? {
        Self.lines(ConfigFileReader.read(path, limit: Self.fileLimit))
    }

    private static func lines(_ reading: ConfigFileReader.Outcome) -> [String]? {
        guard case .content(let octets, _) = reading else { return nil }
        return String(decoding: octets, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map {
            String($0)
        }
    }

    private func name(_ path: String) -> String {
        path.hasPrefix(self.folder) ? String(path.dropFirst(self.folder.count)) : path
    }

    /// Files on disk that are not what a generation was made from. Blocks while they are read.
    func changed(since number: Int) -> [String] {
        guard let entry = self.state.entries.last(where: { $0.number == number }) else { return [] }
        return entry.files.filter { path, lines in
            if let stamp = entry.stamps[path], stamp == ConfigFileStamp.now(path) { return false }
            let reading = ConfigFileReader.read(path, limit: Self.fileLimit)
            // Without a descriptor to read it with, nothing is known of it.
            if case .failed = reading, lines != nil { return false }
            return Self.lines(reading) != lines
        }.map { self.name($0.key) }.sorted()
    }

    /// How a generation's files differ from those of another, or from the disk. `nil`: it is not remembered.
    func difference(of number: Int, from other: Int?) -> [FileDifference]? {
        let entries = self.state.entries
        guard let mine = entries.last(where: { $0.number == number }) else { return nil }
        let theirs: [String: [String]?]
        if let other {
            guard let entry = entries.last(where: { $0.number == other }) else { return nil }
            theirs = entry.files
        } else {
            theirs = self.read(Array(mine.files.keys))
        }
        var differences: [FileDifference] = []
        for path in Set(mine.files.keys).union(theirs.keys).sorted() {
            let (own, foreign) = ((mine.files[path] ?? nil) ?? [], (theirs[path] ?? nil) ?? [])
            guard own != foreign else { continue }
            var difference = FileDifference(file: self.name(path), removed: [], added: [])
            for change in own.difference(from: foreign) {
                switch change {
                case .insert(_, let line, _): difference.added.append(line)
                case .remove(_, let line, _): difference.removed.append(line)
                }
            }
            differences.append(difference)
        }
        return differences
    }

    /// The generations that are remembered, newest first, of those that can still be had.
    func rows(current: Int, available: Set<Int>, changedFiles: [String]) -> Generations {
        let state = self.state
        let rows = state.entries.reversed().filter { available.contains($0.number) }.map { entry in
            GenerationRow(
                number: entry.number, isCurrent: entry.number == current, loadedAt: Double(entry.loadedAt) / 1e9,
                plugins: entry.plugins, warnings: entry.warnings)
        }
        return Generations(
            generations: rows, changedFiles: changedFiles, refusal: state.refusal,
            refusedAt: state.refusedAt.map { Double($0) / 1e9 })
    }
}
