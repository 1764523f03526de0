// LogTail.swift
//
// The last lines of a log, bounded.

import QPTelemetry

/// The newest lines, oldest first, and what is missing.
struct LogTail: Sendable {
    static let limit = 2000

    private(set) var rows: [LogRow] = []
    /// Lines that were not seen: the server dropped them for us, or there was no room.
    private(set) var lost: UInt64 = 0
    /// Lines that made room for newer ones.
    private(set) var passed: UInt64 = 0

    /// Takes further lines.
    mutating func append(_ rows: [LogRow], lost: UInt64) {
        self.lost &+= lost
        // A stream that was opened again begins with lines that are here already.
        let last = self.rows.last?.sequence
        self.rows += last.map { last in rows.filter { $0.sequence > last } } ?? rows
        // In larger steps, so that not every line moves all others.
        let excess = self.rows.count - Self.limit
        guard excess > Self.limit / 4 else { return }
        self.rows.removeFirst(excess)
        self.passed &+= UInt64(excess)
    }

    mutating func removeAll() { self = LogTail() }
}
