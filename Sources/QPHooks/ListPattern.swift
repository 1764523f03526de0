// ListPattern.swift
//
// Regular expressions of operators' lists, whatever they ask for, bounded in what a match may cost.

import QPPattern

/// A regular expression that stands in a line of an operator's list.
///
/// What `TextPattern` knows is matched by it, in time that grows with the text only. What it does not know, such as
/// look-around, back-references and possessive repetitions, is left to PCRE2, which gives up a match that costs too
/// much: that counts as none unless the plugin says otherwise, and the log says which line is to blame.
public struct ListPattern: Sendable {
    private enum Engine: Sendable {
        case linear(TextPattern)
        case stepping(BoundedPattern)
    }

    /// The most octets of a text that is matched on the event loop.
    public static let loopLimit = 4096

    /// The expression as it was written.
    public let source: String
    private let place: String
    private let engine: Engine

    init(_ source: String, ignoringCase: Bool, at line: ConfigLine) throws(PluginError) {
        self.source = source
        self.place = "\(line.file):\(line.number)"
        self.engine = try Self.engine(source, ignoringCase, line)
    }

    private static func engine(
        _ source: String, _ ignoringCase: Bool, _ line: ConfigLine
    ) throws(PluginError) -> Engine {
        if let pattern = try? TextPattern(source, ignoringCase: ignoringCase) { return .linear(pattern) }
        guard source.utf8.count <= TextPattern.patternLimit else {
            throw line.error("'\(source.prefix(40))...': pattern is longer than \(TextPattern.patternLimit) octets")
        }
        do throws(BoundedPattern.Problem) {
            return .stepping(try BoundedPattern(source, ignoringCase: ignoringCase, bounds: Self.bounds))
        } catch {
            throw line.error("'\(source)': \(error.text), at octet \(error.offset)")
        }
    }

    /// Some milliseconds at the worst, since one text may meet many lines.
    private static var bounds: BoundedPattern.Bounds {
        var bounds = BoundedPattern.Bounds()
        bounds.items = 50_000
        return bounds
    }

    /// Whether the pattern matches anywhere in a text of at most `loopLimit` octets, such as addresses and names; longer
    /// ones are too costly. `otherwise` is what a match that is too costly counts as.
    public func matches(_ text: String, in session: SessionContext, otherwise: Bool = false) -> Bool {
        let isShort = text.utf8.count <= Self.loopLimit
        return self.isMatch(isShort ? Self.match(self.engine, text) : .tooCostly, session, otherwise)
    }

    /// Whether the pattern matches anywhere in a text, such as a part of a message: a long one is looked through off the
    /// event loop.
    /// - Throws: if the session ends meanwhile.
    public func matches(long text: String, in session: SessionContext) async throws -> Bool {
        guard text.utf8.count > Self.loopLimit else { return self.matches(text, in: session) }
        let engine = self.engine
        return self.isMatch(try await session.offload { Self.match(engine, text) }, session, false)
    }

    private static func match(_ engine: Engine, _ text: String) -> BoundedPattern.Outcome {
        switch engine {
        case .linear(let pattern):
            guard text.utf8.count <= TextPattern.textLimit else { return .tooCostly }
            return pattern.matches(text) ? .matches : .differs
        case .stepping(let pattern): return pattern.match(text)
        }
    }

    private func isMatch(
        _ outcome: BoundedPattern.Outcome, _ session: SessionContext, _ otherwise: Bool
    ) -> Bool {
        switch outcome {
        case .matches: return true
        case .differs: return false
        case .tooCostly:
            session.log.error("error, \(self.place): '\(self.source)' costs too much to match")
            return otherwise
        }
    }
}

extension ConfigLine {
    /// A regular expression that stands in this line; `ignoringCase` is about ASCII letters.
    /// - Throws: `PluginError` with file and line for one that is none.
    public func pattern(_ source: String, ignoringCase: Bool = false) throws(PluginError) -> ListPattern {
        try ListPattern(source, ignoringCase: ignoringCase, at: self)
    }
}
