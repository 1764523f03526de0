// MemoryImport.swift
//
// An old server's memory on its way into a new one's.

import Glibc
import QPActors
import QPHooks

/// Brings the entries of one upstream database into the state folder.
struct MemoryImport {
    /// What was done.
    struct Report: Sendable, Hashable, CustomStringConvertible {
        /// Keys that are named of those that were not understood.
        static let maxNamed = 5

        let memory: UpstreamMemory
        let path: String
        let isDry: Bool
        var imported = 0
        var old = 0
        var unknown = 0
        var unknownKeys: [String] = []

        var description: String {
            let verb = self.isDry ? "could be imported" : "imported"
            var text = "\(self.memory.rawValue): \(Self.text(self.imported)) entries \(verb), "
            text += "\(Self.text(self.old)) too old, \(Self.text(self.unknown)) not understood"
            guard self.unknown > 0 else { return text }
            let dots = self.unknown > self.unknownKeys.count ? ", ..." : ""
            return text + " (\(self.path): key \(self.unknownKeys.joined(separator: ", "))\(dots))"
        }

        /// With commas between thousands.
        static func text(_ number: Int) -> String {
            let digits = Array(String(number))
            return digits.indices.map { index in
                (index > 0 && (digits.count - index).isMultiple(of: 3) ? "," : "") + String(digits[index])
            }.joined()
        }
    }

    private static let batch = 1000

    let memory: UpstreamMemory
    let database: UpstreamDatabase
    /// Nanoseconds since 1970.
    let now: Int64

    /// Sorts the entries out, and writes them into the folder if there is one. An entry that is there already is replaced.
    func run(into folder: String?) throws(StartError) -> Report {
        var report = Report(memory: self.memory, path: self.database.path, isDry: folder == nil)
        var works: [StoreWork] = []
        for entry in self.database.entries {
            switch UpstreamEntry.read(entry, self.memory, now: self.now / 1_000_000_000) {
            case .tooOld: report.old += 1
            case .notUnderstood:
                report.unknown += 1
                guard report.unknownKeys.count < Report.maxNamed else { continue }
                let key = String(decoding: entry.key.prefix(100), as: UTF8.self)
                report.unknownKeys.append("'\(key.logEscaped)'")
            case .entry(let entry):
                report.imported += 1
                let key = StoreKey(namespace: self.memory.namespace, name: entry.key)
                works.append(.set(key, Array(entry.value.utf8), end: entry.end * 1_000_000_000))
            }
        }
        if report.imported == 0, report.old == 0, report.unknown > 0 {
            throw StartError("\(self.database.path): this is no \(self.memory.rawValue) database; \(report)")
        }
        if let folder { try self.write(works, folder) }
        return report
    }

    private func write(_ works: [StoreWork], _ folder: String) throws(StartError) {
        do {
            try Self.becomeOwner(of: folder)
            let lock = try SQLiteStore.lock(folder)
            defer { lock.release() }
            let file = try StoreFile("\(folder)/\(SQLiteStore.fileName)", bounds: StoreFile.Bounds())
            defer { try? file.close() }
            for start in stride(from: 0, to: works.count, by: Self.batch) {
                _ = try file.perform(Array(works[start..<min(start + Self.batch, works.count)]), now: self.now)
            }
        } catch let error as TelemetryStorageError {
            if case .inUse = error { throw StartError("\(error): stop the server first") }
            throw StartError("\(error)")
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError("\(folder)/\(SQLiteStore.fileName): \(TrailFile.text(error))")
        }
    }

    /// What root writes the server's user could not open: root becomes whoever has the folder.
    private static func becomeOwner(of folder: String) throws(StartError) {
        guard geteuid() == 0 else { return }
        var status = stat()
        guard stat(folder, &status) == 0 else {
            throw StartError("\(folder): \(SystemCall.text(errno)); start the server once, or run this as its user")
        }
        guard status.st_uid != 0 else { return }
        guard setgroups(0, nil) == 0, setgid(status.st_gid) == 0, setuid(status.st_uid) == 0 else {
            throw StartError("user of \(folder)", errno: errno)
        }
    }
}

extension Server {
    /// Brings an old server's memory along: entries that qpsmtpd's greylisting or karma wrote.
    ///
    /// - Parameters:
    ///   - memory: `greylist` or `karma`.
    ///   - file: the database.
    ///   - config: the configuration directory, which says where the state folder is.
    ///   - isDry: nothing is written.
    /// - Returns: the exit status.
    public static func importMemory(_ memory: String, from file: String, config: String?, isDry: Bool) -> Int32 {
        guard let memory = UpstreamMemory(rawValue: memory) else {
            Self.complain("qpserver: '\(memory.logEscaped)' cannot be imported; greylist and karma can")
            return 1
        }
        do throws(StartError) {
            let environment = Self.environment()
            let directory = Self.directory(config)
            let folder = StateDirectory.path(
                configured: TelemetryConfig(directory).settings.stateDirectory,
                environment: environment["STATE_DIRECTORY"], spool: SettingsReader(directory).settings.spoolDirectory)
            let database = try UpstreamDatabase(file, path: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
            let work = MemoryImport(memory: memory, database: database, now: SystemCall.wall)
            let report = try work.run(into: isDry ? nil : folder)
            Self.print("\(report)\n")
            if !isDry { Self.print("\(memory.rawValue): kept in \(folder)/\(SQLiteStore.fileName)\n") }
            return 0
        } catch {
            Self.complain("qpserver: \(error)")
            return 1
        }
    }
}
