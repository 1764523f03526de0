// LoopJournal.swift
//
// Where the sessions of a loop leave what remains of them.

import QPHooks
import QPTelemetry
import Synchronization

/// Collects the records of one loop and hands them on in segments. Loop-local, but for `isWatched`.
public final class LoopJournal: @unchecked Sendable {
    // Invariant: everything that changes is touched on the loop only.

    /// Octets from which on a segment is handed on without being asked for.
    static let segmentSize = 64 << 10

    private let memory: UnsafeMutableRawPointer
    private var writer: JournalWriter
    private var names: [UInt32: [String]] = [:]
    private var records = 0
    private var firstTime = Int64.max, lastTime = Int64.min
    private let deliver: @Sendable (JournalSegment) -> Void
    private let watched = Atomic<Bool>(false)

    /// Hands segments to `deliver`, on the loop.
    package init(_ deliver: @escaping @Sendable (JournalSegment) -> Void) {
        self.memory = .allocate(byteCount: Self.segmentSize + JournalWriter.recordLimit, alignment: 16)
        self.writer = JournalWriter(self.memory)
        self.deliver = deliver
    }

    deinit { self.memory.deallocate() }

    /// Whether somebody wants to know of sessions that begin; from any thread.
    package var isWatched: Bool {
        get { self.watched.load(ordering: .relaxed) }
        set { self.watched.store(newValue, ordering: .relaxed) }
    }

    func append(_ transaction: JournalTransaction, _ generation: Generation) {
        self.writer.write(transaction)
        self.wrote(at: transaction.endedAt, generation)
    }

    func append(_ session: JournalSession, _ generation: Generation) {
        self.writer.write(session, 2)
        self.wrote(at: session.endedAt, generation)
    }

    func appendConnected(_ session: JournalSession, _ generation: Generation) {
        self.writer.write(session, 3)
        self.wrote(at: session.endedAt, generation)
    }

    private func wrote(at time: Int64, _ generation: Generation) {
        let number = UInt32(truncatingIfNeeded: generation.number)
        if self.names[number] == nil { self.names[number] = generation.names }
        self.records &+= 1
        self.firstTime = min(self.firstTime, time)
        self.lastTime = max(self.lastTime, time)
        if self.writer.end >= Self.segmentSize { self.seal() }
    }

    /// Hands on what there is; on the loop.
    package func seal() {
        guard self.records > 0 else { return }
        var octets = JournalReader.header(self.names)
        octets.append(contentsOf: self.writer.octets)
        let segment = JournalSegment(
            octets: octets, keys: self.writer.keys, records: self.records, firstTime: self.firstTime,
            lastTime: self.lastTime)
        self.writer.reset()
        self.names.removeAll(keepingCapacity: true)
        self.records = 0
        self.firstTime = .max
        self.lastTime = .min
        self.deliver(segment)
    }
}

extension JournalSegment {
    /// A segment of records, for those that were changed after they were read.
    package init?(_ records: [JournalRecord], names: [UInt32: [String]]) {
        guard let first = records.map(\.time).min(), let last = records.map(\.time).max() else { return nil }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: JournalWriter.recordLimit, alignment: 16)
        defer { memory.deallocate() }
        var writer = JournalWriter(memory)
        var octets = JournalReader.header(names)
        var keys: [UInt64] = []
        for record in records {
            writer.write(record)
            octets.append(contentsOf: writer.octets)
            keys += writer.keys
            writer.reset()
        }
        self.init(octets: octets, keys: keys, records: records.count, firstTime: first, lastTime: last)
    }
}
