// StoreKeeper.swift
//
// The file of plugins' values through good times and bad: opened again, replaced when damaged, kept within its bounds.

import GRDB
import QPHooks

/// Does work on the file, whatever became of it. Belongs to one thread at a time.
struct StoreKeeper: Sendable {
    private static let second: Int64 = 1_000_000_000
    private static let minute = 60 * Self.second

    private let path: String
    private let bounds: StoreFile.Bounds
    private let clock: @Sendable () -> Int64
    private let report: @Sendable (String) -> Void
    private var file: StoreFile?
    private var openedAt: Int64?
    private var isFailing = false
    private var reportedAt: Int64?
    /// What may still be done in this round of pruning; `nil` between rounds.
    private var round: Round?
    private var roundAt: Int64

    private struct Round: Sendable {
        /// Entries that are too many; `nil`: nobody has looked yet.
        var excess: Int?
    }

    /// Opens the file, or makes it; a damaged one is moved aside. A disk that fails is tried again later.
    init(
        _ path: String, bounds: StoreFile.Bounds, clock: @escaping @Sendable () -> Int64,
        report: @escaping @Sendable (String) -> Void
    ) throws(TelemetryStorageError) {
        self.path = path
        self.bounds = bounds
        self.clock = clock
        self.report = report
        self.roundAt = clock()
        do {
            _ = try self.opened(clock())
        } catch {
            let error = TrailFile.storageError(error, path)
            guard case .failing(_, let reason) = error else { throw error }
            self.failed(reason, clock())
        }
    }

    mutating func close() {
        do {
            try self.file?.close()
        } catch {
            self.report("\(self.path): \(TrailFile.text(error))")
        }
        self.file = nil
    }

    // MARK: Work

    /// Does the work, all of it in one transaction if that is possible.
    mutating func perform(_ works: [StoreWork]) -> [Result<StoreOutcome, EffectError>] {
        let now = self.clock()
        if works.count > 1, let outcomes = try? self.attempt(works, now) { return outcomes.map { .success($0) } }
        // What can be read is read, though nothing can be written.
        return works.map { work in
            do {
                let outcomes = try self.attempt([work], now)
                return .success(outcomes.first ?? .done)
            } catch {
                let text = TrailFile.text(error)
                self.failed(text, now)
                return .failure(.failed("store: \(text)"))
            }
        }
    }

    private mutating func attempt(_ works: [StoreWork], _ now: Int64) throws -> [StoreOutcome] {
        let outcomes: [StoreOutcome]
        do {
            outcomes = try self.opened(now).perform(works, now: now)
        } catch {
            guard try self.mend(error, now) else { throw error }
            outcomes = try self.opened(now).perform(works, now: now)
        }
        if self.isFailing, works.contains(where: \.isWrite) {
            self.isFailing = false
            self.report("\(self.path): values are kept again")
        }
        return outcomes
    }

    // MARK: Bounds

    /// How long nothing is to be done but to wait for work, in milliseconds.
    var pause: Int32 {
        Int32(clamping: max(0, self.roundAt.subtractingReportingOverflow(self.clock()).partialValue) / 1_000_000 + 1)
    }

    /// Does a little of what the bounds demand, once a minute from the beginning.
    /// - Returns: whether there may be more to do at once.
    mutating func tidy() -> Bool {
        let now = self.clock()
        // A clock that was put back must not stop us.
        if self.roundAt - now > Self.minute { self.roundAt = now }
        guard self.round != nil || now >= self.roundAt else { return false }
        if self.round == nil {
            self.roundAt = now + Self.minute
            self.renewIfGone(now)
        }
        do {
            let isUnfinished = try self.step(now)
            if !isUnfinished { self.round = nil }
            return isUnfinished
        } catch {
            self.round = nil
            _ = try? self.mend(error, now)
            self.failed(TrailFile.text(error), now)
            return false
        }
    }

    private mutating func step(_ now: Int64) throws -> Bool {
        let file = try self.opened(now)
        var round = self.round ?? Round()
        defer { self.round = round }
        if try file.removeEnded(now: now) { return true }
        if try file.removeOctets(self.bounds) { return true }
        let excess = try round.excess ?? file.excess(self.bounds)
        round.excess = excess - (try file.removeOldest(excess))
        if excess > 0 { return true }
        return try file.giveBack()
    }

    private mutating func renewIfGone(_ now: Int64) {
        guard let file = self.file, file.isGone else { return }
        self.report("\(self.path) was removed; a new one is begun")
        self.drop()
        self.openedAt = nil
    }

    // MARK: Files that fail

    /// The file; opened again, once a second at most, if it could not be opened before.
    private mutating func opened(_ now: Int64) throws -> StoreFile {
        if let file = self.file { return file }
        if let last = self.openedAt, last <= now, now - last < Self.second {
            throw TelemetryStorageError.failing(path: self.path, reason: "cannot be opened")
        }
        self.openedAt = now
        let file: StoreFile
        do {
            file = try Self.open(self.path, self.bounds)
        } catch  where TrailFile.isDamage(error) {
            try self.moveAside(TrailFile.text(error), now)
            file = try Self.open(self.path, self.bounds)
        }
        self.file = file
        return file
    }

    private static func open(_ path: String, _ bounds: StoreFile.Bounds) throws -> StoreFile {
        try FileWork.makeDirectory(FileWork.parent(path), mode: 0o700)
        return try StoreFile(path, bounds: bounds)
    }

    /// Makes another try worth while, if that can be done.
    private mutating func mend(_ error: any Error, _ now: Int64) throws -> Bool {
        guard let code = (error as? DatabaseError)?.resultCode else { return false }
        switch code {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.drop()
            try self.moveAside(TrailFile.text(error), now)
            self.openedAt = nil
            return true
        case .SQLITE_FULL:
            // Perhaps it is our own ceiling, not the disk's.
            guard let file = self.file else { return false }
            var isSmaller = false
            while try file.removeOctets(self.bounds) { isSmaller = true }
            return isSmaller
        case .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN:
            // The next try begins with a fresh look at the disk.
            self.drop()
            return false
        default:
            return false
        }
    }

    private mutating func drop() {
        try? self.file?.close()
        self.file = nil
    }

    private func moveAside(_ reason: String, _ now: Int64) throws {
        let aside = try TrailFile.moveAside(self.path, now: now)
        self.report("\(self.path): \(reason); moved to \(aside)")
    }

    /// Says it once a minute at most.
    private mutating func failed(_ text: String, _ now: Int64) {
        self.isFailing = true
        if let last = self.reportedAt, last <= now, now - last < Self.minute { return }
        self.reportedAt = now
        self.report("\(self.path): \(text); plugins' values are not kept")
    }
}
