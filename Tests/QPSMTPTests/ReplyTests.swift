// ReplyTests.swift
//
// RFC 5321 §4.2, §4.5.3.1.5; RFC 2034 §4

import QPSMTP
import Testing

@Suite struct ReplyTests {
    private static func wire(_ reply: Reply, id: String? = nil, utf8: Bool = false) -> String {
        var out: [UInt8] = []
        reply.encode(into: &out, id: id, utf8: utf8)
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: [
        Row("plain", Reply(250, "OK"), "250 OK\r\n"),
        Row("status", Reply(250, .other, "OK"), "250 2.0.0 OK\r\n"),
        Row("class follows code", Reply(450, .notAuthorized, "later"), "450 4.7.1 later\r\n"),
        Row("no status on 354", Reply(354, .other, "go ahead"), "354 go ahead\r\n"),
        Row("long status", Reply(550, EnhancedStatus("5.123.456"), "x"), "550 5.123.456 x\r\n"),
        Row("LF makes lines", Reply(550, .other, "a\nb"), "550-5.0.0 a\r\n550 5.0.0 b\r\n"),
        Row("CRLF makes lines", Reply(250, "a\r\nb\r\nc"), "250-a\r\n250-b\r\n250 c\r\n"),
        Row("empty lines stay", Reply(250, "a\n\nb\n"), "250-a\r\n250-\r\n250-b\r\n250 \r\n"),
        Row("list of lines", Reply(250, lines: ["a", "b\nc"]), "250-a\r\n250-b\r\n250 c\r\n"),
        Row("no lines", Reply(250, lines: []), "250 \r\n"),
        Row("lone CR", Reply(250, "a\rb"), "250 a?b\r\n"),
        Row("NUL, ESC, DEL", Reply(250, "a\0b\u{1B}c\u{7F}"), "250 a?b?c?\r\n"),
        Row("tab stays", Reply(250, "a\tb"), "250 a\tb\r\n"),
        Row("outside ASCII", Reply(250, "ä"), "250 ??\r\n"),
        Row("code too small", Reply(199, "x"), "451 x\r\n"),
        Row("code too big", Reply(600, "x"), "451 x\r\n"),
        Row("code negative", Reply(.min, "x"), "451 x\r\n"),
        Row("code 599", Reply(599, "x"), "599 x\r\n"),
    ])
    func wireForm(_ row: Row<Reply, String>) {
        #expect(Self.wire(row.input) == row.expected)
    }

    @Test func lines() {
        #expect(Reply(250, "a\r\nb").lines == ["a", "b"])
        #expect(Reply(250, "").lines == [""])
        #expect(Reply(250, "a\r\nb").text == "a\nb")
        #expect(Reply(250, "a\nb") == Reply(250, lines: ["a", "b"]))
    }

    @Test func utf8() {
        #expect(Self.wire(Reply(250, "Grüße"), utf8: true) == "250 Grüße\r\n")
        // U+009B begins terminal sequences.
        #expect(Self.wire(Reply(250, "a\u{9B}b\u{A0}c"), utf8: true) == "250 a??b\u{A0}c\r\n")
    }

    @Test func id() {
        #expect(Self.wire(Reply(550, .notAuthorized, "a\nb"), id: "X1.2") == "550-5.7.1 a\r\n550 5.7.1 b [X1.2]\r\n")
        #expect(Self.wire(Reply(250, ""), id: "X") == "250 [X]\r\n")
        #expect(Self.wire(Reply(250, "x"), id: "a\r\nb c") == "250 x [a??b?c]\r\n")
        #expect(Self.wire(Reply(250, "x"), id: String(repeating: "i", count: 5_000)).utf8.count <= 512)
    }

    /// Whatever the length, no line is above 512 octets, no text is lost, and the id stands whole on the last line.
    @Test(arguments: [false, true])
    func longLines(_ utf8: Bool) {
        for count in Array(470...520) + [1_000, 1_020, 1_023, 5_000] {
            for piece in ["x", "word ", "äöü", "日本 語"] {
                let text = String(repeating: piece, count: count / piece.utf8.count + 1)
                self.check(text, utf8: utf8)
            }
        }
    }

    private func check(_ text: String, utf8: Bool) {
        let wire = Self.wire(Reply(550, .notAuthorized, text), id: "0123456789abcdef.12", utf8: utf8)
        let lines = wire.utf8.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        #expect(lines.allSatisfy { $0.utf8.count + 1 <= 512 && $0.utf8.last == 0x0D })
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("550-5.7.1 ") })
        #expect(lines.last?.hasPrefix("550 5.7.1 ") == true)
        #expect(lines.last?.utf8.elementsEqual("[0123456789abcdef.12]\r".utf8) != true || text.isEmpty)
        #expect(wire.utf8.suffix(24).elementsEqual(" [0123456789abcdef.12]\r\n".utf8))
        let texts = lines.map { $0.utf8.dropFirst(10).dropLast() }
        let joined = texts.flatMap { Array($0) }.filter { $0 != 0x20 }.dropLast(21)
        let wanted = utf8 ? Array(text.utf8) : text.utf8.map { $0 < 0x80 ? $0 : 0x3F }
        #expect(Array(joined) == wanted.filter { $0 != 0x20 })
        if utf8 { #expect(texts.allSatisfy { String(validating: Array($0), as: UTF8.self) != nil }) }
    }

    @Test func blanksOnlyAreCut() {
        let wire = Self.wire(Reply(250, String(repeating: " ", count: 2_000)), id: "x")
        #expect(wire.utf8.split(separator: 0x0A).allSatisfy { $0.count + 1 <= 512 })
    }

    @Test func staticReply() {
        let reply = StaticReply("250 2.0.0 OK\r\n")
        var out = octets("x")
        reply.append(to: &out)
        #expect(out == octets("x250 2.0.0 OK\r\n"))
        #expect(reply.code == 250)
        #expect(reply.description == "250 2.0.0 OK\r\n")
        #expect(StaticReply("a").code == 0)
    }
}
