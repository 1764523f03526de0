// Row.swift
//
// A row of a table of cases, with a name that failures show; values to ask queries about; dice that fall the same way
// every time.

import QPTelemetry
import Testing

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

/// A query about a subject: whether it holds.
struct Case: Sendable, CustomTestStringConvertible {
    let query: String
    let subject: [QueryField: QueryValue]
    let expected: Bool

    init(_ query: String, _ subject: [QueryField: QueryValue], _ expected: Bool) {
        self.query = query
        self.subject = subject
        self.expected = expected
    }

    var testDescription: String { "\(self.query): \(self.expected)" }
}

struct Dice {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed &* 2 &+ 1 }

    mutating func roll(_ sides: Int) -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((self.state >> 33) % UInt64(sides))
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.roll(elements.count)]
    }
}
