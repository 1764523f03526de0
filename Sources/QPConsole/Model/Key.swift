// Key.swift
//
// What an operator does with hands.

/// A key, or the mouse.
enum Key: Hashable, Sendable {
    case character(Character)
    /// With the control key: `control("r")`.
    case control(Character)
    case up, down, left, right, pageUp, pageDown, home, end
    case enter, escape, tab, backTab, backspace, delete
    case function(Int)
    case mouse(Mouse)

    /// How help and footer write it.
    var name: String {
        switch self {
        case .character(" "): "Space"
        case .character(let character): String(character)
        case .control(let character): "^" + character.uppercased()
        case .up: "Up"
        case .down: "Down"
        case .left: "Left"
        case .right: "Right"
        case .pageUp: "PgUp"
        case .pageDown: "PgDn"
        case .home: "Home"
        case .end: "End"
        case .enter: "Enter"
        case .escape: "Esc"
        case .tab: "Tab"
        case .backTab: "S-Tab"
        case .backspace: "Backspace"
        case .delete: "Del"
        case .function(let number): "F\(number)"
        case .mouse: "Mouse"
        }
    }
}

/// What the mouse did, at which column and row from 0.
struct Mouse: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case press, double, wheelUp, wheelDown
    }

    var kind: Kind
    var column: Int
    var row: Int
}
