// SMTPClient.swift
//
// RFC 5321 §3.2 (EHLO and HELO), §4.2 (replies), §4.5.3.1 (sizes), §4.5.3.2 (time limits)

import QPHooks

/// The client's side of an SMTP connection. Every wait and every buffer has a bound.
struct SMTPClient {
    /// For a command and its reply.
    static let limit = Duration.seconds(60)
    /// For the reply to the end of a message.
    private static let finalLimit = Duration.seconds(300)
    private static let lineOctets = 512, replyLines = 100

    private let stream: any ByteStream
    private let clock: any SessionClock
    private var unread: [UInt8] = []
    private var extensions: [String: String] = [:]

    init(_ stream: any ByteStream, clock: any SessionClock) {
        self.stream = stream
        self.clock = clock
    }

    /// Whether EHLO named an extension.
    func offers(_ keyword: String) -> Bool { self.extensions[keyword] != nil }

    /// RFC 1870 §3: the largest message the server takes; `nil` if it does not say.
    var sizeLimit: Int? {
        self.extensions["SIZE"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Waits for the greeting and introduces us.
    mutating func greet(as name: String) async throws(EffectError) {
        let greeting = try await self.reply(within: Self.limit)
        guard greeting.code == 220 else { throw .failed("greeted with \(greeting)") }
        let ehlo = try await self.command("EHLO \(name)")
        if ehlo.isPositive {
            for line in ehlo.lines.dropFirst() {
                let words = line.split(separator: " ", maxSplits: 1)
                guard let keyword = words.first else { continue }
                self.extensions[keyword.uppercased()] = words.count > 1 ? String(words[1]) : ""
            }
            return
        }
        // RFC 5321 §3.2: a server that does not know EHLO.
        let helo = try await self.command("HELO \(name)")
        guard helo.isPositive else { throw .failed("HELO answered with \(helo)") }
    }

    /// Sends a command and waits for its reply.
    mutating func command(_ line: String, expecting first: Int = 200) async throws(EffectError) -> SMTPAnswer {
        guard !line.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .failed("a control character in a command")
        }
        try await self.send(Array(line.utf8) + [0x0D, 0x0A])
        var answer = try await self.reply(within: Self.limit)
        answer.expected = first
        return answer
    }

    /// Sends octets.
    func send(_ bytes: [UInt8]) async throws(EffectError) {
        if !bytes.isEmpty { try await self.stream.write(bytes, timeout: Self.limit) }
    }

    /// Sends the end of a message and waits for the reply to it.
    mutating func finish(_ bytes: [UInt8]) async throws(EffectError) -> SMTPAnswer {
        try await self.send(bytes)
        return try await self.reply(within: Self.finalLimit)
    }

    /// RFC 5321 §4.1.1.10: says goodbye; nothing that happens now changes what became of the mail.
    mutating func quit() async {
        do throws(EffectError) {
            try await self.stream.write(Array("QUIT\r\n".utf8), timeout: .seconds(5))
            _ = try await self.reply(within: .seconds(5))
        } catch {
            // The connection is gone, which is what was wanted.
        }
        await self.stream.close()
    }

    private mutating func reply(within limit: Duration) async throws(EffectError) -> SMTPAnswer {
        let deadline = self.clock.now.advanced(by: limit)
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
                let line = self.unread[..<end]
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

/// A reply of a server.
struct SMTPAnswer: Sendable, CustomStringConvertible {
    let code: Int
    private(set) var lines: [String]
    /// Whether the last line has come.
    private(set) var isComplete: Bool
    /// The class of codes that means yes: 200, or 300 for DATA.
    var expected = 200

    /// Reads the next line of a reply; `nil` if it is none, or its code is not that of the lines before.
    init?(line: [UInt8], after former: SMTPAnswer?) {
        guard line.count >= 3, let code = Int(String(decoding: line[..<3], as: UTF8.self)),
            (200...599).contains(code), former == nil || former?.code == code
        else { return nil }
        let separator = line.count > 3 ? line[3] : 0x20
        guard separator == 0x20 || separator == UInt8(ascii: "-") else { return nil }
        self.code = code
        self.isComplete = separator == 0x20
        self.lines = (former?.lines ?? []) + [String(decoding: line.dropFirst(4), as: UTF8.self)]
    }

    var isPositive: Bool { (self.expected..<self.expected + 100).contains(self.code) }

    /// The text without enhanced status codes.
    var text: String {
        self.lines.prefix(5).map { line in
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = words.first, EnhancedStatus(first) != nil else { return line }
            return words.count > 1 ? String(words[1]) : ""
        }.joined(separator: "\n")
    }

    /// The refusal it is; `nil` if it says yes. A reply that fits nowhere is a deferral: the mail must not get lost.
    var denial: Denial? {
        guard !self.isPositive else { return nil }
        guard self.code >= 400 else { return Denial(.denysoft, "The next hop gave a strange answer", .otherProtocol) }
        let status = self.lines.first?.split(separator: " ").first.flatMap { EnhancedStatus($0) }
        return Denial(self.code < 500 ? .denysoft : .deny, self.text, status)
    }

    var description: String { "\(self.code) \(self.lines.joined(separator: " / "))" }
}
