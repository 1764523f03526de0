// CommandLineTests.swift
//
// RFC 5321 §2.4, §4.1.1

import QPSMTP
import Testing

@Suite struct CommandLineTests {
    private static func parse(_ bytes: [UInt8]) -> QPSMTP.ClientLine {
        bytes.withUnsafeBytes { QPSMTP.ClientLine($0) }
    }

    @Test(arguments: Verb.allCases.filter { $0 != .other })
    func everyVerbInAnyCase(_ verb: Verb) {
        for text in [verb.name, verb.name.uppercased(), verb.name.prefix(1).uppercased() + verb.name.dropFirst()] {
            let line = Self.parse(octets("\(text) x"))
            #expect(line.verb == verb)
            #expect(line.name == verb.name)
            #expect(line.argument == "x")
        }
        #expect(Self.parse(octets(verb.name)).verb == verb)
        #expect(Self.parse(octets(verb.name + "x")).verb == .other)
        #expect(Self.parse(octets(verb.name.dropLast() + "")).verb == .other)
    }

    @Test(arguments: [
        Row("runs of blanks", "MAIL   FROM:<a@b.c>", "mail|mail|FROM:<a@b.c>"),
        Row("rest is not trimmed", "NOOP  x  ", "noop|noop|x  "),
        Row("blanks only after the verb", "QUIT  ", "quit|quit|"),
        Row("tab", "MAIL\tFROM:<>", "mail|mail|FROM:<>"),
        Row("empty line", "", "other||"),
        Row("blank line", "  ", "other||"),
        Row("leading blanks", "  NOOP", "other||NOOP"),
        Row("unknown verb", "X-FOO bar", "other|x-foo|bar"),
        Row("long verb", "ABCDEFGHIJKLM", "other|abcdefghijklm|"),
        Row("digits", "123", "other|123|"),
        Row("colon sticks", "MAIL: x", "other|mail:|x"),
        Row("UTF-8 argument", "EHLO bücher.example", "ehlo|ehlo|bücher.example"),
        Row("only ASCII is made small", "ÄB", "other|Äb|"),
        Row("no letter, one bit away", "\rAIL", "other|\rail|"),
        Row("at sign", "H@LO", "other|h@lo|"),
    ])
    func parts(_ row: Row<String, String>) {
        let line = Self.parse(octets(row.input))
        #expect("\(line.verb)|\(line.name)|\(line.argument)" == row.expected)
    }

    @Test(arguments: [
        Row("plain", octets("NOOP x"), [true, true]),
        Row("tab", octets("NOOP x\ty"), [true, true]),
        Row("UTF-8", octets("NOOP ü"), [true, true]),
        Row("NUL", octets("NOOP \0"), [false, false]),
        Row("CR", octets("NOOP x\r"), [false, false]),
        Row("DEL behind a long word", octets("NOOP abcdefghijk\u{7F}lmnop"), [false, false]),
        Row("ESC in the ninth place", octets("NOOP 12345678\u{1B}"), [false, false]),
        Row("CR in the verb", octets("NO\rOP x"), [false, true]),
        Row("invalid UTF-8", octets("NOOP ") + [0xFF, 0xFE], [true, false]),
        Row("surrogate", octets("NOOP ") + [0xED, 0xA0, 0x80], [true, false]),
        Row("DEL next to 0x80", octets("NOOP 1234567") + [0x80, 0x7F], [false, false]),
    ])
    func cleanness(_ row: Row<[UInt8], [Bool]>) {
        let line = Self.parse(row.input)
        #expect([line.isClean, line.rawArgument == nil] == row.expected)
        if let raw = line.rawArgument { #expect(row.input.suffix(raw.count) == raw[...]) }
    }

    @Test func everyOctetIsSeenEverywhere() {
        for byte in UInt8.min...UInt8.max where byte != 0x0A {
            for position in 0..<20 {
                var text = [UInt8](repeating: 0x61, count: 20)
                text[position] = byte
                let line = Self.parse(octets("NOOP ") + text)
                let isControl = byte < 0x20 && byte != 0x09 || byte == 0x7F
                // A tab in front is one of the blanks after the verb.
                #expect(line.isClean == !isControl)
                #expect((line.rawArgument == nil) == (!isControl && byte < 0x80))
            }
        }
    }
}
