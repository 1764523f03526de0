// ProxyHeaderTests.swift
//
// The PROXY protocol: lines of version 1, octets of version 2.

import QPSMTP
import Testing

@Suite struct ProxyHeaderTests {
    /// 192.0.2.1:40000 to 198.51.100.2:25.
    static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0x9C, 0x40, 0, 25]
    private static let v6: [UInt8] = [
        0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        2,
        0x9C, 0x40, 0, 25,
    ]
    private static let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"
    private static let tooLong = "PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n"
    private static let endless = "PROXY " + String(repeating: "x", count: 101)

    static func binary(_ command: UInt8, _ family: UInt8, _ content: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? content.count
        var bytes = octets("\r\n\r\n\0\r\nQUIT\n")
        bytes += [command, family, UInt8(length >> 8), UInt8(length & 0xFF)]
        bytes += content
        return bytes
    }

    private static func client(_ source: String, _ destination: String) -> ProxyHeader {
        let nobody = IPAddress(ipv4: 0)
        return .client(
            .init(IPAddress(source) ?? nobody, port: 40000),
            destination: .init(IPAddress(destination) ?? nobody, port: 25))
    }

    @Test(
        arguments: [
            Row(
                "TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 40000 25\r\n",
                ProxyHeader.Outcome.complete(Self.client("192.0.2.1", "198.51.100.2"), length: 44)),
            Row(
                "TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 40000 25\r\nEHLO x\r\n",
                .complete(Self.client("2001:db8::1", "2001:db8::2"), length: 45)),
            Row(
                "IPv4 in the dress of IPv6", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 40000 25\r\n",
                .complete(Self.client("192.0.2.1", "198.51.100.2"), length: 58)),
            Row("UNKNOWN", "PROXY UNKNOWN\r\n", .complete(.unknown, length: 15)),
            Row("UNKNOWN with more", "PROXY UNKNOWN ffff::1 x 1 2\r\n", .complete(.unknown, length: 29)),
            Row(
                "107 octets", Self.longest,
                .complete(.unknown, length: 107)),
            Row("108 octets", Self.tooLong, .invalid(.length)),
            Row("no line end in 107 octets", Self.endless, .invalid(.length)),
            Row("nothing yet", "", .incomplete), Row("one letter", "P", .incomplete),
            Row("the word", "PROXY ", .incomplete),
            Row("no line end yet", "PROXY TCP4 192.0.2.1 198.51.100.2 40000 25\r", .incomplete),
            Row("SMTP", "EHLO client.example\r\n", .invalid(.signature)),
            Row("POST", "POST / HTTP", .invalid(.signature)),
            Row("small letters", "proxy UNKNOWN\r\n", .invalid(.signature)),
            Row("bare LF", "PROXY UNKNOWN\n", .invalid(.line)), Row("no family", "PROXY \r\n", .invalid(.line)),
            Row("small family", "PROXY tcp4 192.0.2.1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("UDP4", "PROXY UDP4 192.0.2.1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("two blanks", "PROXY TCP4  192.0.2.1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("blank at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 40000 25 \r\n", .invalid(.line)),
            Row("a tab", "PROXY TCP4\t192.0.2.1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("port missing", "PROXY TCP4 192.0.2.1 198.51.100.2 40000\r\n", .invalid(.line)),
            Row("port too high", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n", .invalid(.line)),
            Row("port with a zero", "PROXY TCP4 192.0.2.1 198.51.100.2 040 25\r\n", .invalid(.line)),
            Row("port with a sign", "PROXY TCP4 192.0.2.1 198.51.100.2 +40 25\r\n", .invalid(.line)),
            Row("address with a zero", "PROXY TCP4 192.0.02.1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("IPv6 under TCP4", "PROXY TCP4 2001:db8::1 2001:db8::2 40000 25\r\n", .invalid(.line)),
            Row("IPv4 under TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("mixed", "PROXY TCP6 2001:db8::1 198.51.100.2 40000 25\r\n", .invalid(.line)),
            Row("a CR in the middle", "PROXY TCP4 192.0.2.1\r198.51.100.2 40000 25\r\n", .invalid(.line)),
        ] as [Row<String, ProxyHeader.Outcome>])
    func lines(_ row: Row<String, ProxyHeader.Outcome>) {
        #expect(ProxyHeader.parse(octets(row.input).span) == row.expected)
    }

    /// A row of octets: command, family, what follows the length, and what follows the header.
    private static func row(
        _ name: String, _ command: UInt8, _ family: UInt8, _ content: [[UInt8]], length: Int? = nil, rest: String = "",
        _ expected: ProxyHeader.Outcome
    ) -> Row<[UInt8], ProxyHeader.Outcome> {
        Row(name, Self.binary(command, family, content.flatMap { $0 }, length: length) + octets(rest), expected)
    }

    private static func row(
        _ name: String, text: String, more: [UInt8] = [], _ expected: ProxyHeader.Outcome
    ) -> Row<[UInt8], ProxyHeader.Outcome> { Row(name, octets(text) + more, expected) }

    /// The value that holds the CRC32c of the header.
    private static func checksum(_ sum: UInt32) -> [UInt8] {
        [3, 0, 4] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
    }

    private static let client4 = Self.client("192.0.2.1", "198.51.100.2")
    private static let client6 = Self.client("2001:db8::1", "2001:db8::2")
    private static let short4 = Array(Self.v4.dropLast())
    private static let paths = [UInt8](repeating: 0x2F, count: 216)
    private static let signature = "\r\n\r\n\0\r\nQUIT\n"

    private static let rows: [Row<[UInt8], ProxyHeader.Outcome>] = [
        Self.row("IPv4", 0x21, 0x11, [Self.v4], rest: "EHLO x\r\n", .complete(Self.client4, length: 28)),
        Self.row("IPv6", 0x21, 0x21, [Self.v6], .complete(Self.client6, length: 52)),
        Self.row(
            "values behind", 0x21, 0x11, [Self.v4, [1, 0, 2, 0x68, 0x32], [4, 0, 0]],
            .complete(Self.client4, length: 36)),
        Self.row("LOCAL", 0x20, 0x00, [], .complete(.local, length: 16)),
        Self.row("LOCAL with addresses", 0x20, 0x11, [Self.v4], .complete(.local, length: 28)),
        Self.row("LOCAL with anything", 0x20, 0x21, [[1, 2, 3]], .complete(.local, length: 19)),
        Self.row("LOCAL of a family that nobody knows", 0x20, 0x44, [[1, 2]], .complete(.local, length: 18)),
        Self.row("UNSPEC", 0x21, 0x00, [[9, 9]], .complete(.unknown, length: 18)),
        Self.row("UDP", 0x21, 0x12, [Self.v4], .complete(.unknown, length: 28)),
        Self.row("local socket", 0x21, 0x31, [Self.paths], .complete(.unknown, length: 232)),
        Self.row("one octet", text: "\r", .incomplete), Self.row("signature", text: Self.signature, .incomplete),
        Self.row("no length yet", text: Self.signature, more: [0x21, 0x11, 0], .incomplete),
        Self.row("cut short", 0x21, 0x11, [Self.short4], length: 12, .incomplete),
        Self.row("more announced than there is", 0x21, 0x11, [Self.v4], length: 65535, .incomplete),
        Self.row("other octets", text: "\r\n\r\n\0\r\nQUIX\n", .invalid(.signature)),
        Self.row("a blank line", text: "\r\nEHLO x\r\n", .invalid(.signature)),
        Self.row("version 1", 0x11, 0x11, [Self.v4], .invalid(.version)),
        Self.row("version 3", 0x31, 0x11, [Self.v4], .invalid(.version)),
        Self.row("command 2", 0x22, 0x11, [Self.v4], .invalid(.version)),
        Self.row("family 4", 0x21, 0x41, [Self.v4], .invalid(.family)),
        Self.row("transport 3", 0x21, 0x13, [Self.v4], .invalid(.family)),
        Self.row("no room for IPv4", 0x21, 0x11, [Self.short4], .invalid(.addresses)),
        Self.row("no room for IPv6", 0x21, 0x21, [Self.v4], .invalid(.addresses)),
        Self.row("no room for paths", 0x21, 0x31, [Self.v4], .invalid(.addresses)),
        Self.row("a value cut short", 0x21, 0x11, [Self.v4, [1, 0, 3, 0x68, 0x32]], .invalid(.values)),
        Self.row("a value without length", 0x21, 0x11, [Self.v4, [1, 0]], .invalid(.values)),
        Self.row(
            "a checksum", 0x21, 0x11, [Self.v4, Self.checksum(0x1267_09F2)], .complete(Self.client4, length: 35)),
        Self.row("another's checksum", 0x21, 0x11, [Self.v4, Self.checksum(0x1267_09F3)], .invalid(.checksum)),
        Self.row(
            "a checksum of other addresses", 0x21, 0x11,
            [[192, 0, 2, 9], Array(Self.v4[4...]), checksum(0x1267_09F2)],
            .invalid(.checksum)),
        Self.row(
            "two checksums, both right", 0x21, 0x11,
            [Self.v4, Self.checksum(0x90F1_8E78), Self.checksum(0xBDB8_0C2B)], .invalid(.values)),
        Self.row("half a checksum", 0x21, 0x11, [Self.v4, [3, 0, 2, 0x12, 0x67]], .invalid(.values)),
        Self.row("a wrong checksum with LOCAL", 0x20, 0x11, [Self.v4, checksum(1)], .complete(.local, length: 35)),
        Self.row("a value too long", 0x21, 0x11, [Self.v4, [1, 0xFF, 0xFF, 0]], .invalid(.values)),
    ]

    @Test(arguments: Self.rows)
    func octetsOfVersion2(_ row: Row<[UInt8], ProxyHeader.Outcome>) {
        #expect(ProxyHeader.parse(row.input.span) == row.expected)
    }

    @Test(arguments: [
        Row("a host", "192.0.2.1", true), Row("loopback", "127.0.0.1", true), Row("private", "10.0.0.1", true),
        Row("any", "0.0.0.0", false), Row("this network", "0.1.2.3", false), Row("multicast", "224.0.0.1", false),
        Row("last multicast", "239.255.255.255", false), Row("broadcast", "255.255.255.255", false),
        Row("IPv6", "2001:db8::1", true), Row("IPv6 loopback", "::1", true), Row("IPv6 any", "::", false),
        Row("IPv6 multicast", "ff02::1", false),
    ])
    func clients(_ row: Row<String, Bool>) {
        #expect(IPAddress(row.input)?.mayBeClient == row.expected)
    }
}
