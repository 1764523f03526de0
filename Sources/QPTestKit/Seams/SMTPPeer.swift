// SMTPPeer.swift
//
// RFC 5321 §4.1.1, §4.5.2: a next hop for tests

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

/// An SMTP server that answers as a test wants, and writes down what it was told.
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
    /// What it was told.
    public let transcript: SMTPTranscript

    public private(set) var hasClosed = false
    private var line: [UInt8] = []
    private var message: [UInt8]?

    /// A server that says yes to everything.
    public init(transcript: SMTPTranscript = SMTPTranscript()) {
        self.transcript = transcript
    }

    /// The greeting.
    public mutating func connected() -> [UInt8] { Self.wire(self.greeting) }

    /// Answers whole lines.
    public mutating func received(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        for byte in bytes where !self.hasClosed {
            self.line.append(byte)
            guard byte == UInt8(ascii: "\n"), self.line.dropLast().last == UInt8(ascii: "\r") else { continue }
            let line = self.line
            self.line = []
            output += Self.wire(self.answer(line))
        }
        return output
    }

    private mutating func answer(_ line: [UInt8]) -> String {
        if let message = self.message {
            guard line == Array(".\r\n".utf8) else {
                self.message = message + line
                return ""
            }
            self.message = nil
            self.transcript.add(message: message)
            return self.reply(to: ".", default: "250 queued as 4711")
        }
        let command = String(decoding: line.dropLast(2), as: UTF8.self)
        self.transcript.add(command: command)
        let verb = command.prefix { $0 != " " }.uppercased()
        if verb == "DATA" {
            let reply = self.reply(to: command, default: "354 go ahead")
            if reply.hasPrefix("354") { self.message = [] }
            return reply
        }
        if verb == "QUIT" {
            self.hasClosed = true
            return self.reply(to: command, default: "221 bye")
        }
        return self.reply(to: command, default: verb == "EHLO" ? self.hello : "250 ok")
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
