// SegmentRing.swift
//
// The latest records of sessions, in memory, and what else happened between them.

import QPActors
import QPTelemetry
import Synchronization

/// A bounded run of segments and events; the oldest go. Any thread.
final class SegmentRing: Sendable {
    enum Content: Sendable {
        case segment(JournalSegment)
        case event(EventRow)
    }

    /// Something in the ring; its records are numbered from `first`.
    struct Entry: Sendable {
        let first: UInt64
        let content: Content
        var count: UInt64 {
            switch self.content {
            case .segment(let segment): UInt64(segment.records)
            case .event: 1
            }
        }
        fileprivate var octets: Int {
            switch self.content {
            case .segment(let segment): segment.octets.count + segment.keys.count * 8 + 128
            case .event: 512
            }
        }
    }

    private struct State {
        var entries: [Entry] = []
        var start = 0
        var octets = 0
        var next: UInt64 = 1
        var dropped: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var waiterNumber: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: octets.
    init(limit: Int) {
        self.limit = limit
    }

    /// Takes segments and events, and wakes who waits for them.
    func append(_ contents: [Content]) {
        guard !contents.isEmpty else { return }
        let waiters = self.state.withLock { state in
            for content in contents {
                let entry = Entry(first: state.next, content: content)
                state.entries.append(entry)
                state.next += entry.count
                state.octets += entry.octets
            }
            self.shrink(&state)
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    private func shrink(_ state: inout State) {
        while state.octets > self.limit, state.start < state.entries.count - 1 {
            state.octets -= state.entries[state.start].octets
            state.dropped += state.entries[state.start].count
            // Emptied at once; its place goes later, with many.
            state.entries[state.start] = Entry(first: state.entries[state.start].first, content: .event(Self.nothing))
            state.start += 1
        }
        if state.start > 64, state.start * 2 > state.entries.count {
            state.entries.removeFirst(state.start)
            state.start = 0
        }
    }

    private static let nothing = EventRow(sequence: 0, time: 0, kind: "")

    /// Everything, oldest first.
    var entries: [Entry] { self.state.withLock { Array($0.entries[$0.start...]) } }

    /// The number that the next record gets.
    var next: UInt64 { self.state.withLock { $0.next } }

    /// Records that are gone.
    var dropped: UInt64 { self.state.withLock { $0.dropped } }

    /// Entries that end behind a record, oldest first; how many records between were lost.
    func after(_ sequence: UInt64) -> (entries: [Entry], lost: UInt64) {
        self.state.withLock { state in
            let live = state.entries[state.start...]
            let first = live.first?.first ?? state.next
            let found = live.filter { $0.first + $0.count > sequence + 1 }
            return (found, first > sequence + 1 ? first - sequence - 1 : 0)
        }
    }

    /// Waits until there is something behind a record, until `wake` with the ticket, or cancellation.
    func wait(after sequence: UInt64, ticket: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThere = self.state.withLock { state in
                    guard state.next <= sequence + 1, !Task.isCancelled else { return true }
                    state.waiters[ticket] = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        } onCancel: {
            self.wake(ticket)
        }
    }

    /// A ticket for `wait`.
    func ticket() -> UInt64 {
        self.state.withLock { state in
            state.waiterNumber += 1
            return state.waiterNumber
        }
    }

    func wake(_ ticket: UInt64) {
        self.state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume()
    }
}
