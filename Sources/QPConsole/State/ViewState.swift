// ViewState.swift
//
// What the operator has chosen: which view, which row, in what order, filtered by what.

import QPTelemetry

/// A view, in the order of its keys.
enum ViewName: String, Hashable, Sendable, CaseIterable, Codable {
    case overview, sessions, session, plugins, matrix, log, top, histogram, bans, config, backends, help

    /// The key that shows it.
    var key: Character {
        switch self {
        case .overview: "1"
        case .sessions: "2"
        case .session: "3"
        case .plugins: "4"
        case .matrix: "5"
        case .log: "6"
        case .top: "7"
        case .histogram: "8"
        case .bans: "9"
        case .config: "0"
        case .backends: "Q"
        case .help: "?"
        }
    }

    var title: String { self.rawValue.prefix(1).uppercased() + self.rawValue.dropFirst() }
}

/// Where one stands in the rows of a view.
struct ListState: Hashable, Sendable {
    /// The row that keys act on, by its place and by its name. By name it is found again when rows have moved.
    var selected = 0
    var selectedID: String?
    /// The first row on the screen.
    var top = 0
    /// Whether the last row is kept in sight as rows are added.
    var isAtEnd = false
    var sort: Table.Sort?
    /// Only rows that have this in them, in small and capital letters alike.
    var filter = ""
    /// What `n` looks for.
    var search = ""
    var tagged: Set<String> = []
    /// Columns that are shown, in this order; empty: all.
    var columns: [String] = []
}

/// How sessions are put together.
enum Grouping: String, Hashable, Sendable, CaseIterable {
    case none, address, network
}

/// What of a session is shown.
enum SessionPart: String, Hashable, Sendable, CaseIterable {
    case trail, dialogue, mails, notes, explain
}

/// What of each plugin and hook the matrix shows.
enum MatrixFigure: String, Hashable, Sendable, CaseIterable {
    case refusals, latency, runs
}

/// A session of a server.
struct SessionPlace: Hashable, Sendable {
    var server: Int
    var id: String
}

/// Everything that was chosen.
struct ViewState: Sendable {
    var view = ViewName.overview
    var lists: [ViewName: ListState] = [:]
    /// Seconds between two looks.
    var interval = 1.0
    /// Nothing moves; what comes is taken, and shown afterwards.
    var isFrozen = false
    var isReadOnly = false
    /// Numbers as they are, not as 1.2k.
    var isRaw = false
    /// Rows in which nothing happened are left out.
    var hidesZero = false
    var isASCII = false
    /// Seconds that clocks here are east of UTC.
    var zone = 0

    /// The server that orders go to where a row does not say; the others are shown as well.
    var server = 0

    var sessionKind = SessionKind.live
    var grouping = Grouping.none
    /// The group whose sessions are shown beneath it.
    var expandedGroup: String?
    var sessionsQuery = ""
    var session: SessionPlace?
    var sessionPart = SessionPart.trail
    var matrixFigure = MatrixFigure.refusals
    var log = LogWish()
    var topField = TopField.network
    /// The row of the histogram: a plugin's name, and its hook; empty: all hooks.
    var histogramPlugin = ""
    var histogramHook = ""
    /// The configuration that the running one is compared with; `nil`: the files on disk.
    var configFrom: Int?

    var glyphs: Glyphs { Glyphs(isASCII: self.isASCII) }

    /// The state of a view's rows.
    subscript(_ view: ViewName) -> ListState {
        get { self.lists[view] ?? ListState() }
        set { self.lists[view] = newValue }
    }

    /// The state of the rows that are shown.
    var list: ListState {
        get { self[self.view] }
        set { self[self.view] = newValue }
    }
}
