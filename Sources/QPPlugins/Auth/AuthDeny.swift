// AuthDeny.swift
//
// RFC 4954 §4

public import QPHooks

/// Lets nobody authenticate.
public struct AuthDeny: Plugin {
    public static let name = "auth/authdeny"

    public static let manual = """
        auth/authdeny

        Knows nobody: whoever wants to authenticate is left to the next plugin, with a line in the log. Alone it makes the
        server offer AUTH and refuse everybody, which shows who tries.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.auth) { event, session in
            session.log.warning("fail, \(event.user) wanted to authenticate by \(event.mechanism)")
            return .declinedSaying("\(event.user) may not relay here")
        }
    }
}
