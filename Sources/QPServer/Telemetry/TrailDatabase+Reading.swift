// TrailDatabase+Reading.swift
//
// Segments, by age and by what is in them.

import GRDB

extension TrailDatabase {
    /// The newest segments, newest first, of those before a sequence number.
    package func newest(before sequence: Int64? = nil, limit: Int) -> [Segment] {
        self.segments(where: "segment.sequence < ?", [sequence ?? .max], limit)
    }

    /// Segments whose last record is of a time (nanoseconds since 1970) or later, newest first.
    package func since(_ time: Int64, limit: Int) -> [Segment] {
        self.segments(where: "last_time >= ?", [time], limit)
    }

    /// Segments with a hash among their keys, newest first, of those before a sequence number. Of the others only the
    /// keys are read.
    package func holding(key: UInt64, limit: Int, before: Int64? = nil) -> [Segment] {
        guard limit > 0 else { return [] }
        return self.read("trails", []) { db in
            var found: [Segment] = []
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: "SELECT sequence, hashes FROM segment_keys WHERE sequence < ? ORDER BY sequence DESC"),
                arguments: [before ?? .max])
            while found.count < limit, let row = try rows.next() {
                let isHere = try row.withUnsafeData(atIndex: 1) { $0.map { SegmentKeys.contains(key, $0) } ?? false }
                guard isHere else { continue }
                let sequence = Segment.integer(row, 0)
                found += try Self.fetch(db, where: "segment.sequence = ?", [sequence], 1)
            }
            return found
        }
    }

    private func segments(where condition: String, _ arguments: StatementArguments, _ limit: Int) -> [Segment] {
        guard limit > 0 else { return [] }
        return self.read("trails", []) { try Self.fetch($0, where: condition, arguments, limit) }
    }

    private static func fetch(
        _ db: Database, where condition: String, _ arguments: StatementArguments, _ limit: Int
    ) throws -> [Segment] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(Segment.columns) FROM segment LEFT JOIN segment_keys USING (sequence)
                WHERE \(condition) ORDER BY segment.sequence DESC LIMIT ?
                """)
        var segments: [Segment] = []
        let rows = try Row.fetchCursor(statement, arguments: arguments + [limit])
        while let row = try rows.next() { segments.append(try Segment(row)) }
        return segments
    }
}
