// TextPattern.swift
//
// Regular expressions for operators' lists, matched in time that grows with the text only: no pattern can stop a loop.

/// A regular expression in the usual notation, without back-references and look-around.
///
/// Known are `.`, `[a-z]`, `[^a-z]`, `\d \w \s` and their capitals, `\b \B`, `^`, `$`, `(...)`, `(?:...)`, `|`, `*`, `+`,
/// `?`, `{m}`, `{m,}`, `{m,n}`, `\t \n \r`, `\xHH`, and `(?i)` at the beginning, which ignores the case of ASCII letters.
public struct TextPattern: Sendable, Hashable {
    /// Why a pattern is none.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    /// The most octets of a pattern, and of a text to match.
    public static let patternLimit = 512, textLimit = 8192

    /// As it was written.
    public let source: String
    private let program: [Instruction]
    private let ignoresCase: Bool

    enum Instruction: Sendable, Hashable {
        case one(ScalarSet)
        case start, end
        case boundary(Bool)
        case jump(Int)
        case split(Int, Int)
        case match
    }

    /// Reads a pattern; `ignoringCase` is about ASCII letters.
    /// - Throws: `Problem` for a pattern that is wrong, too long, or asks for what is not known.
    public init(_ pattern: String, ignoringCase: Bool = false) throws(Problem) {
        guard pattern.utf8.count <= Self.patternLimit else {
            throw Problem(description: "pattern is longer than \(Self.patternLimit) octets")
        }
        var parser = PatternParser(pattern)
        let tree = try parser.parse()
        var compiler = PatternCompiler()
        try compiler.add(tree)
        self.source = pattern
        self.program = compiler.program + [.match]
        self.ignoresCase = ignoringCase || parser.ignoresCase
    }

    /// Whether the pattern matches anywhere in a text; texts of more than `textLimit` octets are never matched.
    public func matches(_ text: some StringProtocol) -> Bool {
        guard text.utf8.count <= Self.textLimit else { return false }
        let scalars = Array(text.unicodeScalars)
        var threads = ThreadSet(count: self.program.count)
        var next = ThreadSet(count: self.program.count)
        for position in 0...scalars.count {
            self.follow(0, at: position, in: scalars, to: &threads)
            if threads.hasMatched { return true }
            guard position < scalars.count else { return false }
            next.removeAll()
            for thread in threads.waiting {
                if case .one(let set) = self.program[thread], set.contains(scalars[position], self.ignoresCase) {
                    self.follow(thread + 1, at: position + 1, in: scalars, to: &next)
                }
            }
            swap(&threads, &next)
            if threads.hasMatched { return true }
        }
        return false
    }

    /// Everything that can be reached without taking a character.
    private func follow(_ first: Int, at position: Int, in scalars: [Unicode.Scalar], to threads: inout ThreadSet) {
        var open = [first]
        while let index = open.popLast() {
            guard threads.visit(index) else { continue }
            switch self.program[index] {
            case .one: threads.waiting.append(index)
            case .start: if position == 0 { open.append(index + 1) }
            case .end: if position == scalars.count { open.append(index + 1) }
            case .boundary(let wanted):
                let isBoundary = Self.isWord(scalars, position - 1) != Self.isWord(scalars, position)
                if isBoundary == wanted { open.append(index + 1) }
            case .jump(let target): open.append(target)
            case .split(let left, let right): open += [right, left]
            case .match: threads.hasMatched = true
            }
        }
    }

    private static func isWord(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        scalars.indices.contains(index) && ScalarSet.word.contains(scalars[index], false)
    }
}

/// The states that a match is in at one place of the text.
private struct ThreadSet {
    private var visited: [Bool]
    var waiting: [Int] = []
    var hasMatched = false

    init(count: Int) {
        self.visited = Array(repeating: false, count: count)
    }

    mutating func visit(_ index: Int) -> Bool {
        guard !self.visited[index] else { return false }
        self.visited[index] = true
        return true
    }

    mutating func removeAll() {
        for index in self.visited.indices { self.visited[index] = false }
        self.waiting.removeAll(keepingCapacity: true)
        self.hasMatched = false
    }
}

/// Characters by their numbers.
struct ScalarSet: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>]
    var isInverted = false

    static let any = Self(ranges: [0x0A...0x0A], isInverted: true)
    static let digit = Self(ranges: [0x30...0x39])
    static let word = Self(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = Self(ranges: [0x09...0x0D, 0x20...0x20])

    init(ranges: [ClosedRange<UInt32>], isInverted: Bool = false) {
        self.ranges = ranges
        self.isInverted = isInverted
    }

    init(_ scalar: Unicode.Scalar) {
        self.init(ranges: [scalar.value...scalar.value])
    }

    var inverted: Self { Self(ranges: self.ranges, isInverted: !self.isInverted) }

    /// The same characters without inversion.
    var plainRanges: [ClosedRange<UInt32>] {
        guard self.isInverted else { return self.ranges }
        var result: [ClosedRange<UInt32>] = []
        var start: UInt32 = 0
        for range in self.ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > start { result.append(start...range.lowerBound - 1) }
            start = max(start, range.upperBound + 1)
        }
        return start <= 0x10FFFF ? result + [start...0x10FFFF] : result
    }

    func contains(_ scalar: Unicode.Scalar, _ ignoringCase: Bool) -> Bool {
        var isIn = self.holds(scalar.value)
        let small = scalar.value | 0x20
        if !isIn, ignoringCase, small >= 0x61, small <= 0x7A { isIn = self.holds(scalar.value ^ 0x20) }
        return isIn != self.isInverted
    }

    private func holds(_ value: UInt32) -> Bool {
        self.ranges.contains { $0.contains(value) }
    }
}
