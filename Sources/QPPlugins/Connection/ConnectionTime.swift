// ConnectionTime.swift
//
// How long clients stay.

public import QPHooks

/// Logs how long a connection lasted.
public struct ConnectionTime: Plugin {
    public static let name = "connection_time"

    public static let manual = """
        connection_time [loglevel N]

        Logs at the end of each connection how long it lasted, in seconds with three digits, from its acceptance on:

            Connection time from 192.0.2.1: 1.250 s.

        Lines have level 5 (notice) unless `loglevel` says otherwise.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.postConnection, self.report)
    }

    @Sendable
    func report(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        let client = session.connection.remoteAddress
        let (difference, overflow) = session.clock.wall.subtractingReportingOverflow(session.connection.acceptedAt)
        // The clock of the wall may have been set back.
        let milliseconds = overflow ? 0 : max(difference, 0) / 1_000_000
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        session.log.notice("Connection time from \(client): \(milliseconds / 1000).\(fraction) s.")
        return .declined
    }
}
