// QMQPClient.swift
//
// QMQP and netstrings (Bernstein, 1997): one package there, one answer back

import QPHooks

/// Why a message was not handed over: a text for the client, and the cause for the log.
struct QMQPFailure: Error {
    let text: String
    let cause: String

    init(_ text: String, _ error: any Error) {
        self.text = text
        self.cause = "\(error)"
    }

    /// With a reason in a few words: the whole of it may name hosts and files.
    static func step(_ text: String, _ error: any Error) -> Self {
        let reason =
            switch error as? EffectError {
            case .timedOut: "timed out"
            case .closed: "connection closed"
            case .refusedInShadow, .unavailable, .failed, .tooLong, nil: "input/output error"
            }
        return Self("\(text): \(reason)", error)
    }
}

/// The client's side of a QMQP connection. Every wait and every buffer has a bound.
struct QMQPClient {
    /// The most octets of an answer.
    static let answerOctets = 1000

    private let stream: any ByteStream
    private let clock: any SessionClock
    private let limit: Duration

    init(_ stream: any ByteStream, clock: any SessionClock, limit: Duration) {
        self.stream = stream
        self.clock = clock
        self.limit = limit
    }

    /// Whether qmail can have an address: no NUL, which ends one in its queue, and no line end.
    static func isAddress(_ address: String) -> Bool {
        !address.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    }

    /// Sends the package: a netstring of the netstrings of message, sender and each recipient.
    func send(_ message: Message, _ addresses: [String], in session: SessionContext) async throws(QMQPFailure) {
        let size = try await self.size(of: message, in: session)
        let envelope = addresses.flatMap { "\($0.utf8.count):\($0),".utf8 }
        // The message's own netstring: its digits, a colon, a comma.
        let total = size + "\(size)".utf8.count + 2 + envelope.count
        try await self.write(Array("\(total):\(size):".utf8))

        var left = size
        var cursor = message.cursor(.lf)
        while let piece = try await self.next(&cursor, in: session) {
            left -= piece.count
            guard left >= 0 else { break }
            try await self.write(piece)
        }
        guard left == 0 else {
            throw QMQPFailure.step(
                "Failed to read from body_fh", EffectError.failed("the message has changed its size"))
        }
        try await self.write(Array(",".utf8) + envelope + Array(",".utf8))
    }

    /// Waits for the answer: a netstring whose first octet is K, Z or D.
    func answer() async throws(QMQPFailure) -> QMQPAnswer {
        let deadline = self.clock.now.advanced(by: self.limit)
        var netstring = NetstringReader(limit: Self.answerOctets)
        do throws(EffectError) {
            while true {
                let remaining = deadline.since(self.clock.now)
                guard remaining > .zero else { throw .timedOut("answer") }
                let bytes = try await self.stream.read(atMost: 1024, timeout: remaining)
                guard !bytes.isEmpty else { throw .closed("connection") }
                guard let text = try netstring.received(bytes) else { continue }
                guard let answer = QMQPAnswer(text) else { throw .failed("an answer that is none") }
                return answer
            }
        } catch {
            throw QMQPFailure("Protocol error", error)
        }
    }

    /// Octets in LF form; reading a file twice costs less than keeping the message.
    private func size(of message: Message, in session: SessionContext) async throws(QMQPFailure) -> Int {
        var size = 0
        var cursor = message.cursor(.lf)
        while let piece = try await self.next(&cursor, in: session) { size += piece.count }
        return size
    }

    private func next(
        _ cursor: inout MessageCursor, in session: SessionContext
    ) async throws(QMQPFailure) -> [UInt8]? {
        do {
            return try await session.read(&cursor)
        } catch {
            throw QMQPFailure.step("Failed to read from body_fh", error)
        }
    }

    private func write(_ bytes: [UInt8]) async throws(QMQPFailure) {
        do {
            try await self.stream.write(bytes, timeout: self.limit)
        } catch {
            throw QMQPFailure.step("Failed to print to socket", error)
        }
    }
}

/// What a QMQP server says.
struct QMQPAnswer: Sendable {
    private let letter: UInt8
    private let text: String

    /// Nil if it begins with none of K, Z and D.
    init?(_ bytes: [UInt8]) {
        guard let letter = bytes.first, "KZD".utf8.contains(letter) else { return nil }
        self.letter = letter
        let plain = bytes.dropFirst().map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        self.text = String(String(decoding: plain, as: UTF8.self).prefix(400))
    }

    var verdict: Verdict<Delivery> {
        switch self.letter {
        case UInt8(ascii: "K"): .ok("Queued! \(self.text)")
        case UInt8(ascii: "D"): .deny("Denied: \(self.text)")
        default: .denysoft("Deferred: \(self.text)")
        }
    }
}

/// Reads one netstring that comes in pieces.
struct NetstringReader {
    private let limit: Int
    private var unread: [UInt8] = []

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes octets; gives the content once it is complete. What follows the netstring is not looked at.
    mutating func received(_ bytes: [UInt8]) throws(EffectError) -> [UInt8]? {
        self.unread += bytes
        guard let colon = self.unread.prefix(20).firstIndex(of: UInt8(ascii: ":")) else {
            let isBegun = self.unread.count < 20 && self.unread.allSatisfy { (0x30...0x39).contains($0) }
            guard isBegun else { throw .failed("no netstring") }
            return nil
        }
        let digits = self.unread[..<colon]
        let isNumber = digits.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, !digits.isEmpty, digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let count = Int(String(decoding: digits, as: UTF8.self))
        else { throw .failed("no netstring") }
        guard count <= self.limit else { throw .tooLong("netstring") }
        let end = colon + 1 + count
        guard self.unread.count > end else { return nil }
        guard self.unread[end] == UInt8(ascii: ",") else { throw .failed("no comma behind a netstring") }
        return Array(self.unread[(colon + 1)..<end])
    }
}
