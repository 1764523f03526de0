// CleanupClient.swift
//
// RFC 5321 §4.5.3.2: Postfix' internal protocols, attributes (attr_print0) and records (rec_put), as cleanup(8) reads them

import QPHooks

/// The client's side of a connection to cleanup(8). Every wait and every buffer has a bound.
struct CleanupClient {
    private static let replyOctets = 4096, lineOctets = 1024

    private let stream: any ByteStream
    private let clock: any SessionClock
    /// For each step; the last one may take five times as long.
    private let limit: Duration
    private var unread: [UInt8] = []

    init(_ stream: any ByteStream, clock: any SessionClock, limit: Duration) {
        self.stream = stream
        self.clock = clock
        self.limit = limit
    }

    /// The name that Postfix gives to the message.
    mutating func queueID() async throws(EffectError) -> String {
        let attributes = try await self.attributes(within: self.limit)
        guard let id = attributes["queue_id"], (1...64).contains(id.utf8.count),
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw .failed("no queue_id") }
        return id
    }

    /// Flags, envelope, message.
    func send(_ mail: Handover, flags: Int, in session: SessionContext) async throws {
        let (seconds, nanoseconds) = self.clock.wall.quotientAndRemainder(dividingBy: 1_000_000_000)
        var head = Array("flags\0\(flags)\0\0".utf8)
        head += Self.record("T", "\(seconds) \(abs(nanoseconds) / 1000)")
        // Postfix completes and rewrites the headers of its own users only.
        head += Self.record("A", "rewrite_context=\(session.isRelayClient ? "local" : "remote")")
        head += Self.record("S", mail.sender.address)
        for recipient in mail.recipients { head += Self.record("R", recipient.address) }
        head += Self.record("M", "")
        try await self.stream.write(head, timeout: self.limit)

        var lines = LineRecords(limit: Self.lineOctets)
        var cursor = mail.message.cursor(.lf)
        while let piece = try await session.read(&cursor) {
            try await self.write(lines.records(piece))
        }
        try await self.write(lines.finish())
        // What it said before it has all is no answer to it.
        guard self.unread.isEmpty else { throw EffectError.failed("an answer to nothing") }
        try await self.stream.write(Self.record("X", "") + Self.record("E", ""), timeout: self.limit * 5)
    }

    private func write(_ bytes: [UInt8]) async throws(EffectError) {
        if !bytes.isEmpty { try await self.stream.write(bytes, timeout: self.limit) }
    }

    /// What became of it: bits, and a reason.
    mutating func status() async throws(EffectError) -> (bits: Int, reason: String) {
        let attributes = try await self.attributes(within: self.limit * 5)
        guard let text = attributes["status"], let bits = Int(text), bits >= 0 else { throw .failed("no status") }
        return (bits, String((attributes["reason"] ?? "").prefix(400)))
    }

    /// What bits mean; `nil`: queued.
    static func denial(_ bits: Int, _ reason: String) -> Denial? {
        guard bits != 0 else { return nil }
        let isSet = { (bit: Int) in bits & bit != 0 }
        // Whatever may pass comes first.
        if isSet(256) { return Denial(.denysoft, "service unavailable (#4.7.1)") }
        if isSet(128) || isSet(2) { return Denial(.denysoft, "queue file write error (#4.3.0)") }
        if isSet(1) { return Denial(.denysoft, "internal protocol error (#4.3.0)") }
        if isSet(64) { return Denial(.deny, "no recipients specified (#5.1.0)") }
        if isSet(16) { return Denial(.deny, "too many hops (#5.4.0)") }
        if isSet(4) { return Denial(.deny, "message file too big (#5.3.4)") }
        if isSet(8) { return Denial(.deny, "message content rejected (#5.7.1)") }
        return Denial(.denysoft, "internal protocol error (#4.3.0)")
    }

    /// A letter, the length in groups of seven bits, the octets.
    static func record(_ type: Character, _ text: String) -> [UInt8] { Self.record(type, Array(text.utf8)[...]) }

    static func record(_ type: Character, _ octets: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = [type.asciiValue ?? 0]
        var length = octets.count
        repeat {
            let group = UInt8(length & 0x7F)
            length >>= 7
            output.append(length > 0 ? group | 0x80 : group)
        } while length > 0
        return output + octets
    }

    /// Names and values, each ended by NUL, ended by an empty name.
    private mutating func attributes(within limit: Duration) async throws(EffectError) -> [String: String] {
        let deadline = self.clock.now.advanced(by: limit)
        var attributes: [String: String] = [:]
        while true {
            let name = try await self.text(until: deadline)
            if name.isEmpty { return attributes }
            guard attributes.count < 16 else { throw .tooLong("answer") }
            attributes[name] = try await self.text(until: deadline)
        }
    }

    private mutating func text(until deadline: MonotonicTime) async throws(EffectError) -> String {
        while true {
            if let end = self.unread.firstIndex(of: 0) {
                defer { self.unread.removeFirst(end + 1) }
                return String(decoding: self.unread[..<end], as: UTF8.self)
            }
            guard self.unread.count < Self.replyOctets else { throw .tooLong("answer") }
            let remaining = deadline.since(self.clock.now)
            guard remaining > .zero else { throw .timedOut("answer") }
            let bytes = try await self.stream.read(atMost: Self.replyOctets, timeout: remaining)
            guard !bytes.isEmpty else { throw .closed("connection") }
            self.unread += bytes
        }
    }
}

/// Lines as records: `N` for one that ends here, `L` for one that goes on in the next record.
struct LineRecords {
    private let limit: Int
    private var line: [UInt8] = []

    init(limit: Int) {
        self.limit = limit
    }

    mutating func records(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 16 + 16)
        for byte in bytes {
            if byte == 0x0A {
                output += CleanupClient.record("N", self.line[...])
                self.line.removeAll(keepingCapacity: true)
                continue
            }
            if self.line.count == self.limit {
                output += CleanupClient.record("L", self.line[...])
                self.line.removeAll(keepingCapacity: true)
            }
            self.line.append(byte)
        }
        return output
    }

    /// The end of the message: a line without an end has one now.
    mutating func finish() -> [UInt8] {
        defer { self.line = [] }
        return self.line.isEmpty ? [] : CleanupClient.record("N", self.line[...])
    }
}
