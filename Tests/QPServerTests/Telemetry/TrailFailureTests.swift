// TrailFailureTests.swift
//
// Files that are damaged, full, foreign, in use or gone: the server goes on.

import Glibc
import Testing

@testable import QPServer

@Suite struct TrailFailureTests {
    let kit = TrailKit()

    struct Unusable: CustomTestStringConvertible {
        let testDescription: String
        let error: String
        let prepare: @Sendable (TrailKit) throws -> Void
    }

    static func closed(_ kit: TrailKit, _ statements: String) throws {
        try kit.open().close()
        try kit.sql(statements)
    }

    @Test(arguments: [
        Unusable(testDescription: "a file where the folder should be", error: "Not a directory") {
            $0.folder.write("state", "x")
        },
        Unusable(testDescription: "a folder where the file should be", error: "Is a directory") {
            try FileWork.makeDirectory($0.file, mode: 0o700)
        },
        Unusable(testDescription: "a link", error: "symbolic links") { kit in
            try FileWork.makeDirectory(kit.folder("state"), mode: 0o700)
            symlink("/nonexistent", kit.file)
        },
        Unusable(testDescription: "a pipe", error: "not a regular file") { kit in
            try FileWork.makeDirectory(kit.folder("state"), mode: 0o700)
            mkfifo(kit.file, 0o600)
        },
        Unusable(testDescription: "another program's", error: "a database of another program") { kit in
            try FileWork.makeDirectory(kit.folder("state"), mode: 0o700)
            try kit.sql("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)")
        },
        Unusable(testDescription: "a later version's", error: "later version of qpserver (format 9") {
            try Self.closed($0, "PRAGMA user_version = 9")
        },
    ])
    func refuses(_ row: Unusable) throws {
        try row.prepare(self.kit)
        let error = #expect(throws: TelemetryStorageError.self) { try self.kit.open() }
        #expect(error?.description.contains(row.error) == true, "\(String(describing: error))")
        #expect(self.kit.texts == [])
    }

    @Test func whatIsForeignStaysAsItWas() throws {
        try FileWork.makeDirectory(self.kit.folder("state"), mode: 0o700)
        try self.kit.sql("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)")
        let before = try FileWork.read(self.kit.file, limit: 1 << 20)
        _ = #expect(throws: TelemetryStorageError.foreign(path: self.kit.file)) { try self.kit.open() }
        #expect(try FileWork.read(self.kit.file, limit: 1 << 20) == before)
    }

    @Test func onlyOneOpens() throws {
        let database = try self.kit.open()
        let error = #expect(throws: TelemetryStorageError.self) { try self.kit.open() }
        #expect(error == .inUse(path: self.kit.folder("state/qpserver.lock"), process: getpid()))
        #expect(error?.description.hasSuffix("in use by another process (\(getpid()))") == true)
        database.append([.sample(1)])
        database.close()
        #expect(try self.kit.open().newest(limit: 1).count == 1)
    }

    struct Damage: CustomTestStringConvertible {
        let testDescription: String
        let apply: @Sendable (TrailKit) throws -> Void
    }

    @Test(arguments: [
        Damage(testDescription: "no database") { $0.damage(at: 0, count: 4096) },
        Damage(testDescription: "cut") { truncate($0.file, 5000) },
        Damage(testDescription: "a page of the schema") { $0.damage(at: 100, count: 3000) },
        Damage(testDescription: "a table is missing") { try $0.sql("DROP TABLE audit") },
    ])
    func aDamagedFileIsMovedAside(_ damage: Damage) throws {
        var database = try self.kit.open()
        database.append([.sample(1, octets: 100_000)])
        database.close()
        try damage.apply(self.kit)

        database = try self.kit.open()
        #expect(database.newest(limit: 5) == [])
        database.append([.sample(2)])
        #expect(database.newest(limit: 5).map(\.sequence) == [1])
        let aside = "\(self.kit.file).corrupt-\(self.kit.now / second)"
        #expect(self.kit.texts.count == 1)
        #expect(self.kit.texts.first?.hasSuffix("; moved to \(aside)") == true, "\(self.kit.texts)")
        #expect(TrailKit.status(aside)?.mode == 0o600)
    }

    @Test func ofDamagedFilesTwoStay() throws {
        for _ in 0..<4 {
            try self.kit.open().close()
            self.kit.damage(at: 0, count: 4096)
            self.kit.pass(seconds: 1)
        }
        try self.kit.open().close()
        let now = self.kit.now / second
        #expect(
            ScratchFolder.names(of: self.kit.folder("state")) == [
                "qpserver.lock", "qpserver.sqlite", "qpserver.sqlite.corrupt-\(now - 1)",
                "qpserver.sqlite.corrupt-\(now)",
            ])
    }

    /// Damages all pages behind the first two of an open database, whose WAL is empty.
    private func damageWhileOpen(_ database: TrailDatabase) {
        database.append((1...20).map { .sample($0, octets: 100, at: self.kit.now) })
        database.append((1...20).map { .sample($0, octets: 10_000, at: self.kit.now) })
        database.prune(now: self.kit.now)
        self.kit.damage(at: 8192, count: (TrailKit.status(self.kit.file)?.size ?? 0) - 8192)
    }

    @Test func damageIsFoundByAReader() throws {
        let database = try self.kit.open()
        self.damageWhileOpen(database)
        #expect(database.newest(limit: 100) == [])
        #expect(self.kit.texts.count == 1)
        database.append([.sample(1)])
        #expect(database.newest(limit: 100).map(\.sequence) == [1])
        #expect(self.kit.texts.count == 2)
        #expect(self.kit.texts.last?.contains("; moved to ") == true, "\(self.kit.texts)")
        #expect(database.dropped == 0)
    }

    @Test func damageAgainWaitsAMinute() throws {
        let database = try self.kit.open()
        self.damageWhileOpen(database)
        #expect(database.newest(limit: 100) == [])
        database.append([.sample(1)])
        #expect(database.dropped == 0)
        self.damageWhileOpen(database)
        #expect(database.newest(limit: 100) == [])
        database.append([.sample(1), .sample(2)])
        #expect(database.dropped == 2)
        #expect(database.size == 0)
        self.kit.pass(seconds: 60)
        database.append([.sample(3)])
        #expect(database.newest(limit: 100).count == 1)
        #expect(database.dropped == 2)
    }

    @Test func aFullDiskCostsSegmentsOnly() throws {
        let database = try self.kit.open(octets: 1 << 20)
        database.append([.sample(1)])
        let large = TrailDatabase.Segment.sample(2, octets: 2 << 20)
        for _ in 0..<3 { database.append([.sample(2), large]) }
        #expect(database.dropped == 6)
        #expect(database.lastError?.text.contains("full") == true)
        #expect(database.lastError?.at == self.kit.now)
        #expect(self.kit.texts == ["trails: database or disk is full (SQLite 13); 2 segments lost so far"])

        self.kit.pass(seconds: 59)
        database.append([large])
        #expect(self.kit.texts.count == 1)
        self.kit.pass(seconds: 1)
        database.append([large])
        #expect(self.kit.texts.last == "trails: database or disk is full (SQLite 13); 8 segments lost so far")
        #expect(self.kit.texts.count == 2)
        // A clock that is put back does not silence reports.
        self.kit.pass(seconds: -1000)
        database.append([large])
        #expect(self.kit.texts.count == 3)

        database.append([.sample(3)])
        #expect(database.newest(limit: 5).map(\.keys.first) == [3, 1])
        #expect(database.dropped == 9)
    }

    @Test func segmentsThatAreTooLargeAreDroppedAlone() throws {
        let database = try self.kit.open()
        let large = TrailDatabase.Segment(
            firstTime: 0, lastTime: 0, records: 1, octets: Array(repeating: 0, count: (16 << 20) + 1), keys: [])
        database.append([.sample(1), large, .sample(2)])
        #expect(database.newest(limit: 5).map(\.sequence) == [2, 1])
        #expect(database.dropped == 1)
        #expect(self.kit.texts == ["trails: a segment is too large; 1 segments lost so far"])
    }

    @Test func anErrorThatIsNotMendedIsReported() throws {
        let database = try self.kit.open()
        try self.kit.sql("DROP TABLE segment_keys")
        database.append([.sample(1)])
        #expect(database.dropped == 1)
        #expect(database.holding(key: 1, limit: 1) == [])
        #expect(self.kit.texts.count == 1)
        #expect(database.setOverlay("ban", "a", [1]))
    }

    @Test func aFileThatIsRemovedIsBegunAgain() throws {
        let database = try self.kit.open()
        database.append([.sample(1)])
        for name in ["qpserver.sqlite", "qpserver.sqlite-wal", "qpserver.sqlite-shm"] {
            unlink(self.kit.folder("state/\(name)"))
        }
        database.prune(now: self.kit.now)
        #expect(self.kit.texts == ["\(self.kit.file) was removed; a new one is begun"])
        database.append([.sample(2)])
        #expect(database.newest(limit: 5).map(\.keys.first) == [2])
        #expect(TrailKit.status(self.kit.file)?.mode == 0o600)
    }

    @Test func aDiskThatFailsAtTheStartIsTriedAgain() throws {
        // SQLite can neither open nor remove it.
        let obstacle = self.kit.folder("state/qpserver.sqlite-wal")
        try FileWork.makeDirectory("\(obstacle)/x", mode: 0o700)
        let database = try self.kit.open()
        #expect(self.kit.texts.count == 1)
        #expect(self.kit.texts.first?.contains(" (SQLite ") == true, "\(self.kit.texts)")
        #expect(database.lastError?.at == self.kit.now)
        #expect(database.newest(limit: 1) == [])
        database.append([.sample(1)])
        self.kit.pass(seconds: 60)
        database.append([.sample(1)])
        #expect(database.dropped == 2)
        #expect(self.kit.texts.count == 2)
        #expect(self.kit.texts.last?.hasSuffix("; 2 segments lost so far") == true, "\(self.kit.texts)")

        FileWork.removeTree(obstacle)
        database.append([.sample(2)])
        #expect(database.dropped == 3)
        self.kit.pass(seconds: 60)
        database.append([.sample(3)])
        #expect(database.newest(limit: 5).map(\.keys.first) == [3])
        #expect(database.dropped == 3)
        #expect(self.kit.texts.count == 2)
    }

    @Test func afterTheEndNothingIsKept() throws {
        let database = try self.kit.open()
        database.close()
        database.append([.sample(1), .sample(2)])
        #expect(!database.setOverlay("ban", "a", [1]))
        database.prune(now: self.kit.now)
        #expect(database.dropped == 2)
        #expect(database.size == 0)
        #expect(database.overlay("ban").isEmpty)
        #expect(self.kit.texts == [])
    }

    @Test func readersAndAWriterAtOnce() async throws {
        let database = try self.kit.open(octets: 1 << 20)
        let now = self.kit.now
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for number in 0..<60 {
                    database.append([.sample(Int64(number), octets: 40_000, at: now, keys: [7])])
                    if number % 10 == 9 { database.prune(now: now) }
                }
                return true
            }
            for _ in 0..<3 {
                group.addTask {
                    (0..<60).allSatisfy { _ in
                        let found = database.holding(key: 7, limit: 5).map(\.sequence)
                        return found == found.sorted(by: >) && database.newest(limit: 2).count <= 2
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(database.dropped == 0)
        #expect(self.kit.texts == [])
    }
}
