// QueryScanner.swift
//
// The characters of a query and the words among them.

/// Walks along a query.
struct QueryScanner {
    enum Word {
        case and, or, not
    }

    private let characters: [Character]
    private(set) var position = 0

    init(_ text: String) throws(QueryError) {
        var characters: [Character] = []
        var octets = 0
        for character in text {
            octets += character.utf8.count
            // A character may have any number of octets.
            guard characters.count < Query.maxLength, octets <= 4 * Query.maxLength else {
                throw QueryError(
                    column: characters.count + 1,
                    text: "longer than \(Query.maxLength) characters or \(4 * Query.maxLength) octets"
                )
            }
            characters.append(character)
        }
        self.characters = characters
    }

    /// Where it stands, counted from 1.
    var column: Int { self.position + 1 }

    var isAtEnd: Bool { self.position >= self.characters.count }

    /// The next character.
    var next: Character? { self.character(at: self.position) }

    private func character(at position: Int) -> Character? {
        position < self.characters.count ? self.characters[position] : nil
    }

    mutating func advance(by count: Int = 1) { self.position = min(self.position + count, self.characters.count) }

    mutating func goBack(to position: Int) { self.position = min(position, self.position) }

    mutating func skipBlanks() {
        while let next = self.next, next.isWhitespace { self.position += 1 }
    }

    /// The word `and`, `or` or `not`, or the sign for it, that stands here, and its length.
    func word() -> (word: Word, length: Int)? {
        if self.stands("&&") { return (.and, 2) }
        if self.stands("||") { return (.or, 2) }
        if self.next == "!", !self.stands("!="), !self.stands("!~") { return (.not, 1) }

        var letters = ""
        while letters.count < 4, let letter = self.character(at: self.position + letters.count), letter.isLetter {
            letters.append(letter)
        }
        // What goes on after the letters is another word.
        if let behind = self.character(at: self.position + letters.count) {
            guard behind.isWhitespace || "()\"!&|".contains(behind) else { return nil }
        }
        switch letters.lowercased() {
        case "and": return (.and, 3)
        case "or": return (.or, 2)
        case "not": return (.not, 3)
        default: return nil
        }
    }

    /// The operator that stands here.
    var comparator: QueryOperator? { QueryOperator.allCases.first { self.stands($0.rawValue) } }

    /// Takes what may be the name of a field: all up to a blank, a parenthesis, a quote or an operator.
    mutating func takeName() -> String {
        self.take { $0.next != "\"" && $0.comparator == nil }
    }

    /// Takes a value without quotes: all up to a blank, a parenthesis, `&&` or `||`.
    mutating func takeBareWord() -> String {
        self.take { _ in true }
    }

    private mutating func take(while goesOn: (Self) -> Bool) -> String {
        let start = self.position
        while let next = self.next, !next.isWhitespace, next != "(", next != ")", !self.stands("&&"),
            !self.stands("||"), goesOn(self)
        {
            self.position += 1
        }
        return String(self.characters[start..<self.position])
    }

    /// Takes a value in quotes, which begins here. `\"` and `\\` stand for `"` and `\`; any other backslash for itself,
    /// so that regular expressions can be written.
    mutating func takeQuoted() throws(QueryError) -> String {
        let start = self.column
        var value = ""
        self.advance()
        while let next = self.next {
            self.advance()
            if next == "\"" { return value }
            if next == "\\", let escaped = self.next, escaped == "\"" || escaped == "\\" {
                self.advance()
                value.append(escaped)
            } else {
                value.append(next)
            }
        }
        throw QueryError(column: start, text: "the quote is not closed")
    }

    private func stands(_ text: String) -> Bool {
        self.characters[self.position...].starts(with: text)
    }
}
