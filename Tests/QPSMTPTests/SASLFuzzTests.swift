// SASLFuzzTests.swift
//
// RFC 4616, RFC 2195, RFC 5802: whatever clients answer to challenges, nothing traps, and what is accepted keeps its
// promises.

import QPSMTP
import Testing

@Suite struct SASLFuzzTests {
    private static let pieces = [
        "n", "y", "p=", "p=tls-server-end-point", "p=tls-unique", ",", ",,", "a=", "n=", "r=", "c=", "i=", "s=", "m=",
        "e=x", "=2C", "=3D", "=", "=2", "ann", "ann@example.org", "ü", "\u{AD}", "\u{A0}", "\u{200E}", "\u{FFFE}", "\0",
        "\r\n", "\u{1B}[", " ", "fyko+d2lbbFgONRv9qkxdawL", "biws", "Zg==", "0123456789abcdef0123456789ABCDEF", "*",
    ]

    /// Messages that are good, with octets changed, cut, and put in their place.
    private static let seeds = [
        "n,,n=ann,r=abc", "y,,n=ann@example.org,r=abc,x=1", "p=tls-server-end-point,,n=ann,r=abc",
        "n,a=ann,n=ann,r=abc", "n,,n=a=2Cb=3D,r=abc", "c=biws,r=abcdef,p=Zg==", "c=biws,r=abcdef,x=1,y=2,p=Zg==",
        "\0ann\0secret", "ann\0ann\0secret", "ann 0123456789abcdef0123456789abcdef",
    ].map(octets)

    private static func messages(_ usual: Int, seed: UInt64, _ body: ([UInt8]) -> Void) {
        var dice = Dice(seed)
        for round in 0..<FuzzTests.rounds(usual) {
            guard round % 2 == 0 else {
                body((0..<1 + dice.roll(9)).flatMap { _ in octets(dice.pick(Self.pieces)) })
                continue
            }
            var bytes = dice.pick(Self.seeds)
            for _ in 0..<dice.roll(4) {
                let place = dice.roll(bytes.count + 1)
                switch dice.roll(4) {
                case 0: bytes.insert(contentsOf: octets(dice.pick(Self.pieces)), at: place)
                case 1: bytes.removeSubrange(place..<min(place + 1 + dice.roll(4), bytes.count))
                case 2: bytes.append(contentsOf: [UInt8](repeating: UInt8(dice.roll(256)), count: dice.roll(600)))
                default: if place < bytes.count { bytes[place] = UInt8(dice.roll(256)) }
                }
            }
            body(bytes)
        }
    }

    /// A name reaches plugins and the log.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= SASLText.nameLimit && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    @Test func plainAndCram() {
        var taken = 0
        Self.messages(20_000, seed: 21) { bytes in
            if let message = PlainMessage(bytes) {
                taken += 1
                #expect(Self.isName(message.user))
                #expect(message.authorization.isEmpty || Self.isName(message.authorization))
                let whole = [message.authorization, message.user, message.password].map(octets)
                #expect(Array(whole.joined(separator: [0])) == bytes)
            }
            if let answer = CramAnswer(bytes) {
                taken += 1
                #expect(Self.isName(answer.user))
                #expect(answer.digest.utf8.count == 32)
            }
        }
        #expect(taken > 100)
    }

    @Test func scram() {
        var taken = 0
        Self.messages(20_000, seed: 22) { bytes in
            if let first = ScramClientFirst(bytes) {
                taken += 1
                #expect(octets(first.header + first.bare) == bytes)
                #expect(Self.isName(first.user))
                #expect(first.authorization.map(Self.isName) ?? true)
                #expect((1...ScramClientFirst.nonceLimit).contains(first.nonce.utf8.count))
                #expect(first.nonce.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") })
            }
            if let final = ScramClientFinal(bytes) {
                taken += 1
                #expect(octets(final.withoutProof) == Array(bytes.prefix(final.withoutProof.utf8.count)))
                #expect(bytes.dropFirst(final.withoutProof.utf8.count).starts(with: octets(",p=")))
            }
        }
        #expect(taken > 100)
    }

    @Test func base64() {
        var dice = Dice(23)
        let alphabet = octets("AZaz09+/==\r\n *") + [0, 0xFF]
        for _ in 0..<FuzzTests.rounds(20_000) {
            let text = (0..<dice.roll(13)).map { _ in dice.pick(alphabet) }
            // One text for each value: nothing can hide in what is left out.
            if let bytes = Base64.octets(text) { #expect(octets(Base64.text(bytes)) == text) }
            let bytes = (0..<dice.roll(40)).map { _ in UInt8(dice.roll(256)) }
            #expect(Base64.octets(octets(Base64.text(bytes))) == bytes)
        }
    }

    @Test func preparation() {
        Self.messages(10_000, seed: 24) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let prepared = SASLText.prepared(text) else { return }
            #expect(SASLText.prepared(prepared) == prepared)
            #expect(!prepared.isEmpty && prepared.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        }
    }
}
