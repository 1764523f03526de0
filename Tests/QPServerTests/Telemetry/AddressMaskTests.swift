// AddressMaskTests.swift
//
// What is put in the place of addresses.

import QPActors
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct AddressMaskTests {
    private static let keys = MaskKeys(now: 0)

    private static func mask(_ mode: AddressMask.Mode) -> AddressMask { AddressMask(mode, key: Self.keys.key(at: 0)) }

    /// A text, and what of it is a name.
    struct Sample: Sendable, CustomTestStringConvertible {
        let text: String
        let names: [String]
        var testDescription: String { self.text }

        init(_ text: String, _ names: String...) {
            self.text = text
            self.names = names
        }
    }

    static let samples = [
        Sample(""), Sample("no names here, and 5.7.1 is none"), Sample("queued as 4.5 in 0.3 s"),
        Sample("192.0.2.1 is listed", "192.0.2.1"), Sample("[192.0.2.1]", "192.0.2.1"),
        Sample("<ann@client.example>", "ann@client.example"), Sample("ann@client.example.", "ann@client.example"),
        Sample("to=a+b@x.example, from=c@y.example", "a+b@x.example", "c@y.example"),
        Sample("mx.client.example: connection refused", "mx.client.example"),
        Sample("2001:db8::1 and ::1", "2001:db8::1", "::1"), Sample("seen at 12:30:05."),
        Sample("(see https://x.example/why)", "x.example"), Sample("a@b", "a@b"), Sample("..."),
        Sample("müller@x.example", "müller@x.example"),
        Sample("ann@client.example ann@client.example", "ann@client.example"),
    ]

    @Test(arguments: samples)
    func texts(_ sample: Sample) {
        #expect(Self.mask(.shown).text(sample.text) == sample.text)
        for mode in [AddressMask.Mode.hashed, .dropped] {
            let mask = Self.mask(mode)
            // The longest first, as one may stand within another.
            let expected = sample.names.sorted { $0.utf8.count > $1.utf8.count }.reduce(sample.text) { text, name in
                text.replacing(name, with: mode == .dropped ? "(dropped)" : mask.name(name))
            }
            #expect(mask.text(sample.text) == expected, "\(mode)")
        }
    }

    @Test func names() {
        let mask = Self.mask(.hashed)
        let hash = mask.name("Ann@Client.example")
        #expect(hash.hasPrefix("h-") && hash.utf8.count == 14)
        #expect(mask.name("ann@client.EXAMPLE") == hash)
        #expect(mask.name("bob@client.example") != hash)
        // What is hashed already stays.
        #expect(mask.name(hash) == hash)
        #expect(mask.name("") == "")
        #expect(Self.mask(.dropped).name("ann@client.example") == "")
        #expect(Self.mask(.shown).name("ann@client.example") == "ann@client.example")
    }

    @Test func addresses() throws {
        let one = try #require(IPAddress("192.0.2.1")), other = try #require(IPAddress("2001:db8::1"))
        let (hashed, dropped) = (Self.mask(.hashed), Self.mask(.dropped))
        let discard = try #require(Network("100::/64"))
        for mask in [hashed, dropped] {
            for address in [one, other] { #expect(discard.contains(mask.address(address))) }
        }
        #expect(hashed.address(one) == hashed.address(one))
        #expect(hashed.address(one) != hashed.address(other))
        #expect(dropped.address(one) == dropped.address(other))
        #expect(Self.mask(.shown).address(one) == one)
    }

    /// A day later nobody can tell any more who it was.
    @Test func keysAreForADay() {
        let keys = MaskKeys(now: 0)
        let day: Int64 = 86_400_000_000_000
        let names = [0, day - 1, day, 2 * day - 1, 2 * day].map { time in
            AddressMask(.hashed, key: keys.key(at: time)).name("192.0.2.1")
        }
        #expect(names[0] == names[1] && names[2] == names[3])
        #expect(Set(names).count == 3)
    }
}
