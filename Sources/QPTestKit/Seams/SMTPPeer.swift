// SMTPPeer.swift
//
// RFC 5321 §4.1.1, §4.5.2: a next hop for tests

public import QPHooks
import Synchronization

/// What an `SMTPPeer` was told, over all its connections.
public final class SMTPTranscript: Sendable {
    private let state = Mutex<(commands: [String], messages: [[UInt8]])>(([], []))

    /// Nothing told.
    public init() {}

    /// The command lines in order.
    public var commands: [String] { self.state.withLock(\.commands) }
    /// The messages exactly as they were sent, dots stuffed, without the final dot.
    public var messages: [[UInt8]] { self.state.withLock(\.messages) }

    func add(command: String) { self.state.withLock { $0.commands.append(command) } }
    func add(message: [UInt8]) { self.state.withLock { $0.messages.append(message) } }
}

/// An SMTP or LMTP server that answers as a test wants, and writes down what it was told.
public struct SMTPPeer: ScriptedPeer {
    /// The first line.
    public var greeting = "220 peer.example ESMTP"
    /// What EHLO offers; `nil`: only HELO is known.
    public var extensions: [String]? = ["PIPELINING", "8BITMIME", "SIZE 10000000"]
    /// Answers to commands by their beginning, `.` for the end of the message; the longest that fits counts. An empty
    /// answer says nothing. Lines of one answer are separated by LF.
    public var replies: [String: String] = [:]
    /// Commands after which it hangs up, by their beginning; `.` is the end of the message.
    public var hangsUpAt: [String] = []
    /// Octets that follow the answer to a command at once, by the command's beginning.
    public var injections: [String: String] = [:]
    /// Whether it speaks LMTP: LHLO, and for each recipient an answer to the message, which `replies` has under `.` and
    /// the recipient in brackets.
    public var isLMTP = false
    /// What EHLO offers under TLS; `nil`: it knows no TLS.
    public var extensionsUnderTLS: [String]?
    /// The certificate it has is good only for clients that prove nothing.
    public var hasBadCertificate = false
    /// What it was told.
    public let transcript: SMTPTranscript

    public private(set) var hasClosed = false
    private var isEncrypted = false
    private var recipients: [String] = []
    private var chunk: (left: Int, isLast: Bool)?
    private var line: [UInt8] = []
    private var message: [UInt8]?

    /// A server that says yes to everything.
    public init(transcript: SMTPTranscript = SMTPTranscript()) {
        self.transcript = transcript
    }

    /// The greeting.
    public mutating func connected() -> [UInt8] { self.isImplicit ? [] : Self.wire(self.greeting) }

    /// Begins TLS.
    public mutating func startedTLS(_ tls: ClientTLS) throws(EffectError) -> [UInt8] {
        self.transcript.add(command: "(TLS \(tls.serverName) \(tls.verification))")
        guard let extensions = self.extensionsUnderTLS, !self.hasBadCertificate || tls.verification == .none else {
            self.hasClosed = true
            throw .failed("TLS")
        }
        let isImplicit = self.isImplicit
        self.isEncrypted = true
        self.extensions = extensions
        return isImplicit ? Self.wire(self.greeting) : []
    }

    /// Whether TLS comes before the greeting.
    public var isImplicit = false

    /// Answers whole lines.
    public mutating func received(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        for byte in bytes where !self.hasClosed {
            self.line.append(byte)
            if let (left, isLast) = self.chunk {
                self.chunk = (left - 1, isLast)
                if left == 1 { output += self.endChunk() }
                continue
            }
            guard byte == UInt8(ascii: "\n"), self.line.dropLast().last == UInt8(ascii: "\r") else { continue }
            let line = self.line
            self.line = []
            output += self.answer(line)
        }
        return output
    }

    private mutating func answer(_ line: [UInt8]) -> [UInt8] {
        if let message = self.message, self.chunk == nil, !self.isChunked {
            guard line == Array(".\r\n".utf8) else {
                self.message = message + line
                return []
            }
            return self.endMessage()
        }
        let command = String(decoding: line.dropLast(2), as: UTF8.self)
        self.transcript.add(command: command)
        let verb = command.prefix { $0 != " " }.uppercased()
        var text = "250 ok"
        switch verb {
        case "DATA":
            let reply = self.reply(to: command, default: "354 go ahead")
            if reply.hasPrefix("354") { self.message = [] }
            return Self.wire(reply) + self.injection(command)
        case "BDAT":
            return self.beginChunk(command.split(separator: " "))
        case "QUIT":
            self.hasClosed = true
            text = "221 bye"
        case "EHLO", "LHLO":
            text = (verb == "LHLO") == self.isLMTP ? self.hello : "500 what"
        case "RCPT":
            let reply = self.reply(to: command, default: text)
            let recipient = command.dropFirst("RCPT TO:".count).prefix { $0 != " " }
            if reply.hasPrefix("2") { self.recipients.append(String(recipient)) }
            return Self.wire(reply)
        case "MAIL":
            self.recipients = []
        case "STARTTLS", "XCLIENT":
            text = "220 go ahead"
        case "AUTH":
            text = "235 welcome"
        default:
            break
        }
        return Self.wire(self.reply(to: command, default: text)) + self.injection(command)
    }

    private func injection(_ command: String) -> [UInt8] {
        Array((self.injections.first { command.hasPrefix($0.key) }?.value ?? "").utf8)
    }

    // MARK: Messages

    private var isChunked = false

    private mutating func beginChunk(_ words: [Substring]) -> [UInt8] {
        let size = words.count > 1 ? Int(words[1]) ?? 0 : 0
        self.isChunked = true
        if self.message == nil { self.message = [] }
        self.chunk = (size, words.count > 2)
        return size == 0 ? self.endChunk() : []
    }

    private mutating func endChunk() -> [UInt8] {
        let isLast = self.chunk?.isLast ?? true
        self.chunk = nil
        self.message = (self.message ?? []) + self.line
        self.line = []
        guard isLast else { return Self.wire(self.reply(to: "CHUNK", default: "250 chunk")) }
        self.isChunked = false
        return self.endMessage()
    }

    private mutating func endMessage() -> [UInt8] {
        self.transcript.add(message: self.message ?? [])
        self.message = nil
        guard self.isLMTP else { return Self.wire(self.reply(to: ".", default: "250 queued as 4711")) }
        return self.recipients.flatMap { Self.wire(self.reply(to: "." + $0, default: "250 saved")) }
    }

    private var hello: String {
        guard let extensions = self.extensions else { return "502 only HELO" }
        return (["250 peer.example"] + extensions.map { "250 " + $0 }).joined(separator: "\n")
    }

    private mutating func reply(to command: String, default text: String) -> String {
        if self.hangsUpAt.contains(where: { command.hasPrefix($0) }) {
            self.hasClosed = true
            return ""
        }
        let known = self.replies.keys.filter { command.hasPrefix($0) }.max { $0.utf8.count < $1.utf8.count }
        return known.flatMap { self.replies[$0] } ?? text
    }

    private static func wire(_ text: String) -> [UInt8] {
        guard !text.isEmpty else { return [] }
        let lines = text.split(separator: "\n").map(String.init)
        return lines.enumerated().flatMap { index, line in
            let isLast = index == lines.count - 1
            return Array((isLast ? line : line.prefix(3) + "-" + line.dropFirst(4)).utf8) + [0x0D, 0x0A]
        }
    }
}
