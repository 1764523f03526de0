// LogFile.swift
//
// Log lines in a file.

public import QPHooks

/// Writes log lines to a file.
public struct LogFile: Plugin {
    public static let name = "logging/file"

    public static let manual = """
        logging/file [loglevel LEVEL] [nosplit] [reopen] [tsformat FORMAT] PATH

        Appends every line that is at least as serious as LEVEL (default LOGWARN) to a file. PATH may hold times in the
        notation of strftime and %i for the session's name; a new name means a new file.

            logging/file loglevel LOGINFO tsformat %Y-%m-%dT%H:%M:%S /var/log/qpserver/%Y%m%d

        A text of several lines is written as several; with `nosplit` as one, its line ends escaped.
        With `reopen` the file is opened again for each connection.
        """

    private let level: LogLevel
    private let isSplit: Bool
    private let stamp: TimeFormat
    private let output: any LineOutput
    private let host: String
    private let ownName: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        var level = LogLevel.warning
        var stamp = TimeFormat("%c")
        var isSplit = true
        var isReopened = false
        var words = setup.arguments[...]
        while words.count > 1, let word = words.popFirst() {
            switch word {
            case "loglevel": level = try Self.level(words.popFirst())
            case "tsformat": stamp = TimeFormat(words.popFirst() ?? "%c")
            case "nosplit": isSplit = false
            case "reopen": isReopened = true
            default: throw .argument("unknown argument '\(word)'")
            }
        }
        guard let path = words.first else { throw .argument("the path of the log file is missing") }
        guard path.hasPrefix("/") else { throw .argument("'\(path)' is no absolute path; programs are not supported") }
        self.level = level
        self.stamp = stamp
        self.isSplit = isSplit
        self.output = setup.lineOutput(.file(path: path, reopen: isReopened))
        self.host = setup.me
        self.ownName = setup.name
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging, self.write)
    }

    @Sendable
    func write(_ event: LoggingEvent) -> Verdict<Void> {
        guard event.level <= self.level, event.plugin != self.ownName else { return .declined }
        let time = self.stamp.text(event.wallTime, zone: self.output.zone, session: event.session)
        for line in self.isSplit ? event.messageLines : [event.message] {
            self.output.write("\(time) \(self.host)[\(event.sessionNumber)]: \(line)", for: event)
        }
        return .declined
    }

    private static func level(_ word: String?) throws(PluginError) -> LogLevel {
        guard let word, let level = LogLevel(word) else { throw .argument("'\(word ?? "")' is no log level") }
        return level
    }
}
