// AddressTests.swift
//
// RFC 5321 §2.3.5, §4.1.2, §4.1.3; RFC 5952 §4; RFC 4632 §3.1

import QPSMTP
import Testing

@Suite struct DomainNameTests {
    @Test(arguments: [
        Row("two labels", "example.com", true),
        Row("single label", "localhost", true),
        Row("digits", "1.2.3.4", true),
        Row("inner hyphens", "a--b.c-d", true),
        Row("trailing dot", "example.com.", false),
        Row("leading dot", ".example.com", false),
        Row("two dots", "a..b", false),
        Row("leading hyphen", "-a.b", false),
        Row("trailing hyphen", "a-.b", false),
        Row("hyphen at the end", "a.b-", false),
        Row("underscore", "b_c.d", false),
        Row("number sign", "b.c#", false),
        Row("blank", "a b", false),
        Row("empty", "", false),
        Row("label of 63", String(repeating: "a", count: 63), true),
        Row("label of 64", String(repeating: "a", count: 64), false),
        Row("255 octets", String(repeating: "a.", count: 127) + "a", true),
        Row("256 octets", String(repeating: "a.", count: 127) + "aa", false),
        Row("NUL", "a\0.b", false),
        Row("UTF-8 without SMTPUTF8", "bücher.example", false),
    ])
    func ascii(_ row: Row<String, Bool>) {
        #expect(DomainName.isValid(row.input) == row.expected)
    }

    @Test(
        arguments: [
            Row("umlaut", "bücher.example", "xn--bcher-kva.example"),
            Row("capitals", "BÜCHER.Example", "xn--bcher-kva.example"),
            Row("ASCII", "Example.COM", "example.com"),
            Row("sharp s is a letter of its own", "straße.example", "xn--strae-oqa.example"),
            Row("other scripts", "例え.テスト", "xn--r8jz45g.xn--zckzah"),
            Row("decomposed", "bu\u{308}cher.example", "xn--bcher-kva.example"),
            Row("other full stop", "例え。テスト", nil),
            Row("empty label", "ü..example", nil),
            Row("control", "ü\u{1}.example", nil),
            Row("C1 control", "a\u{85}.example", nil),
            Row("blank", "ü x.example", nil),
            Row("leading combining mark", "\u{301}a.example", nil),
            Row("leading hyphen", "-ü.example", nil),
            Row("long", String(repeating: "ü", count: 300), nil),
            Row("replacement character", "\u{FFFD}.example", nil),
            Row("empty", "", nil),
        ] as [Row<String, String?>])
    func international(_ row: Row<String, String?>) {
        #expect(DomainName.toASCII(row.input) == row.expected)
        #expect(DomainName.isValid(row.input, smtputf8: true) == (row.expected != nil))
    }

    @Test func unicode() {
        #expect(DomainName.toUnicode("xn--bcher-kva.example") == "bücher.example")
        #expect(DomainName.toUnicode("example") == "example")
        #expect(DomainName.toUnicode("a b") == nil)
    }
}

@Suite struct AddressLiteralTests {
    @Test(
        arguments: [
            Row("IPv4", "[192.0.2.1]", "192.0.2.1"),
            Row("IPv6", "[IPv6:2001:db8::1]", "2001:db8::1"),
            Row("tag in any case", "[ipV6:::1]", "::1"),
            Row("all groups", "[IPv6:1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8"),
            Row("mapped", "[IPv6:::ffff:1.2.3.4]", "1.2.3.4"),
            Row("IPv4 at the end", "[IPv6:1:2:3:4:5:6:1.2.3.4]", "1:2:3:4:5:6:102:304"),
            Row("six groups and a gap", "[IPv6:1:2:3:4:5:6::]", "1:2:3:4:5:6::"),
            Row("seven groups and a gap", "[IPv6:1:2:3:4:5:6:7::]", nil),
            Row("four groups, gap, IPv4", "[IPv6:1:2:3:4::1.2.3.4]", "1:2:3:4::102:304"),
            Row("five groups, gap, IPv4", "[IPv6:1:2:3:4:5::1.2.3.4]", nil),
            Row("leading zero", "[192.0.02.1]", nil),
            Row("256", "[1.2.3.256]", nil),
            Row("three numbers", "[1.2.3]", nil),
            Row("five numbers", "[1.2.3.4.5]", nil),
            Row("two gaps", "[IPv6:1::2::3]", nil),
            Row("three colons", "[IPv6::::1]", nil),
            Row("nine groups", "[IPv6:1:2:3:4:5:6:7:8:9]", nil),
            Row("five digits", "[IPv6:12345::1]", nil),
            Row("no hex", "[IPv6:g::1]", nil),
            Row("colon at the end", "[IPv6:1::2:]", nil),
            Row("colon in front", "[IPv6::1:2:3:4:5:6:7]", nil),
            Row("no tag", "[::1]", nil),
            Row("zone", "[IPv6:fe80::1%eth0]", nil),
            Row("no bracket", "192.0.2.1", nil),
            Row("open", "[192.0.2.1", nil),
            Row("empty", "[]", nil),
            Row("blank", "[ 192.0.2.1]", nil),
            Row("nothing", "", nil),
        ] as [Row<String, String?>])
    func addresses(_ row: Row<String, String?>) {
        #expect(AddressLiteral(row.input)?.address?.description == row.expected)
    }

    @Test func general() {
        #expect(AddressLiteral("[X25:abc]") == .general(tag: "X25", content: "abc"))
        for text in ["[X-:abc]", "[X25:]", "[:x]", "[X:a b]", "[X:a\\b]", "[X:a]b]", "[X:ä]"] {
            #expect(AddressLiteral(text) == nil)
        }
    }
}

@Suite struct IPAddressTests {
    @Test(
        arguments: [
            Row("IPv4", "192.0.2.1", "192.0.2.1"),
            Row("zero", "0.0.0.0", "0.0.0.0"),
            Row("mapped", "::ffff:192.0.2.1", "192.0.2.1"),
            Row("mapped in hex", "::FFFF:c000:201", "192.0.2.1"),
            Row("capitals", "2001:DB8::A", "2001:db8::a"),
            Row("leading zeros", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            Row("one zero group stays", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            Row("gap of one group", "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            Row("first of equal runs", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            Row("longest run", "1:0:0:1:0:0:0:1", "1:0:0:1::1"),
            Row("unspecified", "::", "::"),
            Row("end", "1::", "1::"),
            Row("all ones", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            Row("eight groups and a gap", "1:2:3:4:5:6:7:8::", nil),
            Row("number above 255", "256.1.1.1", nil),
            Row("not hex", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffj", nil),
            Row("lone colon", ":", nil),
            Row("three colons", ":::", nil),
            Row("IPv4 in the middle", "1:1.2.3.4:2::", nil),
            Row("seven groups before IPv4", "1:2:3:4:5:6:7:1.2.3.4", nil),
            Row("bracketed", "[::1]", nil),
            Row("nothing", "", nil),
        ] as [Row<String, String?>])
    func texts(_ row: Row<String, String?>) throws {
        let address = IPAddress(row.input)
        #expect(address?.description == row.expected)
        if let address {
            #expect(IPAddress(bytes: address.bytes) == address)
            #expect(IPAddress(address.description) == address)
            #expect(AddressLiteral(address.literal)?.address == address)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", "loopback"), ("127.255.0.2", "loopback"), ("128.0.0.1", ""), ("::1", "loopback"), ("::2", ""),
        ("10.1.2.3", "private"), ("172.16.0.1", "private"), ("172.31.255.255", "private"), ("172.32.0.1", ""),
        ("192.168.0.1", "private"), ("192.169.0.1", ""), ("fc00::1", "private"), ("fdff::1", "private"),
        ("fe00::1", ""),
        ("169.254.1.1", "link"), ("fe80::1", "link"), ("febf::1", "link"), ("fec0::1", ""),
    ])
    func kinds(_ text: String, _ kind: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == (kind == "loopback"))
        #expect(address.isPrivate == (kind == "private"))
        #expect(address.isLinkLocal == (kind == "link"))
    }

    @Test func derived() throws {
        let four = try #require(IPAddress("192.0.2.1"))
        let six = try #require(IPAddress("2001:db8:1:2:3:4:5:6"))
        #expect(four.accountingPrefix == four)
        #expect(six.accountingPrefix.description == "2001:db8:1:2::")
        #expect(four.reversedLabels == "1.2.0.192")
        #expect(six.reversedLabels == "6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2")
        #expect(four < six)
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
        #expect(IPAddress(ipv4: 0x7F00_0001).isLoopback)
    }

    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
        ("192.0.2.77/24", "192.0.2.1", true),
        ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("::/0", "192.0.2.1", false),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1/32", "192.0.2.1", true),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
        ("::ffff:192.0.2.0/120", "192.0.2.9", true), ("::1/128", "::1", true), ("::1/128", "::2", false),
    ])
    func networks(_ cidr: String, _ address: String, _ isInside: Bool) throws {
        let network = try #require(Network(cidr))
        #expect(network.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "::/129", "x/8", "192.0.2/24",
        "::ffff:1.2.3.4/90", "1.2.3.4/8/8", "1.2.3.4/9999999999999999999999",
    ])
    func badNetworks(_ text: String) {
        #expect(Network(text) == nil)
    }

    @Test func networkText() {
        #expect(Network("192.0.2.77/24")?.description == "192.0.2.0/24")
        #expect(Network("2001:db8::1")?.description == "2001:db8::1/128")
    }
}
