// PatternParser.swift
//
// From the notation of a regular expression to a tree, and on to instructions.

indirect enum PatternTree {
    case one(ScalarSet)
    case start, end
    case boundary(Bool)
    case sequence([PatternTree])
    case choice([PatternTree])
    case times(PatternTree, Int, Int?)
}

struct PatternParser {
    typealias Problem = TextPattern.Problem

    private var rest: Substring.UnicodeScalarView
    private var depth = 0
    private(set) var ignoresCase = false

    init(_ pattern: String) {
        self.ignoresCase = pattern.hasPrefix("(?i)")
        self.rest = Substring(pattern).unicodeScalars
        if self.ignoresCase { self.rest.removeFirst(4) }
    }

    mutating func parse() throws(Problem) -> PatternTree {
        let tree = try self.choice()
        guard self.rest.isEmpty else { throw Problem(description: "a ')' too many") }
        return tree
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard self.rest.first == scalar else { return false }
        self.rest.removeFirst()
        return true
    }

    private mutating func choice() throws(Problem) -> PatternTree {
        var branches = [try self.sequence()]
        while self.take("|") { branches.append(try self.sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(Problem) -> PatternTree {
        var parts: [PatternTree] = []
        while let next = self.rest.first, next != "|", next != ")" {
            var part = try self.atom()
            if let (least, most) = try self.repetition() {
                part = .times(part, least, most)
                // Laziness changes what is found, not whether; `++` gives nothing back, which does.
                _ = self.take("?")
                if let next = self.rest.first, "*+?{".unicodeScalars.contains(next) {
                    throw Problem(description: "'\(next)' repeats a repetition")
                }
            }
            parts.append(part)
        }
        return .sequence(parts)
    }

    private mutating func atom() throws(Problem) -> PatternTree {
        guard let scalar = self.rest.popFirst() else { return .sequence([]) }
        switch scalar {
        case ".": return .one(.any)
        case "^": return .start
        case "$": return .end
        case "[": return .one(try self.set())
        case "(": return try self.group()
        case "\\": return try self.escape()
        case "*", "+", "?", "{": throw Problem(description: "'\(scalar)' has nothing to repeat")
        default: return .one(ScalarSet(scalar))
        }
    }

    private mutating func group() throws(Problem) -> PatternTree {
        if self.take("?") {
            guard self.take(":") else { throw Problem(description: "of groups with '(?' only '(?:' is known") }
        }
        self.depth += 1
        guard self.depth <= 32 else { throw Problem(description: "groups lie too deep") }
        let tree = try self.choice()
        guard self.take(")") else { throw Problem(description: "a ')' is missing") }
        self.depth -= 1
        return tree
    }

    private mutating func repetition() throws(Problem) -> (Int, Int?)? {
        if self.take("*") { return (0, nil) }
        if self.take("+") { return (1, nil) }
        if self.take("?") { return (0, 1) }
        guard self.rest.first == "{" else { return nil }
        self.rest.removeFirst()
        guard let least = self.number() else {
            throw Problem(description: "write '\\{' for a brace")
        }
        var most: Int? = least
        if self.take(",") { most = self.number() }
        guard self.take("}"), least <= most ?? least, max(least, most ?? 0) <= 255 else {
            throw Problem(description: "'{' has no good numbers")
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var digits = ""
        while let next = self.rest.first, next.value >= 0x30, next.value <= 0x39, digits.utf8.count < 4 {
            digits.unicodeScalars.append(next)
            self.rest.removeFirst()
        }
        return Int(digits)
    }

    private mutating func escape() throws(Problem) -> PatternTree {
        switch self.rest.first {
        case "b":
            self.rest.removeFirst()
            return .boundary(true)
        case "B":
            self.rest.removeFirst()
            return .boundary(false)
        default:
            return .one(try self.escapedSet())
        }
    }

    private mutating func escapedSet() throws(Problem) -> ScalarSet {
        guard let scalar = self.rest.popFirst() else { throw Problem(description: "'\\' ends the pattern") }
        switch scalar {
        case "d": return .digit
        case "D": return ScalarSet.digit.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "t": return ScalarSet("\t")
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "x":
            let digits = String(String.UnicodeScalarView(self.rest.prefix(2)))
            guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
                throw Problem(description: "'\\x' needs two hex digits")
            }
            self.rest.removeFirst(2)
            return ScalarSet(Unicode.Scalar(value))
        default:
            let isWord = ScalarSet.word.contains(scalar, false) && scalar != "_"
            guard !isWord else { throw Problem(description: "'\\\(scalar)' is not known") }
            return ScalarSet(scalar)
        }
    }

    private mutating func set() throws(Problem) -> ScalarSet {
        var set = ScalarSet(ranges: [])
        set.isInverted = self.take("^")
        var isFirst = true
        while isFirst || self.rest.first != "]" {
            isFirst = false
            if self.rest.first == "[", let next = self.rest.dropFirst().first, ":.=".unicodeScalars.contains(next) {
                throw Problem(description: "'[\(next)' in '[]' is not known")
            }
            let from = try self.member()
            guard from.count == 1, self.rest.first == "-", self.rest.dropFirst().first != "]",
                from[0].lowerBound == from[0].upperBound
            else {
                set.ranges += from
                continue
            }
            self.rest.removeFirst()
            let upTo = try self.member()
            guard upTo.count == 1, from[0].lowerBound <= upTo[0].lowerBound else {
                throw Problem(description: "a range in '[]' runs backwards")
            }
            set.ranges.append(from[0].lowerBound...upTo[0].lowerBound)
        }
        self.rest.removeFirst()
        return set
    }

    private mutating func member() throws(Problem) -> [ClosedRange<UInt32>] {
        guard let scalar = self.rest.popFirst() else { throw Problem(description: "a ']' is missing") }
        guard scalar == "\\" else { return [scalar.value...scalar.value] }
        return try self.escapedSet().plainRanges
    }
}

struct PatternCompiler {
    private(set) var program: [TextPattern.Instruction] = []
    private var steps = 0

    mutating func add(_ tree: PatternTree) throws(TextPattern.Problem) {
        self.steps += 1
        guard self.steps < 8192 else { throw TextPattern.Problem(description: "pattern is too big") }
        switch tree {
        case .one(let set): self.program.append(.one(set))
        case .start: self.program.append(.start)
        case .end: self.program.append(.end)
        case .boundary(let wanted): self.program.append(.boundary(wanted))
        case .sequence(let parts): for part in parts { try self.add(part) }
        case .choice(let branches): try self.addChoice(branches)
        case .times(let part, let least, let most): try self.addTimes(part, least, most)
        }
    }

    private mutating func addChoice(_ branches: [PatternTree]) throws(TextPattern.Problem) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            let split = self.program.count
            if index < branches.count - 1 { self.program.append(.split(split + 1, split + 1)) }
            try self.add(branch)
            guard index < branches.count - 1 else { break }
            ends.append(self.program.count)
            self.program.append(.jump(0))
            self.program[split] = .split(split + 1, self.program.count)
        }
        for end in ends { self.program[end] = .jump(self.program.count) }
    }

    private mutating func addTimes(_ part: PatternTree, _ least: Int, _ most: Int?) throws(TextPattern.Problem) {
        for _ in 0..<least { try self.add(part) }
        guard let most else {
            let split = self.program.count
            self.program.append(.split(split + 1, split + 1))
            try self.add(part)
            self.program.append(.jump(split))
            self.program[split] = .split(split + 1, self.program.count)
            return
        }
        var splits: [Int] = []
        for _ in least..<most {
            splits.append(self.program.count)
            self.program.append(.split(self.program.count + 1, 0))
            try self.add(part)
        }
        for split in splits { self.program[split] = .split(split + 1, self.program.count) }
    }
}
