// EventStream.swift
//
// One who watches events: reads the ring at its own pace.

import QPActors
import QPTelemetry
import Synchronization

/// The events that one reader wants, in order. For one caller of `next()` at a time.
final class EventStream: TelemetryStream {
    typealias Element = EventRow

    private static let maxItems = 256
    private static let patience = Duration.seconds(15)

    private struct Position {
        var after: UInt64
        /// The last record that belongs to the stream; `nil`: there is no end.
        var last: UInt64?
        /// Found already, not yet taken.
        var waiting: [StreamItem<EventRow>] = []
    }

    private let hub: TelemetryHub
    private let query: Query?
    private let mask: AddressMask
    private let ticket: UInt64
    private let position: Mutex<Position>
    private let isEnded = Atomic<Bool>(false)

    init(_ hub: TelemetryHub, _ request: EventRequest, mask: AddressMask) {
        self.hub = hub
        self.query = request.query
        self.mask = mask
        self.ticket = hub.ring.ticket()
        hub.collect()
        let next = hub.ring.next
        let isKnown = (request.after ?? 0) < next
        let backlog = UInt64(clamping: max(0, request.backlog))
        let start = isKnown ? request.after ?? (next - 1 - min(next - 1, backlog)) : 0
        self.position = Mutex(Position(after: start, last: request.follows ? nil : next - 1))
        hub.watcherCame()
    }

    deinit { self.end() }

    func end() {
        guard !self.isEnded.exchange(true, ordering: .relaxed) else { return }
        // What was overwritten while it did not read is lost even if it never learns of it.
        self.hub.countLost(self.hub.ring.after(self.position.withLock { $0.after }).lost)
        self.hub.watcherWent()
        self.hub.ring.wake(self.ticket)
    }

    func next() async -> [StreamItem<EventRow>]? {
        guard !self.isEnded.load(ordering: .relaxed) else { return nil }
        if let items = self.take() { return items }
        if self.isOver { return nil }
        let after = self.position.withLock { $0.after }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.hub.ring.wait(after: after, ticket: self.ticket) }
            group.addTask { try? await Task.sleep(for: Self.patience) }
            await group.next()
            group.cancelAll()
        }
        guard !self.isEnded.load(ordering: .relaxed) else { return nil }
        return self.take() ?? []
    }

    private var isOver: Bool {
        self.position.withLock { position in
            position.waiting.isEmpty && position.last.map { position.after >= $0 } ?? false
        }
    }

    private func take() -> [StreamItem<EventRow>]? {
        if self.position.withLock({ $0.waiting.isEmpty }) { self.look() }
        return self.position.withLock { position in
            guard !position.waiting.isEmpty else { return nil }
            let items = Array(position.waiting.prefix(Self.maxItems))
            position.waiting.removeFirst(items.count)
            return items
        }
    }

    /// Reads what has come to the ring, one entry after the other until there is something to tell.
    private func look() {
        let (after, last) = self.position.withLock { ($0.after, $0.last) }
        let (entries, lost) = self.hub.ring.after(after)
        var items: [StreamItem<EventRow>] = []
        var place = after
        if lost > 0 {
            self.hub.countLost(lost)
            items.append(.lost(lost))
            place += lost
        }
        for entry in entries {
            for row in Self.rows(entry) where row.sequence > place && row.sequence <= last ?? .max {
                place = row.sequence
                // Queries see what the reader may see: answers to guesses would tell the rest.
                let shown = self.mask.row(row)
                guard self.query?.matches(shown) ?? true else { continue }
                items.append(.element(shown))
            }
            place = max(place, min(entry.first + entry.count - 1, last ?? .max))
            if items.count >= Self.maxItems { break }
        }
        let (end, found) = (place, items)
        self.position.withLock { position in
            position.after = end
            position.waiting = found
        }
    }

    private static func rows(_ entry: SegmentRing.Entry) -> [EventRow] {
        switch entry.content {
        case .event(var row):
            row.sequence = entry.first
            return [row]
        case .segment(let segment):
            return segment.named().enumerated().map { index, named in
                Self.row(named, sequence: entry.first + UInt64(index))
            }
        }
    }

    private static func row(_ named: NamedRecord, sequence: UInt64) -> EventRow {
        var row = EventRow(sequence: sequence, time: Double(named.record.time) / 1e9, kind: "")
        switch named.record {
        case .connected(let session):
            row.kind = "connected"
            row.session = Explainer.row(session, named.names)
        case .session(let session):
            row.kind = session.kind == .refused ? "refused" : "ended"
            row.session = Explainer.row(session, named.names)
        case .transaction(let transaction):
            row.kind = "transaction"
            row.session = Explainer.sessionRow(of: transaction)
            row.transaction = Explainer.row(transaction)
        }
        return row
    }
}
