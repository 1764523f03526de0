// CursesTerminal.swift
//
// The terminal on standard input and output, by curses. Curses has one screen and no locks: one of these exists at a
// time, and one thread uses it.

import CLinuxShims
import CNCurses
import Glibc

/// Paints grids and reads keys.
final class CursesTerminal {
    let palette: Palette
    /// Whether characters other than those of ASCII can be shown.
    let isUnicode: Bool

    private let screen: OpaquePointer
    private let hasMouse: Bool
    private let hasDefaultColors: Bool
    private var fit: GlyphFit
    private var painted: Grid?
    private var pairs: [Paint: Int16] = [:]
    private var keys = KeyReader()
    private var clicks = ClickCounter()
    private var cursor: (column: Int, row: Int)?
    private var isSuspended = false
    private var hasEnded = false

    // MARK: Beginning and end

    /// How many colours the terminal has.
    static func colors() throws(TerminalError) -> Int {
        guard isatty(STDOUT_FILENO) == 1 else {
            throw TerminalError("standard output is no terminal; --batch prints without one")
        }
        guard isatty(STDIN_FILENO) == 1 else { throw TerminalError("standard input is no terminal") }
        let name = Self.variable("TERM")
        guard !name.isEmpty else { throw TerminalError("TERM is not set, so nobody knows what terminal this is") }
        guard qp_curses_look_up() == 1 else { throw TerminalError("TERM is \(name), which is not known here") }
        guard qp_curses_text("cup") != nil else {
            throw TerminalError("TERM is \(name), which cannot place text; --batch prints without that")
        }
        return max(Int(qp_curses_number("colors")), 0)
    }

    /// Takes the terminal over. No colours are used that it does not have.
    init(palette: PaletteKind, mouse: Bool) throws(TerminalError) {
        let colors = try Self.colors()
        let isUnicode = Self.takeEncoding()
        try TerminalGuard.remember()
        guard let screen = qp_curses_start() else { throw TerminalError("curses cannot use this terminal") }
        self.screen = screen
        self.isUnicode = isUnicode
        // A table of one's own is not asked for: operators have chosen theirs.
        let kind = PaletteKind.choose(environment: [:], colors: colors, wanted: palette)
        self.palette = Palette(kind: kind)
        self.hasDefaultColors = kind != .none && start_color() == OK && use_default_colors() == OK
        self.fit = GlyphFit(isUnicode: isUnicode) { Int(qp_curses_width($0.value)) }
        raw()
        noecho()
        nonl()
        set_escdelay(25)
        keypad(qp_curses_screen(), true)
        nodelay(qp_curses_screen(), true)
        curs_set(0)
        self.hasMouse = mouse && qp_curses_watch_mouse(true)
        TerminalGuard.arm(hasMouse: self.hasMouse)
        self.resized()
    }

    deinit { self.end() }

    /// Gives the terminal back for good. May be called more than once.
    func end() {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        if self.hasMouse { _ = qp_curses_watch_mouse(false) }
        if !self.isSuspended { endwin() }
        TerminalGuard.disarm()
        delscreen(self.screen)
    }

    /// Gives the terminal back for a while.
    func suspend() {
        guard !self.hasEnded, !self.isSuspended else { return }
        self.isSuspended = true
        endwin()
        TerminalGuard.disarm()
    }

    /// Takes it over again, also from somebody who used it without asking, and paints everything anew.
    func resume() {
        guard !self.hasEnded else { return }
        self.isSuspended = false
        reset_prog_mode()
        TerminalGuard.arm(hasMouse: self.hasMouse)
        curs_set(self.cursor == nil ? 0 : 1)
        self.resized()
        self.repaint()
    }

    /// Takes the encoding of the environment. One that is not installed here is UTF-8 all the same if its name says so.
    static func takeEncoding() -> Bool {
        if qp_curses_set_locale("") { return true }
        let names = ["LC_ALL", "LC_CTYPE", "LANG"].map(Self.variable)
        guard let name = names.first(where: { !$0.isEmpty })?.lowercased() else { return false }
        guard name.contains("utf-8") || name.contains("utf8") else { return false }
        return qp_curses_set_locale("C.UTF-8")
    }

    /// A variable of the environment; empty if it is not set.
    private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    // MARK: Size

    var size: Size { Size(Int(qp_curses_columns()), Int(qp_curses_rows())) }

    /// Asks how large the terminal is now. One that does not know stays as it was.
    func resized() {
        var columns: Int32 = 0
        var rows: Int32 = 0
        guard qp_terminal_size(STDOUT_FILENO, &columns, &rows) == 0, columns > 0, rows > 0 else { return }
        let size = Size(min(Int(columns), 1000), min(Int(rows), 1000))
        guard size != self.size else { return }
        resizeterm(Int32(size.rows), Int32(size.columns))
        werase(qp_curses_screen())
        qp_curses_distrust()
        self.painted = nil
    }

    // MARK: Painting

    /// Shows a grid; only what differs from the last one is written.
    func paint(_ grid: Grid) {
        guard !self.hasEnded, !self.isSuspended else { return }
        for run in GridChanges.runs(from: self.painted, to: grid, within: self.size, fit: &self.fit) { self.write(run) }
        self.painted = grid
        if let cursor = self.cursor { wmove(qp_curses_screen(), Int32(cursor.row), Int32(cursor.column)) }
        self.update()
    }

    /// Sends everything again: somebody else wrote onto the screen.
    func repaint() {
        guard !self.hasEnded, !self.isSuspended else { return }
        qp_curses_distrust()
        self.update()
    }

    /// Sends what has changed. While it writes, curses ignores SIGTSTP, and with that the kernel forgets one that is
    /// blocked and waits to be read: such a one is sent again.
    private func update() {
        wnoutrefresh(qp_curses_screen())
        let isWaiting = qp_signal_waits(SIGTSTP) != 0
        doupdate()
        if isWaiting { kill(getpid(), SIGTSTP) }
    }

    /// Shows the cursor at a place from the next painting on, or not at all.
    func showCursor(at place: (column: Int, row: Int)?) {
        guard !self.hasEnded else { return }
        let size = self.size
        self.cursor = place.map { (min(max($0.column, 0), size.columns - 1), min(max($0.row, 0), size.rows - 1)) }
        curs_set(place == nil ? 0 : 1)
    }

    private func write(_ run: PaintRun) {
        let paint = self.palette.paint(run.style)
        var attributes: attr_t = 0
        if paint.isBold { attributes |= qp_curses_bold() }
        if paint.isDim { attributes |= qp_curses_dim() }
        if paint.isUnderlined { attributes |= qp_curses_underline() }
        if paint.isReversed { attributes |= qp_curses_reverse() }
        let text = Array(run.text.utf8CString)
        qp_curses_write(
            Int32(run.column), Int32(run.row), attributes, self.pair(of: paint), text, Int32(text.count - 1))
    }

    /// Pairs of colours are made when they are first seen.
    private func pair(of paint: Paint) -> Int16 {
        guard self.palette.kind != .none, paint.foreground != nil || paint.background != nil else { return 0 }
        let colors = Paint(foreground: paint.foreground, background: paint.background)
        if let pair = self.pairs[colors] { return pair }
        let pair = Int16(clamping: self.pairs.count + 1)
        guard Int32(pair) < qp_curses_pairs() else { return 0 }
        // A terminal that does not know its own colours has those of old.
        let foreground = colors.foreground ?? (self.hasDefaultColors ? -1 : 7)
        let background = colors.background ?? (self.hasDefaultColors ? -1 : 0)
        guard init_pair(pair, foreground, background) == OK else { return 0 }
        self.pairs[colors] = pair
        return pair
    }

    // MARK: Keys

    /// The next key; `nil`: there is none.
    func nextKey() -> Key? {
        guard !self.hasEnded, !self.isSuspended else { return nil }
        return self.keys.next {
            var value: UInt32 = 0
            switch qp_curses_next(&value) {
            case QP_CURSES_CHARACTER: return .character(value)
            case QP_CURSES_CODE: return .code(Int32(truncatingIfNeeded: value))
            default: return nil
            }
        } mouse: {
            self.nextMouse()
        }
    }

    private func nextMouse() -> Mouse? {
        var column: Int32 = 0
        var row: Int32 = 0
        let kind: Mouse.Kind
        switch qp_curses_mouse(&column, &row) {
        case QP_CURSES_PRESS:
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            kind = self.clicks.press(
                column: Int(column), row: Int(row), at: Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)
        case QP_CURSES_DOUBLE: kind = .double
        case QP_CURSES_UP: kind = .wheelUp
        case QP_CURSES_DOWN: kind = .wheelDown
        default: return nil
        }
        return Mouse(kind: kind, column: Int(column), row: Int(row))
    }

    // MARK: Clipboard

    /// Puts a text into the clipboard of the terminal, if it lets programs do so: xterm's OSC 52.
    func setClipboard(_ text: String) {
        guard !self.hasEnded, !self.isSuspended else { return }
        let octets = Array(Clipboard.sequence(text).utf8)
        var place = 0
        while place < octets.count {
            let count = octets[place...].withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            place += count
        }
    }
}
