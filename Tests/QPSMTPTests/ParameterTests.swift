// ParameterTests.swift
//
// RFC 1870 §6, RFC 6152 §2, RFC 3030 §3, RFC 6531 §3.1, RFC 3461 §4, RFC 4954 §5, RFC 8689 §2

import QPSMTP
import Testing

@Suite struct MailOptionsTests {
    private static let all = Set(ServiceExtension.allCases)

    private static func parse(_ text: String, _ offered: Set<ServiceExtension> = Self.all) throws -> MailOptions {
        try MailOptions.parse(PathParser.split("FROM:<> \(text)", prefix: "FROM:").parameters, offered: offered).get()
    }

    @Test func everything() throws {
        let options = try Self.parse("SIZE=1000 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=QQ+3D1 AUTH=<> REQUIRETLS")
        #expect(options.size == 1_000)
        #expect(options.body == .eightBit)
        #expect(options.smtputf8)
        #expect(options.ret == .headers)
        #expect(options.envid == "QQ+3D1")
        #expect(options.authIdentity == "<>")
        #expect(options.requireTLS)
        #expect(try Self.parse("") == MailOptions())
    }

    @Test(arguments: [
        ("SIZE=0", UInt64(0)), ("SIZE=00000000000000000007", 7), ("SIZE=18446744073709551615", .max),
        ("SIZE=99999999999999999999", .max),
    ])
    func sizes(_ text: String, _ size: UInt64) throws {
        #expect(try Self.parse(text).size == size)
        #expect(try Self.parse(text, []).size == size)
    }

    @Test(arguments: [("7bit", MailOptions.BodyType.sevenBit), ("8BITMIME", .eightBit), ("BinaryMIME", .binary)])
    func bodies(_ text: String, _ body: MailOptions.BodyType) throws {
        #expect(try Self.parse("BODY=\(text)").body == body)
    }

    @Test(arguments: [
        "SIZE", "SIZE=x", "SIZE=-1", "SIZE=+1", "SIZE=000000000000000000001", "BODY", "BODY=9BIT", "SMTPUTF8=yes",
        "RET", "RET=some", "ENVID",
        "ENVID=a+0", "ENVID=a+GG", "ENVID=\(String(repeating: "x", count: 101))", "AUTH", "AUTH=a+", "REQUIRETLS=1",
        "ENVID=ü",
    ])
    func malformed(_ text: String) throws {
        let keyword = text.prefix { $0 != "=" }.lowercased()
        #expect(throws: ParameterError.malformed(keyword: keyword)) { try Self.parse(text) }
    }

    @Test(arguments: [
        "BODY=7BIT", "SMTPUTF8", "RET=FULL", "ENVID=x", "REQUIRETLS", "FOO", "X-FOO=1", "NOTIFY=NEVER", "BY=1",
    ])
    func unknown(_ text: String) throws {
        let keyword = text.prefix { $0 != "=" }.lowercased()
        #expect(throws: ParameterError.unknown(keyword: keyword)) { try Self.parse(text, []) }
    }

    @Test func binaryNeedsItsExtension() throws {
        #expect(throws: ParameterError.malformed(keyword: "body")) {
            try Self.parse("BODY=BINARYMIME", [.eightBitMIME])
        }
        #expect(try Self.parse("BODY=BINARYMIME", [.binaryMIME]).body == .binary)
    }

    @Test func authWithoutOffer() throws {
        #expect(try Self.parse("AUTH=+", []).authIdentity == nil)
    }

    @Test(arguments: [
        (ParameterError.unknown(keyword: "foo"), "555 5.5.4 parameter not recognized\r\n"),
        (.malformed(keyword: "size"), "501 5.5.4 value of SIZE not valid\r\n"),
    ])
    func replies(_ error: ParameterError, _ expected: String) {
        var out: [UInt8] = []
        error.reply.encode(into: &out, id: nil)
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }
}

@Suite struct RecipientOptionsTests {
    private static func parse(
        _ text: String,
        _ offered: Set<ServiceExtension> = [.dsn],
        smtputf8: Bool = false
    ) throws -> RecipientOptions {
        let parameters = try PathParser.split("TO:<a@b.c> \(text)", prefix: "TO:").parameters
        return try RecipientOptions.parse(parameters, offered: offered, smtputf8: smtputf8).get()
    }

    @Test(
        arguments: [
            ("NOTIFY=NEVER", NotifySet.never), ("NOTIFY=success", .success),
            ("NOTIFY=FAILURE,Delay", [.failure, .delay]),
            ("NOTIFY=DELAY,SUCCESS,FAILURE", [.success, .failure, .delay]),
        ] as [(String, NotifySet)])
    func notify(_ text: String, _ expected: NotifySet) throws {
        #expect(try Self.parse(text).notify == expected)
    }

    @Test func orcpt() throws {
        let original = try #require(try Self.parse("ORCPT=rfc822;Bob+2Bx@ok.example").orcpt)
        #expect(original.type == "rfc822")
        #expect(original.address == "Bob+2Bx@ok.example")
        #expect(original.description == "rfc822;Bob+2Bx@ok.example")
        #expect(try Self.parse("ORCPT=utf-8;j\\x{FC}rgen@b.c").orcpt != nil)
        #expect(try Self.parse("ORCPT=utf-8;jürgen@b.c", smtputf8: true).orcpt != nil)
    }

    @Test(arguments: [
        "NOTIFY", "NOTIFY=", "NOTIFY=NEVER,DELAY", "NOTIFY=DELAY,DELAY", "NOTIFY=,DELAY", "NOTIFY=DELAY,", "NOTIFY=x",
        "ORCPT", "ORCPT=a@b.c",
        "ORCPT=;a@b.c", "ORCPT=rfc822;", "ORCPT=rfc822;a+4", "ORCPT=a(b;c", "ORCPT=rfc822;ü", "ORCPT=utf-8;ü",
        "ORCPT=rfc822;\(String(repeating: "x", count: 494))",
    ])
    func malformed(_ text: String) throws {
        #expect(throws: (any Error).self) { try Self.parse(text) }
    }

    @Test func needsDSN() throws {
        #expect(throws: ParameterError.unknown(keyword: "notify")) { try Self.parse("NOTIFY=NEVER", []) }
        #expect(throws: ParameterError.unknown(keyword: "size")) { try Self.parse("SIZE=1") }
        #expect(try Self.parse("", []) == RecipientOptions())
    }
}

@Suite struct XTextTests {
    @Test(arguments: [
        ("a b", "a+20b"), ("a+b=c", "a+2Bb+3Dc"), ("plain@x", "plain@x"), ("ü", "+C3+BC"), ("", ""),
        ("\0\u{7F}", "+00+7F"),
    ])
    func roundTrip(_ text: String, _ encoded: String) {
        #expect(XText.encode(text) == encoded)
        #expect(XText.decode(encoded) == text)
    }

    @Test(arguments: ["+", "+2", "+2G", "a=b", "a b", "ü", "+2B+", "\0"])
    func bad(_ text: String) {
        #expect(XText.decodeBytes(text) == nil)
        #expect(!XText.isValid(text))
    }

    @Test func notUTF8() {
        #expect(XText.decode("+FF") == nil)
        #expect(XText.decodeBytes("+ff") == [0xFF])
    }
}

@Suite struct HelloTests {
    @Test(
        arguments: [
            Row("host", "mx.example", "mx.example"),
            Row("further words", "x y  z ", "x|y|z"),
            Row("odd names pass", "foo_bar!", "foo_bar!"),
            Row("missing", "", nil),
            Row("blanks", "  ", nil),
            Row("NUL", "a\0b", nil),
            Row("CR", "a\r", nil),
            Row("tab", "a\tb", "a|b"),
        ] as [Row<String, String?>])
    func words(_ row: Row<String, String?>) {
        #expect(Hello(row.input).map { ([$0.host] + $0.extras).joined(separator: "|") } == row.expected)
    }

    @Test(arguments: [
        ("mx.example", true, false), ("localhost", true, false), ("bücher.example", true, false),
        ("foo_bar", false, false),
        ("[192.0.2.1]", false, true), ("[IPv6:::1]", false, true), ("192.0.2.1", true, false),
        ("[192.0.2]", false, false),
    ])
    func kinds(_ text: String, _ isDomain: Bool, _ isLiteral: Bool) throws {
        let hello = try #require(Hello(text))
        #expect(hello.isValidDomain == isDomain)
        #expect(hello.isAddressLiteral == isLiteral)
    }
}
