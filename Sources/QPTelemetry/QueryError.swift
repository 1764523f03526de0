// QueryError.swift
//
// Why a text is no query, and where.

/// What is wrong with a query, for whoever wrote it. The text may quote the query, without control characters.
public struct QueryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The character it is about, counted from 1; one more than there are characters if something is missing at the end.
    public let column: Int
    public let text: String

    init(column: Int, text: String) {
        self.column = column
        self.text = text
    }

    /// `column 12: unknown field 'plugni'; did you mean 'plugin'?`
    public var description: String { "column \(self.column): \(self.text)" }

    /// A part of a query, to be shown: at most 40 characters, each printable.
    static func quote(_ part: String) -> String {
        var result = "'"
        for (index, scalar) in part.unicodeScalars.enumerated() {
            guard index < 40 else {
                result += "..."
                break
            }
            if scalar.isUnprintable {
                result += scalar.escaped
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "'"
    }
}
