// QueryComparison.swift
//
// From a field, an operator and a value to a test.

import QPPattern

/// One comparison as it was written.
struct QueryComparison {
    let field: QueryField
    let comparator: QueryOperator
    let value: String
    /// Where the operator and the value stand, counted from 1.
    let operatorColumn: Int
    let valueColumn: Int

    /// The test, `!=` and `!~` taken for `=` and `~`.
    func test() throws(QueryError) -> QueryTest {
        let type = self.field.type
        guard self.comparator.fits(type) else {
            throw QueryError(
                column: self.operatorColumn,
                text: "'\(self.comparator.rawValue)' does not fit '\(self.field.name)', which is \(type.description)"
            )
        }
        switch self.comparator {
        case .equal, .notEqual: return self.value.isEmpty ? .empty : try self.equality(type)
        case .prefix: return self.prefix(type)
        case .pattern, .notPattern: return try self.pattern(type)
        case .less, .atMost, .atLeast, .greater: return try self.ordered(type)
        }
    }

    private func equality(_ type: QueryType) throws(QueryError) -> QueryTest {
        switch type {
        case .text: return .equal(FoldedText(self.value))
        case .plugin: return .plugin(FoldedText(PluginNameForm.canonical(self.value)))
        case .verdict:
            let text = FoldedText(self.value)
            return text.isEqual(to: "refused") ? .refused : .equal(text)
        case .open:
            let text = FoldedText(self.value)
            return QueryUnit.one.number(self.value).map { .note($0, text) } ?? .equal(text)
        case .address:
            guard let network = QueryNetwork(self.value) else {
                throw self.bad("network", "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")
            }
            return .network(network)
        case .level, .number: return try self.ordered(type)
        }
    }

    private func ordered(_ type: QueryType) throws(QueryError) -> QueryTest {
        let order = self.comparator.order ?? .equal
        switch type {
        case .level:
            guard let level = QueryLevel.number(self.value) else { throw self.bad("level", "LOGWARN, warn or 4") }
            return .level(order, level)
        case .number(let unit):
            guard let number = unit.number(self.value) else { throw self.bad("number", unit.example) }
            return .number(order, number)
        case .text, .plugin, .verdict, .address, .open:
            guard let number = QueryUnit.one.number(self.value) else { throw self.bad("number", QueryUnit.one.example) }
            return .number(order, number)
        }
    }

    private func prefix(_ type: QueryType) -> QueryTest {
        type == .plugin
            ? .pluginPrefix(FoldedText(PluginNameForm.canonical(self.value))) : .prefix(FoldedText(self.value))
    }

    private func pattern(_ type: QueryType) throws(QueryError) -> QueryTest {
        do {
            let pattern = try BoundedPattern(self.value)
            return type == .plugin ? .pluginPattern(pattern) : .pattern(pattern)
        } catch {
            let before = String(decoding: self.value.utf8.prefix(error.offset), as: UTF8.self).count
            throw QueryError(
                column: self.valueColumn,
                text: "bad regular expression: \(error.text) (after \(before) of its characters)"
            )
        }
    }

    private func bad(_ what: String, _ example: String) -> QueryError {
        QueryError(
            column: self.valueColumn, text: "bad \(what) \(QueryError.quote(self.value)); write it like \(example)")
    }
}
