// TrailSegment.swift
//
// A batch of session records, and the hashes by which it is found.

import FoundationEssentials
import GRDB

extension TrailDatabase {
    /// One batch of records of sessions; the database does not look into them.
    package struct Segment: Sendable, Hashable {
        /// Given by the database, ascending; what a new segment says is ignored.
        package var sequence: Int64
        /// Nanoseconds since 1970, of the first and of the last record.
        package var firstTime: Int64
        package var lastTime: Int64
        /// How many records there are.
        package var records: Int
        /// The records: at most 16 MiB.
        package var octets: [UInt8]
        /// Hashes of all that the segment can be found by, ascending.
        package var keys: [UInt64]

        /// A segment to append.
        package init(
            sequence: Int64 = 0, firstTime: Int64, lastTime: Int64, records: Int, octets: [UInt8], keys: [UInt64]
        ) {
            self.sequence = sequence
            self.firstTime = firstTime
            self.lastTime = lastTime
            self.records = records
            self.octets = octets
            self.keys = keys
        }

        static let largest = 16 << 20

        /// More would stop SQLite's and our own arithmetic from being safe.
        var isTooLarge: Bool { self.octets.count > Self.largest || self.keys.count > Self.largest / 8 }
    }
}

extension TrailDatabase.Segment {
    static let columns = "segment.sequence, first_time, last_time, records, octets, hashes"

    /// A row of these columns.
    init(_ row: Row) throws {
        self.init(
            sequence: Self.integer(row, 0), firstTime: Self.integer(row, 1), lastTime: Self.integer(row, 2),
            records: Int(clamping: Self.integer(row, 3)),
            octets: try row.withUnsafeData(atIndex: 4) { $0.map { [UInt8]($0) } ?? [] },
            keys: try row.withUnsafeData(atIndex: 5) { $0.map { SegmentKeys.read($0) } ?? [] })
    }

    /// GRDB's own conversions trap on what is no number.
    static func integer(_ row: Row, _ index: Int) -> Int64 {
        let value: DatabaseValue = row[index]
        return Int64.fromDatabaseValue(value) ?? 0
    }

    func insert(_ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT INTO segment (first_time, last_time, records, octets) VALUES (?, ?, ?, ?)")
        try self.octets.withUnsafeBytes { bytes in
            // SQLite makes a copy of its own.
            let data = bytes.baseAddress.map {
                Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: $0), count: bytes.count, deallocator: .none)
            }
            try statement.execute(arguments: [self.firstTime, self.lastTime, self.records, data ?? Data()])
            // The statement would go on to refer to the octets.
            statement.setUncheckedArguments(StatementArguments())
        }
        try db.cachedStatement(
            sql: "INSERT INTO segment_keys (sequence, hashes) VALUES (?, ?)"
        ).execute(arguments: [db.lastInsertedRowID, SegmentKeys.write(self.keys)])
    }
}

/// Sorted hashes as octets: eight each, the lowest first.
enum SegmentKeys {
    static func write(_ hashes: [UInt64]) -> Data {
        let isSorted = zip(hashes, hashes.dropFirst()).allSatisfy { $0 <= $1 }
        return (isSorted ? hashes : hashes.sorted()).map { $0.littleEndian }.withUnsafeBytes { Data($0) }
    }

    static func read(_ octets: Data) -> [UInt64] {
        octets.withUnsafeBytes { bytes in (0..<bytes.count / 8).map { self.hash(bytes, $0) } }
    }

    static func contains(_ hash: UInt64, _ octets: Data) -> Bool {
        octets.withUnsafeBytes { bytes in
            var low = 0
            var high = bytes.count / 8
            while low < high {
                let middle = (low + high) / 2
                let found = self.hash(bytes, middle)
                if found == hash { return true }
                if found < hash { low = middle + 1 } else { high = middle }
            }
            return false
        }
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
}
