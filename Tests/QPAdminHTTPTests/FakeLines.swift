// FakeLines.swift
//
// A log in memory.

import Synchronization

final class FakeLines: Sendable {
    private let lines = Mutex<[String]>([])

    func append(_ line: String) { self.lines.withLock { $0.append(line) } }

    var all: [String] { self.lines.withLock { $0 } }
}
