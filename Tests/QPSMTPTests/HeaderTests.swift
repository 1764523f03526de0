// HeaderTests.swift
//
// RFC 5321 §4.4, RFC 5322 §2.2 and §3.3, RFC 3848 §2, RFC 6531 §4.3

import QPSMTP
import Testing

@Suite struct RFC5322DateTests {
    @Test(arguments: [
        (Int64(0), 0, "Thu, 01 Jan 1970 00:00:00 +0000"), (1_795_435_200, 0, "Mon, 23 Nov 2026 12:00:00 +0000"),
        (1_795_435_200, 60, "Mon, 23 Nov 2026 13:00:00 +0100"),
        (1_795_435_200, -750, "Sun, 22 Nov 2026 23:30:00 -1230"),
        (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"), (951_868_800, 0, "Wed, 01 Mar 2000 00:00:00 +0000"),
        (1_709_164_800, 0, "Thu, 29 Feb 2024 00:00:00 +0000"), (4_107_542_400, 0, "Mon, 01 Mar 2100 00:00:00 +0000"),
        (-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"), (946_684_799, 1, "Sat, 01 Jan 2000 00:00:59 +0001"),
        (2_147_483_648, 0, "Tue, 19 Jan 2038 03:14:08 +0000"),
    ])
    func dates(_ seconds: Int64, _ offset: Int, _ expected: String) {
        #expect(RFC5322Date(seconds: seconds, offsetMinutes: offset).description == expected)
    }

    @Test(arguments: [Int64.min, .max, 0], [Int.min, .max, 0])
    func bounds(_ seconds: Int64, _ offset: Int) {
        #expect(RFC5322Date(seconds: seconds, offsetMinutes: offset).description.utf8.count == 31)
    }

    @Test func consecutiveDays() {
        var last = ""
        for day in 0..<80_000 {
            let text = RFC5322Date(seconds: Int64(day) * 86_400).description
            #expect(text != last)
            last = text
        }
        #expect(last == "Sun, 11 Jan 2189 00:00:00 +0000")
    }
}

@Suite struct ReceivedFieldTests {
    private static func field() -> ReceivedField {
        ReceivedField(
            helo: "client.example",
            reverseName: "rdns.example",
            address: IPAddress("192.0.2.1"),
            me: "mx.test.example",
            version: "1.0",
            word: "ESMTP",
            id: "AbC.1",
            date: RFC5322Date(seconds: 1_795_435_200)
        )
    }

    private static func text(_ field: ReceivedField) -> String {
        var out: [UInt8] = []
        field.append(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test func ordinary() {
        #expect(
            Self.text(Self.field())
                == "Received: from client.example (rdns.example [192.0.2.1]) by mx.test.example\r\n"
                + "  (qpserver/1.0) with ESMTP id <AbC.1@mx.test.example>;\r\n  Mon, 23 Nov 2026 12:00:00 +0000\r\n")
        #expect(Self.field().value.hasPrefix("from client.example"))
        #expect(Self.field().value.hasSuffix("+0000"))
    }

    @Test func recipientAndTLS() {
        var field = Self.field()
        field.recipient = Mailbox(localPart: "ann", domain: "ok.example")
        field.tls = "TLSv1.3 (x) encrypted"
        field.address = IPAddress("2001:db8::1")
        field.reverseName = nil
        let text = Self.text(field)
        #expect(text.contains("([IPv6:2001:db8::1])"))
        #expect(text.contains("(TLSv1.3 ?x? encrypted)"))
        #expect(text.contains("for <ann@ok.example>;"))
        #expect(!text.contains("id <AbC.1@mx.test.example>;"))
    }

    /// RFC 5321 §4.4: ID is an atom, which has no dots, or a msg-id. The head that is kept writes the same.
    @Test func identifiers() {
        let field = Self.field()
        #expect(Self.text(field).contains("\r\n  (qpserver/1.0) with ESMTP id <AbC.1@mx.test.example>;"))
        var out: [UInt8] = []
        field.head.append(id: "AbC.2", recipient: nil, date: field.date, to: &out)
        #expect(String(decoding: out, as: UTF8.self).contains(" id <AbC.2@mx.test.example>;"))
    }

    @Test func localClient() {
        var field = Self.field()
        field.address = nil
        field.reverseName = nil
        #expect(Self.text(field).contains("from client.example (local) by"))
    }

    @Test(arguments: [
        "evil\r\nX-Injected: yes", "a) by b (c", "x\0y\u{1B}[31m", "üü", "a;b,c<d>\"e\\", "",
        String(repeating: "long", count: 500), "a b",
    ])
    func hostileNames(_ text: String) {
        var field = Self.field()
        field.helo = text
        field.reverseName = text
        field.id = text
        field.tls = text
        let wire = octets(Self.text(field))
        #expect(wire.suffix(2) == octets("\r\n")[...])
        let section = HeaderSection(wire)
        #expect(section.count == 1)
        #expect(section.first("received") != nil)
        #expect(wire.allSatisfy { $0 < 0x7F && ($0 >= 0x20 || $0 == 0x0D || $0 == 0x0A) })
        #expect(wire.count { $0 == UInt8(ascii: "(") } == 3)
        #expect(wire.count { $0 == UInt8(ascii: ")") } == 3)
        #expect(wire.count { $0 == UInt8(ascii: ";") } == 1)
        #expect(wire.split(separator: 0x0A).allSatisfy { $0.count <= 998 })
    }

    @Test func linesAreShort() {
        for length in 1...70 {
            var field = Self.field()
            field.helo = String(repeating: "h", count: length)
            field.me = String(repeating: "m", count: 71 - length)
            let lines = octets(Self.text(field)).split(separator: 0x0A)
            // The first word cannot be folded away from the name, nor the server's name from the id.
            #expect(lines.allSatisfy { $0.count - 1 <= 78 || length > 60 || length <= 6 })
            #expect(lines.dropFirst().allSatisfy { $0.first == 0x20 })
        }
    }

    @Test(arguments: [
        (ReceivedField.Transmission.smtp, false, false, false, "SMTP"), (.smtp, true, true, true, "SMTP"),
        (.esmtp, false, false, false, "ESMTP"),
        (.esmtp, true, false, false, "ESMTPS"), (.esmtp, false, true, false, "ESMTPA"),
        (.esmtp, true, true, false, "ESMTPSA"),
        (.esmtp, false, false, true, "UTF8SMTP"), (.esmtp, true, true, true, "UTF8SMTPSA"),
        (.lmtp, false, false, false, "LMTP"),
        (.lmtp, true, true, false, "LMTPSA"), (.lmtp, true, false, true, "UTF8LMTPS"),
    ])
    func words(_ how: ReceivedField.Transmission, _ tls: Bool, _ auth: Bool, _ utf8: Bool, _ word: String) {
        #expect(how.word(tls: tls, authenticated: auth, utf8: utf8) == word)
    }

    @Test(arguments: [
        Row("qpsmtpd's own", "from x (HELO y) (1.2.3.4)\n by me; date", "from x (HELO y) (1.2.3.4)\r\n by me; date"),
        Row("no blank in front", "a\nb", "a\r\n\tb"),
        Row("injection", "a\r\nSubject: x", "a\r\n\tSubject: x"),
        Row("lone CR", "a\rb", "a\r\n\tb"),
        Row("empty lines", "a\n\n \nb\n", "a\r\n\tb"),
        Row("NUL", "a\0b", "a?b"),
        Row("nothing", "", ""),
        Row("only breaks", "\n\r\n", ""),
    ])
    func folding(_ row: Row<String, String>) {
        #expect(ReceivedField.fold(row.input) == row.expected)
    }
}

@Suite struct HeaderSectionTests {
    private static let sample =
        "Subject: one\r\n two\r\nsubject:three\r\nno colon\r\nX-Y :  z \r\nFrom a@b Mon 12:00\r\n\r\nBody: no\r\n"

    @Test func reading() {
        let section = HeaderSection(octets(Self.sample))
        #expect(section.count == 5)
        #expect(section.fields.map(\.name) == ["Subject", "subject", "", "X-Y", ""])
        #expect(section.fields.map(\.isOpaque) == [false, false, true, false, true])
        #expect(section.first("SUBJECT")?.value == "one two")
        #expect(section.first("SUBJECT")?.rawValue == octets(" one\r\n two"))
        #expect(section.all("Subject").map(\.value) == ["one two", "three"])
        #expect(section.count("subject") == 2)
        #expect(section.indices(of: "subject") == [0, 1])
        #expect(section.first("x-y")?.value == "z")
        #expect(section.first("Body") == nil)
        #expect(section.first("") == nil || section.first("")?.isOpaque == true)
    }

    @Test(arguments: [
        Row("nothing", "", 0), Row("empty line first", "\r\nA: b\r\n", 0), Row("no line end", "A: b", 1),
        Row("LF", "A: b\nC: d\n\nE: f", 2),
        Row("continuation first", " x\r\nA: b\r\n", 2), Row("empty value", "A:\r\nB:\r\n", 2),
        Row("no name", ": x\r\n", 1),
        Row("CR inside", "A: b\rc\r\n", 1), Row("blank line is a continuation", "A: b\r\n \r\nC: d\r\n", 2),
    ])
    func counts(_ row: Row<String, Int>) {
        let section = HeaderSection(octets(row.input))
        #expect(section.count == row.expected)
        #expect(HeaderSection(section.serialized()) == section)
        #expect(HeaderSection(section.serialized(.lf)) == section)
    }

    @Test func writing() {
        let section = HeaderSection(octets("A: b\n c\nD: e\n"))
        #expect(section.serialized() == octets("A: b\r\n c\r\nD: e\r\n"))
        #expect(section.serialized(.lf) == octets("A: b\n c\nD: e\n"))
    }

    @Test func edits() {
        var section = HeaderSection(octets("A: 1\r\nB: 2\r\nA: 3\r\n"))
        let before = section
        let done = [
            section.add("Top", "t"), section.append("End", "e"), section.insert("Mid", "m", at: 2),
            section.replace(at: 1, "one"),
            section.rename(at: 3, to: "Original-B"), section.remove(at: 4),
        ]
        #expect(done == [true, true, true, true, true, true])
        #expect(section.serialized(.lf) == octets("Top: t\nA: one\nMid: m\nOriginal-B: 2\nEnd: e\n"))
        let removed = section.removeAll("a")
        #expect(removed == 1)
        section.insert("Far", "f", at: 99)
        section.insert("Near", "n", at: -99)
        #expect(section.fields.first?.name == "Near")
        #expect(section.fields.last?.name == "Far")
        // Values: the original is untouched.
        #expect(before.serialized(.lf) == octets("A: 1\nB: 2\nA: 3\n"))
    }

    @Test(arguments: [-1, 3, .max, .min])
    func badIndices(_ index: Int) {
        var section = HeaderSection(octets("A: 1\r\nopaque\r\nB: 2\r\n"))
        let done = [
            section.replace(at: index, "x"), section.rename(at: index, to: "X"), section.remove(at: index),
            section.replace(at: 1, "x"), section.rename(at: 1, to: "X"),
        ]
        #expect(done == [false, false, false, false, false])
    }

    @Test(arguments: ["", "a b", "a:b", "a\r\nb", "a\0", "ä", "a\t", "a\u{7F}"])
    func badNames(_ name: String) {
        var section = HeaderSection()
        let done = section.add(name, "x")
        #expect(!done)
        #expect(section.count == 0)
    }

    @Test(arguments: [
        "a\r\nBcc: b", "a\nBcc: b", "a\rBcc: b", "a\r\n\r\nbody", "\r\nBcc: b", "a\n\0Bcc: b", "\n\n", "a\u{0B}\u{0C}b",
        "\u{85}\u{2028}Bcc: b",
    ])
    func valuesCannotInject(_ value: String) {
        for ending in HeaderSection.LineEnding.allCases {
            var section = HeaderSection(octets("A: 1\r\nB: 2\r\n"))
            section.add("X-Test", value)
            section.replace(at: 1, value)
            let read = HeaderSection(section.serialized(ending) + octets("\r\nbody\r\n"))
            #expect(read.fields.map(\.name) == ["X-Test", "A", "B"])
        }
    }

    @Test(arguments: [
        (" x: 1\r\nA: 2\r\n", ["X", "x", "A"]), (" \r\nA: 2\r\n", ["X", "A"]),
        (" \r\n\tb\r\nA: 2\r\n", ["X", "", "A"]),
    ])
    func continuationOfNothing(_ text: String, _ names: [String]) {
        var section = HeaderSection(octets(text))
        #expect(section.serialized() == octets(text))
        section.add("X", "y")
        #expect(HeaderSection(section.serialized()).fields.map(\.name) == names)
    }

    /// What is not touched comes out as it went in.
    @Test func randomHeaders() {
        var dice = Dice(6)
        for round in 0..<500 {
            let bytes = dice.text(pieces: round % 80)
            var section = HeaderSection(bytes)
            #expect(HeaderSection(section.serialized()) == section)
            section.add("X", String(decoding: bytes, as: UTF8.self))
            let read = HeaderSection(section.serialized())
            #expect(read.first("X") != nil)
            #expect(read == section)
        }
    }
}

@Suite struct ForeignProtocolTests {
    @Test(
        arguments: [
            Row("TLS 1.0 record", [0x16, 0x03, 0x01, 0x02], .tls), Row("TLS 1.2 record", [0x16, 0x03, 0x03], .tls),
            Row("short", [0x16, 0x03], nil),
            Row("other record", [0x17, 0x03, 0x01], nil), Row("GET", octets("GET / HTTP/1.1\r\n"), .http),
            Row("POST", octets("POST /x"), .http),
            Row("HTTP/2", octets("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .http),
            Row("other method", octets("BREW /pot HTTP/1.1\r\nHost: x\r\n"), .http),
            Row("EHLO", octets("EHLO x\r\n"), nil), Row("small letters", octets("get / "), nil),
            Row("nothing", [], nil),
            Row("SMTP with three words", octets("MAIL FROM:<> SIZE=1\r\n"), nil),
            Row("later line", octets("NOOP\r\nGET / HTTP/1.1\r\n"), nil),
        ] as [Row<[UInt8], ForeignProtocol.Kind?>])
    func detection(_ row: Row<[UInt8], ForeignProtocol.Kind?>) {
        #expect(row.input.withUnsafeBytes { ForeignProtocol.detect($0) } == row.expected)
    }
}
