// TerminalGuard.swift
//
// A terminal is given back as it was, however the process ends; kill -9 is the exception.

import CLinuxShims
import CNCurses
import Glibc

/// What is wrong with a terminal.
struct TerminalError: Error, Hashable, Sendable, CustomStringConvertible {
    let text: String

    init(_ text: String) { self.text = text }

    var description: String { self.text }
}

/// Looks after the terminal of standard input and output.
enum TerminalGuard {
    /// Remembers its modes, before curses changes them.
    static func remember() throws(TerminalError) {
        let error = qp_terminal_remember(STDIN_FILENO)
        guard error == 0 else {
            throw TerminalError("the terminal does not tell its modes: \(String(cString: qp_error_text(error)))")
        }
    }

    /// From now on a crash and exit(3) bring it back.
    static func arm(hasMouse: Bool) {
        let octets = Self.reset(hasMouse: hasMouse) { qp_curses_text($0).map { String(cString: $0) } }
        octets.withUnsafeBytes { qp_terminal_arm($0.baseAddress, $0.count) }
    }

    static func disarm() { qp_terminal_disarm() }

    /// What brings a terminal back: mouse off, no attributes, keys and cursor as ever, the screen from before.
    static func reset(hasMouse: Bool, _ capability: (String) -> String?) -> [UInt8] {
        var text = hasMouse ? "\u{1b}[?1000l\u{1b}[?1002l\u{1b}[?1003l\u{1b}[?1006l" : ""
        for name in ["sgr0", "rmkx", "cnorm"] { text += Self.withoutPadding(capability(name) ?? "") }
        text += capability("rmcup").map(Self.withoutPadding) ?? "\r\n"
        return Array(text.utf8)
    }

    /// Terminfo writes waits for slow terminals as `$<5>`.
    private static func withoutPadding(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "$") {
            let behind = rest[rest.index(after: start)...]
            if behind.first == "<", let end = behind.firstIndex(of: ">") {
                result += rest[..<start]
                rest = rest[rest.index(after: end)...]
            } else {
                result += rest[...start]
                rest = behind
            }
        }
        return result + rest
    }
}
