// JournalWriter.swift
//
// Records as octets: plain stores into memory that a loop owns.

import QPHooks
import QPTelemetry

/// What a session's record says beside what its state holds.
struct SessionFacts {
    let kind: SessionKind
    let endedAt: Int64
    let duration: UInt64
    let phase: SessionPhase
    let by: SessionEnd
    let octets: UInt64
    let generation: UInt32
}

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

    let base: UnsafeMutableRawPointer
    var end = 0
    private(set) var keys: [UInt64] = []
    /// Keys that were appended lately: those of a session and its peer come again and again.
    private let recent = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.recentKeys)
    private static let recentKeys = 256

    /// Writes into memory of at least `recordLimit` octets.
    init(_ base: UnsafeMutableRawPointer) {
        self.base = base
        self.recent.initialize(repeating: 0, count: Self.recentKeys)
    }

    /// Gives its memory back; nothing is written any more.
    func deallocate() { self.recent.deallocate() }

    @inline(__always)
    private mutating func append(key: UInt64) {
        let place = Int(truncatingIfNeeded: key) & (Self.recentKeys &- 1)
        guard self.recent[place] != key else { return }
        self.recent[place] = key
        self.keys.append(key)
    }

    mutating func reset() {
        self.end = 0
        self.keys.removeAll(keepingCapacity: true)
        self.recent.update(repeating: 0, count: Self.recentKeys)
    }

    var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.base, count: self.end) }

    // MARK: Fields

    @inline(__always)
    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        (self.base + self.end).storeBytes(of: value, as: Value.self)
        self.end &+= MemoryLayout<Value>.size
    }

    mutating func put(_ text: String, limit: Int = Self.textLimit, key: JournalKey.Kind? = nil) {
        var text = text
        text.withUTF8 { utf8 in
            let count = min(utf8.count, limit)
            self.put(UInt16(truncatingIfNeeded: count))
            if count > 0, let start = utf8.baseAddress {
                (self.base + self.end).copyMemory(from: start, byteCount: count)
            }
            if let key {
                self.append(
                    key: JournalKey.hash(key, UnsafeRawBufferPointer(start: self.base + self.end, count: count)))
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
        self.append(key: JournalKey.of(address))
    }

    /// Octets as a text.
    private mutating func put(_ octets: UnsafeRawBufferPointer, key: JournalKey.Kind) {
        let count = min(octets.count, Self.textLimit)
        self.put(UInt16(truncatingIfNeeded: count))
        if let start = octets.baseAddress { (self.base + self.end).copyMemory(from: start, byteCount: count) }
        self.append(key: JournalKey.hash(key, UnsafeRawBufferPointer(start: self.base + self.end, count: count)))
        self.end &+= count
    }

    /// An address as `user@host`.
    private mutating func put(_ mailbox: Mailbox, key: JournalKey.Kind?) {
        let place = self.end
        self.end &+= 2
        self.append(mailbox.localPart)
        if !mailbox.domain.isEmpty {
            self.put(UInt8(ascii: "@"))
            self.append(mailbox.domain)
        }
        let count = self.end &- place &- 2
        (self.base + place).storeBytes(of: UInt16(truncatingIfNeeded: count), as: UInt16.self)
        guard let key else { return }
        self.append(key: JournalKey.hash(key, UnsafeRawBufferPointer(start: self.base + place + 2, count: count)))
    }

    /// The octets of a text without their number.
    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            // A mailbox has at most 320 octets; whatever comes here has room.
            let count = min(utf8.count, 480)
            if let start = utf8.baseAddress { (self.base + self.end).copyMemory(from: start, byteCount: count) }
            self.end &+= count
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

    private mutating func beginTransaction(
        _ session: SessionID, _ number: UInt32, endedAt: Int64, startedAt: Int64, _ peer: IPAddress,
        generation: UInt32
    ) -> Int {
        let place = self.begin(1)
        self.put(session.bits)
        self.append(key: JournalKey.of(session))
        self.put(number)
        self.put(endedAt)
        self.put(startedAt)
        self.put(peer)
        self.put(generation)
        return place
    }

    mutating func write(_ transaction: JournalTransaction) {
        let place = self.beginTransaction(
            transaction.session, transaction.number, endedAt: transaction.endedAt, startedAt: transaction.startedAt,
            transaction.peer, generation: transaction.generation)
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

    /// A mail as its session has it: the same octets as of a `JournalTransaction`, without making one.
    mutating func write(
        mailOf state: SessionState, _ memory: SessionMemory, naughty: String?,
        trail: borrowing Trail, endedAt: Int64, generation: UInt32, names: [String]
    ) {
        let place = self.beginTransaction(
            state.id, state.transaction.number, endedAt: endedAt, startedAt: state.connection.acceptedAt,
            state.connection.remoteAddress, generation: generation)
        switch state.transaction.sender ?? memory.refusedSender {
        case .mailbox(let mailbox)?: self.put(mailbox, key: .sender)
        case .null?: self.put(UnsafeRawBufferPointer(start: nil, count: 0), key: .sender)
        case nil: self.put(UInt16.max)
        }
        self.put(UInt32(truncatingIfNeeded: state.transaction.recipients.count) &+ memory.refusedCount)
        let accepted = min(state.transaction.recipients.count, Self.recipientLimit)
        let refused = min(memory.refusedRecipients.count, Self.recipientLimit &- accepted)
        self.put(UInt8(truncatingIfNeeded: accepted &+ refused))
        for index in 0..<accepted {
            self.put(UInt16(250))
            self.put(state.transaction.recipients[index].mailbox, key: .recipient)
        }
        for index in 0..<refused {
            self.put(UInt16(truncatingIfNeeded: memory.refusedRecipients[index].code))
            self.put(memory.refusedRecipients[index].mailbox, key: .recipient)
        }
        let hasIdentifier = state.transaction.message?.storage.headerBytes.withUnsafeBytes { header in
            guard let range = header.messageID else { return false }
            self.put(UnsafeRawBufferPointer(rebasing: header[range]), key: .messageID)
            return true
        }
        if hasIdentifier != true { self.put(UInt16.max) }
        self.put(UInt64(clamping: state.transaction.message?.receivedSize ?? 0))
        self.put(memory.outcome.rawValue)
        let isAnswered = memory.outcome != .abandoned
        self.put(isAnswered ? memory.outcomeCode : memory.code)
        self.put(isAnswered ? memory.outcomeText : memory.reason)
        self.put(optional: naughty)
        self.put(trail, memory, names)
        self.finish(place)
    }

    /// A session as it is: the same octets as of a `JournalSession`, without making one.
    mutating func write(
        _ facts: SessionFacts, of state: SessionState, _ memory: SessionMemory?, scores: [String: String],
        naughty: String?, trail: borrowing Trail, kind: UInt8, names: [String]
    ) {
        let place = self.begin(kind)
        self.put(state.id.bits)
        self.append(key: JournalKey.of(state.id))
        self.put(state.number)
        self.put(facts.kind.place)
        self.put(facts.endedAt)
        self.put(state.connection.acceptedAt)
        self.put(facts.duration)
        self.put(state.connection.remoteAddress)
        self.put(state.connection.remotePort)
        self.put(state.connection.listener)
        self.put(optional: state.introduction?.host)
        self.put(optional: state.remoteHost == "Unknown" ? nil : state.remoteHost)
        self.put(optional: state.tls?.summary)
        self.put(optional: state.user)
        self.put(facts.phase.place)
        self.put(facts.by.rawValue)
        self.put(memory?.messages ?? 0)
        self.put(facts.octets)
        self.put(facts.generation)
        switch memory?.sender {
        case .mailbox(let mailbox)?: self.put(mailbox, key: nil)
        case .null?: self.put(UInt16(0))
        case nil: self.put(UInt16.max)
        }
        let recipients = min(memory?.recipients.count ?? 0, Self.recipientLimit)
        self.put(UInt32(truncatingIfNeeded: memory?.recipients.count ?? 0))
        self.put(UInt8(truncatingIfNeeded: recipients))
        if let memory {
            for index in 0..<recipients { self.put(memory.recipients[index].mailbox, key: nil) }
            self.put(memory.code)
            self.put(memory.reason)
        } else {
            self.put(UInt16(0))
            self.put(UInt16(0))
        }
        self.put(trail, memory, names)
        self.put(optional: memory?.decidedBy)
        self.put(optional: naughty)
        let marks = min(memory?.marks.count ?? 0, 4096)
        self.put(UInt16(truncatingIfNeeded: marks))
        memory?.marks.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            (self.base + self.end).copyMemory(from: start, byteCount: marks)
            self.end &+= marks
        }
        self.put(UInt8(truncatingIfNeeded: min(scores.count, Self.noteLimit)))
        if !scores.isEmpty {
            for (name, value) in scores.prefix(Self.noteLimit) {
                self.put(name)
                self.put(value)
            }
        }
        self.finish(place)
    }

    mutating func write(_ session: JournalSession, _ kind: UInt8) {
        let place = self.begin(kind)
        self.put(session.session.bits)
        self.append(key: JournalKey.of(session.session))
        self.put(session.number)
        self.put(session.kind.place)
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
        self.put(session.phase.place)
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
        self.put(session.trail)
        self.put(optional: session.decidedBy)
        self.put(optional: session.naughty)
        self.put(UInt16(truncatingIfNeeded: min(session.marks.count, 4096)))
        for mark in session.marks.prefix(4096) { self.put(mark) }
        self.put(UInt8(truncatingIfNeeded: min(session.notes.count, Self.noteLimit)))
        for (name, value) in session.notes.prefix(Self.noteLimit) {
            self.put(name)
            self.put(value)
        }
        self.finish(place)
    }
}
