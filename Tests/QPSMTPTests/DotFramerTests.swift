// DotFramerTests.swift
//
// RFC 5321 §2.3.8, §4.1.1.4, §4.5.2

import QPSMTP
import Testing

/// What came out of a framer.
struct Framed: Equatable, CustomStringConvertible {
    var content: [UInt8] = []
    /// How many octets belonged to the message; nil if it has not ended.
    var end: Int?
    var bareLF = 0
    var bareCR = 0

    var description: String {
        "\(shown(self.content)) end \(self.end.map(String.init) ?? "-") LF \(self.bareLF) CR \(self.bareCR)"
    }
}

@Suite struct DotFramerTests {
    private static func run(_ pieces: [[UInt8]], _ policy: BareNewlinePolicy) -> Framed {
        var framer = DotFramer(policy: policy)
        var result = Framed()
        var before = 0
        for piece in pieces {
            // Three octets of something else come first in the buffer; one of them would complete a CRLF.
            let buffer = octets(".\n\r") + piece
            let outcome = buffer.withUnsafeBytes { bytes in
                framer.consume(bytes, from: 3) { result.content += $0 }
            }
            if case .end(let next) = outcome {
                result.end = before + next - 3
                break
            }
            before += piece.count
        }
        result.bareLF = framer.bareLF
        result.bareCR = framer.bareCR
        return result
    }

    /// The rules, an octet at a time, over a message that is all there.
    private static func model(_ bytes: [UInt8], _ policy: BareNewlinePolicy) -> Framed {
        var result = Framed()
        var isLineStart = true
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            if isLineStart, rest.starts(with: octets(".\r\n")) {
                result.end = index + 3
                return result
            }
            if rest.starts(with: octets("\r\n")) {
                result.content += octets("\r\n")
                index += 2
                isLineStart = true
                continue
            }
            let byte = bytes[index]
            index += 1
            let isStuffing = isLineStart && byte == UInt8(ascii: ".")
            isLineStart = false
            if isStuffing { continue }
            if byte == 0x0D { result.bareCR += 1 }
            if byte == 0x0A { result.bareLF += 1 }
            let isBare = byte == 0x0D || byte == 0x0A
            result.content += isBare && policy == .fold ? octets("\r\n") : [byte]
        }
        return result
    }

    @Test(arguments: [
        Row("empty message", ".\r\n", "|3"),
        Row("one line", "a\r\n.\r\n", "a\\r\\n|6"),
        Row("what follows stays", "a\r\n.\r\nQUIT\r\n", "a\\r\\n|6"),
        Row("stuffed dot", "..\r\n.\r\n", ".\\r\\n|7"),
        Row("a line .x loses its dot", ".x\r\n.\r\n", "x\\r\\n|7"),
        Row("two stuffed dots", "a\r\n...\r\n.\r\n", "a\\r\\n..\\r\\n|11"),
        Row("dot inside a line", "a.\r\n.b.\r\n.\r\n", "a.\\r\\nb.\\r\\n|12"),
        Row("empty lines", "\r\n\r\n.\r\n", "\\r\\n\\r\\n|7"),
        Row("second end is not ours", ".\r\n.\r\n", "|3"),
    ])
    func ends(_ row: Row<String, String>) {
        for policy in BareNewlinePolicy.allCases {
            let result = Self.run([octets(row.input)], policy)
            #expect("\(shown(result.content))|\(result.end ?? -1)" == row.expected)
            #expect(result.bareLF + result.bareCR == 0)
        }
    }

    static let sequences = [
        "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\n\n.\r\n", "\r\r.\r\n",
        "\r\n.\r\r\n", "\r\n.\n\r\n", "\r\n.\0\r\n", "\r\n\r.\r\n", "\n\r.\r\n", "\r\n .\r\n", "\r\n.\r.\r\n",
        "\r\n..\r\n",
        "\r\n.\r\n".replacing("\r\n", with: "\n"), "\n.\r", "\r.\n", "\r\r\n.\r", "\r\n\n.\r\n", "\r\n. \r\n",
        "\u{85}.\r\n",
    ]

    /// None of these ends a message: only the CRLF.CRLF after them does.
    @Test(arguments: Self.sequences, BareNewlinePolicy.allCases)
    func smuggling(_ sequence: String, _ policy: BareNewlinePolicy) {
        for start in ["", "a", "a\r\n"] where start + sequence != "\r\n.\r\n" {
            let bytes = octets(start + sequence + "MAIL FROM:<x@y.z>\r\n.\r\n")
            let expected = Self.model(bytes, policy)
            #expect(expected.end == bytes.count)
            for split in 0...bytes.count {
                #expect(Self.run([Array(bytes[..<split]), Array(bytes[split...])], policy) == expected)
            }
            #expect(Self.run(bytes.map { [$0] }, policy) == expected)
        }
    }

    @Test func foldedLinesAreData() {
        let result = Self.run([octets("a\n.\nb\r.\rc\r\n.\r\n")], .fold)
        #expect(shown(result.content) == "a\\r\\n.\\r\\nb\\r\\n.\\r\\nc\\r\\n")
        #expect(result.bareLF == 2)
        #expect(result.bareCR == 2)
    }

    @Test(arguments: [BareNewlinePolicy.refuse, .warn, .pass])
    func otherwiseOctetsStay(_ policy: BareNewlinePolicy) {
        let text = "a\n.\nb\r.\rc\0\u{80}\r\n"
        let result = Self.run([octets(text + ".\r\n")], policy)
        #expect(result.content == octets(text))
        #expect([result.bareLF, result.bareCR] == [2, 2])
    }

    @Test func everyPairOfSplits() {
        let bytes = octets("..a\r\n.b\n.\r\r\n.\rx\r\n.\r\nrest")
        for policy in BareNewlinePolicy.allCases {
            let expected = Self.model(bytes, policy)
            for first in 0...bytes.count {
                for second in first...bytes.count {
                    let pieces = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                    #expect(Self.run(pieces, policy) == expected)
                }
            }
        }
    }

    /// Long lines and short ones around the width of the vectors.
    @Test func everyAlignment() {
        for length in 0...140 {
            for tail in ["", "\n", "\r", "."] {
                let line = String(repeating: "x", count: length) + tail
                let bytes = octets("\(line)\r\n.\(line)\r\n..\(line)\r\n.\r\n")
                for policy in [BareNewlinePolicy.warn, .fold] {
                    #expect(Self.run([bytes], policy) == Self.model(bytes, policy))
                }
            }
        }
    }

    @Test func randomMessages() {
        var dice = Dice(2)
        for round in 0..<1_500 {
            let bytes = dice.text(pieces: 5 + round % 60) + octets("\r\n.\r\n")
            let policy = dice.pick(BareNewlinePolicy.allCases)
            let expected = Self.model(bytes, policy)
            #expect(Self.run([bytes], policy) == expected)
            #expect(Self.run(dice.cut(bytes, most: 1 + dice.roll(120)), policy) == expected)
        }
    }

    @Test func runsAreLong() {
        let line = String(repeating: "x", count: 70) + "\r\n"
        let bytes = octets(String(repeating: line, count: 1_000) + ".\r\n")
        var framer = DotFramer(policy: .refuse)
        var runs = 0
        _ = bytes.withUnsafeBytes { framer.consume($0, from: 0) { _ in runs += 1 } }
        #expect(runs == 1)
    }

    @Test func afterTheEnd() {
        var framer = DotFramer(policy: .refuse)
        let bytes = octets(".\r\nx")
        _ = bytes.withUnsafeBytes { framer.consume($0, from: 0) { _ in } }
        var emitted = 0
        #expect(bytes.withUnsafeBytes { framer.consume($0, from: 3) { emitted += $0.count } } == .end(next: 3))
        #expect(bytes.withUnsafeBytes { framer.consume($0, from: 4) { emitted += $0.count } } == .end(next: 4))
        #expect(bytes.withUnsafeBytes { framer.consume($0, from: 5) { emitted += $0.count } } == .more)
        #expect(emitted == 0)
    }
}
