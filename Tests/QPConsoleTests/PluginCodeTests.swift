// PluginCodeTests.swift

import QPTelemetry
import Testing

@testable import QPConsole

struct PluginCodeTests {
    @Test(arguments: [
        ("badmailfrom", "bmf", "badmf"), ("rcpt_ok", "rok", "rcpok"), ("queue/maildir", "mdr", "maild"),
        ("queue::maildir", "mdr", "maild"), ("greylisting", "gry", "greyl"), ("hosts_allow", "hal", "hosts"),
        ("virus/clamdscan", "cld", "clamd"), ("tls", "tls", "tls  "), ("dnsbl:1", "dns", "dnsbl"),
        ("dnsbl reject 0", "dns", "dnsbl"),
        ("our_policy", "opl", "ourpo"), ("some_other_thing", "sot", "soott"), ("quarantine", "qrn", "qrntn"),
        ("aio", "aio", "aio  "), ("x", "x  ", "x    "), ("BIG", "big", "big  "), ("a/b_c-d e", "bcd", "bcd  "),
        ("", "plg", "plugi"), ("/", "plg", "plugi"), ("👍🏽", "plg", "plugi"), ("שלום", "plg", "plugi"),
        ("\u{1b}[2J", "2j ", "2j   "),
    ])
    func codes(_ name: String, _ three: String, _ five: String) {
        #expect(PluginCode.codes(for: [name], length: 3) == [name: three])
        #expect(PluginCode.codes(for: [name], length: 5) == [name: five])
    }

    @Test(arguments: [
        ["dnsbl", "dnsbl:1", "dnsbl:2"], ["dnsbl:2", "dnsbl:1", "dnsbl"], ["quarantine", "quarantines", "qrn"],
        Fixture.hostileTexts, (0..<2000).map { "plugin_\($0)" }, (0..<1000).map { _ in "" },
        (0..<300).map { String(repeating: "x", count: 700 + $0) }, [],
    ])
    func codesAreDifferentAndOfOneLength(_ names: [String]) {
        for length in [3, 5] {
            let codes = PluginCode.codes(for: names, length: length)
            #expect(Set(codes.keys) == Set(names))
            #expect(Set(codes.values).count == codes.count)
            for code in codes.values {
                #expect(code.utf8.count == length)
                #expect(code.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
                #expect(code.first != " ")
            }
            #expect(PluginCode.codes(for: names, length: length) == codes)
        }
    }

    @Test func aNameKeepsItsCodeBesideItsInstances() {
        let codes = PluginCode.codes(for: ["dnsbl:1", "dnsbl", "dnsbl:2"], length: 3)
        #expect(codes == ["dnsbl": "dns", "dnsbl:1": "dn2", "dnsbl:2": "dn3"])
    }

    @Test func theRegistrysCodesAreTaken() {
        let names = PluginRegistry.all.map(\.name)
        let (three, five) = (PluginCode.codes(for: names, length: 3), PluginCode.codes(for: names, length: 5))
        for entry in PluginRegistry.all {
            #expect(three[entry.name] == entry.three)
            #expect(five[entry.name]?.hasPrefix(entry.five) == true)
        }
    }
}
