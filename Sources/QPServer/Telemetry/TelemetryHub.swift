// TelemetryHub.swift
//
// Where the loops' records come together: memory, disk, rates, whoever watches.

import Glibc
package import QPActors
import QPHooks
import QPTelemetry
import Synchronization

/// Gathers what the event loops leave. Its own thread does everything that may take long; loops only hand over.
package final class TelemetryHub: Sendable {
    /// Octets that may wait for the thread; what comes beyond is dropped and counted.
    private static let inboxLimit = 32 << 20

    private struct Inbox {
        var segments: [JournalSegment] = []
        var octets = 0
        /// What must still be written to disk.
        var unsaved: [JournalSegment] = []
        var unsavedOctets = 0
    }

    private struct Latest {
        /// By loop.
        var counts: [LoopCounts?] = []
        var rates: [[UInt64]?] = []
        var watchers = 0
    }

    let ring: SegmentRing
    let rates = RateHistory()
    let database: TrailDatabase?
    package let startedAt = SystemCall.wall
    private let keys = MaskKeys(now: SystemCall.monotonic)
    private let privacyMode: Mutex<AddressMask.Mode>
    private let inbox = Mutex(Inbox())
    private let collecting = Mutex(())
    private let latest = Mutex(Latest())
    private let isStopping = Atomic<Bool>(false)
    private let isRunning = Atomic<Bool>(false)
    private let droppedRecords = Atomic<UInt64>(0)
    private let lostEvents = Atomic<UInt64>(0)
    private let wakeUp: WakeUp

    /// - Parameters:
    ///   - settings: what is kept, and how addresses are shown.
    ///   - database: where records survive; `nil`: in memory only.
    /// - Throws: when there is no descriptor for its thread's wake-up.
    package init(_ settings: TelemetrySettings, database: TrailDatabase?) throws(StartError) {
        self.ring = SegmentRing(limit: settings.trailsMemory)
        self.database = database
        self.privacyMode = Mutex(AddressMask.Mode(rawValue: settings.privacy.rawValue) ?? .shown)
        self.wakeUp = try WakeUp()
    }

    // MARK: Privacy

    /// How addresses are shown and kept.
    package var privacy: TelemetrySettings.Privacy {
        get { TelemetrySettings.Privacy(rawValue: self.privacyMode.withLock { $0 }.rawValue) ?? .shown }
        set { self.privacyMode.withLock { $0 = AddressMask.Mode(rawValue: newValue.rawValue) ?? .shown } }
    }

    /// What hides addresses in what is kept.
    var mask: AddressMask {
        AddressMask(self.privacyMode.withLock { $0 }, key: self.keys.key(at: SystemCall.monotonic))
    }

    /// What hides addresses from a reader.
    func mask(for caller: Caller) -> AddressMask {
        let mode = self.privacyMode.withLock { $0 }
        let key = self.keys.key(at: SystemCall.monotonic)
        return AddressMask(mode == .shown && caller.hidesAddresses ? .hashed : mode, key: key)
    }

    // MARK: Records

    /// Takes a segment; from a loop, never waits.
    package func deliver(_ segment: JournalSegment) {
        self.inbox.withLock { inbox in
            guard inbox.octets + segment.octets.count <= Self.inboxLimit else {
                self.droppedRecords.wrappingAdd(UInt64(segment.records), ordering: .relaxed)
                return
            }
            inbox.segments.append(segment)
            inbox.octets += segment.octets.count
        }
    }

    /// Puts what was delivered into the ring; any thread.
    func collect() {
        self.collecting.withLock { _ in
            let segments = self.inbox.withLock { inbox in
                defer {
                    inbox.segments = []
                    inbox.octets = 0
                }
                return inbox.segments
            }
            guard !segments.isEmpty else { return }
            let mask = self.mask
            let masked = segments.compactMap { mask.segment($0) }
            self.ring.append(masked.map { .segment($0) })
            guard self.database != nil else { return }
            self.inbox.withLock { inbox in
                for segment in masked {
                    guard inbox.unsavedOctets + segment.octets.count <= Self.inboxLimit else {
                        self.droppedRecords.wrappingAdd(UInt64(segment.records), ordering: .relaxed)
                        continue
                    }
                    inbox.unsaved.append(segment)
                    inbox.unsavedOctets += segment.octets.count
                }
            }
        }
    }

    /// Something happened that is no session's doing.
    func event(_ kind: String, _ text: String) {
        var row = EventRow(sequence: 0, time: Double(SystemCall.wall) / 1e9, kind: kind)
        row.text = text
        self.ring.append([.event(row)])
    }

    /// Records that were not kept.
    package var dropped: UInt64 { self.droppedRecords.load(ordering: .relaxed) &+ (self.database?.dropped ?? 0) }

    /// Events that slow watchers lost.
    var lost: UInt64 { self.lostEvents.load(ordering: .relaxed) }
    func countLost(_ count: UInt64) { self.lostEvents.wrappingAdd(count, ordering: .relaxed) }

    // MARK: Watchers

    /// How many watch events.
    var watchers: Int { self.latest.withLock { $0.watchers } }

    func watcherCame() {
        self.latest.withLock { $0.watchers += 1 }
        self.wakeUp.wake()
    }

    func watcherWent() { self.latest.withLock { $0.watchers -= 1 } }

    // MARK: Counts

    /// The counts of every loop as they were last known: a loop that is stuck cannot be asked.
    func lastKnown(_ index: Int) -> LoopCounts {
        self.latest.withLock { latest in
            (index < latest.counts.count ? latest.counts[index] : nil) ?? LoopCounts()
        }
    }

    private func know(_ index: Int, rates: [UInt64]) {
        self.latest.withLock { if index < $0.rates.count { $0.rates[index] = rates } }
    }

    /// Answers come in any order: an older one must not let counters fall.
    func know(_ index: Int, _ counts: LoopCounts) {
        self.latest.withLock { latest in
            guard index < latest.counts.count, latest.counts[index]?.time ?? .min <= counts.time else { return }
            latest.counts[index] = counts
        }
    }

    // MARK: The thread

    /// Begins to gather; `everySecond` is called on the thread.
    func start(_ ports: LoopPorts, everySecond: @escaping @Sendable (Int64) -> Void) throws(StartError) {
        self.latest.withLock { latest in
            latest.counts = Array(repeating: nil, count: ports.all.count)
            latest.rates = Array(repeating: nil, count: ports.all.count)
        }
        self.isRunning.store(true, ordering: .relaxed)
        do {
            try WorkerThread.start("telemetry") {
                self.run(ports, everySecond)
                self.isRunning.store(false, ordering: .releasing)
            }
        } catch {
            self.isRunning.store(false, ordering: .relaxed)
            throw error
        }
    }

    /// Writes everything that was delivered, and ends. Blocks for a moment.
    package func stop() {
        self.isStopping.store(true, ordering: .relaxed)
        self.wakeUp.wake()
        for _ in 0..<5000 where self.isRunning.load(ordering: .acquiring) { usleep(1000) }
        self.collect()
        self.save()
        self.database?.close()
    }

    private func run(_ ports: LoopPorts, _ everySecond: @Sendable (Int64) -> Void) {
        var nextSecond = SystemCall.monotonic
        var seconds = 0
        while !self.isStopping.load(ordering: .relaxed) {
            let isWatched = self.watchers > 0
            let now = SystemCall.monotonic
            let isSecond = now >= nextSecond
            let isFifth = isSecond && seconds % 5 == 0
            for (index, port) in ports.all.enumerated() {
                if port.journal.isWatched != isWatched { port.journal.isWatched = isWatched }
                port.feel(at: now) { port in
                    port.journal.seal()
                    if isSecond { self.know(index, rates: port.core.rates()) }
                    if isFifth { self.know(index, port.counts()) }
                }
            }
            self.collect()
            if isSecond {
                nextSecond = now &+ 1_000_000_000
                seconds += 1
                self.sample(ports, withRuns: isFifth)
                // Many small pieces would make look-ups on disk slow.
                if seconds % 5 == 0 || self.inbox.withLock({ $0.unsavedOctets >= 64 << 10 }) { self.save() }
                if seconds % 60 == 0 { self.database?.prune(now: SystemCall.wall) }
                everySecond(now)
            }
            self.wakeUp.wait(milliseconds: isWatched ? 200 : 1000)
        }
    }

    private func sample(_ ports: LoopPorts, withRuns: Bool) {
        if withRuns {
            var runs = Array(repeating: UInt64(0), count: LatencyScale.count)
            for hook in ports.all.indices.flatMap({ self.lastKnown($0).hooks }) {
                for (bucket, count) in hook.latencies.enumerated() where count > 0 { runs[bucket] &+= UInt64(count) }
            }
            self.rates.learn(runs: runs)
        }
        var values = Array(repeating: UInt64(0), count: RateHistory.names.count)
        for rates in self.latest.withLock({ $0.rates }) {
            for (index, value) in (rates ?? []).enumerated() where index < values.count { values[index] &+= value }
        }
        self.rates.add(values, at: SystemCall.wall / 1_000_000_000)
    }

    private func save() {
        guard let database = self.database else { return }
        let unsaved = self.inbox.withLock { inbox in
            defer {
                inbox.unsaved = []
                inbox.unsavedOctets = 0
            }
            return inbox.unsaved
        }
        guard !unsaved.isEmpty else { return }
        database.append(
            unsaved.map {
                TrailDatabase.Segment(
                    sequence: 0, firstTime: $0.firstTime, lastTime: $0.lastTime, records: $0.records, octets: $0.octets,
                    keys: $0.keys.sortedOnce)
            })
    }
}

extension [UInt64] {
    /// Every element once, ascending.
    fileprivate var sortedOnce: [UInt64] {
        var sorted = self.sorted()
        var count = 0
        for index in sorted.indices where count == 0 || sorted[count - 1] != sorted[index] {
            sorted[count] = sorted[index]
            count += 1
        }
        sorted.removeLast(sorted.count - count)
        return sorted
    }
}
