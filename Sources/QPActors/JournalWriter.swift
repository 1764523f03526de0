// JournalWriter.swift
//
// Records as octets: plain stores into memory that a loop owns.

import QPHooks
import QPTelemetry

/// Writes records; every field is bounded, so that a record is never larger than `recordLimit`.
struct JournalWriter {
    /// The most octets of a text, and of all texts of a trail.
    static let textLimit = 1000
    static let trailTextLimit = 16384
    static let recipientLimit = 20
    static let noteLimit = 16
    /// The most octets of a record.
    static let recordLimit = 128 << 10
    static let version: UInt32 = 0x314A_5051

    private let base: UnsafeMutableRawPointer
    private(set) var end = 0
    var keys: [UInt64] = []

    /// Writes into memory of at least `recordLimit` octets.
    init(_ base: UnsafeMutableRawPointer) {
        self.base = base
    }

    mutating func reset() {
        self.end = 0
        self.keys.removeAll(keepingCapacity: true)
    }

    var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.base, count: self.end) }

    // MARK: Fields

    @inline(__always)
    private mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        (self.base + self.end).storeBytes(of: value, as: Value.self)
        self.end &+= MemoryLayout<Value>.size
    }

    private mutating func put(_ text: String, limit: Int = Self.textLimit, key: JournalKey.Kind? = nil) {
        var text = text
        text.withUTF8 { utf8 in
            let count = min(utf8.count, limit)
            self.put(UInt16(truncatingIfNeeded: count))
            if count > 0, let start = utf8.baseAddress { (self.base + self.end).copyMemory(from: start, byteCount: count) }
            if let key {
                self.keys.append(
                    JournalKey.hash(key, UnsafeRawBufferPointer(start: self.base + self.end, count: count)))
            }
            self.end &+= count
        }
    }

    private mutating func put(optional text: String?, key: JournalKey.Kind? = nil) {
        guard let text else { return self.put(UInt16.max) }
        self.put(text, key: key)
    }

    private mutating func put(_ address: IPAddress) {
        self.put(UInt8(address.isIPv4 ? 4 : 6))
        self.put(address.high)
        self.put(address.low)
        self.keys.append(JournalKey.of(address))
    }

    private mutating func put(_ trail: TrailPart) {
        self.put(trail.dropped)
        let count = min(trail.records.count, Trail.limit)
        self.put(UInt16(truncatingIfNeeded: count))
        trail.records.withUnsafeBytes { records in
            guard let start = records.baseAddress else { return }
            let octets = count &* MemoryLayout<HookRecord>.stride
            (self.base + self.end).copyMemory(from: start, byteCount: octets)
            self.end &+= octets
        }
        self.put(UInt16(truncatingIfNeeded: min(trail.texts.count, 256)))
        var room = Self.trailTextLimit
        for text in trail.texts.prefix(256) {
            let before = self.end
            self.put(text, limit: min(Self.textLimit, room))
            room &-= min(room, self.end &- before)
        }
    }

    // MARK: Records

    private mutating func begin(_ kind: UInt8) -> Int {
        self.put(kind)
        let place = self.end
        self.put(UInt32(0))
        return place
    }

    private func finish(_ place: Int) {
        (self.base + place).storeBytes(of: UInt32(truncatingIfNeeded: self.end &- place &- 4), as: UInt32.self)
    }

    mutating func write(_ record: JournalRecord) {
        switch record {
        case .transaction(let transaction): self.write(transaction)
        case .session(let session): self.write(session, 2)
        case .connected(let session): self.write(session, 3)
        }
    }

    mutating func write(_ transaction: JournalTransaction) {
        let place = self.begin(1)
        self.put(transaction.session.bits)
        self.keys.append(JournalKey.of(transaction.session))
        self.put(transaction.number)
        self.put(transaction.endedAt)
        self.put(transaction.startedAt)
        self.put(transaction.peer)
        self.put(transaction.generation)
        self.put(optional: transaction.sender, key: .sender)
        self.put(transaction.recipientCount)
        self.put(UInt8(truncatingIfNeeded: min(transaction.recipients.count, Self.recipientLimit)))
        for recipient in transaction.recipients.prefix(Self.recipientLimit) {
            self.put(UInt16(truncatingIfNeeded: recipient.code))
            self.put(recipient.address, key: .recipient)
        }
        self.put(optional: transaction.messageID, key: .messageID)
        self.put(transaction.size)
        self.put(transaction.outcome.rawValue)
        self.put(transaction.code)
        self.put(transaction.text)
        self.put(optional: transaction.naughty)
        self.put(transaction.trail)
        self.finish(place)
    }

    mutating func write(_ session: JournalSession, _ kind: UInt8) {
        let place = self.begin(kind)
        self.put(session.session.bits)
        self.keys.append(JournalKey.of(session.session))
        self.put(session.number)
        self.put(UInt8(truncatingIfNeeded: SessionKind.allCases.firstIndex(of: session.kind) ?? 0))
        self.put(session.endedAt)
        self.put(session.startedAt)
        self.put(session.duration)
        self.put(session.peer)
        self.put(session.peerPort)
        self.put(session.listener)
        self.put(optional: session.helo)
        self.put(optional: session.remoteHost)
        self.put(optional: session.tls)
        self.put(optional: session.user)
        self.put(UInt8(truncatingIfNeeded: SessionPhase.allCases.firstIndex(of: session.phase) ?? 0))
        self.put(session.by.rawValue)
        self.put(session.messages)
        self.put(session.octets)
        self.put(session.generation)
        self.put(optional: session.sender)
        self.put(session.recipientCount)
        self.put(UInt8(truncatingIfNeeded: min(session.recipients.count, Self.recipientLimit)))
        for recipient in session.recipients.prefix(Self.recipientLimit) { self.put(recipient) }
        self.put(session.code)
        self.put(session.reason)
        self.put(optional: session.decidedBy)
        self.put(optional: session.naughty)
        self.put(UInt16(truncatingIfNeeded: min(session.marks.count, 4096)))
        for mark in session.marks.prefix(4096) { self.put(mark) }
        self.put(UInt8(truncatingIfNeeded: min(session.notes.count, Self.noteLimit)))
        for (name, value) in session.notes.prefix(Self.noteLimit) {
            self.put(name)
            self.put(value)
        }
        self.put(session.trail)
        self.finish(place)
    }
}
