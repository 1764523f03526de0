// QueryNode.swift
//
// A query as a tree, and how it is evaluated.

import QPPattern

/// A condition.
indirect enum QueryNode: Sendable {
    case all([QueryNode])
    case any([QueryNode])
    case not(QueryNode)
    case field(QueryField, QueryTest)
    /// A text in any text.
    case search(FoldedText)

    func holds(_ value: (QueryField) -> QueryValue) -> Bool {
        switch self {
        case .all(let nodes): return nodes.allSatisfy { $0.holds(value) }
        case .any(let nodes): return nodes.contains { $0.holds(value) }
        case .not(let node): return !node.holds(value)
        case .field(let field, let test): return test.holds(value(field))
        case .search(let text):
            if text.isEmpty { return true }
            return QueryField.searched.contains { field in
                field == .plugin
                    ? value(field).hasPluginName { text.isContained(in: $0) }
                    : value(field).hasText { text.isContained(in: $0) }
            }
        }
    }
}

/// What a value has to be.
enum QueryTest: Sendable {
    case empty
    case equal(FoldedText)
    case prefix(FoldedText)
    case pattern(BoundedPattern)
    /// Plugins have two spellings.
    case plugin(FoldedText)
    case pluginPrefix(FoldedText)
    case pluginPattern(BoundedPattern)
    /// Any of the four denials, or the mark that sums them up.
    case refused
    case number(QueryOrder, Double)
    case level(QueryOrder, Double)
    /// A note that is equal as a number, or as a text.
    case note(Double, FoldedText)
    case network(QueryNetwork)

    func holds(_ value: QueryValue) -> Bool {
        switch self {
        case .empty: value.isEmpty
        case .equal(let text): value.hasText { text.isEqual(to: $0) }
        case .prefix(let text): value.hasText { text.isPrefix(of: $0) }
        case .pattern(let pattern): value.hasText { pattern.matches($0) }
        case .plugin(let name): value.hasText { name.isEqual(to: PluginNameForm.canonical($0)) }
        case .pluginPrefix(let name): value.hasPluginName { name.isPrefix(of: $0) }
        case .pluginPattern(let pattern): value.hasPluginName { pattern.matches($0) }
        case .refused: value.hasText { text in Self.refusals.contains { $0.isEqual(to: text) } }
        case .number(let order, let number): value.hasNumber { order.holds($0, number) }
        case .level(let order, let number): QueryLevel.holds(value) { order.holds($0, number) }
        case .note(let number, let text): value.hasNumber { $0 == number } || value.hasText { text.isEqual(to: $0) }
        case .network(let network): value.isInside(network)
        }
    }

    private static let refusals = [
        "deny", "denysoft", "deny_disconnect", "denysoft_disconnect", PluginMark.refused.rawValue,
    ].map(FoldedText.init)
}

extension QueryValue {
    /// Whether one of its names passes a test, as it is or in the spelling of configuration.
    fileprivate func hasPluginName(_ test: (String) -> Bool) -> Bool {
        self.hasText { name in
            if test(name) { return true }
            let canonical = PluginNameForm.canonical(name)
            return canonical != name && test(canonical)
        }
    }
}
