// DevNull.swift
//
// No log.

public import QPHooks

/// Writes nothing.
public struct DevNull: Plugin {
    public static let name = "logging/devnull"

    public static let manual = """
        logging/devnull

        Writes nothing, and passes lines on to the loggers after it. As the only logger it makes the server silent, unless
        config/log names outputs.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.isEmpty else { throw .argument("there are no arguments") }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging) { _ in .declined }
    }
}
