// Row.swift
//
// What the tables of these tests are made of.

import QPSMTP
import Testing

/// A row of a table: a failure names it.
struct Row<Input: Sendable, Expected: Sendable>: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let input: Input
    let expected: Expected

    init(_ name: String, _ input: Input, _ expected: Expected) {
        self.testDescription = name
        self.input = input
        self.expected = expected
    }
}

/// Text with CR, LF and NUL spelled out, for comparisons that a person reads.
func shown(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
        switch byte {
        case 0x0D: "\\r"
        case 0x0A: "\\n"
        case 0x20..<0x7F: String(UnicodeScalar(byte))
        default: "\\x" + String(byte, radix: 16)
        }
    }.joined()
}

func octets(_ text: String) -> [UInt8] {
    Array(text.utf8)
}

/// Numbers that look random and are the same in every run.
struct Dice {
    private var state: UInt64

    init(_ seed: UInt64) {
        self.state = seed &* 2 &+ 1
    }

    mutating func roll(_ sides: Int) -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((self.state >> 33) % UInt64(sides))
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.roll(elements.count)]
    }

    /// Octets that matter to SMTP come often; now and then a long stretch without any.
    mutating func text(pieces: Int) -> [UInt8] {
        let alphabet = octets("\r\n.\r\n.\r\nax \"<>@,:;=\\[]-") + [0, 0x7F, 0x80, 0xC3, 0xA4, 0xFF]
        return (0..<pieces).flatMap { _ -> [UInt8] in
            switch self.roll(20) {
            case 0: [UInt8](repeating: 0x78, count: self.roll(90))
            case 1, 2: octets("\r\n")
            case 3: octets("\r\n.")
            default: [self.pick(alphabet)]
            }
        }
    }

    /// Cuts octets into pieces of 1 to `most`.
    mutating func cut(_ bytes: [UInt8], most: Int) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 1 + self.roll(most))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }
}
