// ReplayFile.swift
//
// A saved stream of events or log lines: one JSON text a line, or server-sent events, as the endpoint writes both.

import QPTelemetry

/// Something that a saved stream says.
enum ReplayItem: Sendable {
    case event(EventRow)
    case line(LogRow)
    case lost(UInt64)

    var time: Double? {
        switch self {
        case .event(let row): row.time
        case .line(let row): row.time
        case .lost: nil
        }
    }
}

/// What a saved stream held.
struct ReplayFile: Sendable {
    /// In the order of the file.
    private(set) var items: [ReplayItem] = []
    /// Lines that are neither, at most 10 of them; and how many there were.
    private(set) var problems: [String] = []
    private(set) var problemCount = 0

    /// Lines beyond this are not read.
    static let limit = 2_000_000

    private struct Kind: Decodable {
        var kind: String?
        var level: String?
        var lost: UInt64?
    }

    /// Reads a file.
    init(_ text: String, file: String) {
        for (index, line) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard index < Self.limit else {
                self.object("\(file):\(index + 1): warning: what follows is not read")
                break
            }
            guard let json = Self.json(of: line) else { continue }
            if let kind = try? JSONAnswer.decode(Kind.self, from: json), let item = Self.item(kind, json) {
                self.items.append(item)
            } else {
                self.object("\(file):\(index + 1): error: this is no event and no line of a log")
            }
        }
    }

    private mutating func object(_ text: String) {
        self.problemCount += 1
        if self.problems.count < 10 { self.problems.append(text) }
    }

    private static func item(_ kind: Kind, _ json: [UInt8]) -> ReplayItem? {
        if let lost = kind.lost { return .lost(lost) }
        if kind.level != nil { return (try? JSONAnswer.decode(LogRow.self, from: json)).map { .line($0) } }
        if kind.kind != nil { return (try? JSONAnswer.decode(EventRow.self, from: json)).map { .event($0) } }
        return nil
    }

    /// The JSON of a line; `nil`: it has none (a blank line, another field of an event, a comment).
    private static func json(of line: Substring.UTF8View) -> [UInt8]? {
        var octets = Array(line)
        if octets.last == 0x0D { octets.removeLast() }
        if octets.starts(with: "data:".utf8) {
            octets.removeFirst(5)
        } else if octets.first == UInt8(ascii: ":") || octets.starts(with: "id:".utf8)
            || octets.starts(with: "event:".utf8)
        {
            return nil
        }
        while octets.first == 0x20 { octets.removeFirst() }
        return octets.isEmpty ? nil : octets
    }
}
