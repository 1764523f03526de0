// TrailDatabase.swift
//
// Sessions that are over, and what operators set and did: kept in one SQLite file.

import GRDB
import QPHooks
import Synchronization

/// What survives the server's restart. Nothing here throws after the start: failures are counted and reported.
///
/// Calls block on the disk; they belong on threads of their own. Writers wait for each other, readers for nobody.
package final class TrailDatabase: Sendable {
    private struct State {
        var file: TrailFile?
        var isDamaged = false
        var isClosed = false
        var dropped: UInt64 = 0
        var lastError: (text: String, at: Int64)?
        var reportedAt: Int64?
        var renewedAt: Int64?
    }

    /// The system's wall clock: nanoseconds since 1970.
    package static let wall: @Sendable () -> Int64 = { SystemCall.wall }

    private static let minute: Int64 = 60_000_000_000

    let bounds: Bounds
    private let path: String
    private let clock: @Sendable () -> Int64
    private let report: @Sendable (String) -> Void
    private let lock: FolderLock
    private let state: Mutex<State>
    private let writing = Mutex<Void>(())

    /// Opens the database, or makes it. After the fork of a daemon, and as the user who is to own the files.
    ///
    /// - Parameters:
    ///   - folder: made, for the owner only, if it is not there.
    ///   - bounds: how much is kept.
    ///   - clock: nanoseconds since 1970.
    ///   - report: gets what the operator should know, failures at most once a minute; must not call the database.
    /// - Throws: what the operator must mend; the server can run without. A disk that is full is reported and tried
    ///   again once a minute.
    package init(
        folder: String, bounds: Bounds = Bounds(), clock: @escaping @Sendable () -> Int64 = TrailDatabase.wall,
        report: @escaping @Sendable (String) -> Void
    ) throws(TelemetryStorageError) {
        do throws(EffectError) {
            try FileWork.makeDirectory(folder, mode: 0o700)
        } catch {
            throw .unusable(path: folder, reason: error.description)
        }
        let path = "\(folder)/qpserver.sqlite"
        self.lock = try FolderLock("\(folder)/qpserver.lock")
        self.state = Mutex(try Self.begin(path, bounds, clock(), report))
        self.path = path
        self.bounds = bounds
        self.clock = clock
        self.report = report
    }

    /// Segments that could not be kept.
    package var dropped: UInt64 { self.state.withLock { $0.dropped } }

    /// What failed last, and when: nanoseconds since 1970.
    package var lastError: (text: String, at: Int64)? { self.state.withLock { $0.lastError } }

    /// Octets on disk; 0 while there is no file.
    package var size: Int64 { self.state.withLock { $0.file }?.size ?? 0 }

    /// Keeps segments, all or none. Those that cannot be kept are counted.
    package func append(_ segments: [Segment]) {
        let fitting = segments.filter { !$0.isTooLarge }
        if fitting.count < segments.count {
            self.failed("trails", "a segment is too large", losing: segments.count - fitting.count)
        }
        guard !fitting.isEmpty else { return }
        self.write("trails", losing: fitting.count) { db in
            for segment in fitting { try segment.insert(db) }
        }
    }

    /// Writes everything to the file and gives it back. What is appended later is counted as dropped.
    package func close() {
        self.writing.withLock { _ in
            let file = self.state.withLock { state in
                state.isClosed = true
                return state.file.take()
            }
            do {
                try file?.close()
            } catch {
                self.failed("close", TrailFile.text(error))
            }
            self.lock.release()
        }
    }
}

// MARK: - Access, for the other parts

extension TrailDatabase {
    /// Reads; on failure reports and returns what was given for that.
    func read<Value>(_ what: String, _ nothing: Value, _ body: (Database) throws -> Value) -> Value {
        guard let file = self.state.withLock({ $0.file }) else { return nothing }
        do {
            return try file.pool.read(body)
        } catch {
            // A writer may have replaced or closed the file meanwhile: then nothing is wrong with it.
            let isCurrent = self.state.withLock { state in
                guard state.file?.pool === file.pool else { return false }
                if TrailFile.isDamage(error) { state.isDamaged = true }
                return true
            }
            if isCurrent { self.failed(what, TrailFile.text(error)) }
            return nothing
        }
    }

    /// Changes the file in one transaction; mends what can be mended, else reports.
    /// - Returns: whether it was done.
    @discardableResult
    func write(_ what: String, losing count: Int = 0, _ body: (Database) throws -> Void) -> Bool {
        self.withFile(what, losing: count) { file in try file.pool.write(body) }
    }

    /// The same without a transaction.
    @discardableResult
    func withFile(_ what: String, losing count: Int = 0, _ body: (TrailFile) throws -> Void) -> Bool {
        self.writing.withLock { _ in
            do {
                try self.attempt(body)
                return true
            } catch {
                self.failed(what, TrailFile.text(error), losing: count)
                return false
            }
        }
    }

    /// Counts a failure and, once a minute at most, reports it.
    func failed(_ what: String, _ text: String, losing count: Int = 0) {
        let now = self.clock()
        let report = self.state.withLock { state -> String? in
            state.dropped &+= UInt64(count)
            state.lastError = ("\(what): \(text)", now)
            // A clock that was put back must not silence us.
            if let last = state.reportedAt, last <= now, now - last < Self.minute { return nil }
            guard !state.isClosed else { return nil }
            state.reportedAt = now
            return "\(what): \(text)" + (state.dropped > 0 ? "; \(state.dropped) segments lost so far" : "")
        }
        if let report { self.report(report) }
    }

    /// Begins a new file if somebody took the old one away.
    func renewIfGone() {
        self.withFile("trails") { file in
            guard file.isGone else { return }
            self.report("\(self.path) was removed; a new one is begun")
            try self.renew()
        }
    }
}

// MARK: - Files that fail

extension TrailDatabase {
    private static func begin(
        _ path: String, _ bounds: Bounds, _ now: Int64, _ report: (String) -> Void
    ) throws(TelemetryStorageError) -> State {
        do {
            return State(file: try Self.open(path, bounds, now, report))
        } catch .failing(let path, let reason) {
            report("\(path): \(reason)")
            return State(lastError: ("\(path): \(reason)", now), reportedAt: now, renewedAt: now)
        }
    }

    private static func open(
        _ path: String, _ bounds: Bounds, _ now: Int64, _ report: (String) -> Void
    ) throws(TelemetryStorageError) -> TrailFile {
        do {
            do {
                return try TrailFile(path, bounds: bounds)
            } catch  where TrailFile.isDamage(error) {
                report("\(path): \(TrailFile.text(error)); moved to \(try TrailFile.moveAside(path, now: now))")
                return try TrailFile(path, bounds: bounds)
            }
        } catch {
            throw TrailFile.storageError(error, path)
        }
    }

    /// The file; opened again, once a minute at most, if it could not be opened before.
    private func opened() throws -> TrailFile {
        let (file, isDamaged, isClosed) = self.state.withLock { ($0.file, $0.isDamaged, $0.isClosed) }
        guard !isClosed else { throw TelemetryStorageError.unusable(path: self.path, reason: "closed") }
        if isDamaged { try self.replace("a reader found damage") }
        if let file, !isDamaged { return file }
        return try self.renew()
    }

    private func attempt(_ body: (TrailFile) throws -> Void) throws {
        do {
            try body(self.opened())
        } catch {
            guard try self.mend(error) else { throw error }
            try body(self.opened())
        }
    }

    /// Makes another try worth while.
    private func mend(_ error: any Error) throws -> Bool {
        if TrailFile.isDamage(error) {
            try self.replace(TrailFile.text(error))
            return true
        }
        guard let error = error as? DatabaseError, error.resultCode == .SQLITE_FULL else { return false }
        // Perhaps it is our own ceiling, not the disk's.
        guard let pool = self.state.withLock({ $0.file?.pool }) else { return false }
        var isSmaller = false
        while try pool.write({ try TrailPruning.byOctets($0, bound: self.bounds.octets) }) { isSmaller = true }
        return isSmaller
    }

    private func replace(_ reason: String) throws {
        let file = self.state.withLock { state in
            state.isDamaged = false
            return state.file.take()
        }
        try? file?.close()
        let aside = try TrailFile.moveAside(self.path, now: self.clock())
        self.report("\(self.path): \(reason); moved to \(aside)")
    }

    @discardableResult
    private func renew() throws -> TrailFile {
        let now = self.clock()
        let (old, isEarly) = self.state.withLock { state -> (TrailFile?, Bool) in
            if state.file == nil, let last = state.renewedAt, last <= now, now - last < Self.minute {
                return (nil, true)
            }
            state.renewedAt = now
            return (state.file.take(), false)
        }
        guard !isEarly else { throw TelemetryStorageError.unusable(path: self.path, reason: "tried again in a minute") }
        try? old?.close()
        let file = try Self.open(self.path, self.bounds, now, self.report)
        self.state.withLock { $0.file = file }
        return file
    }
}
