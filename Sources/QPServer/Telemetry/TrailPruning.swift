// TrailPruning.swift
//
// What is too old or too much goes, and its space with it.

import GRDB

extension TrailDatabase {
    /// Enforces both bounds, oldest first, and gives the space back. Now and then, a minute apart say.
    /// - Parameter now: nanoseconds since 1970.
    package func prune(now: Int64) {
        self.renewIfGone()
        let oldest = self.bounds.oldest(now)
        self.repeatedly { try TrailPruning.byAge($0, before: oldest) }
        self.repeatedly { try TrailPruning.byOctets($0, bound: self.bounds.octets) }
        self.repeatedly { try TrailPruning.giveBack($0) }
        self.withFile("pruning trails") { file in
            do {
                _ = try file.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                // Somebody reads: the next time will do.
            }
        }
    }

    /// In small transactions, so that others get their turn.
    private func repeatedly(_ step: (Database) throws -> Bool) {
        var isUnfinished = true
        while isUnfinished, self.write("pruning trails", { isUnfinished = try step($0) }) {}
    }
}

/// Steps of pruning: each does some of the work and says whether it did any.
enum TrailPruning {
    private static let batch = 256

    /// Removes segments whose last record is older than a time.
    static func byAge(_ db: Database, before time: Int64) throws -> Bool {
        try self.remove(
            db,
            try Int64.fetchAll(
                db, sql: "SELECT sequence FROM segment WHERE last_time < ? ORDER BY sequence LIMIT ?",
                arguments: [time, self.batch]))
    }

    /// Removes the oldest segments while the pages in use are too many.
    static func byOctets(_ db: Database, bound: Int64) throws -> Bool {
        let pages = try self.number(db, "page_count") - self.number(db, "freelist_count")
        var excess = try pages * self.number(db, "page_size") - bound
        guard excess > 0 else { return false }
        var sequences: [Int64] = []
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT sequence, length(octets) + ifnull(length(hashes), 0)
                FROM segment LEFT JOIN segment_keys USING (sequence) ORDER BY sequence LIMIT ?
                """, arguments: [self.batch])
        while excess > 0, let row = try rows.next() {
            sequences.append(TrailDatabase.Segment.integer(row, 0))
            excess -= TrailDatabase.Segment.integer(row, 1)
        }
        return try self.remove(db, sequences)
    }

    /// Returns free pages to the file system.
    static func giveBack(_ db: Database) throws -> Bool {
        guard try self.number(db, "freelist_count") > 0 else { return false }
        try db.execute(sql: "PRAGMA incremental_vacuum(1024)")
        return true
    }

    private static func remove(_ db: Database, _ sequences: [Int64]) throws -> Bool {
        for sequence in sequences {
            try db.cachedStatement(sql: "DELETE FROM segment WHERE sequence = ?").execute(arguments: [sequence])
            try db.cachedStatement(sql: "DELETE FROM segment_keys WHERE sequence = ?").execute(arguments: [sequence])
        }
        return !sequences.isEmpty
    }

    private static func number(_ db: Database, _ pragma: String) throws -> Int64 {
        try Int64.fetchOne(db, sql: "PRAGMA \(pragma)") ?? 0
    }
}
