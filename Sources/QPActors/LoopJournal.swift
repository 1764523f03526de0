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
    @exclusivity(unchecked) var writer: JournalWriter
    private var names: [UInt32: [String]] = [:]
    @exclusivity(unchecked) private var lastGeneration: Generation?
    @exclusivity(unchecked) private var records = 0
    @exclusivity(unchecked) private var firstTime = Int64.max
    @exclusivity(unchecked) private var lastTime = Int64.min
    private var lastHeader: (generation: UInt32, octets: [UInt8]) = (0, [])
    private let deliver: @Sendable (JournalSegment) -> Void
    private let watched = Atomic<Bool>(false)

    /// Hands segments to `deliver`, on the loop.
    package init(_ deliver: @escaping @Sendable (JournalSegment) -> Void) {
        self.memory = .allocate(byteCount: Self.segmentSize + JournalWriter.recordLimit, alignment: 16)
        self.writer = JournalWriter(self.memory)
        self.deliver = deliver
    }

    deinit {
        self.writer.deallocate()
        self.memory.deallocate()
    }

    /// Memories of sessions that are over, for those that come.
    @exclusivity(unchecked) private var spare: [SessionMemory] = []
    private static let spareMemories = 64

    /// A memory without content.
    func takeMemory() -> SessionMemory { self.spare.popLast() ?? SessionMemory() }

    func giveBack(_ memory: SessionMemory) {
        guard self.spare.count < Self.spareMemories else { return }
        memory.forget()
        self.spare.append(memory)
    }

    /// Whether somebody wants to know of sessions that begin; from any thread.
    package var isWatched: Bool {
        get { self.watched.load(ordering: .relaxed) }
        set { self.watched.store(newValue, ordering: .relaxed) }
    }

    func append(_ session: JournalSession, _ generation: Generation) {
        self.writer.write(session, 2)
        self.wrote(at: session.endedAt, generation)
    }

    /// A record was written.
    func wrote(at time: Int64, _ generation: Generation) {
        if self.lastGeneration !== generation {
            self.lastGeneration = generation
            self.names[UInt32(truncatingIfNeeded: generation.number)] = generation.names
        }
        self.records &+= 1
        self.firstTime = min(self.firstTime, time)
        self.lastTime = max(self.lastTime, time)
        if self.writer.end >= Self.segmentSize { self.seal() }
    }

    /// The octets in front of the records; nearly always the same as of the last segment.
    private var header: [UInt8] {
        if self.names.count == 1, let number = self.names.keys.first, number == self.lastHeader.generation {
            return self.lastHeader.octets
        }
        let octets = JournalReader.header(self.names)
        if self.names.count == 1, let number = self.names.keys.first { self.lastHeader = (number, octets) }
        return octets
    }

    /// Hands on what there is; on the loop.
    package func seal() {
        guard self.records > 0 else { return }
        let header = self.header
        let octets = [UInt8](unsafeUninitializedCapacity: header.count + self.writer.end) { memory, count in
            _ = memory.initialize(from: header)
            UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[header.count...])
                .copyMemory(from: self.writer.octets)
            count = header.count + self.writer.end
        }
        let segment = JournalSegment(
            octets: octets, keys: self.writer.keys, records: self.records, firstTime: self.firstTime,
            lastTime: self.lastTime)
        self.writer.reset()
        self.names.removeAll(keepingCapacity: true)
        self.lastGeneration = nil
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
        var writer = JournalWriter(memory)
        defer {
            writer.deallocate()
            memory.deallocate()
        }
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
