// ConnectionID.swift
//
// Log lines with the connection's name in front.

public import QPHooks

/// Writes serious log lines to the standard error, the connection's name in front.
public struct ConnectionID: Plugin {
    public static let name = "logging/connection_id"

    public static let manual = """
        logging/connection_id [LEVEL]

        Writes every line that is at least as serious as LEVEL (default LOGWARN) to the standard error, beginning with the
        name of the connection, so that `grep ^NAME` shows one of them; `-` stands for none.

            0abc1def2ghj (rcpt) rcpt_ok: pass
        """

    private let lines: LinesWithName

    public init(_ setup: PluginSetup) throws(PluginError) {
        self.lines = try LinesWithName(setup)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging) { event in self.lines.write(event, name: event.session?.description) }
    }
}

/// What logging/connection_id and logging/transaction_id share.
struct LinesWithName: Sendable {
    private let level: LogLevel
    private let output: any LineOutput
    private let ownName: String

    init(_ setup: PluginSetup) throws(PluginError) {
        let word = setup.arguments.first ?? LogLevel.warning.name
        guard setup.arguments.count <= 1, let level = LogLevel(word) else {
            throw .argument("the only argument is a level, such as LOGINFO or 6")
        }
        self.level = level
        self.output = setup.lineOutput(.standardError)
        self.ownName = setup.name
    }

    func write(_ event: LoggingEvent, name: String?) -> Verdict<Void> {
        guard event.level <= self.level, event.plugin != self.ownName else { return .declined }
        var line = "\(name ?? "-") "
        if let hook = event.hook { line += "(\(hook.name)) " }
        if let plugin = event.plugin { line += "\(PluginName.mangled(plugin)): " }
        line += event.text.logEscaped
        for field in event.fields { line += " \(field.name.logEscaped)=\(field.value.logEscaped)" }
        self.output.write(line, for: event)
        return .declined
    }
}
