// StoreFile.swift
//
// The SQLite file of plugins' values: opened, made, read, written, pruned.

import FoundationEssentials
import GRDB
import Glibc

/// An open file. Calls block on the disk.
struct StoreFile: Sendable {
    /// How much may be kept.
    struct Bounds: Sendable, Hashable {
        /// Entries of all namespaces.
        var entries = 1_000_000
        /// Octets of pages that hold something.
        var octets: Int64 = 256 << 20
        /// Seconds for which another program may hold the file.
        var patience: Double = 2
    }

    /// `PRAGMA user_version` of what this version writes.
    static let version: Int64 = 1
    /// `PRAGMA application_id`: "QPkv".
    private static let application: Int64 = 0x5150_6B76
    private static let pageSize: Int64 = 4096
    private static let batch = 256

    let path: String
    private let queue: DatabaseQueue
    private let identity: FileIdentity

    /// Opens the file, or makes it.
    /// - Throws: `DatabaseError`, with `TrailFile.isDamage` if the file should be moved aside, or
    ///   `TelemetryStorageError`.
    init(_ path: String, bounds: Bounds) throws {
        self.identity = FileIdentity(try TrailFile.make(path))
        let isNew = try TrailFile.judge(path, application: Self.application, version: Self.version)
        self.path = path
        self.queue = try DatabaseQueue(path: path, configuration: Self.configuration(bounds))
        do {
            try self.queue.write { db in
                if isNew { try Self.createTable(db) }
                try Self.checkTable(db)
            }
        } catch {
            try? self.close()
            throw error
        }
    }

    /// Writes everything to the file proper and gives it back.
    func close() throws { try self.queue.close() }

    /// Whether the path leads to another file by now, or to none.
    var isGone: Bool { self.identity.isGone(from: self.path) }

    // MARK: Work

    /// Does all of the work, in order and in one transaction, or nothing.
    func perform(_ works: [StoreWork], now: Int64) throws -> [StoreOutcome] {
        let body = { (db: Database) in try works.map { try Self.perform($0, db, now) } }
        return works.contains(where: \.isWrite)
            ? try self.queue.write(body) : try self.queue.writeWithoutTransaction(body)
    }

    private static func perform(_ work: StoreWork, _ db: Database, _ now: Int64) throws -> StoreOutcome {
        switch work {
        case .value(let key):
            return .value(try self.value(key, db, now))
        case .set(let key, let value, let end):
            try self.put(key, value, end, db)
            return .done
        case .remove(let key):
            try db.cachedStatement(sql: "DELETE FROM entry WHERE namespace = ? AND key = ?")
                .execute(arguments: [self.octets(key.namespace), self.octets(key.name)])
            return .done
        case .add(let key, let amount, let end):
            let old = try self.value(key, db, now).flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
            let (sum, overflow) = old.addingReportingOverflow(amount)
            let total = overflow ? (amount < 0 ? .min : .max) : sum
            try self.put(key, Array(String(total).utf8), end, db)
            return .sum(total)
        }
    }

    private static func value(_ key: StoreKey, _ db: Database, _ now: Int64) throws -> [UInt8]? {
        let statement = try db.cachedStatement(
            sql: "SELECT value FROM entry WHERE namespace = ? AND key = ? AND (ends IS NULL OR ends > ?)")
        let row = try Row.fetchOne(
            statement, arguments: [self.octets(key.namespace), self.octets(key.name), now])
        return try row?.withUnsafeData(atIndex: 0) { $0.map { [UInt8]($0) } ?? [] }
    }

    /// A replaced entry gets a new number: numbers are the order of writes.
    private static func put(_ key: StoreKey, _ value: [UInt8], _ end: Int64?, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO entry (namespace, key, value, ends) VALUES (?, ?, ?, ?)")
            .execute(arguments: [self.octets(key.namespace), self.octets(key.name), Data(value), end])
    }

    /// SQLite's texts would end at a NUL.
    private static func octets(_ text: String) -> Data { Data(text.utf8) }

    // MARK: Pruning

    /// How many entries are too many. Looks at all of them only if there may be too many.
    func excess(_ bounds: Bounds) throws -> Int {
        try self.queue.read { db in
            let span = try Self.number(
                db, "SELECT ifnull(max(sequence), 0) - ifnull(min(sequence), 0) + 1 FROM entry")
            guard span > bounds.entries else { return 0 }
            return try max(0, Int(clamping: Self.number(db, "SELECT count(*) FROM entry")) - bounds.entries)
        }
    }

    /// Removes some entries that have ended.
    /// - Returns: whether there were any.
    func removeEnded(now: Int64) throws -> Bool {
        try self.queue.write { db in
            try db.execute(
                sql: """
                    DELETE FROM entry WHERE sequence IN
                    (SELECT sequence FROM entry WHERE ends <= ? ORDER BY ends LIMIT ?)
                    """, arguments: [now, Self.batch])
            return db.changesCount > 0
        }
    }

    /// Removes some entries that were written longest ago.
    /// - Returns: how many.
    func removeOldest(_ count: Int) throws -> Int {
        guard count > 0 else { return 0 }
        return try self.queue.write { db in
            try db.execute(
                sql: "DELETE FROM entry WHERE sequence IN (SELECT sequence FROM entry ORDER BY sequence LIMIT ?)",
                arguments: [min(count, Self.batch)])
            return db.changesCount
        }
    }

    /// Removes some of the oldest entries while the pages in use are too many.
    /// - Returns: whether there were any.
    func removeOctets(_ bounds: Bounds) throws -> Bool {
        try self.queue.write { db in
            let pages = try Self.number(db, "PRAGMA page_count") - Self.number(db, "PRAGMA freelist_count")
            var excess = pages * Self.pageSize - bounds.octets
            guard excess > 0 else { return false }
            var last: Int64?
            let rows = try Row.fetchCursor(
                db,
                sql: "SELECT sequence, length(key) + length(value) + 64 FROM entry ORDER BY sequence LIMIT ?",
                arguments: [Self.batch])
            while excess > 0, let row = try rows.next() {
                last = TrailDatabase.Segment.integer(row, 0)
                excess -= TrailDatabase.Segment.integer(row, 1)
            }
            guard let last else { return false }
            try db.execute(sql: "DELETE FROM entry WHERE sequence <= ?", arguments: [last])
            return db.changesCount > 0
        }
    }

    /// Returns some free pages to the file system, if there are many.
    /// - Returns: whether there were.
    func giveBack() throws -> Bool {
        try self.queue.write { db in
            guard try Self.number(db, "PRAGMA freelist_count") > 1024 else { return false }
            try db.execute(sql: "PRAGMA incremental_vacuum(256)")
            return true
        }
    }

    /// Entries, also those that have ended.
    func count() throws -> Int {
        try self.queue.read { Int(clamping: try Self.number($0, "SELECT count(*) FROM entry")) }
    }

    private static func number(_ db: Database, _ sql: String) throws -> Int64 {
        try Row.fetchOne(db, sql: sql).map { TrailDatabase.Segment.integer($0, 0) } ?? 0
    }

    // MARK: The file

    private static func configuration(_ bounds: Bounds) -> Configuration {
        var configuration = Configuration()
        configuration.label = "qpserver.plugins"
        configuration.busyMode = .timeout(bounds.patience)
        configuration.journalMode = .wal
        // Pruning comes after the fact: a sixteenth more than is kept.
        let pages = bounds.octets / Self.pageSize
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA cell_size_check = ON;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA page_size = \(Self.pageSize);
                    PRAGMA auto_vacuum = INCREMENTAL;
                    PRAGMA secure_delete = FAST;
                    PRAGMA synchronous = NORMAL;
                    PRAGMA journal_size_limit = 4194304;
                    PRAGMA max_page_count = \(pages + pages / 16 + 64);
                    """)
        }
        return configuration
    }

    private static func createTable(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE entry (
                    sequence INTEGER PRIMARY KEY,
                    namespace BLOB NOT NULL,
                    key BLOB NOT NULL,
                    value BLOB NOT NULL,
                    ends INTEGER,
                    UNIQUE (namespace, key)
                ) STRICT;
                CREATE INDEX entry_ends ON entry (ends) WHERE ends IS NOT NULL;
                PRAGMA application_id = \(Self.application);
                PRAGMA user_version = \(Self.version);
                """)
    }

    /// Fails with damage if the table or its first page is not there.
    private static func checkTable(_ db: Database) throws {
        do {
            _ = try Row.fetchOne(db, sql: "SELECT sequence, namespace, key, value, ends FROM entry LIMIT 1")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: error.message)
        }
    }
}
