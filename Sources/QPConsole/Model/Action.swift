// Action.swift
//
// What keys do, where, and under which name.

/// Something that a key asks for.
enum Action: String, Hashable, Sendable, CaseIterable {
    case help, quit
    case up, down, left, right, pageUp, pageDown, home, end, enter, back, nextPart, previousPart
    case search, findNext, findPrevious, filter, query, command
    case tree, sort, sortPrevious, sortNext, reverseSort
    case tag, kick, ban, liftBan, follow, freeze, slower, faster, raw, hideZero
    case explain, logOfRow, shadow, mode, reload, goBack, softBounce, drain
    case copy, saveScreen, repaint, suspend
    case sessionKind, figure, level, nextProblem, previousProblem, nextServer

    /// One or two words, for the footer and help.
    var title: String {
        switch self {
        case .help: "Help"
        case .quit: "Quit"
        case .up: "Up"
        case .down: "Down"
        case .left: "Left"
        case .right: "Right"
        case .pageUp: "Page up"
        case .pageDown: "Page down"
        case .home: "First"
        case .end: "Last"
        case .enter: "Open"
        case .back: "Back"
        case .nextPart: "Next part"
        case .previousPart: "Part before"
        case .search: "Search"
        case .findNext: "Next match"
        case .findPrevious: "Match before"
        case .filter: "Filter"
        case .query: "Query"
        case .command: "Command"
        case .tree: "Tree"
        case .sort: "Sort"
        case .sortPrevious: "Sort left"
        case .sortNext: "Sort right"
        case .reverseSort: "Reverse"
        case .tag: "Tag"
        case .kick: "Kick"
        case .ban: "Ban"
        case .liftBan: "Lift ban"
        case .follow: "Follow"
        case .freeze: "Freeze"
        case .slower: "Slower"
        case .faster: "Faster"
        case .raw: "Raw"
        case .hideZero: "Hide 0"
        case .explain: "Explain"
        case .logOfRow: "Log"
        case .shadow: "Shadow"
        case .mode: "Mode"
        case .reload: "Reload"
        case .goBack: "Go back"
        case .softBounce: "Soft bounce"
        case .drain: "Drain"
        case .copy: "Copy"
        case .saveScreen: "Save"
        case .repaint: "Repaint"
        case .suspend: "Suspend"
        case .sessionKind: "Live/ended"
        case .figure: "Figure"
        case .level: "Level"
        case .nextProblem: "Problem"
        case .previousProblem: "Problem before"
        case .nextServer: "Server"
        }
    }

    /// Whether it changes a server.
    var changesServer: Bool {
        switch self {
        case .kick, .ban, .liftBan, .shadow, .mode, .reload, .goBack, .softBounce, .drain: true
        default: false
        }
    }
}
