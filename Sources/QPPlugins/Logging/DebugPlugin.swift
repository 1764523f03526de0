// DebugPlugin.swift
//
// Everything about one plugin, little about the others.

public import QPHooks

/// Drops the less serious lines of all plugins but one.
public struct DebugPlugin: Plugin {
    public static let name = "logging/debug_plugin"

    public static let manual = """
        logging/debug_plugin PLUGIN [LEVEL]

        Lets all lines of PLUGIN pass, and of everybody else only those that are at least as serious as LEVEL (default
        LOGWARN, also for a word that is no level). It writes nothing itself: put it before the logger, which must take
        LOGDEBUG.

            logging/debug_plugin queue/maildir LOGNOTICE
            logging/warn LOGDEBUG

        PLUGIN may be spelt as in config/plugins (queue/qmail-queue) or as logs have it (queue::qmail_2dqueue).
        """

    private let plugin: String
    private let level: LogLevel

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard let plugin = setup.arguments.first else { throw .argument("no plugin name given") }
        guard setup.arguments.count <= 2 else { throw .argument("'\(setup.arguments[2])' is an argument too many") }
        let word = setup.arguments.dropFirst().first
        self.plugin = PluginName.mangled(plugin)
        self.level = word.flatMap { LogLevel($0) } ?? .warning
        if let word, LogLevel(word) == nil { setup.warn("'\(word)' is no log level; LOGWARN is taken") }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging, self.filter)
    }

    @Sendable
    func filter(_ event: LoggingEvent) -> Verdict<Void> {
        if event.level <= self.level { return .declined }
        guard let plugin = event.plugin, PluginName.mangled(plugin) == self.plugin else { return .ok }
        return .declined
    }
}
