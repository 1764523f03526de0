// SASLTests.swift
//
// RFC 4648 §4; RFC 4616 §2, RFC 2195 §2, RFC 5802 §5, §7

import QPSMTP
import Testing

@Suite struct SASLTests {
    static let bases: [Row<String, [UInt8]?>] = [
        Row("nothing", "", []),
        Row("one octet", "Zg==", Array("f".utf8)),
        Row("two octets", "Zm8=", Array("fo".utf8)),
        Row("three octets", "Zm9v", Array("foo".utf8)),
        Row("four octets", "Zm9vYg==", Array("foob".utf8)),
        Row("all digits", "+/+/", [0xFB, 0xFF, 0xBF]),
        Row("no padding", "Zg", nil),
        Row("half a padding", "Zg=", nil),
        Row("padding alone", "====", nil),
        Row("three signs of padding", "Z===", nil),
        Row("padding in the middle", "Zg==Zg==", nil),
        Row("a blank", "Zm9 v", nil),
        Row("a blank behind", "Zm9v ", nil),
        Row("base64url", "-_-_", nil),
        Row("bits that nobody needs", "Zh==", nil),
        Row("a star", "*", nil),
        Row("an equals sign", "=", nil),
    ]

    @Test(arguments: Self.bases)
    func base64(_ row: Row<String, [UInt8]?>) {
        #expect(Base64.octets(row.input.utf8) == row.expected)
        if let octets = row.expected { #expect(Base64.text(octets) == row.input) }
    }

    @Test(
        arguments: [
            Row("user and password", "\0tim\0tanstaaftanstaaf", ["", "tim", "tanstaaftanstaaf"]),
            Row("for itself by name", "tim\0tim\0pass", ["tim", "tim", "pass"]),
            Row("for somebody else", "ursel\0kurt\0xipj3plmq", ["ursel", "kurt", "xipj3plmq"]),
            Row("UTF-8", "\0jürgen\0größe", ["", "jürgen", "größe"]),
            Row("a blank in the password", "\0tim\0a b", ["", "tim", "a b"]),
            Row("nothing", "", nil),
            Row("no NUL", "tim", nil),
            Row("one NUL", "tim\0pass", nil),
            Row("three NULs", "\0tim\0pa\0ss", nil),
            Row("no user", "\0\0pass", nil),
            Row("no password", "\0tim\0", nil),
            Row("a line end in the user", "\0tim\r\nx\0pass", nil),
            Row("a user too long", "\0\(String(repeating: "x", count: 256))\0pass", nil),
            Row("a password too long", "\0tim\0\(String(repeating: "x", count: 1025))", nil),
        ] as [Row<String, [String]?>])
    func plain(_ row: Row<String, [String]?>) {
        let message = PlainMessage(Array(row.input.utf8))
        #expect(message.map { [$0.authorization, $0.user, $0.password] } == row.expected)
        if let expected = row.expected {
            #expect(message?.isForItself == (expected[0].isEmpty || expected[0] == expected[1]))
        }
    }

    @Test func plainIsUTF8() {
        #expect(PlainMessage([0, 0xFF, 0, 0x41]) == nil)
        #expect(PlainMessage([0, 0x41, 0, 0xC3]) == nil)
    }

    @Test(
        arguments: [
            Row("RFC 2195", "tim b913a602c7eda7a495b4e6e7334d3890", ["tim", "b913a602c7eda7a495b4e6e7334d3890"]),
            Row("capital digits", "tim B913A602C7EDA7A495B4E6E7334D3890", ["tim", "b913a602c7eda7a495b4e6e7334d3890"]),
            Row(
                "a blank in the user", "tim x b913a602c7eda7a495b4e6e7334d3890",
                ["tim x", "b913a602c7eda7a495b4e6e7334d3890"]),
            Row("no user", " b913a602c7eda7a495b4e6e7334d3890", nil),
            Row("no digest", "tim ", nil),
            Row("no blank", "tim", nil),
            Row("a digest too short", "tim b913a602", nil),
            Row("no digits", "tim z913a602c7eda7a495b4e6e7334d3890", nil),
            Row("nothing", "", nil),
        ] as [Row<String, [String]?>])
    func cram(_ row: Row<String, [String]?>) {
        #expect(CramAnswer(Array(row.input.utf8)).map { [$0.user, $0.digest] } == row.expected)
    }

    @Test(
        arguments: [
            Row("RFC 5802", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", ["n,,", "user", "fyko+d2lbbFgONRv9qkxdawL"]),
            Row("could bind", "y,,n=user,r=abc", ["y,,", "user", "abc"]),
            Row("binds", "p=tls-server-end-point,,n=user,r=abc", ["p=tls-server-end-point,,", "user", "abc"]),
            Row("for itself by name", "n,a=user,n=user,r=abc", ["n,a=user,", "user", "abc"]),
            Row("comma and equals sign", "n,,n=a=2Cb=3Dc,r=abc", ["n,,", "a,b=c", "abc"]),
            Row("an extension", "n,,n=user,r=abc,x=1", ["n,,", "user", "abc"]),
            Row("another blank", "n,,n=a\u{A0}b,r=abc", ["n,,", "a b", "abc"]),
            Row("a name in form NFC", "n,,n=jürgen,r=abc", ["n,,", "jürgen", "abc"]),
            Row("a name that normalization changes", "n,,n=ju\u{308}rgen,r=abc", nil),
            Row("a comma with a mark", "n,,n=a,\u{301}b,r=abc", nil),
            Row("a comma with a mark behind the nonce", "n,,n=a,r=abc,\u{301}=x", nil),
            Row("an extension that must be understood", "n,,m=1,n=user,r=abc", nil),
            Row("the same behind", "n,,n=user,r=abc,m=1", nil),
            Row("no nonce", "n,,n=user", nil),
            Row("an empty nonce", "n,,n=user,r=", nil),
            Row("a nonce with a blank", "n,,n=user,r=a b", nil),
            Row("a nonce too long", "n,,n=user,r=\(String(repeating: "x", count: 513))", nil),
            Row("no user", "n,,n=,r=abc", nil),
            Row("a bare equals sign", "n,,n=a=b,r=abc", nil),
            Row("an unknown flag", "x,,n=user,r=abc", nil),
            Row("a binding without type", "p=,,n=user,r=abc", nil),
            Row("no header", "n=user,r=abc", nil),
            Row("a right-to-left mark", "n,,n=a\u{200F}b,r=abc", nil),
            Row("a control character", "n,,n=a\u{7}b,r=abc", nil),
            Row("NUL", "n,,n=a,r=a\0b", nil),
            Row("nothing", "", nil),
        ] as [Row<String, [String]?>])
    func scramFirst(_ row: Row<String, [String]?>) {
        let message = ScramClientFirst(Array(row.input.utf8))
        #expect(message.map { [$0.header, $0.user, $0.nonce] } == row.expected)
        if let message { #expect(message.header + message.bare == row.input) }
    }

    @Test func bindings() {
        #expect(ScramClientFirst(Array("n,,n=u,r=a".utf8))?.binding == .unsupported)
        #expect(ScramClientFirst(Array("y,,n=u,r=a".utf8))?.binding == .notOffered)
        #expect(ScramClientFirst(Array("p=tls-unique,,n=u,r=a".utf8))?.binding == .type("tls-unique"))
        #expect(ScramClientFirst(Array("n,a=v,n=u,r=a".utf8))?.isForItself == false)
    }

    @Test(
        arguments: [
            Row("as it is", "c=biws,r=abc,p=AAAA", "c=biws,r=abc"),
            Row("an extension", "c=biws,r=abc,x=y,p=AAAA", "c=biws,r=abc,x=y"),
            Row("no proof", "c=biws,r=abc", nil),
            Row("the proof is not last", "c=biws,p=AAAA,r=abc", nil),
            Row("no binding", "r=abc,p=AAAA", nil),
            Row("a binding in no base64", "c=biw,r=abc,p=AAAA", nil),
            Row("a proof in no base64", "c=biws,r=abc,p=AAA", nil),
            Row("an extension that must be understood", "c=biws,r=abc,m=y,p=AAAA", nil),
            Row("nothing", "", nil),
        ] as [Row<String, String?>])
    func scramFinal(_ row: Row<String, String?>) {
        #expect(ScramClientFinal(Array(row.input.utf8))?.withoutProof == row.expected)
    }

    @Test(
        arguments: [
            // RFC 4013 §3
            Row("SOFT HYPHEN mapped to nothing", "I\u{AD}X", "IX"),
            Row("no transformation", "user", "user"),
            Row("case preserved", "USER", "USER"),
            Row("output is NFKC, input in ISO 8859-1", "\u{AA}", nil),
            Row("output is NFKC", "\u{2168}", nil),
            Row("prohibited character", "\u{7}", nil),
            Row("bidirectional check", "\u{627}\u{31}", nil),
            // The others, each by its table.
            Row("nothing", "", nil),
            Row("nothing that is seen", "\u{AD}\u{FE0F}", nil),
            Row("other blanks", "a\u{A0}b\u{2003}c\u{200B}d\u{3000}e", "a b c d e"),
            Row("private use", "a\u{E000}", nil),
            Row("a description of an ideograph", "\u{2FF0}", nil),
            Row("a control of musical notation", "\u{1D173}", nil),
            Row("no character", "a\u{1FFFE}", nil),
            Row("composed", "größe né Dvořák Σίσυφος Йод 東京 한국 Nguyễn", "größe né Dvořák Σίσυφος Йод 東京 한국 Nguyễn"),
            Row("decomposed", "e\u{301}", nil),
            Row("decomposed Hangul", "\u{1112}\u{1161}\u{11AB}", nil),
            Row("full width", "\u{FF41}", nil),
            Row("a ligature", "\u{FB01}", nil),
            Row("the sign of Kelvin", "\u{212A}", nil),
            Row("the sign of micro", "\u{B5}m", nil),
            Row("a mathematical letter", "\u{1D400}", nil),
            Row("marks in order", "q\u{5B0}\u{5BD}", "q\u{5B0}\u{5BD}"),
            Row("Devanagari", "हिन्दी", "हिन्दी"),
            Row("Thai", "ภาษาไทย", "ภาษาไทย"),
            Row("marks in order, Hebrew", "\u{5D1}\u{5B0}\u{5BD}\u{5D0}", "\u{5D1}\u{5B0}\u{5BD}\u{5D0}"),
            Row("marks out of order", "\u{5D1}\u{5BD}\u{5B0}\u{5D0}", nil),
            Row("Hebrew", "שלום", "שלום"),
            Row("Arabic with digits", "\u{633}\u{660}\u{31}\u{645}", "\u{633}\u{660}\u{31}\u{645}"),
            Row("both directions", "\u{633}a\u{645}", nil),
            Row("begins with a digit", "1\u{645}", nil),
            Row("a sign newer than Unicode 3.2", "\u{1F600}", "\u{1F600}"),
        ] as [Row<String, String?>])
    func preparation(_ row: Row<String, String?>) {
        let prepared = SASLText.prepared(row.input)
        #expect(prepared.map { Array($0.utf8) } == row.expected.map { Array($0.utf8) })
    }

    @Test func names() {
        #expect(SASLMechanism(name: "scram-SHA-256-plus") == .scramSHA256Plus)
        #expect(SASLMechanism(name: "SCRAM") == nil)
        #expect(SASLMechanism.allCases.allSatisfy { SASLMechanism(name: $0.rawValue) == $0 })
    }

    @Test(arguments: [
        Row("an address", "ann@example.org", "ann@example.org"),
        Row("another result", "x; spf=pass", "\"x; spf=pass\""),
        Row("quotes", "a\"b\\c", "\"a\\\"b\\\\c\""),
        Row("nothing", "", "\"\""),
        Row("UTF-8", "jürgen", "jürgen"),
    ])
    func resultValues(_ row: Row<String, String>) {
        #expect(ResultValue.text(row.input) == row.expected)
    }
}
