// TrailPruningTests.swift
//
// What is too old or too much goes, and the file gets smaller.

import Testing

@testable import QPServer

@Suite struct TrailPruningTests {
    let kit = TrailKit()

    private var fileSize: Int { TrailKit.status(self.kit.file)?.size ?? -1 }

    @Test func byAge() throws {
        let database = try self.kit.open(age: .seconds(3600))
        let now = self.kit.now
        database.append((0..<600).map { .sample($0, octets: 3000, at: now - 2 * 3600 * second) })
        // Its last record is exactly an hour old.
        database.append([.sample(1, at: now - 3601 * second), .sample(2, at: now)])
        database.prune(now: now)
        #expect(database.newest(limit: 1000).map(\.sequence) == [602, 601])
        #expect(self.fileSize < 100_000)
        #expect(database.size < 110_000)
        database.prune(now: now + 1)
        #expect(database.newest(limit: 1000).map(\.sequence) == [602])
        database.prune(now: .max)
        #expect(database.newest(limit: 1000) == [])
        #expect(database.holding(key: 5, limit: 10) == [])
        #expect(self.kit.texts == [])
    }

    @Test(arguments: [Duration.seconds(Int64.max), .zero, .seconds(-5)])
    func anyAgeAndTime(_ age: Duration) throws {
        let database = try self.kit.open(age: age)
        database.append([.sample(1)])
        for now in [Int64.min, 0, .max] { database.prune(now: now) }
        #expect(self.kit.texts == [])
    }

    @Test func byOctets() throws {
        let database = try self.kit.open(octets: 1 << 20)
        let now = self.kit.now
        for number in 0..<20 { database.append([.sample(Int64(number), octets: 60_000, at: now)]) }
        #expect(self.fileSize + Int(database.size) > 1 << 20)
        database.prune(now: now)
        let kept = database.newest(limit: 100).map(\.sequence)
        #expect(kept.first == 20)
        #expect(kept.last == Int64(20 - kept.count + 1))
        #expect((14...17).contains(kept.count), "\(kept.count)")
        #expect(self.fileSize <= 1 << 20)
        #expect(self.fileSize > 900_000)
        #expect(database.size < (1 << 20) + 10_000)
        database.prune(now: now)
        #expect(database.newest(limit: 100).map(\.sequence) == kept)
        #expect(database.dropped == 0)
    }

    @Test func theCeilingHoldsWithoutPruning() throws {
        let database = try self.kit.open(octets: 1 << 20)
        for number in 0..<100 { database.append([.sample(Int64(number), octets: 60_000)]) }
        #expect(database.dropped == 0)
        #expect(database.newest(limit: 3).map(\.sequence) == [100, 99, 98])
        #expect(self.fileSize <= (1 << 20) + (1 << 18))
        #expect(self.kit.texts == [])
    }

    @Test func aSmallerBoundAfterARestart() throws {
        var database = try self.kit.open(octets: 1 << 22)
        for number in 0..<50 { database.append([.sample(Int64(number), octets: 60_000)]) }
        database.close()
        database = try self.kit.open(octets: 1 << 20)
        database.append([.sample(1, octets: 60_000, at: self.kit.now)])
        database.prune(now: 0)
        #expect(self.fileSize <= 1 << 20)
        #expect(database.newest(limit: 1).map(\.sequence) == [51])
        #expect(database.dropped == 0)
    }
}
