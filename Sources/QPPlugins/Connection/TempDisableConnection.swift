// TempDisableConnection.swift
//
// RFC 5321 §3.1 (a server that has no service to offer now)

public import QPHooks

/// Defers every client.
public struct TempDisableConnection: Plugin {
    public static let name = "temp_disable_connection"

    public static let manual = """
        temp_disable_connection

        Answers every client with a deferral instead of a greeting and closes the connection, so that mail stays where it
        is until the line is taken out again. Put it first: plugins before it still run.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.refuse)
    }

    @Sendable
    func refuse(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> {
        session.log.info("fail, connections are disabled")
        return .denysoft("Sorry, server is temporarily unavailable.", .systemNotAccepting)
    }
}
