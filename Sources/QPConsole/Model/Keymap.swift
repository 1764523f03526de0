// Keymap.swift
//
// Which key does what: those of htop, less and vi where they agree.

/// The table of keys.
enum Keymap {
    /// Keys of an action, the one that the footer shows first; views in which it means something (empty: all).
    struct Binding: Sendable {
        let action: Action
        let keys: [Key]
        let views: [ViewName]

        init(_ action: Action, _ keys: [Key], in views: [ViewName] = []) {
            self.action = action
            self.keys = keys
            self.views = views
        }

        func holds(in view: ViewName) -> Bool { self.views.isEmpty || self.views.contains(view) }
    }

    private static let rows: [ViewName] = [
        .sessions, .session, .plugins, .matrix, .log, .top, .histogram, .bans, .config, .backends, .help,
    ]
    private static let sorted: [ViewName] = [.sessions, .plugins, .top, .bans, .backends]

    /// In the order of the footer: what is most particular to a view comes first.
    static let bindings: [Binding] = [
        Binding(.help, [.character("?"), .character("h"), .function(1)]),
        Binding(.enter, [.enter], in: [.sessions, .plugins, .matrix, .log, .top, .bans, .config]),
        Binding(.kick, [.character("K"), .function(9)], in: [.sessions, .session]),
        Binding(.ban, [.character("B")], in: [.sessions, .session, .top, .bans]),
        Binding(.liftBan, [.character("x"), .delete], in: [.bans]),
        Binding(.explain, [.character("e")], in: [.sessions, .session, .log]),
        Binding(.logOfRow, [.character("l")], in: [.sessions, .session, .plugins, .matrix]),
        Binding(.shadow, [.character("s")], in: [.plugins, .matrix]),
        Binding(.mode, [.character("m")], in: [.plugins, .matrix]),
        Binding(.reload, [.control("r")], in: [.config]),
        Binding(.goBack, [.character("u")], in: [.config]),
        Binding(.softBounce, [.character("o")], in: [.config]),
        Binding(.drain, [.character("D")], in: [.config]),
        Binding(.nextProblem, [.character("p")], in: [.log]),
        Binding(.previousProblem, [.character("P")], in: [.log]),
        Binding(.level, [.character("v")], in: [.log]),
        Binding(.figure, [.character("v")], in: [.matrix]),
        Binding(.sessionKind, [.tab], in: [.sessions]),
        Binding(.nextPart, [.tab], in: [.session, .histogram, .top]),
        Binding(.previousPart, [.backTab], in: [.session, .histogram, .top]),
        Binding(.follow, [.character("F")], in: [.sessions, .session, .log]),
        Binding(.tree, [.function(5), .character("t")], in: [.sessions]),
        Binding(.query, [.character(";")], in: [.sessions, .log, .top]),
        Binding(.filter, [.function(4), .character("\\")], in: Self.rows),
        Binding(.search, [.character("/")], in: Self.rows),
        Binding(.sort, [.function(6)], in: Self.sorted),
        Binding(.sortPrevious, [.character("<")], in: Self.sorted),
        Binding(.sortNext, [.character(">")], in: Self.sorted),
        Binding(.reverseSort, [.character("I")], in: Self.sorted),
        Binding(.tag, [.character(" ")], in: [.sessions]),
        Binding(.freeze, [.character("z")]),
        Binding(.hideZero, [.character("d")], in: [.overview, .plugins, .matrix, .histogram, .backends]),
        Binding(.raw, [.character("r")]),
        Binding(.faster, [.character("+")]),
        Binding(.slower, [.character("-")]),
        Binding(.copy, [.character("y")], in: Self.rows),
        Binding(.saveScreen, [.control("s")]),
        Binding(.command, [.character(":")]),
        Binding(.nextServer, [.character("S")]),
        Binding(.quit, [.character("q"), .function(10)]),
        Binding(.findNext, [.character("n")], in: Self.rows),
        Binding(.findPrevious, [.character("N")], in: Self.rows),
        Binding(.up, [.up, .character("k")], in: Self.rows),
        Binding(.down, [.down, .character("j")], in: Self.rows),
        Binding(.left, [.left], in: [.histogram]),
        Binding(.right, [.right], in: [.histogram]),
        Binding(.pageUp, [.pageUp, .control("b")], in: Self.rows),
        Binding(.pageDown, [.pageDown, .control("f")], in: Self.rows),
        Binding(.home, [.character("g"), .home], in: Self.rows),
        Binding(.end, [.character("G"), .end], in: Self.rows),
        Binding(.back, [.escape]),
        Binding(.repaint, [.control("l")]),
        Binding(.suspend, [.control("z")]),
        Binding(.reload, [.control("r")]),
    ]

    /// What a key does in a view.
    static func action(_ key: Key, in view: ViewName) -> Action? {
        self.bindings.first { $0.holds(in: view) && $0.keys.contains(key) }?.action
    }

    /// The view that a key shows.
    static func view(_ key: Key) -> ViewName? {
        guard case .character(let character) = key else { return nil }
        return ViewName.allCases.first { $0 != .help && $0.key == character }
    }

    /// What the footer of a view offers, most important first.
    static func footer(of view: ViewName, isReadOnly: Bool) -> [Binding] {
        self.bindings.filter { binding in
            binding.holds(in: view) && !Self.silent.contains(binding.action)
                && !(isReadOnly && binding.action.changesServer)
        }
    }

    /// What everybody finds without being told.
    private static let silent: Set<Action> = [
        .up, .down, .left, .right, .pageUp, .pageDown, .home, .end, .findNext, .findPrevious, .back, .suspend,
        .repaint, .sortPrevious, .sortNext, .previousPart, .previousProblem,
    ]
}
