// LineSplitter.swift
//
// Octets as they come, cut into lines: one JSON text each.

/// Cuts a stream into lines. Empty ones (signs of life) are left out, those that are too long are counted instead.
struct LineSplitter: Sendable {
    /// Octets that a line may have.
    let limit: Int

    private var rest: [UInt8] = []
    private var isSkipping = false
    private var lost: UInt64 = 0

    init(limit: Int = 1 << 20) { self.limit = limit }

    /// The lines that end in these octets, without their ends.
    mutating func take(_ octets: some Collection<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var left = octets[...]
        while let end = left.firstIndex(of: UInt8(ascii: "\n")) {
            self.keep(left[..<end])
            left = left[left.index(after: end)...]
            if let line = self.endLine() { lines.append(line) }
        }
        self.keep(left)
        return lines
    }

    /// How many lines were too long since this was asked last.
    mutating func takeLost() -> UInt64 {
        defer { self.lost = 0 }
        return self.lost
    }

    private mutating func keep(_ part: some Collection<UInt8>) {
        guard !self.isSkipping else { return }
        guard part.count <= self.limit - self.rest.count else {
            self.rest = []
            return self.isSkipping = true
        }
        self.rest += part
    }

    private mutating func endLine() -> [UInt8]? {
        guard !self.isSkipping else {
            self.isSkipping = false
            self.lost &+= 1
            return nil
        }
        if self.rest.last == UInt8(ascii: "\r") { self.rest.removeLast() }
        defer { self.rest = [] }
        return self.rest.isEmpty ? nil : self.rest
    }
}
