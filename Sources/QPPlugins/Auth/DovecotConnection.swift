// DovecotConnection.swift
//
// Dovecot's protocol for authentication clients, version 1.1: lines of words with tabs between them

import QPHooks
import Synchronization

/// Why Dovecot could not be asked, for the log.
struct DovecotFailure: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

/// A connection to Dovecot's authentication server, for one question at a time. Every wait and every buffer has a bound.
final class DovecotConnection: Sendable {
    enum Answer: Sendable, Hashable {
        case ok, failed, unavailable
    }

    /// Octets of a line.
    private static let lineLimit = 8192
    private static let handshakeLines = 100
    /// Dovecot lets those who fail wait some seconds.
    private static let limit = Duration.seconds(20)

    private struct State {
        var buffer: [UInt8] = []
        var questions: UInt32 = 0
    }

    private let stream: any ByteStream
    private let state = Mutex(State())

    init(_ stream: any ByteStream) {
        self.stream = stream
    }

    func close() async { await self.stream.close() }

    /// Says who we are and hears whether the server speaks our language and knows PLAIN.
    func begin(_ number: UInt64) async throws(DovecotFailure) {
        try await self.write("VERSION\t1\t1\nCPID\t\(number)\n")
        var knowsPlain = false
        for _ in 0..<Self.handshakeLines {
            let words = try await self.line()
            switch words[0] {
            case "VERSION":
                guard words.count > 1, words[1] == "1" else { throw DovecotFailure("Dovecot speaks another version") }
            case "MECH": knowsPlain = knowsPlain || words.count > 1 && words[1].uppercased() == "PLAIN"
            case "DONE":
                guard knowsPlain else { throw DovecotFailure("Dovecot does not offer PLAIN") }
                return
            default: break
            }
        }
        throw DovecotFailure("Dovecot does not come to an end")
    }

    /// Asks, and waits for the answer.
    func ask(_ request: [String]) async throws(DovecotFailure) -> Answer {
        let id = self.state.withLock { state in
            state.questions += 1
            return "\(state.questions)"
        }
        try await self.write("AUTH\t\(id)\t" + request.joined(separator: "\t") + "\n")
        for _ in 0..<Self.handshakeLines {
            let words = try await self.line()
            guard words.count > 1, words[1] == id else { continue }
            switch words[0] {
            case "OK": return .ok
            case "FAIL": return words.contains("temp") ? .unavailable : .failed
            case "CONT": throw DovecotFailure("Dovecot asks for more than PLAIN has")
            default: continue
            }
        }
        throw DovecotFailure("Dovecot does not answer the question")
    }

    private func write(_ text: String) async throws(DovecotFailure) {
        do {
            try await self.stream.write(Array(text.utf8), timeout: Self.limit)
        } catch {
            throw DovecotFailure("Dovecot: \(error)")
        }
    }

    /// The words of the next line, at least one.
    private func line() async throws(DovecotFailure) -> [String] {
        while true {
            let line = self.state.withLock { state -> [UInt8]? in
                guard let end = state.buffer.firstIndex(of: 0x0A) else { return nil }
                defer { state.buffer.removeSubrange(...end) }
                return Array(state.buffer[..<end])
            }
            if let line {
                return line.split(separator: 0x09, omittingEmptySubsequences: false).map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            let bytes: [UInt8]
            do {
                bytes = try await self.stream.read(atMost: 4096, timeout: Self.limit)
            } catch {
                throw DovecotFailure("Dovecot: \(error)")
            }
            guard !bytes.isEmpty else { throw DovecotFailure("Dovecot closed the connection") }
            let count = self.state.withLock { state in
                state.buffer += bytes
                return state.buffer.count
            }
            guard count <= Self.lineLimit * 2 else { throw DovecotFailure("Dovecot's lines are too long") }
        }
    }
}

/// Connections that nobody uses now.
final class DovecotShelf: Sendable {
    private static let limit = 8
    private let kept = Mutex<[DovecotConnection]>([])

    func take() -> DovecotConnection? { self.kept.withLock { $0.popLast() } }

    /// False: there are enough.
    func put(_ connection: DovecotConnection) -> Bool {
        self.kept.withLock { kept in
            guard kept.count < Self.limit else { return false }
            kept.append(connection)
            return true
        }
    }
}
