// QueryParser.swift
//
// From text to tree. `not` binds tighter than `and`, `and` tighter than `or`.

/// Reads a query.
struct QueryParser {
    private var scanner: QueryScanner
    private var depth = 0
    /// Parentheses that are open.
    private var groups = 0
    private var terms = 0
    private var patterns = 0
    /// Fields that were named so far.
    private(set) var fields: Set<QueryField> = []

    init(_ text: String) throws(QueryError) {
        self.scanner = try QueryScanner(text)
    }

    /// The tree; `nil` of an empty query.
    mutating func parse() throws(QueryError) -> QueryNode? {
        self.scanner.skipBlanks()
        guard !self.scanner.isAtEnd else { return nil }
        let node = try self.alternatives()
        guard self.scanner.isAtEnd else { throw self.error("')' without '('") }
        return node
    }

    /// Goes on up to the end or a closing parenthesis.
    private mutating func alternatives() throws(QueryError) -> QueryNode {
        var nodes = [try self.conjunction()]
        while let (word, length) = self.scanner.word(), word == .or {
            self.scanner.advance(by: length)
            nodes.append(try self.conjunction())
        }
        return nodes.count == 1 ? nodes[0] : .any(nodes)
    }

    private mutating func conjunction() throws(QueryError) -> QueryNode {
        var nodes = [try self.condition()]
        while try self.isFollowed(by: .and) { nodes.append(try self.condition()) }
        return nodes.count == 1 ? nodes[0] : .all(nodes)
    }

    /// Takes `and`; leaves `or`, a closing parenthesis and the end to others.
    private mutating func isFollowed(by wanted: QueryScanner.Word) throws(QueryError) -> Bool {
        self.scanner.skipBlanks()
        guard let next = self.scanner.next, next != ")" else { return false }
        guard let (word, length) = self.scanner.word(), word != .not else {
            throw self.error("'and' or 'or' is missing")
        }
        guard word == wanted else { return false }
        self.scanner.advance(by: length)
        return true
    }

    private mutating func condition() throws(QueryError) -> QueryNode {
        self.scanner.skipBlanks()
        guard let next = self.scanner.next, next != ")" || self.groups == 0 else {
            throw self.error("a condition is missing")
        }
        guard next != ")" else { throw self.error("')' without '('") }
        if next == "(" { return try self.group() }
        guard let (word, length) = self.scanner.word() else { return try self.term() }
        guard word == .not else { throw self.error("a condition is missing") }
        try self.enter()
        self.scanner.advance(by: length)
        let node = try self.condition()
        self.depth -= 1
        return .not(node)
    }

    private mutating func group() throws(QueryError) -> QueryNode {
        let start = self.scanner.column
        try self.enter()
        self.groups += 1
        self.scanner.advance()
        let node = try self.alternatives()
        guard !self.scanner.isAtEnd else { throw QueryError(column: start, text: "'(' is not closed") }
        self.scanner.advance()
        self.groups -= 1
        self.depth -= 1
        return node
    }

    private mutating func enter() throws(QueryError) {
        guard self.depth < Query.maxDepth else {
            throw self.error("more than \(Query.maxDepth) levels of parentheses and 'not'")
        }
        self.depth += 1
    }

    private mutating func term() throws(QueryError) -> QueryNode {
        self.terms += 1
        guard self.terms <= Query.maxTerms else { throw self.error("more than \(Query.maxTerms) conditions") }
        if self.scanner.next == "\"" { return .search(FoldedText(try self.scanner.takeQuoted())) }

        let start = self.scanner.position
        let name = self.scanner.takeName()
        self.scanner.skipBlanks()
        guard let comparator = self.scanner.comparator else {
            self.scanner.goBack(to: start)
            return .search(FoldedText(self.scanner.takeBareWord()))
        }
        guard !name.isEmpty else { throw self.error("there is no field before '\(comparator.rawValue)'") }
        guard let field = QueryField(name: name) else { throw Self.unknown(name, at: start + 1) }
        self.fields.insert(field)
        return try self.comparison(field, comparator)
    }

    private mutating func comparison(
        _ field: QueryField, _ comparator: QueryOperator
    ) throws(QueryError) -> QueryNode {
        let operatorColumn = self.scanner.column
        self.scanner.advance(by: comparator.rawValue.count)
        if comparator == .equal, let next = self.scanner.next, next == "=" || next == "~" {
            let meant = next == "=" ? "=" : "~"
            throw QueryError(column: operatorColumn, text: "there is no operator '=\(next)'; did you mean '\(meant)'?")
        }
        let behind = self.scanner.column
        self.scanner.skipBlanks()
        let valueColumn = self.scanner.column
        let comparison = QueryComparison(
            field: field, comparator: comparator, value: try self.value(of: comparator, behind),
            operatorColumn: operatorColumn, valueColumn: valueColumn
        )
        let test = try comparison.test()
        if comparator == .pattern || comparator == .notPattern {
            self.patterns += 1
            guard self.patterns <= Query.maxPatterns else {
                throw QueryError(column: valueColumn, text: "more than \(Query.maxPatterns) regular expressions")
            }
        }
        return comparator.isNegative ? .not(.field(field, test)) : .field(field, test)
    }

    /// Takes a value; the column behind the operator is where one is missed.
    private mutating func value(of comparator: QueryOperator, _ behind: Int) throws(QueryError) -> String {
        if self.scanner.next == "\"" { return try self.scanner.takeQuoted() }
        // `user= and tls=""` lacks a value; `user=and` has one.
        let isWord = self.scanner.column > behind && self.scanner.word() != nil
        let value = isWord ? "" : self.scanner.takeBareWord()
        if self.scanner.next == "(" { throw self.error("a value with parentheses has to stand in quotes") }
        guard !value.isEmpty else {
            throw QueryError(column: behind, text: "a value is missing behind '\(comparator.rawValue)'")
        }
        return value
    }

    private func error(_ text: String) -> QueryError {
        QueryError(column: self.scanner.column, text: text)
    }

    private static func unknown(_ name: String, at column: Int) -> QueryError {
        let nearest = EditDistance.nearest(to: name, in: QueryField.byName.keys)
        let hint = nearest.map { "; did you mean '\($0)'?" } ?? ""
        return QueryError(column: column, text: "unknown field \(QueryError.quote(name))\(hint)")
    }
}
