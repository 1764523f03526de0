// Prompt.swift
//
// A line that is being typed, and a question that is being asked.

/// A line of text being edited.
struct LineEditor: Hashable, Sendable {
    static let limit = 1024

    private(set) var characters: [Character]
    private(set) var cursor: Int

    init(_ text: String = "") {
        self.characters = Array(text.prefix(Self.limit))
        self.cursor = self.characters.count
    }

    var text: String { String(self.characters) }

    /// What stands before the cursor.
    var before: String { String(self.characters[..<self.cursor]) }

    mutating func insert(_ character: Character) {
        guard self.characters.count < Self.limit, character.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
            return
        }
        self.characters.insert(character, at: self.cursor)
        self.cursor += 1
    }

    mutating func replace(_ text: String) { self = LineEditor(text) }

    /// Keys that edit; false: the key is not one of them.
    mutating func edit(_ key: Key) -> Bool {
        switch key {
        case .character(let character): self.insert(character)
        case .backspace:
            guard self.cursor > 0 else { return true }
            self.cursor -= 1
            self.characters.remove(at: self.cursor)
        case .delete, .control("d"):
            if self.cursor < self.characters.count { self.characters.remove(at: self.cursor) }
        case .left, .control("b"): self.cursor = max(0, self.cursor - 1)
        case .right, .control("f"): self.cursor = min(self.characters.count, self.cursor + 1)
        case .home, .control("a"): self.cursor = 0
        case .end, .control("e"): self.cursor = self.characters.count
        case .control("u"):
            self.characters.removeFirst(self.cursor)
            self.cursor = 0
        case .control("k"): self.characters.removeLast(self.characters.count - self.cursor)
        case .control("w"):
            let start = self.wordStart
            self.characters.removeSubrange(start..<self.cursor)
            self.cursor = start
        default: return false
        }
        return true
    }

    private var wordStart: Int {
        var place = self.cursor
        while place > 0, self.characters[place - 1] == " " { place -= 1 }
        while place > 0, self.characters[place - 1] != " " { place -= 1 }
        return place
    }
}

/// A line that the operator types at the foot of the screen.
struct Prompt: Hashable, Sendable {
    enum Purpose: Hashable, Sendable {
        case search, filter, query, command
        /// A network to ban, for how long, why.
        case ban
    }

    var purpose: Purpose
    var editor: LineEditor
    /// What is wrong with it, or what could follow.
    var hint = ""
    /// Lines typed before, newest last, and which of them is shown.
    var history: [String] = []
    var historyPlace: Int?
    /// What stood there before, for Esc.
    var before = ""

    init(_ purpose: Purpose, _ text: String = "", history: [String] = []) {
        self.purpose = purpose
        self.editor = LineEditor(text)
        self.history = history
        self.before = text
    }

    /// What stands before the line.
    var label: String {
        switch self.purpose {
        case .search: "/"
        case .filter: "filter: "
        case .query: "query: "
        case .command: ":"
        case .ban: "ban: "
        }
    }

    /// Up and down walk through what was typed before.
    mutating func recall(_ step: Int) {
        guard !self.history.isEmpty else { return }
        let place = (self.historyPlace ?? self.history.count) + step
        guard self.history.indices.contains(place) else {
            self.historyPlace = nil
            return self.editor.replace("")
        }
        self.historyPlace = place
        self.editor.replace(self.history[place])
    }
}

/// A question in the middle of the screen.
struct Dialog: Hashable, Sendable {
    /// What an answer does.
    enum Choice: Hashable, Sendable {
        case orders([Order], server: Int)
        case several([ServerOrder])
        case sort(String)
        case nothing
    }

    /// A line to choose, with the key that does it.
    struct Item: Hashable, Sendable {
        var key: Key
        var title: String
        var choice: Choice
    }

    var title: String
    var lines: [String] = []
    var items: [Item]
    var selected = 0
}

/// An order to a server.
struct ServerOrder: Hashable, Sendable {
    var server: Int
    var order: Order
}
