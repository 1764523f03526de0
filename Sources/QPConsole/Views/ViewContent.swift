// ViewContent.swift
//
// From a snapshot, what was chosen and a size to what is shown: every view is a pure function.

/// What a view gets.
struct ViewInput: Sendable {
    let snapshot: ConsoleSnapshot
    let state: ViewState
    /// The room between header and footer.
    let size: Size

    var glyphs: Glyphs { self.state.glyphs }
    var numbers: NumberText { NumberText(isRaw: self.state.isRaw) }
}

/// What a view shows.
enum ViewContent: Sendable {
    /// Rows to walk through.
    case table(Table)
    /// A picture of exactly the size that was asked for.
    case grid(Grid)

    /// What a view shows.
    static func of(_ view: ViewName, _ input: ViewInput) -> Self {
        switch view {
        case .overview: .grid(OverviewView.draw(input))
        case .sessions: .table(SessionsView.table(input))
        case .session: .table(SessionView.table(input))
        case .plugins: .table(PluginsView.table(input))
        case .matrix: .table(MatrixView.table(input))
        case .log: .table(LogView.table(input))
        case .top: .table(TopView.table(input))
        case .histogram: .table(HistogramView.table(input))
        case .bans: .table(BansView.table(input))
        case .config: .table(ConfigView.table(input))
        case .backends: .table(BackendsView.table(input))
        case .help: .table(HelpView.table(input))
        }
    }
}
