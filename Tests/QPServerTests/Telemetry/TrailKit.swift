// TrailKit.swift
//
// What tests of the trail database share.

import GRDB
import Glibc
import Synchronization

@testable import QPServer

let second: Int64 = 1_000_000_000
let day: Int64 = 86400 * second

/// A database in a scratch folder, its clock and what it reported.
final class TrailKit: Sendable {
    let folder = ScratchFolder()
    let time = Mutex<Int64>(20_000 * day)
    let reports = Mutex<[String]>([])

    var now: Int64 { self.time.withLock { $0 } }
    var texts: [String] { self.reports.withLock { $0 } }
    var file: String { self.folder("state/qpserver.sqlite") }

    func pass(seconds: Int64) { self.time.withLock { $0 += seconds * second } }

    func open(
        octets: Int64 = 1 << 28, age: Duration = .seconds(7 * 86400), in name: String = "state"
    ) throws(TelemetryStorageError) -> TrailDatabase {
        try TrailDatabase(
            folder: self.folder(name), bounds: TrailDatabase.Bounds(octets: octets, age: age),
            clock: { self.now }, report: { text in self.reports.withLock { $0.append(text) } })
    }

    /// Runs statements on the file as another program would.
    func sql(_ statements: String) throws {
        let queue = try DatabaseQueue(path: self.file)
        try queue.write { try $0.execute(sql: statements) }
        try queue.close()
    }

    func number(_ statement: String) throws -> Int64 {
        let queue = try DatabaseQueue(path: self.file)
        defer { try? queue.close() }
        return try queue.read { try Int64.fetchOne($0, sql: statement) ?? -1 }
    }

    /// Overwrites part of the file.
    func damage(at offset: Int, count: Int) {
        let descriptor = Glibc.open(self.file, O_WRONLY)
        let noise = [UInt8](repeating: 0xA5, count: count)
        _ = pwrite(descriptor, noise, count, offset)
        Glibc.close(descriptor)
    }

    static func status(_ path: String) -> (size: Int, mode: UInt32)? {
        var status = stat()
        return stat(path, &status) == 0 ? (Int(status.st_size), status.st_mode & 0o777) : nil
    }
}

extension TrailDatabase.Segment {
    /// A segment with a look of its own.
    static func sample(_ number: Int64, octets: Int = 1000, at time: Int64 = 0, keys: [UInt64]? = nil) -> Self {
        Self(
            firstTime: time, lastTime: time + second, records: 3,
            octets: (0..<octets).map { UInt8(truncatingIfNeeded: Int64($0) &* (number | 1) &+ number) },
            keys: keys ?? [UInt64(number), UInt64(number) + 1_000_000, .max - UInt64(number)])
    }
}
