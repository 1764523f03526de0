// LineFramerTests.swift
//
// RFC 5321 §2.3.8, §4.5.3.1.4

import QPSMTP
import Testing

@Suite struct LineFramerTests {
    /// Feeds pieces the way a session does: unused octets are kept, those of a discarded line forgotten.
    private static func lines(_ pieces: [[UInt8]], limit: Int) -> [String] {
        var framer = LineFramer(limit: limit)
        var buffer: [UInt8] = []
        var found: [String] = []
        for piece in pieces {
            buffer += piece
            var offset = 0
            loop: while true {
                switch buffer.withUnsafeBytes({ framer.next(in: $0, from: offset) }) {
                case .line(let content, let next, let bareLF):
                    found.append(shown(Array(buffer[content])) + (bareLF ? " (bare)" : ""))
                    offset = next
                case .tooLong(let next):
                    found.append("(too long)")
                    offset = next
                case .incomplete:
                    if framer.isDiscarding { offset = buffer.count }
                    break loop
                }
            }
            buffer.removeFirst(offset)
            // What is kept is bounded.
            #expect(buffer.count < limit)
        }
        return found
    }

    @Test(arguments: [
        Row("two lines", "NOOP\r\nQUIT\r\n", ["NOOP", "QUIT"]),
        Row("bare LF", "NOOP\nQUIT\r\n", ["NOOP (bare)", "QUIT"]),
        Row("empty lines", "\r\n\n", ["", " (bare)"]),
        Row("CR inside", "a\rb\r\n", ["a\\rb"]),
        Row("two CR", "a\r\r\n", ["a\\r"]),
        Row("incomplete", "NOOP\r\nQU", ["NOOP"]),
        Row("exactly the limit", "12345678\r\n", ["12345678"]),
        Row("one above", "123456789\r\nx\r\n", ["(too long)", "x"]),
        Row("far above", "12345678901234567890123456789\r\nx\r\n", ["(too long)", "x"]),
        Row("above, bare LF", "1234567890\nx\n", ["(too long)", "x (bare)"]),
        Row("exactly, bare LF", "123456789\n", ["123456789 (bare)"]),
        Row("NUL", "a\0b\r\n", ["a\\x0b"]),
    ])
    func everySplit(_ row: Row<String, [String]>) {
        let bytes = octets(row.input)
        #expect(Self.lines([bytes], limit: 10) == row.expected)
        #expect(Self.lines(bytes.map { [$0] }, limit: 10) == row.expected)
        for split in 0...bytes.count {
            #expect(Self.lines([Array(bytes[..<split]), Array(bytes[split...])], limit: 10) == row.expected)
        }
    }

    @Test func randomCuts() {
        var dice = Dice(1)
        for _ in 0..<300 {
            let text = dice.text(pieces: 40) + octets("\r\n")
            let whole = Self.lines([text], limit: 24)
            #expect(Self.lines(dice.cut(text, most: 9), limit: 24) == whole)
        }
    }

    @Test func limitChanges() {
        var framer = LineFramer(limit: 4)
        framer.limit = 12
        let bytes = octets("1234567890\r\n")
        let outcome = bytes.withUnsafeBytes { framer.next(in: $0, from: 0) }
        #expect(outcome == .line(content: 0..<10, next: 12, bareLF: false))
        framer.limit = -1
        #expect(framer.limit == 2)
    }

    @Test func oddOffsets() {
        var framer = LineFramer(limit: -5)
        let bytes = octets("a\n")
        #expect(bytes.withUnsafeBytes { framer.next(in: $0, from: 3) } == .incomplete)
        #expect(bytes.withUnsafeBytes { framer.next(in: $0, from: -1) } == .incomplete)
        #expect(bytes.withUnsafeBytes { framer.next(in: $0, from: 0) } == .line(content: 0..<1, next: 2, bareLF: true))
        let nothing = framer.next(in: UnsafeRawBufferPointer(start: nil, count: 0), from: 0)
        #expect(nothing == .incomplete)
    }
}
