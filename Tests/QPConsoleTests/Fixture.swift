// Fixture.swift
//
// Snapshots that screens are made from: always the same.

import QPTelemetry

@testable import QPConsole

/// What a server looks like.
enum Fixture: String, CaseIterable, Sendable {
    /// Just started: nothing happened yet.
    case empty
    /// Some sessions, some refusals, a plugin in shadow mode.
    case ordinary
    /// 10,000 live sessions.
    case crowded
    /// Escape sequences, right-to-left text, pictures, a HELO of 998 characters, in every text that has a place for it.
    case hostile

    /// The moment of all of them: 2026-11-28 12:00:00 UTC.
    static let now = 1_795_867_200.0

    /// Texts that no screen may show as they are.
    static let hostileTexts = [
        "\u{1b}[2J\u{1b}]0;owned\u{07}", "a\u{202e}moc.live\u{202c}b", "שלום.example", "👨‍👩‍👧‍👦🇩🇪👍🏽", "漢字かな交じり文.example",
        "tab\there\r\nforged line", "e\u{301}\u{301}\u{301}\u{301}\u{301}", "\u{9b}31m\u{90}q\u{9c}", "nul\u{0}here",
        String(repeating: "x", count: 998),
    ]

    /// All that is known of one server.
    var server: ServerState {
        var server = ServerState(label: "unix:run/admin.sock")
        server.link = .up
        self.fillServer(&server)
        self.fillSessions(&server)
        return server
    }

    var snapshot: ConsoleSnapshot { ConsoleSnapshot(servers: [self.server], now: Self.now) }
}
