// TrailDatabaseTests.swift
//
// What is kept comes back: segments, what operators set, what they did.

import QPTelemetry
import Testing

@testable import QPServer

@Suite struct TrailDatabaseTests {
    let kit = TrailKit()

    @Test func roundTrip() throws {
        let database = try self.kit.open()
        var first = TrailDatabase.Segment.sample(1, octets: 300_000, keys: [0, 1 << 63, .max])
        var second = TrailDatabase.Segment(
            sequence: 99, firstTime: .min, lastTime: .max, records: 0, octets: [], keys: [])
        database.append([first, second])
        (first.sequence, second.sequence) = (1, 2)
        #expect(database.newest(limit: 10) == [second, first])
        #expect(database.size > 300_000)
        #expect(database.dropped == 0)
        #expect(database.lastError == nil)
        #expect(self.kit.texts == [])
    }

    @Test func filesAreTheOwnersOnly() throws {
        let database = try self.kit.open()
        database.append([.sample(1)])
        #expect(TrailKit.status(self.kit.folder("state"))?.mode == 0o700)
        for name in ScratchFolder.names(of: self.kit.folder("state")) ?? [] {
            #expect(TrailKit.status(self.kit.folder("state/\(name)"))?.mode == 0o600, "\(name)")
        }
        #expect(try self.kit.number("PRAGMA auto_vacuum") == 2)
    }

    @Test(arguments: [
        (Int64?.none, 3, [10, 9, 8] as [Int64]), (4, 10, [3, 2, 1]), (4, 2, [3, 2]), (1, 5, []), (nil, 0, []),
        (nil, -1, []), (.min, 5, []), (.max, 1, [10]),
    ])
    func newest(_ before: Int64?, _ limit: Int, _ expected: [Int64]) throws {
        let database = try self.kit.open()
        for number in 1...10 { database.append([.sample(Int64(number))]) }
        #expect(database.newest(before: before, limit: limit).map(\.sequence) == expected)
    }

    @Test(arguments: [
        (Int64(0), 10, [5, 4, 3, 2, 1] as [Int64]), (4 * second, 10, [5, 4, 3]), (6 * second, 10, [5]),
        (6 * second + 1, 10, []), (0, 2, [5, 4]),
    ])
    func since(_ time: Int64, _ limit: Int, _ expected: [Int64]) throws {
        let database = try self.kit.open()
        database.append((1...5).map { .sample($0, at: $0 * second) })
        #expect(database.since(time, limit: limit).map(\.sequence) == expected)
    }

    @Test(arguments: [
        (UInt64(7), 10, Int64?.none, [9, 6, 3] as [Int64]), (7, 2, nil, [9, 6]), (7, 10, 9, [6, 3]), (7, 10, 3, []),
        (0, 10, nil, [1]), (.max, 10, nil, [2]), (8, 10, nil, []), (7, 0, nil, []), (7, -1, nil, []), (13, 5, nil, [4]),
    ])
    func holding(_ key: UInt64, _ limit: Int, _ before: Int64?, _ expected: [Int64]) throws {
        let database = try self.kit.open()
        let keys: [[UInt64]] = [[0, 5], [5, .max], [5, 7, 9], [90, 13, 44], [], [7], [5, 6], [9], [7, 7]]
        database.append(keys.enumerated().map { .sample(Int64($0.offset), keys: $0.element) })
        #expect(database.holding(key: key, limit: limit, before: before).map(\.sequence) == expected)
    }

    @Test func everyKeyOfManyIsFound() throws {
        let database = try self.kit.open()
        let keys = (0..<1000).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }
        database.append([.sample(1, keys: keys.sorted()), .sample(2)])
        for key in keys { #expect(database.holding(key: key, limit: 5).map(\.sequence) == [1]) }
        #expect(database.holding(key: 12345, limit: 5) == [])
    }

    @Test func survivesARestart() throws {
        var database = try self.kit.open()
        database.append([.sample(1), .sample(2)])
        database.setOverlay("ban", "192.0.2.0/24", [1, 2])
        database.appendAudit(self.audit(1))
        database.close()
        database.close()
        #expect(database.newest(limit: 5) == [])
        #expect(ScratchFolder.names(of: self.kit.folder("state")) == ["qpserver.lock", "qpserver.sqlite"])

        database = try self.kit.open()
        #expect(database.newest(limit: 5).map(\.sequence) == [2, 1])
        #expect(database.overlay("ban").map(\.key) == ["192.0.2.0/24"])
        #expect(database.audit(limit: 5) == [self.audit(1)])
        database.prune(now: self.kit.now + 100 * day)
        database.append([.sample(3)])
        #expect(database.newest(limit: 5).map(\.sequence) == [3])
        #expect(self.kit.texts == [])
    }

    @Test func overlay() throws {
        let database = try self.kit.open()
        #expect(database.setOverlay("ban", "b", [2]))
        #expect(database.setOverlay("ban", "a\0x", [1]))
        #expect(database.setOverlay("ban", "a\0y", []))
        #expect(database.setOverlay("plugin", "b", Array(repeating: 7, count: 100_000)))
        #expect(database.setOverlay("ban", "b", [3]))
        #expect(database.setOverlay("ban", "nobody", nil))
        #expect(database.overlay("ban").map(\.key) == ["a\0x", "a\0y", "b"])
        #expect(database.overlay("ban").map(\.value) == [[1], [], [3]])
        #expect(database.setOverlay("ban", "b", nil))
        #expect(database.overlay("ban").map(\.key) == ["a\0x", "a\0y"])
        #expect(database.overlay("plugin").map(\.value.count) == [100_000])
        #expect(database.overlay("none").isEmpty)
        #expect(!database.setOverlay("ban", "large", Array(repeating: 0, count: (16 << 20) + 1)))
    }

    @Test func auditIsBounded() throws {
        let database = try self.kit.open()
        for number in 1...2 { database.appendAudit(self.audit(number)) }
        database.close()
        try self.kit.sql(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
            INSERT INTO audit (entry) SELECT '{"no":"row"}' FROM n
            """)
        let again = try self.kit.open()
        for number in 3...4 { again.appendAudit(self.audit(number)) }
        #expect(again.audit(limit: 20_000) == [self.audit(4), self.audit(3)])
        #expect(again.audit(limit: 1) == [self.audit(4)])
        #expect(again.audit(limit: -1) == [])
        again.close()
        #expect(try self.kit.number("SELECT count(*) FROM audit") == 10_000)
        #expect(try self.kit.number("SELECT min(sequence) FROM audit") == 5)
    }

    private func audit(_ number: Int) -> AuditRow {
        AuditRow(
            time: 1_795_435_200.25 + Double(number), by: "ann", role: "admin", source: "127.0.0.1", action: "ban",
            subject: "192.0.2.\(number)/32 \0\u{1B}[1m'\"é", result: "done")
    }
}
