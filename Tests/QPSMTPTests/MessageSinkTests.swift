// MessageSinkTests.swift
//
// RFC 5322 §2.1, RFC 5321 §6.3

import QPSMTP
import Testing

@Suite struct MessageSinkTests {
    private static func sink(_ pieces: [[UInt8]], limit: UInt64? = nil) -> MessageSink {
        var sink = MessageSink(limit: limit)
        for piece in pieces { piece.withUnsafeBytes { sink.received($0) } }
        return sink
    }

    private static func summary(_ sink: MessageSink) -> String {
        let flags = [
            sink.has8BitHeader ? "8h" : "", sink.has8BitBody ? "8b" : "", sink.hasNUL ? "nul" : "",
        ].filter { !$0.isEmpty }
        let numbers = "\(sink.wireSize) \(sink.size) \(sink.headerEnd.map(String.init) ?? "-") \(sink.hops)"
        return ([numbers] + flags).joined(separator: " ")
    }

    @Test(arguments: [
        Row("ordinary", "A: b\r\n\r\nx\r\n", "11 8 8 0"),
        Row("no body", "A: b\r\n", "6 5 - 0"),
        Row("empty header", "\r\nx\r\n", "5 3 2 0"),
        Row("bare LF", "A: b\n\nx\n", "8 8 6 0"),
        Row("mixed line ends", "A: b\n\r\nx", "8 7 7 0"),
        Row("CR CR LF is no empty line", "A: b\r\n\r\r\nx", "10 8 - 0"),
        Row("CR inside the empty line", "A: b\r\n\rx\r\n\r\n", "12 9 12 0"),
        Row("blank line of blanks", "A: b\r\n \r\n\r\n", "11 8 11 0"),
        Row(
            "hops", "Received: a\r\nRECEIVED: b\r\ndelivered-to: c\r\nReceivedX: d\r\n\r\nReceived: e\r\n", "72 66 59 3"
        ),
        Row("hop without name end", "Received\r\n: x\r\n\r\n", "17 14 17 0"),
        Row("hop in a fold", "A: b\r\n Received: x\r\n\r\n", "22 19 22 0"),
        Row("8 bit in the header", "Ä: b\r\n\r\nx\r\n", "12 9 9 0 8h"),
        Row("8 bit in the body", "A: b\r\n\r\nä\r\n", "12 9 8 0 8b"),
        Row("NUL", "A: \0\r\n\r\n", "8 6 8 0 nul"),
        Row("nothing", "", "0 0 - 0"),
    ])
    func everySplit(_ row: Row<String, String>) {
        let bytes = octets(row.input)
        #expect(Self.summary(Self.sink([bytes])) == row.expected)
        #expect(Self.summary(Self.sink(bytes.map { [$0] })) == row.expected)
        for split in 0...bytes.count {
            #expect(Self.summary(Self.sink([Array(bytes[..<split]), Array(bytes[split...])])) == row.expected)
        }
    }

    @Test(arguments: [(8, true), (9, false), (10, false)])
    func limits(_ limit: UInt64, _ isTooBig: Bool) {
        // The size counts CRLF as one octet, and exactly the limit passes.
        #expect(Self.sink([octets("A: b\r\n\r\nxy\r\n")], limit: limit).isTooBig == isTooBig)
    }

    @Test func noLimit() {
        #expect(!Self.sink([octets("x")]).isTooBig)
        #expect(Self.sink([octets("x")], limit: 0).isTooBig)
    }

    @Test func randomMessages() {
        var dice = Dice(4)
        for round in 0..<800 {
            let bytes = dice.text(pieces: 3 + round % 80)
            let whole = Self.sink([bytes])
            #expect(Self.summary(Self.sink(dice.cut(bytes, most: 1 + dice.roll(100)))) == Self.summary(whole))
            let pairs = zip(bytes, bytes.dropFirst()).count { $0 == 0x0D && $1 == 0x0A }
            #expect(whole.size == UInt64(bytes.count - pairs))
            #expect(whole.hasNUL == bytes.contains(0))
            #expect(whole.has8Bit == bytes.contains { $0 >= 0x80 })
        }
    }

    @Test func longBodiesAreCounted() {
        let body = octets(String(repeating: "x\r\n", count: 20_000))
        #expect(Self.sink([octets("\r\n") + body]).size == 1 + 40_000)
    }
}
