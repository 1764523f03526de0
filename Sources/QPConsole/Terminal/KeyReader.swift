// KeyReader.swift
//
// From what curses reads to keys.

import CNCurses

/// What curses reads.
enum KeyInput: Hashable, Sendable {
    case character(UInt32)
    /// The code of a key.
    case code(Int32)
}

/// Puts input together. Sequences that nobody knows are left out: their letters are no keys.
struct KeyReader: Sendable {
    private enum State: Sendable {
        case ground
        /// In a control sequence (ECMA-48 §5.4), or in a single shift (§8.3.143).
        case sequence, shift
        /// In a control string (ECMA-48 §5.6), and behind an escape in it.
        case string, stringEscape
    }

    private static let escape: UInt32 = 0x1B

    private var state = State.ground
    private var pending: KeyInput?

    /// The next key; `nil`: there is none yet. Both closures answer without waiting: with what was read, and, when there
    /// is word of the mouse, with what it did.
    mutating func next(_ read: () -> KeyInput?, mouse: () -> Mouse?) -> Key? {
        while let input = self.pending ?? read() {
            self.pending = nil
            switch input {
            case .code(KEY_MOUSE):
                self.state = .ground
                if let mouse = mouse() { return .mouse(mouse) }
            case .code(let code):
                self.state = .ground
                if let key = Self.key(code: code) { return key }
            case .character(let value):
                if let key = self.take(value, read) { return key }
            }
        }
        return nil
    }

    private mutating func take(_ value: UInt32, _ read: () -> KeyInput?) -> Key? {
        switch self.state {
        case .ground where value == Self.escape: return self.afterEscape(read)
        case .ground: return Self.key(character: value)
        case .sequence: if (0x40...0x7E).contains(value) { self.state = .ground }
        case .shift: self.state = .ground
        case .string: self.state = value == 0x07 ? .ground : value == Self.escape ? .stringEscape : .string
        case .stringEscape: self.state = value == 0x5C ? .ground : .string
        }
        return nil
    }

    /// What follows at once belongs to a sequence; a hand is slower. With the Alt key a letter follows as well.
    private mutating func afterEscape(_ read: () -> KeyInput?) -> Key? {
        let next = read()
        switch next {
        case .character(0x5B): self.state = .sequence  // [
        case .character(0x4F): self.state = .shift  // O
        case .character(0x50), .character(0x58), .character(0x5D), .character(0x5E), .character(0x5F):
            self.state = .string  // P X ] ^ _
        default:
            self.pending = next
            return .escape
        }
        return nil
    }

    /// A character; `nil` for those that no key stands for.
    static func key(character value: UInt32) -> Key? {
        switch value {
        case 0x09: return .tab
        case 0x0A, 0x0D: return .enter
        case 0x08, 0x7F: return .backspace
        case 0x1B: return .escape
        case 0x01...0x1A: return Unicode.Scalar(value + 0x60).map { .control(Character($0)) }
        case ..<0x20, 0x80..<0xA0: return nil
        default: return Unicode.Scalar(value).map { .character(Character($0)) }
        }
    }

    /// A key by its code.
    static func key(code: Int32) -> Key? {
        switch code {
        case KEY_UP: .up
        case KEY_DOWN: .down
        case KEY_LEFT: .left
        case KEY_RIGHT: .right
        case KEY_PPAGE, KEY_A3: .pageUp
        case KEY_NPAGE, KEY_C3: .pageDown
        case KEY_HOME, KEY_FIND, KEY_A1: .home
        case KEY_END, KEY_SELECT, KEY_C1: .end
        case KEY_ENTER: .enter
        case KEY_BTAB: .backTab
        case KEY_BACKSPACE: .backspace
        case KEY_DC: .delete
        case (KEY_F0 + 1)...(KEY_F0 + 12): .function(Int(code - KEY_F0))
        default: nil
        }
    }
}

/// Tells a second press at the same place from a first one.
struct ClickCounter: Sendable {
    /// Seconds between two presses that belong together.
    private static let interval = 0.4

    private var last: (column: Int, row: Int, at: Double)?

    mutating func press(column: Int, row: Int, at now: Double) -> Mouse.Kind {
        if let last, last.column == column, last.row == row, now - last.at <= Self.interval {
            self.last = nil
            return .double
        }
        self.last = (column, row, now)
        return .press
    }
}
