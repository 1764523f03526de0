// Query.swift
//
// The language of filters: `plugin=dnsbl and verdict=deny and ip=192.0.2.0/24 and rcpts>5`. See docs/query.md.

/// A filter that an operator wrote, ready to be applied to many things.
public struct Query: Sendable, CustomStringConvertible {
    /// Bounds of a query: characters, levels of parentheses and `not`, conditions, regular expressions.
    public static let maxLength = 1024
    public static let maxDepth = 32
    public static let maxTerms = 64
    public static let maxPatterns = 8

    /// The text as it was written.
    public let description: String
    /// Fields that it names. A search for a text looks at every text and names none.
    public let fields: Set<QueryField>

    private let root: QueryNode?

    /// Reads a query; an empty one matches everything.
    public init(_ text: String) throws(QueryError) {
        var parser = try QueryParser(text)
        self.root = try parser.parse()
        self.fields = parser.fields
        self.description = text
    }

    /// Whether it asks for nothing, and so matches everything.
    public var isEmpty: Bool { self.root == nil }

    /// Whether it looks at single hook runs: then it is to be evaluated once for each run.
    public var isAboutRuns: Bool {
        !self.fields.isDisjoint(with: [.plugin, .hook, .verdict, .duration])
    }

    /// Whether something matches, given its values.
    public func matches(_ value: (QueryField) -> QueryValue) -> Bool {
        self.root?.holds(value) ?? true
    }
}
