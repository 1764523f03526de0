// LogWatcher.swift
//
// One who watches the log: reads the ring at its own pace.

package import QPTelemetry
import Synchronization

/// The lines of the log that one reader wants, in order. For one caller of `next()` at a time.
package final class LogWatcher: TelemetryStream {
    package typealias Element = LogRow

    /// How long a watcher waits.
    struct Pace: Sendable {
        /// For a line, at most.
        var patience = Duration.seconds(15)
        /// After it was woken: the lines that come meanwhile cost nobody a wake-up.
        var pause = Duration.milliseconds(20)
    }

    private static let maxItems = 256
    /// Lines that are copied at once, while whoever logs waits.
    private static let sliceLines = 64

    private struct Position: Sendable {
        var sieve: LogSieve
        /// The next line to look at.
        var cursor: UInt64
        /// How many lines before it passed the sieve.
        var passed: UInt64
        /// What is still to be told.
        var lost: UInt64 = 0
        var backlog: [LogRow] = []
    }

    private let router: LogRouter
    private let id: UInt64
    /// Where the lines end; `nil`: nowhere.
    private let bound: UInt64?
    private let transform: (@Sendable (LogRow) -> LogRow)?
    private let predicate: (@Sendable (LogRow) -> Bool)?
    private let pace: Pace
    /// Empty while it is read on.
    private let position: Mutex<Position?>
    private let isEnded = Atomic<Bool>(false)

    init(
        _ router: LogRouter, _ member: LogRing.Membership, _ watch: LogWatch,
        transform: (@Sendable (LogRow) -> LogRow)?, predicate: (@Sendable (LogRow) -> Bool)?, pace: Pace
    ) {
        self.router = router
        self.id = member.id
        self.bound = watch.follows ? nil : member.next
        self.transform = transform
        self.predicate = predicate
        self.pace = pace
        var sieve = LogSieve(watch)
        let passed = member.overwritten.passing(&sieve)
        self.position = Mutex(Position(sieve: sieve, cursor: member.first, passed: passed))
        self.begin(watch, member)
    }

    deinit { self.end() }

    // MARK: The beginning

    /// Goes to the first line that counts as new, and keeps what is wanted of those before.
    private func begin(_ watch: LogWatch, _ member: LogRing.Membership) {
        guard var position = self.position.withLock({ $0 }) else { return }
        // What was overwritten before it came is counted whole: whose lines they were is not known.
        var start = member.next
        if let after = watch.after {
            start = after < member.next ? max(after + 1, member.first) : member.first
            position.lost = after < member.next ? start - (after + 1) : 0
        }
        let backlog = watch.after == nil ? max(0, watch.backlog) : 0
        var lines: [(sequence: UInt64, line: LogRing.Line)] = []
        while position.cursor < start {
            let limit = min(UInt64(Self.sliceLines), start - position.cursor)
            let step = self.step(&position, limit: Int(limit))
            if step.isLast { break }
            if backlog > 0 { lines += step.lines }
        }
        if position.cursor > start { position.lost += position.cursor - start }
        for (sequence, line) in lines.reversed() {
            guard position.backlog.count < backlog else { break }
            if let row = self.row(sequence, line) { position.backlog.append(row) }
        }
        position.backlog.reverse()
        self.position.withLock { $0 = position }
    }

    // MARK: Reading

    /// The next lines, at most 256 at once; `nil`: the watcher was ended or cancelled, or wanted no further lines.
    ///
    /// Waits if there are none yet, at most 15 s: then the list is empty. `lost` stands where lines are missing; it
    /// counts those of the wanted levels and plugins, whatever the predicate would have said.
    package func next() async -> [StreamItem<LogRow>]? {
        let deadline = ContinuousClock.now + self.pace.patience
        while !self.isEnded.load(ordering: .acquiring), !Task.isCancelled {
            guard let items = self.collect() else { break }
            if !items.isEmpty { return items }
            let remaining = deadline - ContinuousClock.now
            guard remaining > .zero else { return [] }
            await self.wait(remaining)
            let pause = min(self.pace.pause, deadline - ContinuousClock.now)
            if pause > .zero { try? await Task.sleep(for: pause) }
        }
        return nil
    }

    /// The watcher has gone: whoever waits in `next()` gets `nil`, and lines that nobody else wants are not made any
    /// more.
    package func end() {
        guard !self.isEnded.exchange(true, ordering: .acquiringAndReleasing) else { return }
        if var position = self.position.withLock({ $0.take() }) {
            let step = self.step(&position, limit: 0)
            self.router.lost(position.lost + step.lost)
        }
        self.router.remove(self.id)
    }

    /// What is there; `nil`: and nothing will follow.
    private func collect() -> [StreamItem<LogRow>]? {
        // Somebody else is reading.
        guard var position = self.position.withLock({ $0.take() }) else { return [] }
        var items: [StreamItem<LogRow>] = []
        if !position.backlog.isEmpty {
            items = position.backlog.prefix(Self.maxItems).map { .element($0) }
            position.backlog.removeFirst(items.count)
        }
        let isThrough = self.read(&position, &items)
        self.position.withLock { $0 = position }
        if isThrough, items.isEmpty {
            self.end()
            return nil
        }
        return items
    }

    /// - Returns: whether the last wanted line was read.
    private func read(_ position: inout Position, _ items: inout [StreamItem<LogRow>]) -> Bool {
        // Whoever looks at more lines than the ring holds would race with those who log.
        var looks = LogRing.maxLines / Self.sliceLines
        while looks > 0, items.count < Self.maxItems - 1 {
            looks -= 1
            var limit = min(Self.sliceLines, Self.maxItems - 1 - items.count)
            if let bound = self.bound {
                guard position.cursor < bound else { return true }
                limit = Int(min(UInt64(limit), bound - position.cursor))
            }
            let step = self.step(&position, limit: limit)
            let lost = position.lost + step.lost
            position.lost = 0
            if lost > 0 {
                self.router.lost(lost)
                items.append(.lost(lost))
            }
            for (sequence, line) in step.lines {
                if let row = self.row(sequence, line) { items.append(.element(row)) }
            }
            if step.isLast { break }
        }
        return false
    }

    private func row(_ sequence: UInt64, _ line: LogRing.Line) -> LogRow? {
        let row = LogRow(sequence, line.event)
        // The predicate sees what the reader sees: else it would tell what was taken out.
        let shown = self.transform?(row) ?? row
        return self.predicate?(shown) ?? true ? shown : nil
    }

    private struct Step {
        /// Lines that would have passed, but were overwritten.
        var lost: UInt64 = 0
        /// Lines that passed.
        var lines: [(sequence: UInt64, line: LogRing.Line)] = []
        /// Whether there were none to look at.
        var isLast = false
    }

    private func step(_ position: inout Position, limit: Int) -> Step {
        let slice = self.router.ring.read(from: position.cursor, limit: limit)
        var step = Step(isLast: slice.lines.isEmpty)
        if let overwritten = slice.overwritten {
            let passed = overwritten.passing(&position.sieve)
            step.lost = passed > position.passed ? passed - position.passed : 0
            position.passed = passed
            position.cursor = slice.start
        }
        for line in slice.lines {
            if position.sieve.passes(line) {
                position.passed += 1
                step.lines.append((position.cursor, line))
            }
            position.cursor += 1
        }
        return step
    }

    // MARK: Waiting

    private func wait(_ time: Duration) async {
        guard let cursor = self.position.withLock({ $0?.cursor }) else { return }
        let (ring, id) = (self.router.ring, self.id)
        await withTaskGroup(of: Void.self) { group in
            await withCheckedContinuation { continuation in
                guard ring.wait(id, for: cursor, continuation) else { return continuation.resume() }
                // Only now: an alarm that goes off before somebody waits would wake nobody.
                group.addTask {
                    try? await Task.sleep(for: time)
                    ring.wake(id)
                }
            }
            group.cancelAll()
        }
    }
}
