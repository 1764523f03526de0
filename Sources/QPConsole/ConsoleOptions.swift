// ConsoleOptions.swift
//
// What the command line says.

import QPTelemetry

/// Options of the program, as they were typed.
public struct ConsoleOptions: Sendable {
    /// Servers; none: those of the settings, or one on this machine.
    public var servers: [String] = []
    public var view: String?
    /// A query for sessions, the log, and what is counted.
    public var filter: String?
    public var interval: Double?
    public var isReadOnly = false
    public var isASCII = false
    /// `auto`, `256`, `16`, `none`.
    public var colors: String?
    public var hasMouse = true
    /// Prints once, `text` or `json`.
    public var isBatch = false
    public var format = "text"
    public var width: Int?
    public var limit = 100
    /// `live`, `ended`, `refused`.
    public var state: String?
    /// What `top` counts.
    public var field: String?
    /// The session that the view `session` shows.
    public var session: String?
    public var plugins: [String] = []
    public var level: String?
    /// A saved stream in the place of servers.
    public var replay: String?
    public var speed = 1.0
    public var tokenFile: String?
    public var authorities: String?
    /// The folder with settings and tokens; `nil`: the one of the user.
    public var folder: String?

    /// Nothing was said.
    public init() {}
}

/// What is wrong with how the program was started.
struct UsageProblem: Error, Hashable, Sendable {
    var text: String

    init(_ text: String) { self.text = text }
}

extension ConsoleOptions {
    /// The state to begin with.
    func state(_ settings: ConsoleSettings, isUTF8: Bool, zone: Int) throws(UsageProblem) -> ViewState {
        var state = ViewState()
        state.zone = zone
        settings.apply(to: &state)
        if self.isASCII || !isUTF8 { state.isASCII = true }
        state.isReadOnly = self.isReadOnly
        if let view { state.view = try Self.one(ViewName.self, "--view", view) }
        if let field { state.topField = try Self.one(TopField.self, "--field", field) }
        if let kind = self.state { state.sessionKind = try Self.one(SessionKind.self, "--state", kind) }
        if let interval {
            guard (0.1...3600).contains(interval) else { throw UsageProblem("--interval is 0.1 to 3600 seconds") }
            state.interval = interval
        }
        if let filter {
            do {
                _ = try Query(filter)
            } catch {
                throw UsageProblem("--filter: \(error)")
            }
            state.sessionsQuery = filter
            state.log.query = filter
        }
        if let level {
            guard CommandLine.levels.contains(level) else {
                throw UsageProblem("--level is one of \(CommandLine.levels.joined(separator: ", "))")
            }
            state.log.level = level
        }
        state.log.plugins = self.plugins
        if let session {
            state.session = SessionPlace(server: 0, id: String(session.split(separator: ".").first ?? ""))
            if self.view == nil { state.view = .session }
        }
        state[.log].isAtEnd = true
        return state
    }

    private static func one<Value: RawRepresentable<String> & CaseIterable>(
        _ type: Value.Type, _ option: String, _ word: String
    ) throws(UsageProblem) -> Value {
        guard let value = Value(rawValue: word) else {
            let nearest = EditDistance.nearest(to: word, in: Value.allCases.map(\.rawValue)).map {
                "; did you mean '\($0)'?"
            }
            throw UsageProblem(
                "\(option) \(ScreenText.plain(word)): there are \(Value.allCases.map(\.rawValue).joined(separator: ", "))"
                    + (nearest ?? ""))
        }
        return value
    }
}
