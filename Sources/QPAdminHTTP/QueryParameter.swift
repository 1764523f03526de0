// QueryParameter.swift
//
// What may stand behind the question mark of an address.

import QPTelemetry

/// One parameter of a route.
struct QueryParameter: Sendable {
    /// What its value may be.
    enum Kind: Sendable {
        case integer(ClosedRange<Int>, standard: Int?)
        case choice([String], standard: String?)
        case text(ClosedRange<Int>)
        /// In the query language.
        case query
    }

    let name: String
    let kind: Kind
    let about: String
    var isRequired = false
    var isRepeatable = false

    init(_ name: String, _ kind: Kind, _ about: String, isRequired: Bool = false, isRepeatable: Bool = false) {
        self.name = name
        self.kind = kind
        self.about = about
        self.isRequired = isRequired
        self.isRepeatable = isRepeatable
    }

    static func choice<Value: CaseIterable & RawRepresentable<String>>(
        _ name: String, _ type: Value.Type, standard: Value?, _ about: String, isRequired: Bool = false
    ) -> Self {
        Self(
            name, .choice(type.allCases.map(\.rawValue), standard: standard?.rawValue), about,
            isRequired: isRequired)
    }

    static let query = Self("query", .query, "Only what matches this query.")

    static func limit(_ standard: Int) -> Self {
        Self("limit", .integer(1...1_000, standard: standard), "How many at most.")
    }
}

/// The parameters of a request, checked against those of its route.
struct Arguments: Sendable {
    private var values: [String: [String]] = [:]
    private(set) var query: Query?

    init(_ text: String?, _ parameters: [QueryParameter]) throws(Problem) {
        for (name, value) in try Self.pairs(text) {
            guard let parameter = parameters.first(where: { $0.name == name }) else {
                throw .badRequest(Self.unknown(name, parameters))
            }
            guard parameter.isRepeatable || self.values[name] == nil else {
                throw .badRequest("'\(name)' is given more than once")
            }
            guard self.values[name, default: []].count < 64 else { throw .badRequest("too many '\(name)'") }
            try self.check(value, parameter)
            self.values[name, default: []].append(value)
        }
        for parameter in parameters where parameter.isRequired && self.values[parameter.name] == nil {
            throw .badRequest("'\(parameter.name)' is missing")
        }
    }

    func text(_ name: String) -> String? { self.values[name]?.first }

    func texts(_ name: String) -> [String] { self.values[name] ?? [] }

    func integer(_ name: String) -> Int? { self.values[name]?.first.flatMap { Int($0) } }

    func flag(_ name: String) -> Bool? { self.values[name]?.first.map { $0 == "true" } }

    func choice<Value: RawRepresentable<String>>(_ name: String, _ type: Value.Type) -> Value? {
        self.values[name]?.first.flatMap { Value(rawValue: $0) }
    }

    private mutating func check(_ value: String, _ parameter: QueryParameter) throws(Problem) {
        switch parameter.kind {
        case .integer(let range, _):
            let isNumber = !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isNumber, let number = Int(value), range.contains(number) else {
                throw .badRequest("'\(parameter.name)' is a number from \(range.lowerBound) to \(range.upperBound)")
            }
        case .choice(let choices, _):
            guard choices.contains(value) else {
                throw .badRequest("'\(parameter.name)' is one of: " + choices.joined(separator: ", "))
            }
        case .text(let lengths):
            guard lengths.contains(value.unicodeScalars.count) else {
                throw .badRequest(
                    "'\(parameter.name)' has \(lengths.lowerBound) to \(lengths.upperBound) characters")
            }
        case .query:
            do throws(QueryError) {
                self.query = try Query(value)
            } catch {
                throw .badRequest(error.text, column: error.column)
            }
        }
    }

    /// Decoded names and values in their order.
    static func pairs(_ text: String?) throws(Problem) -> [(String, String)] {
        var result: [(String, String)] = []
        for part in (text ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentText.decode(halves[0], plusIsBlank: true),
                let value = PercentText.decode(halves.count > 1 ? halves[1] : "", plusIsBlank: true)
            else { throw .badRequest("the query string is not percent-encoded UTF-8") }
            result.append((name, value))
        }
        return result
    }

    private static func unknown(_ name: String, _ parameters: [QueryParameter]) -> String {
        let known = parameters.map(\.name).joined(separator: ", ")
        return "unknown parameter '\(name.prefix(64))'; " + (known.isEmpty ? "there are none" : "there are: \(known)")
    }
}
