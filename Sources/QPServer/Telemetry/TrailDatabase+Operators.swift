// TrailDatabase+Operators.swift
//
// What operators set while the server runs, and what they did.

import FoundationEssentials
import GRDB
package import QPTelemetry

extension TrailDatabase {
    /// How many rows of the audit are kept.
    package static let auditRows = 10_000

    /// Keeps what an operator set, or forgets it.
    /// - Parameters:
    ///   - kind: what sort of thing it is, as `ban`.
    ///   - key: its name among those.
    ///   - value: what to read back after a restart; `nil` removes it. At most 16 MiB.
    /// - Returns: whether it will survive a restart.
    @discardableResult
    package func setOverlay(_ kind: String, _ key: String, _ value: [UInt8]?) -> Bool {
        let largest = max(kind.utf8.count, key.utf8.count, value?.count ?? 0)
        guard largest <= Segment.largest else {
            self.failed("overlay", "a value is too large")
            return false
        }
        // Octets, because GRDB ends texts at a NUL.
        let name: [Data] = [Data(kind.utf8), Data(key.utf8)]
        return self.write("overlay") { db in
            if let value {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO overlay (kind, key, value) VALUES (?, ?, ?)",
                    arguments: StatementArguments(name + [Data(value)]))
            } else {
                try db.execute(
                    sql: "DELETE FROM overlay WHERE kind = ? AND key = ?", arguments: StatementArguments(name))
            }
        }
    }

    /// What operators set, in the order of the keys' octets.
    package func overlay(_ kind: String) -> [(key: String, value: [UInt8])] {
        self.read("overlay", []) { db in
            var entries: [(key: String, value: [UInt8])] = []
            let rows = try Row.fetchCursor(
                db, sql: "SELECT key, value FROM overlay WHERE kind = ? ORDER BY key",
                arguments: [Data(kind.utf8)])
            while let row = try rows.next() {
                let key = try row.withUnsafeData(atIndex: 0) { String(decoding: $0 ?? Data(), as: UTF8.self) }
                entries.append((key, try row.withUnsafeData(atIndex: 1) { $0.map { [UInt8]($0) } ?? [] }))
            }
            return entries
        }
    }

    /// Keeps a record of what an operator did; the oldest go.
    package func appendAudit(_ row: AuditRow) {
        self.write("audit") { db in
            let entry = String(decoding: try JSONEncoder().encode(row), as: UTF8.self)
            try db.execute(sql: "INSERT INTO audit (entry) VALUES (?)", arguments: [entry])
            try db.execute(
                sql: "DELETE FROM audit WHERE sequence <= ?", arguments: [db.lastInsertedRowID - Int64(Self.auditRows)])
        }
    }

    /// What operators did, newest first.
    package func audit(limit: Int) -> [AuditRow] {
        guard limit > 0 else { return [] }
        return self.read("audit", []) { db in
            let decoder = JSONDecoder()
            var entries: [AuditRow] = []
            let rows = try Row.fetchCursor(
                db, sql: "SELECT entry FROM audit ORDER BY sequence DESC LIMIT ?", arguments: [limit])
            while let row = try rows.next() {
                // One that cannot be read, of another version perhaps, must not hide the others.
                let entry = try row.withUnsafeData(atIndex: 0) { text in
                    try? decoder.decode(AuditRow.self, from: text ?? Data())
                }
                if let entry { entries.append(entry) }
            }
            return entries
        }
    }
}
