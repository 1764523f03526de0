// PluginLog.swift
//
// The log, as a handler sees it: session, hook and plugin are known.

/// Writes log lines that know where they come from.
public struct PluginLog {
    let context: SessionContext

    /// Writes a line. `metadata` are facts beside the text; everything is escaped on the way out.
    public func callAsFunction(
        _ level: LogLevel, _ text: @autoclosure () -> String,
        metadata: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        let context = self.context
        let level = context.logAdjustment?.adjusted(level) ?? level
        guard level <= context.logThreshold, context.seams.log.accepts(level, plugin: context.pluginName) else {
            return
        }
        context.seams.log.log(
            LoggingEvent(
                level: level, hook: context.hook, plugin: context.pluginName, session: context.state.id,
                sessionNumber: context.state.number, transaction: context.state.transaction.number,
                text: text(), fields: metadata().map { (name: $0.key, value: $0.value) },
                wallTime: context.sessionClock.wall))
    }

    /// Everything an author wants to see.
    public func debug(
        _ text: @autoclosure () -> String, metadata: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        self(.debug, text(), metadata: metadata())
    }

    /// What happened, one line for each decision.
    public func info(
        _ text: @autoclosure () -> String, metadata: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        self(.info, text(), metadata: metadata())
    }

    /// Worth noticing.
    public func notice(
        _ text: @autoclosure () -> String, metadata: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        self(.notice, text(), metadata: metadata())
    }

    /// Something is odd.
    public func warning(
        _ text: @autoclosure () -> String, metadata: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        self(.warning, text(), metadata: metadata())
    }

    /// Something failed.
    public func error(
        _ text: @autoclosure () -> String, metadata: @autoclosure () -> KeyValuePairs<String, String> = [:]
    ) {
        self(.error, text(), metadata: metadata())
    }
}
