// TrailFile.swift
//
// The SQLite file of trails: opened, made, judged, moved aside.

import GRDB
import Glibc

/// An open database file.
struct TrailFile: Sendable {
    /// `PRAGMA user_version` of what this version writes.
    static let version: Int64 = 1
    /// `PRAGMA application_id`: "QPst".
    private static let application: Int64 = 0x5150_7374
    private static let pageSize: Int64 = 4096

    let path: String
    let pool: DatabasePool
    private let identity: FileIdentity

    /// Opens the file, or makes it.
    /// - Throws: `DatabaseError`, with `isDamage` if the file should be moved aside, or `TelemetryStorageError`.
    init(_ path: String, bounds: TrailDatabase.Bounds) throws {
        // SQLite would make it readable to everybody; its companions get the same mode. Closed again before SQLite
        // opens it: closing any descriptor of a file drops all of the process's locks on it.
        self.identity = FileIdentity(try Self.make(path))
        let isNew = try Self.judge(path, application: Self.application, version: Self.version)
        self.path = path
        self.pool = try DatabasePool(path: path, configuration: Self.configuration(bounds))
        do {
            if isNew { try self.pool.write { try Self.createTables($0) } }
            try self.pool.read { try Self.checkTables($0) }
        } catch {
            try? self.close()
            throw error
        }
    }

    /// Writes everything to the file proper and gives it back.
    func close() throws {
        // Readers first: only a writer that is the last removes the WAL.
        self.pool.releaseMemory()
        try self.pool.close()
    }

    /// Whether the path leads to another file by now, or to none.
    var isGone: Bool { self.identity.isGone(from: self.path) }

    /// Octets on disk, with what is not yet in the file proper.
    var size: Int64 {
        ["", "-wal"].reduce(0) { sum, suffix in
            var status = stat()
            return stat(self.path + suffix, &status) == 0 ? sum &+ Int64(status.st_size) : sum
        }
    }

    /// Whether an error says that the file is not to be trusted any more.
    static func isDamage(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB
    }

    /// What an error of opening means to the operator.
    static func storageError(_ error: any Error, _ path: String) -> TelemetryStorageError {
        if let error = error as? TelemetryStorageError { return error }
        return switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_CANTOPEN: .failing(path: path, reason: self.text(error))
        default: .unusable(path: path, reason: self.text(error))
        }
    }

    /// What went wrong, without the statement.
    static func text(_ error: any Error) -> String {
        guard let error = error as? DatabaseError else { return "\(error)" }
        return "\(error.message ?? "database error") (SQLite \(error.extendedResultCode.rawValue))"
    }

    /// Gives a damaged file another name; of those before, one stays.
    /// - Returns: the new name.
    static func moveAside(_ path: String, now: Int64) throws(TelemetryStorageError) -> String {
        let aside = "\(path).corrupt-\(now / 1_000_000_000)"
        guard rename(path, aside) == 0 else { throw .unusable(path: path, reason: SystemCall.text(errno)) }
        rename("\(path)-wal", "\(aside)-wal")
        unlink("\(path)-shm")

        let folder = FileWork.parent(path)
        let prefix = "\(path.dropFirst(folder.utf8.count + 1)).corrupt-"
        let others = Self.names(in: folder).filter { $0.hasPrefix(prefix) && !$0.hasSuffix("-wal") }.sorted()
        for name in others.dropLast(2) {
            unlink("\(folder)/\(name)")
            unlink("\(folder)/\(name)-wal")
        }
        return aside
    }

    private static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    /// Makes the file for its owner only, if it is not there.
    static func make(_ path: String) throws(TelemetryStorageError) -> stat {
        let file = OwnedDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
        var status = stat()
        guard file.isOpen, fstat(file.number, &status) == 0 else {
            throw .unusable(path: path, reason: SystemCall.text(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unusable(path: path, reason: "not a regular file") }
        if status.st_mode & 0o777 != 0o600, fchmod(file.number, 0o600) != 0 {
            throw .unusable(path: path, reason: SystemCall.text(errno))
        }
        return status
    }

    /// Looks at the file without changing it.
    /// - Returns: whether it is empty.
    static func judge(_ path: String, application known: Int64, version ours: Int64) throws -> Bool {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        let (application, version, isEmpty) = try queue.read { db in
            (
                try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
                try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
                try Int64.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
            )
        }
        if application == 0, version == 0, isEmpty { return true }
        guard application == known else { throw TelemetryStorageError.foreign(path: path) }
        guard version <= ours else { throw TelemetryStorageError.newer(path: path, version: version) }
        return false
    }

    private static func configuration(_ bounds: TrailDatabase.Bounds) -> Configuration {
        var configuration = Configuration()
        configuration.label = "qpserver.trails"
        configuration.busyMode = .timeout(2)
        configuration.maximumReaderCount = 2
        let pages = bounds.ceiling / Self.pageSize
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF")
            guard !db.configuration.readonly else { return }
            // Debian's SQLite overwrites what it frees, which would write every segment twice.
            try db.execute(
                sql: """
                    PRAGMA page_size = \(Self.pageSize);
                    PRAGMA auto_vacuum = INCREMENTAL;
                    PRAGMA secure_delete = FAST;
                    PRAGMA journal_size_limit = 4194304;
                    PRAGMA max_page_count = \(pages);
                    """)
        }
        return configuration
    }

    private static func createTables(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE segment (
                    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                    first_time INTEGER NOT NULL,
                    last_time INTEGER NOT NULL,
                    records INTEGER NOT NULL,
                    octets BLOB NOT NULL
                ) STRICT;
                CREATE INDEX segment_last_time ON segment (last_time);
                CREATE TABLE segment_keys (sequence INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
                CREATE TABLE overlay (
                    kind BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE audit (sequence INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL) STRICT;
                PRAGMA application_id = \(Self.application);
                PRAGMA user_version = \(Self.version);
                """)
    }

    /// Fails with damage if a table or its first page is not there.
    private static func checkTables(_ db: Database) throws {
        for columns in [
            "sequence, first_time, last_time, records, octets FROM segment", "sequence, hashes FROM segment_keys",
            "kind, key, value FROM overlay", "sequence, entry FROM audit",
        ] {
            do {
                _ = try Row.fetchOne(db, sql: "SELECT \(columns) LIMIT 1")
            } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: error.message)
            }
        }
    }
}

/// Which file a path led to.
struct FileIdentity: Sendable {
    private let device: UInt64
    private let inode: UInt64

    init(_ status: stat) {
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
    }

    /// Whether the path leads to another file by now, or to none.
    func isGone(from path: String) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return errno == ENOENT }
        return UInt64(status.st_dev) != self.device || UInt64(status.st_ino) != self.inode
    }
}
