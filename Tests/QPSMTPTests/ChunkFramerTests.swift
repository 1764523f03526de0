// ChunkFramerTests.swift
//
// RFC 3030 §2, §3; RFC 5321 §2.3.8

import QPSMTP
import Testing

@Suite struct ChunkFramerTests {
    private static func run(_ chunks: [[UInt8]], _ policy: BareNewlinePolicy, binary: Bool = false, most: Int) -> Framed
    {
        var dice = Dice(UInt64(most))
        var result = Framed()
        var carry = NewlineScan()
        for (index, chunk) in chunks.enumerated() {
            var framer = ChunkFramer(size: UInt64(chunk.count), policy: policy, binary: binary, carry: carry)
            var isComplete =
                chunk.isEmpty && [].withUnsafeBytes { framer.consume($0, from: 0) { _ in } } == .end(next: 0)
            for piece in dice.cut(chunk, most: most) {
                #expect(!isComplete)
                let outcome = piece.withUnsafeBytes { framer.consume($0, from: 0) { result.content += $0 } }
                isComplete = outcome == .end(next: piece.count)
            }
            #expect(isComplete)
            if index == chunks.count - 1 { framer.finish { result.content += $0 } }
            carry = framer.newlines
        }
        result.bareLF = carry.bareLF
        result.bareCR = carry.bareCR
        return result
    }

    private static func model(_ bytes: [UInt8], folds: Bool) -> Framed {
        var result = Framed()
        for (index, byte) in bytes.enumerated() {
            let isBareCR = byte == 0x0D && (index + 1 == bytes.count || bytes[index + 1] != 0x0A)
            let isBareLF = byte == 0x0A && (index == 0 || bytes[index - 1] != 0x0D)
            if isBareCR { result.bareCR += 1 }
            if isBareLF { result.bareLF += 1 }
            result.content += folds && (isBareCR || isBareLF) ? octets("\r\n") : [byte]
        }
        return result
    }

    @Test func endsInTheMiddleOfTheBuffer() {
        var framer = ChunkFramer(size: 3, policy: .refuse, binary: false)
        var content: [UInt8] = []
        let bytes = octets("xabcQUIT\r\n")
        #expect(bytes.withUnsafeBytes { framer.consume($0, from: 1) { content += $0 } } == .end(next: 4))
        #expect(content == octets("abc"))
        #expect(bytes.withUnsafeBytes { framer.consume($0, from: 4) { content += $0 } } == .end(next: 4))
    }

    @Test func sizeZeroEndsAtOnce() {
        var framer = ChunkFramer(size: 0, policy: .refuse, binary: false)
        #expect(octets("x").withUnsafeBytes { framer.consume($0, from: 0) { _ in } } == .end(next: 0))
    }

    @Test func hugeSize() {
        var framer = ChunkFramer(size: .max, policy: .refuse, binary: true)
        #expect(octets("x").withUnsafeBytes { framer.consume($0, from: 0) { _ in } } == .more)
        #expect(framer.remaining == UInt64.max - 1)
    }

    @Test func dotsHaveNoMeaning() {
        let bytes = octets("a\r\n.\r\n..b\r\n")
        #expect(Self.run([bytes], .refuse, most: 100).content == bytes)
    }

    @Test func crlfAcrossChunks() {
        let result = Self.run([octets("a\r"), octets("\nb\r"), [], octets("\n")], .fold, most: 100)
        #expect(shown(result.content) == "a\\r\\nb\\r\\n")
        #expect([result.bareCR, result.bareLF] == [0, 0])
    }

    @Test func lastCR() {
        let result = Self.run([octets("a\r")], .fold, most: 100)
        #expect(shown(result.content) == "a\\r\\n")
        #expect(result.bareCR == 1)
    }

    @Test func binaryIsLeftAlone() {
        let bytes = octets("a\rb\nc\0\r")
        let result = Self.run([bytes], .fold, binary: true, most: 2)
        #expect(result.content == bytes)
        #expect([result.bareCR, result.bareLF] == [0, 0])
    }

    @Test func randomChunks() {
        var dice = Dice(3)
        for round in 0..<800 {
            let bytes = dice.text(pieces: 5 + round % 60)
            let policy = dice.pick(BareNewlinePolicy.allCases)
            let expected = Self.model(bytes, folds: policy == .fold)
            let chunks = bytes.isEmpty ? [[]] : dice.cut(bytes, most: 1 + dice.roll(200))
            #expect(Self.run(chunks, policy, most: 1 + dice.roll(90)) == expected)
        }
    }

    @Test func scanner() {
        var scan = NewlineScan()
        octets("a\r\nb").withUnsafeBytes { scan.scan($0) }
        #expect(scan.isClean)
        octets("\r").withUnsafeBytes { scan.scan($0) }
        #expect(scan.isClean)
        scan.finish()
        scan.finish()
        #expect(scan.bareCR == 1)
        #expect(!scan.isClean)
    }
}
