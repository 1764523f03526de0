// Warn.swift
//
// Log lines on the standard error.

public import QPHooks

/// Writes serious log lines to the standard error.
public struct Warn: Plugin {
    public static let name = "logging/warn"

    public static let manual = """
        logging/warn [LEVEL]

        Writes every line that is at least as serious as LEVEL to the standard error. LEVEL is a name (LOGDEBUG, LOGINFO,
        LOGNOTICE, LOGWARN, LOGERROR, LOGCRIT, LOGALERT, LOGEMERG) or a number 7 to 0; the default is LOGWARN.
        """

    private let level: LogLevel
    private let output: any LineOutput
    private let ownName: String

    public init(_ setup: PluginSetup) throws(PluginError) {
        let word = setup.arguments.first ?? LogLevel.warning.name
        guard setup.arguments.count <= 1, let level = LogLevel(word) else {
            throw .argument("the only argument is a level, such as LOGINFO or 6")
        }
        self.level = level
        self.output = setup.lineOutput(.standardError)
        self.ownName = setup.name
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging, self.write)
    }

    @Sendable
    func write(_ event: LoggingEvent) -> Verdict<Void> {
        if event.level <= self.level, event.plugin != self.ownName {
            self.output.write(event.line, for: event)
        }
        return .declined
    }
}
