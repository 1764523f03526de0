// ForwardedFactsTests.swift
//
// The attributes of XCLIENT and XFORWARD.

import QPSMTP
import Testing

@Suite struct ForwardedFactsTests {
    private static func facts(_ fill: (inout ForwardedFacts) -> Void) -> ForwardedFacts {
        var facts = ForwardedFacts()
        fill(&facts)
        return facts
    }

    @Test(
        arguments: [
            Row(
                "name and address", "NAME=client.example ADDR=192.0.2.1",
                Self.facts {
                    $0.name = .known("client.example")
                    $0.address = .known(IPAddress(ipv4: 0xC000_0201))
                }),
            Row("small letters", "helo=x", Self.facts { $0.helo = .known("x") }),
            Row(
                "IPv6", "ADDR=IPV6:2001:db8::1 PORT=40000",
                Self.facts {
                    $0.address = .known(IPAddress(ipv6High: 0x2001_0DB8_0000_0000, low: 1))
                    $0.port = .known(40000)
                }),
            Row("IPv6 without prefix", "ADDR=::1", Self.facts { $0.address = .known(IPAddress(ipv6High: 0, low: 1)) }),
            Row(
                "not to be had", "NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL] LOGIN=[unavailable]",
                Self.facts {
                    $0.name = .unavailable
                    $0.address = .temporarilyUnavailable
                    $0.login = .unavailable
                }),
            Row(
                "xtext", "HELO=a+20b LOGIN=ann+40site.example",
                Self.facts {
                    $0.helo = .known("a b")
                    $0.login = .known("ann@site.example")
                }),
            Row("protocol", "PROTO=esmtp", Self.facts { $0.proto = .known("ESMTP") }),
            Row(
                "destination", "DESTADDR=198.51.100.2 DESTPORT=25",
                Self.facts {
                    $0.destinationAddress = .known(IPAddress(ipv4: 0xC633_6402))
                    $0.destinationPort = .known(25)
                }),
            Row("nothing", "", nil), Row("blanks", "  ", nil), Row("no value", "NAME", nil), Row("empty", "NAME=", nil),
            Row("unknown attribute", "COLOUR=red", nil), Row("twice", "HELO=a HELO=b", nil),
            Row("not of XCLIENT", "IDENT=x", nil), Row("no address", "ADDR=client.example", nil),
            Row("IPv4 behind the prefix", "ADDR=IPV6:192.0.2.1", nil), Row("any address", "ADDR=0.0.0.0", nil),
            Row("multicast", "ADDR=224.0.0.1", nil), Row("no port", "PORT=65536", nil),
            Row("signed port", "PORT=-1", nil),
            Row("no name", "NAME=a..b", nil), Row("broken xtext", "HELO=a+2", nil),
            Row("line end", "HELO=a+0D+0Ab", nil),
            Row("NUL", "LOGIN=a+00", nil), Row("no UTF-8", "LOGIN=+FF", nil),
            Row("too long", "HELO=" + String(repeating: "x", count: 256), nil), Row("no protocol", "PROTO=E-SMTP", nil),
        ] as [Row<String, ForwardedFacts?>])
    func xclient(_ row: Row<String, ForwardedFacts?>) {
        #expect(ForwardedFacts(row.input, of: .xclient) == row.expected)
    }

    @Test(arguments: [
        Row("ident", "IDENT=4F2A SOURCE=REMOTE", true), Row("local", "SOURCE=local", true),
        Row("neither", "SOURCE=ELSEWHERE", false), Row("not of XFORWARD", "LOGIN=ann", false),
    ])
    func xforward(_ row: Row<String, Bool>) {
        #expect((ForwardedFacts(row.input, of: .xforward) != nil) == row.expected)
    }

    @Test func offers() {
        #expect(
            ForwardedFacts.Command.allCases.map(\.offer) == [
                "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
                "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
            ])
    }
}
