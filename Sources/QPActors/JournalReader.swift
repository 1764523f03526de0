// JournalReader.swift
//
// Records out of octets, which may come from a damaged file: whatever makes no sense ends the reading.

package import QPHooks
import QPTelemetry

/// Reads the records of a segment, in order.
package struct JournalReader: Sendable {
    private let octets: [UInt8]
    private var place = 0
    /// The plugins of each generation that occurs.
    package private(set) var names: [UInt32: [String]] = [:]

    private struct Damaged: Error {}

    /// `nil` if the octets are no segment.
    package init?(_ octets: [UInt8]) {
        self.octets = octets
        do {
            guard try self.number(UInt32.self) == JournalWriter.version else { return nil }
            for _ in 0..<(try self.number(UInt16.self)) {
                let generation = try self.number(UInt32.self)
                let count = try self.number(UInt16.self)
                var names: [String] = []
                for _ in 0..<count { names.append(try self.text()) }
                self.names[generation] = names
            }
        } catch {
            return nil
        }
    }

    /// The octets in front of the records of a segment.
    static func header(_ names: [UInt32: [String]]) -> [UInt8] {
        var header: [UInt8] = []
        func put(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value) { header.append(contentsOf: $0) } }
        put(JournalWriter.version)
        put(UInt16(truncatingIfNeeded: names.count))
        for (generation, plugins) in names {
            put(generation)
            put(UInt16(truncatingIfNeeded: plugins.count))
            for plugin in plugins {
                let utf8 = Array(plugin.utf8.prefix(JournalWriter.textLimit))
                put(UInt16(truncatingIfNeeded: utf8.count))
                header += utf8
            }
        }
        return header
    }

    /// The next record; `nil` at the end, or where the octets make no sense. Others than those of `session` are passed
    /// over without being read.
    package mutating func next(of session: SessionID? = nil) -> JournalRecord? {
        do {
            while self.place < self.octets.count {
                let kind = try self.number(UInt8.self)
                let end = Int(try self.number(UInt32.self)) + self.place
                guard end <= self.octets.count else { return nil }
                let id = SessionID(bits: try self.number(UInt64.self))
                guard session == nil || session == id else {
                    self.place = end
                    continue
                }
                let record: JournalRecord?
                switch kind {
                case 1: record = .transaction(try self.transaction(id))
                case 2: record = .session(try self.session(id))
                case 3: record = .connected(try self.session(id))
                default: record = nil
                }
                self.place = end
                if let record { return record }
            }
        } catch {
            self.place = self.octets.count
        }
        return nil
    }

    // MARK: Records

    private mutating func transaction(_ id: SessionID) throws -> JournalTransaction {
        try JournalTransaction(
            session: id, number: try self.number(UInt32.self), endedAt: try self.number(Int64.self),
            startedAt: try self.number(Int64.self), peer: try self.address(), generation: try self.number(UInt32.self),
            sender: try self.optionalText(), recipients: [], recipientCount: try self.number(UInt32.self),
            messageID: nil, size: 0, outcome: .abandoned, code: 0, text: "", naughty: nil, trail: .empty
        ).filled { transaction in
            for _ in 0..<(try self.number(UInt8.self)) {
                let code = Int(try self.number(UInt16.self))
                transaction.recipients.append(RecipientRow(address: try self.text(), code: code))
            }
            transaction.messageID = try self.optionalText()
            transaction.size = try self.number(UInt64.self)
            transaction.outcome = MailOutcome(rawValue: try self.number(UInt8.self)) ?? .abandoned
            transaction.code = try self.number(UInt16.self)
            transaction.text = try self.text()
            transaction.naughty = try self.optionalText()
            transaction.trail = try self.trail()
        }
    }

    private mutating func session(_ id: SessionID) throws -> JournalSession {
        let number = try self.number(UInt64.self)
        let kind = try self.place(SessionKind.allCases)
        let endedAt = try self.number(Int64.self)
        let startedAt = try self.number(Int64.self)
        let duration = try self.number(UInt64.self)
        let peer = try self.address()
        var session = JournalSession(
            session: id, number: number, kind: kind, endedAt: endedAt, startedAt: startedAt, duration: duration,
            peer: peer, peerPort: try self.number(UInt16.self), listener: try self.text(),
            helo: try self.optionalText(), remoteHost: try self.optionalText(), tls: try self.optionalText(),
            user: try self.optionalText(), phase: try self.place(SessionPhase.allCases),
            by: SessionEnd(rawValue: try self.number(UInt8.self)) ?? .server, messages: try self.number(UInt32.self),
            octets: try self.number(UInt64.self), generation: try self.number(UInt32.self),
            sender: try self.optionalText(), recipients: [], recipientCount: try self.number(UInt32.self), code: 0,
            reason: "", decidedBy: nil, naughty: nil, marks: [], notes: [:], trail: .empty)
        for _ in 0..<(try self.number(UInt8.self)) { session.recipients.append(try self.text()) }
        session.code = try self.number(UInt16.self)
        session.reason = try self.text()
        session.trail = try self.trail()
        session.decidedBy = try self.optionalText()
        session.naughty = try self.optionalText()
        for _ in 0..<(try self.number(UInt16.self)) { session.marks.append(try self.number(UInt8.self)) }
        for _ in 0..<(try self.number(UInt8.self)) {
            let name = try self.text()
            session.notes[name] = try self.text()
        }
        return session
    }

    private mutating func trail() throws -> TrailPart {
        let dropped = try self.number(UInt64.self)
        var records: [HookRecord] = []
        for _ in 0..<(try self.number(UInt16.self)) {
            if try self.number(UInt8.self) == 0 {
                records.append(try self.record())
            } else {
                try self.group(&records)
            }
        }
        var texts: [String] = []
        for _ in 0..<(try self.number(UInt16.self)) { texts.append(try self.text()) }
        return TrailPart(records: records, texts: texts, dropped: dropped)
    }

    private mutating func record() throws -> HookRecord {
        let size = MemoryLayout<HookRecord>.stride
        guard self.octets.count - self.place >= size else { throw Damaged() }
        defer { self.place += size }
        return self.octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: self.place, as: HookRecord.self) }
    }

    /// Runs that had no opinion; of how long they took the bucket is known.
    private mutating func group(_ records: inout [HookRecord]) throws {
        let hook = HookID(rawValue: UInt8(truncatingIfNeeded: try self.number(UInt16.self))) ?? .logging
        var plugin = try self.number(UInt16.self)
        var offset = try self.number(UInt32.self)
        var bucket = try self.number(UInt8.self)
        let further = try self.number(UInt8.self)
        for index in 0...Int(further) {
            if index > 0 {
                plugin &+= UInt16(try self.number(UInt8.self))
                bucket = try self.number(UInt8.self)
            }
            let nanoseconds = LatencyScale.middle(of: Int(bucket))
            // Each offset is that of a run's end.
            if index > 0 { offset &+= UInt32(clamping: nanoseconds >> 10) }
            records.append(
                HookRecord(
                    hook: hook, plugin: plugin, verdict: .declined, flags: [], text: 0, offset: offset,
                    nanoseconds: UInt32(clamping: nanoseconds), bucket: bucket))
        }
    }

    // MARK: Fields

    private mutating func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws -> Value {
        let size = MemoryLayout<Value>.size
        guard self.octets.count - self.place >= size else { throw Damaged() }
        defer { self.place += size }
        return self.octets.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: self.place, as: type) }
    }

    private mutating func optionalText() throws -> String? {
        let count = try self.number(UInt16.self)
        guard count != .max else { return nil }
        guard self.octets.count - self.place >= Int(count) else { throw Damaged() }
        defer { self.place += Int(count) }
        return String(decoding: self.octets[self.place..<self.place + Int(count)], as: UTF8.self)
    }

    private mutating func text() throws -> String {
        guard let text = try self.optionalText() else { throw Damaged() }
        return text
    }

    private mutating func place<Element>(_ all: [Element]) throws -> Element {
        let index = Int(try self.number(UInt8.self))
        guard all.indices.contains(index) else { throw Damaged() }
        return all[index]
    }

    private mutating func address() throws -> IPAddress {
        let family = try self.number(UInt8.self)
        let high = try self.number(UInt64.self)
        let low = try self.number(UInt64.self)
        return family == 4
            ? IPAddress(ipv4: UInt32(truncatingIfNeeded: low)) : IPAddress(ipv6High: high, low: low)
    }
}

extension JournalTransaction {
    fileprivate func filled(_ body: (inout Self) throws -> Void) rethrows -> Self {
        var copy = self
        try body(&copy)
        return copy
    }
}
