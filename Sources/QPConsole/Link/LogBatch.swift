// LogBatch.swift
//
// Lines of a log between the socket and the screen, bounded. They are read only when they are handed out: what makes
// room for newer lines costs nothing.

import QPTelemetry

/// Lines that wait.
struct LogBatch: Sendable {
    /// Lines that are handed out at once, and that may wait; octets that may wait.
    static let size = 500, room = 2000, octets = 4 << 20

    /// What is handed out.
    struct Portion: Sendable {
        var rows: [LogRow] = []
        var lost: UInt64 = 0
    }

    private var waiting: [[UInt8]] = []
    /// The first that still waits; those before it are empty.
    private var first = 0
    private var octets = 0
    private var lost: UInt64 = 0

    var isEmpty: Bool { self.first == self.waiting.count && self.lost == 0 }

    /// Takes a line as it came: a row, or how many the server left out.
    mutating func append(_ line: [UInt8]) {
        guard !line.starts(with: "{\"lost\":".utf8) else {
            return self.addLost((try? JSONAnswer.decode(Lost.self, from: line).lost) ?? 1)
        }
        self.waiting.append(line)
        self.octets += line.count
        while self.waiting.count - self.first > Self.room || self.octets > Self.octets {
            _ = self.removeFirst()
            self.lost &+= 1
        }
    }

    mutating func addLost(_ count: UInt64) { self.lost &+= count }

    /// The oldest lines, not read yet, and how many were lost before them.
    mutating func take() -> (lines: [[UInt8]], lost: UInt64) {
        var lines: [[UInt8]] = []
        while lines.count < Self.size, let line = self.removeFirst() { lines.append(line) }
        defer { self.lost = 0 }
        return (lines, self.lost)
    }

    /// Reads lines; those that are none of ours count as lost.
    static func read(_ lines: [[UInt8]], lost: UInt64) -> Portion {
        var portion = Portion(lost: lost)
        for line in lines {
            if let row = try? JSONAnswer.decode(LogRow.self, from: line) {
                portion.rows.append(row)
            } else {
                portion.lost &+= 1
            }
        }
        return portion
    }

    private struct Lost: Decodable { let lost: UInt64 }

    private mutating func removeFirst() -> [UInt8]? {
        guard self.first < self.waiting.count else { return nil }
        let line = self.waiting[self.first]
        self.waiting[self.first] = []
        self.first += 1
        self.octets -= line.count
        if self.first >= Self.room || self.first == self.waiting.count {
            self.waiting.removeFirst(self.first)
            self.first = 0
        }
        return line
    }
}
