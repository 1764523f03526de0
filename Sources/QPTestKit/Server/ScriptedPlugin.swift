// ScriptedPlugin.swift
//
// A plugin out of a closure.

public import QPHooks

/// A plugin whose table of contents is a closure: for tests that need a handler here and there.
public struct ScriptedPlugin: Plugin {
    public static let name = "scripted"
    public static let manual = "scripted\n\nFor tests."

    private let table: @Sendable (inout HookTable) -> Void

    public init(_ setup: PluginSetup) throws(PluginError) {
        self.table = { _ in }
    }

    /// Makes a plugin.
    public init(_ table: @escaping @Sendable (inout HookTable) -> Void) {
        self.table = table
    }

    public func register(on hooks: inout HookTable) { self.table(&hooks) }
}
