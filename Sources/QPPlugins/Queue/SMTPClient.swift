// SMTPClient.swift
//
// RFC 5321 §3.2 (EHLO and HELO), §4.2 (replies), §4.5.3.1 (sizes), §4.5.3.2 (time limits); RFC 2033 §4.1 (LHLO)

import QPHooks

/// The client's side of an SMTP or LMTP connection. Every wait and every buffer has a bound.
struct SMTPClient: Sendable {
    // RFC 5321 §4.5.3.1.5
    private static let lineOctets = 512, replyLines = 100

    let stream: any ByteStream
    private let clock: any SessionClock
    private let hello: String
    /// For a command and its reply.
    private let limit: Duration
    private var unread: [UInt8] = []
    private var extensions: [String: String] = [:]
    /// When everything but the answer to the whole message must be over.
    var deadline: MonotonicTime
    /// How the octets travel.
    var security = Security.clear
    /// Whether the server has begun to take the message.
    var isInData = false
    /// Whether it came to a handshake of TLS.
    private(set) var hasTriedTLS = false
    /// Whether the connection can take no further message.
    var isBroken = false

    /// How well a connection is protected.
    enum Security: Int, Sendable, Comparable {
        case clear
        case encrypted
        case verified

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// `hello` is EHLO or LHLO; each command and its reply have as long as `limit`.
    init(
        _ stream: any ByteStream, clock: any SessionClock, hello: String, limit: Duration, deadline: MonotonicTime
    ) {
        self.stream = stream
        self.clock = clock
        self.hello = hello
        self.limit = limit
        self.deadline = deadline
    }

    /// Whether EHLO named an extension.
    func offers(_ keyword: String) -> Bool { self.extensions[keyword] != nil }

    /// What EHLO said about an extension.
    func words(of keyword: String) -> [String] {
        self.extensions[keyword]?.split(separator: " ").map { $0.uppercased() } ?? []
    }

    /// RFC 1870 §3: the largest message the server takes; `nil` if it does not say.
    var sizeLimit: Int? {
        self.extensions["SIZE"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Waits for the greeting.
    mutating func awaitGreeting() async throws(EffectError) {
        let greeting = try await self.reply(until: self.stepEnd)
        guard greeting.code == 220 else { throw .failed("greeted with \(greeting)") }
    }

    /// Introduces us; what the server offers is what counts from now on.
    mutating func introduce(as name: String) async throws(EffectError) {
        self.extensions = [:]
        let answer = try await self.command("\(self.hello) \(name)")
        if answer.isPositive {
            for line in answer.lines.dropFirst() {
                let words = line.split(separator: " ", maxSplits: 1)
                guard let keyword = words.first else { continue }
                self.extensions[keyword.uppercased()] = words.count > 1 ? String(words[1]) : ""
            }
            return
        }
        // RFC 5321 §3.2: a server that does not know EHLO. In LMTP there is nothing older than LHLO.
        guard self.hello == "EHLO", (500...504).contains(answer.code) else {
            throw .failed("\(self.hello) answered with \(answer)")
        }
        let helo = try await self.command("HELO \(name)")
        guard helo.isPositive else { throw .failed("HELO answered with \(helo)") }
    }

    /// RFC 3207 §4: what came in clear is forgotten, and whatever came behind the answer to STARTTLS ends the connection.
    mutating func startTLS(_ tls: ClientTLS) async throws(EffectError) {
        guard self.unread.isEmpty else { throw .failed("octets in clear behind the answer to STARTTLS") }
        self.hasTriedTLS = true
        try await self.stream.startTLS(tls, timeout: self.stepEnd.since(self.clock.now))
        self.security = tls.verification == .none ? .encrypted : .verified
        self.extensions = [:]
    }

    /// Sends a command and waits for its reply; the server may have less time than usual.
    mutating func command(
        _ line: String, expecting first: Int = 200, within limit: Duration? = nil
    ) async throws(EffectError) -> SMTPAnswer {
        guard !line.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .failed("a control character in a command")
        }
        let end = limit.map { min(self.stepEnd, self.clock.now.advanced(by: $0)) } ?? self.stepEnd
        try self.expectSilence()
        try await self.send(Array(line.utf8) + [0x0D, 0x0A])
        var answer = try await self.reply(until: end)
        answer.expected = first
        return answer
    }

    /// Sends octets and waits for the reply to them.
    mutating func exchange(_ bytes: [UInt8]) async throws(EffectError) -> SMTPAnswer {
        let end = self.stepEnd
        try self.expectSilence()
        try await self.send(bytes)
        return try await self.reply(until: end)
    }

    /// A server speaks when it is spoken to: whatever it said before would be taken for the answer to what comes now.
    private func expectSilence() throws(EffectError) {
        guard self.unread.isEmpty else { throw .failed("an answer to nothing") }
    }

    /// Sends octets.
    func send(_ bytes: [UInt8]) async throws(EffectError) {
        guard !bytes.isEmpty else { return }
        let left = self.stepEnd.since(self.clock.now)
        guard left > .zero else { throw .timedOut("sending") }
        try await self.stream.write(bytes, timeout: left)
    }

    /// Sends the end of a message.
    mutating func commit(_ bytes: [UInt8]) async throws(EffectError) {
        try self.expectSilence()
        // RFC 5321 §4.5.3.2.6: the end of a message deserves patience, because giving up makes duplicates.
        self.deadline = self.clock.now.advanced(by: self.limit * 5)
        try await self.send(bytes)
    }

    /// Waits for a reply to the end of the message.
    mutating func finalReply() async throws(EffectError) -> SMTPAnswer {
        try await self.reply(until: self.deadline)
    }

    /// The message has its answer: the connection can take another, which has to be over by then.
    mutating func settled(until deadline: MonotonicTime) {
        self.isInData = false
        self.deadline = deadline
    }

    /// RFC 5321 §4.1.1.10: says goodbye; nothing that happens now changes what became of the mail.
    mutating func quit() async {
        let limit = min(.seconds(5), self.limit)
        do throws(EffectError) {
            try await self.stream.write(Array("QUIT\r\n".utf8), timeout: limit)
            _ = try await self.reply(until: self.clock.now.advanced(by: limit))
        } catch {
            // The connection is gone, which is what was wanted.
        }
        await self.stream.close()
    }

    private var stepEnd: MonotonicTime { min(self.deadline, self.clock.now.advanced(by: self.limit)) }

    private mutating func reply(until deadline: MonotonicTime) async throws(EffectError) -> SMTPAnswer {
        var answer: SMTPAnswer?
        for _ in 0..<Self.replyLines {
            let line = try await self.line(until: deadline)
            guard let next = SMTPAnswer(line: line, after: answer) else { throw .failed("an answer that is none") }
            if next.isComplete { return next }
            answer = next
        }
        throw .tooLong("reply")
    }

    private mutating func line(until deadline: MonotonicTime) async throws(EffectError) -> [UInt8] {
        while true {
            if let end = self.unread.firstIndex(of: 0x0A) {
                let line = Array(self.unread[..<end])
                self.unread.removeFirst(end + 1)
                guard line.count < Self.lineOctets else { throw .tooLong("line of a reply") }
                return Array(line.last == 0x0D ? line.dropLast() : line)
            }
            guard self.unread.count < Self.lineOctets else { throw .tooLong("line of a reply") }
            let remaining = deadline.since(self.clock.now)
            guard remaining > .zero else { throw .timedOut("reply") }
            let bytes = try await self.stream.read(atMost: 4096, timeout: remaining)
            guard !bytes.isEmpty else { throw .closed("connection") }
            self.unread += bytes
        }
    }
}
