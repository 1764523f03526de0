// QueryOperator.swift
//
// How a field is compared with a value.

/// An operator. Those that begin like another one stand before it.
enum QueryOperator: String, Sendable, CaseIterable {
    case notEqual = "!="
    case notPattern = "!~"
    case atMost = "<="
    case atLeast = ">="
    case prefix = "^="
    case equal = "="
    case less = "<"
    case greater = ">"
    case pattern = "~"

    /// Whether it says that something does not hold.
    var isNegative: Bool { self == .notEqual || self == .notPattern }

    /// What it compares numbers by; `nil` if it is only for texts.
    var order: QueryOrder? {
        switch self {
        case .less: .less
        case .atMost: .atMost
        case .equal, .notEqual: .equal
        case .atLeast: .atLeast
        case .greater: .greater
        case .prefix, .pattern, .notPattern: nil
        }
    }

    /// Whether it can be asked of a type.
    func fits(_ type: QueryType) -> Bool {
        switch (self, type) {
        case (.equal, _), (.notEqual, _), (_, .open), (_, .level): true
        case (.less, .number), (.atMost, .number), (.atLeast, .number), (.greater, .number): true
        case (.prefix, _), (.pattern, _), (.notPattern, _): type.isText
        case (.less, _), (.atMost, _), (.atLeast, _), (.greater, _): false
        }
    }
}

extension QueryType {
    /// How an error names it.
    var description: String {
        switch self {
        case .text, .plugin, .verdict: "a text"
        case .level: "a level"
        case .address: "an address"
        case .open: "a note"
        case .number: "a number"
        }
    }
}
