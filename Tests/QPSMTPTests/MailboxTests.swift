// MailboxTests.swift
//
// RFC 5321 §4.1.2, §4.5.1, §4.5.3.1; RFC 6531 §3.3

import QPSMTP
import Testing

@Suite struct MailboxTests {
    @Test(
        arguments: [
            Row("plain", ["ann", "ok.example"], "<ann@ok.example>"),
            Row("blank", ["foo bar", "example.com"], "<\"foo\\ bar\"@example.com>"),
            Row("at sign", ["a@b", "wifo.ac.at"], "<\"a\\@b\"@wifo.ac.at>"),
            Row("quote and backslash", ["a\"b\\", "c.d"], "<\"a\\\"b\\\\\"@c.d>"),
            Row("dot in front", [".a", "c.d"], "<\".a\"@c.d>"),
            Row("two dots", ["a..b", "c.d"], "<\"a..b\"@c.d>"),
            Row("empty local part", ["", "c.d"], "<\"\"@c.d>"),
            Row("UTF-8", ["jürgen", "bücher.example"], "<jürgen@bücher.example>"),
            Row("UTF-8 and blank", ["jü x", "c.d"], "<\"jü\\ x\"@c.d>"),
            Row("literal", ["a", "[192.0.2.1]"], "<a@[192.0.2.1]>"),
            Row("postmaster", ["PostMaster", ""], "<postmaster>"),
            Row("nobody without domain", ["ann", ""], nil),
            Row("bad domain", ["ann", "b_c.d"], nil),
            Row("general literal", ["ann", "[x:y]"], nil),
            Row("control", ["a\nb", "c.d"], nil),
            Row("NUL", ["a\0b", "c.d"], nil),
            Row("C1 control", ["a\u{85}b", "c.d"], nil),
            Row(
                "local part of 64", [String(repeating: "x", count: 64), "c.d"],
                "<\(String(repeating: "x", count: 64))@c.d>"),
            Row("local part of 65", [String(repeating: "x", count: 65), "c.d"], nil),
            Row("path of 257", [String(repeating: "x", count: 64), String(repeating: "a.", count: 95)], nil),
        ] as [Row<[String], String?>])
    func descriptions(_ row: Row<[String], String?>) throws {
        let mailbox = Mailbox(localPart: row.input[0], domain: row.input[1])
        #expect(mailbox?.description == row.expected)
        // What we write, we read.
        if let mailbox {
            #expect(try PathParser.forwardPath(mailbox.description, smtputf8: true) == mailbox)
        }
    }

    @Test func pathLength() {
        let local = String(repeating: "x", count: 64)
        let domain = { (count: Int) in
            String(repeating: "a", count: 60) + "." + String(repeating: "b.", count: count / 2) + "c"
        }
        // 64 + 1 + 189 + 2 brackets are 256.
        #expect(Mailbox(localPart: local, domain: domain(127))?.description.utf8.count == 255)
        #expect(Mailbox(localPart: local + "", domain: domain(128) + "c")?.description.utf8.count == nil)
    }

    @Test func parts() throws {
        let mailbox = try #require(Mailbox(localPart: "a b", domain: "Ok.Example"))
        #expect(mailbox.address == "a b@Ok.Example")
        #expect(mailbox.domainKey == "ok.example")
        #expect(!mailbox.isPostmaster)
        #expect(!mailbox.needsSMTPUTF8)
        #expect(Mailbox.postmaster.isPostmaster)
        #expect(Mailbox.postmaster.address == "postmaster")
        #expect(Mailbox(localPart: "a", domain: "BÜCHER.example")?.domainKey == "xn--bcher-kva.example")
        #expect(Mailbox(localPart: "ü", domain: "c.d")?.needsSMTPUTF8 == true)
        #expect(Mailbox(localPart: "a", domain: "[127.0.0.1]")?.addressLiteral?.address?.isLoopback == true)
    }

    @Test func order() throws {
        let raw = [
            "<\"musa_ibrah@caramail.comandrea.luger\"@wifo.ac.at>", "<foo@example.com>", "<ask@perl.org>",
            "<foo@foo.x.example.com>", "<jpeacock@cpan.org>", "<test@example.com>",
        ]
        let sorted = try raw.map { try PathParser.forwardPath($0, smtputf8: false) }.sorted().map(\.description)
        #expect(
            sorted == [
                "<jpeacock@cpan.org>", "<foo@example.com>", "<test@example.com>", "<foo@foo.x.example.com>",
                "<ask@perl.org>",
                "<\"musa_ibrah\\@caramail.comandrea.luger\"@wifo.ac.at>",
            ])
    }
}
