// Row.swift
//
// A row of a table of cases, with a name that failures show.

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
