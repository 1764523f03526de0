// QPConsoleCommand.swift
//
// The executable: arguments in, exit status out.

import ArgumentParser
import QPConsole
import QPTelemetry

@main
struct QPConsoleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "qpconsole",
        abstract: "Watches and steers qpserver from a terminal.",
        discussion: """
            SERVER is unix:PATH, HOST:PORT or https://HOST:PORT; several are shown together. Without one, the servers of \
            ~/.config/qpconsole/settings, or run/admin.sock, or /run/qpserver/admin.sock, or 127.0.0.1:8025. Tokens \
            come from --token-file, QPCONSOLE_TOKEN, or ~/.config/qpconsole/tokens (SERVER TOKEN a line).
            """,
        version: Version.number)

    @Argument(help: "Admin endpoints.") var servers: [String] = []
    @Option(
        help:
            "The view to begin with: overview, sessions, session, plugins, matrix, log, top, histogram, bans, config, backends."
    )
    var view: String?
    @Option(help: "A query for sessions, log and top: 'plugin=rcpt_ok and ip=192.0.2.0/24'.") var filter: String?
    @Option(help: "Seconds between two looks (1).") var interval: Double?
    @Flag(name: .customLong("readonly"), help: "Changes nothing.") var isReadOnly = false
    @Flag(help: "Nothing but ASCII.") var ascii = false
    @Option(help: "auto, 256, 16 or none.") var colors: String?
    @Flag(name: .customLong("no-mouse"), help: "Leaves the mouse to the terminal.") var noMouse = false

    @Flag(help: "Prints the view once and ends; needs no terminal.") var batch = false
    @Option(help: "With --batch: text or json.") var format = "text"
    @Option(help: "With --batch: columns of a line (COLUMNS, or 120).") var width: Int?
    @Option(help: "With --batch: rows at the most, 1 to 1000.") var limit = 100
    @Option(help: "Which sessions: live, ended, refused.") var state: String?
    @Option(help: "What the view top counts.") var field: String?
    @Option(help: "The session or mail that the view session shows.") var session: String?
    @Option(help: "Only lines of this plugin, NAME or NAME:LEVEL; repeatable.") var plugin: [String] = []
    @Option(help: "Lines of the log up to this level: LOGDEBUG ... LOGEMERG.") var level: String?

    @Option(help: "Plays a saved stream of events or log lines in the place of servers.") var replay: String?
    @Option(help: "With --replay: seconds of the stream in one second; 0: all at once.") var speed = 1.0
    @Option(name: .customLong("token-file"), help: "A file with the token.") var tokenFile: String?
    @Option(name: .customLong("ca"), help: "A PEM file with certificates to trust beside the system's.")
    var authorities: String?

    func run() throws {
        var options = ConsoleOptions()
        options.servers = self.servers
        options.view = self.view
        options.filter = self.filter
        options.interval = self.interval
        options.isReadOnly = self.isReadOnly
        options.isASCII = self.ascii
        options.colors = self.colors
        options.hasMouse = !self.noMouse
        options.isBatch = self.batch
        options.format = self.format
        options.width = self.width
        options.limit = self.limit
        options.state = self.state
        options.field = self.field
        options.session = self.session
        options.plugins = self.plugin
        options.level = self.level
        options.replay = self.replay
        options.speed = self.speed
        options.tokenFile = self.tokenFile
        options.authorities = self.authorities
        throw ExitCode(ConsoleProgram.run(options))
    }
}
