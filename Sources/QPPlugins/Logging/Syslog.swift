// Syslog.swift
//
// RFC 5424 §6.2.1 (facility and severity)

public import QPHooks

/// Writes log lines to the system's log.
public struct Syslog: Plugin {
    public static let name = "logging/syslog"

    public static let manual = """
        logging/syslog [loglevel LEVEL] [priority LEVEL] [ident NAME] [facility FACILITY] [logsock ignored]

        Writes every line that is at least as serious as `loglevel` (default LOGWARN) to the system's log:

            priority    the severity that every line gets there; without it, each line's own level
            ident       the name that lines bear (qpserver)
            facility    LOG_MAIL, or mail, which is the default; user, daemon, local0 and so on

            logging/syslog loglevel LOGINFO ident mx facility LOG_LOCAL3

        Levels are names (LOGINFO) or numbers 0 to 7. Lines go to the local socket of the system's log; `logsock` of former
        versions has no effect.
        """

    private let level: LogLevel
    private let priority: LogLevel?
    private let output: any LineOutput
    private let ownName: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try KeyedArguments(
            setup.arguments, allowed: ["loglevel", "priority", "ident", "facility", "logsock"])
        self.level = try Self.level(arguments["loglevel"]) ?? .warning
        self.priority = try Self.level(arguments["priority"])
        let ident = arguments["ident"] ?? "qpserver"
        guard ident.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"[]:".utf8.contains($0) }), ident.utf8.count <= 48
        else { throw .argument("ident '\(ident)' is no name for the system's log") }
        let word = arguments["facility"] ?? "mail"
        let facility = word.hasPrefix("LOG_") ? word.dropFirst(4).lowercased() : word.lowercased()
        guard LineTarget.facilities[facility] != nil else { throw .argument("'\(word)' is no facility") }
        if arguments["logsock"] != nil { setup.warn("logsock has no effect") }
        self.output = setup.lineOutput(.syslog(ident: ident, facility: facility))
        self.ownName = setup.name
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging, self.write)
    }

    @Sendable
    func write(_ event: LoggingEvent) -> Verdict<Void> {
        guard event.level <= self.level, event.plugin != self.ownName else { return .declined }
        var place = ""
        if let hook = event.hook { place += "(\(hook.name)) " }
        if let plugin = event.plugin { place += "\(PluginName.mangled(plugin)): " }
        self.output.write(place + event.message, for: self.priority.map(event.moved) ?? event)
        return .declined
    }

    private static func level(_ word: String?) throws(PluginError) -> LogLevel? {
        guard let word else { return nil }
        guard let level = LogLevel(word) else { throw .argument("'\(word)' is no log level") }
        return level
    }
}

extension LoggingEvent {
    /// The same line at another level.
    fileprivate func moved(to level: LogLevel) -> LoggingEvent {
        LoggingEvent(
            level: level, hook: self.hook, plugin: self.plugin, session: self.session,
            sessionNumber: self.sessionNumber, transaction: self.transaction, text: self.text, fields: self.fields,
            wallTime: self.wallTime)
    }
}
