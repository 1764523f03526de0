// SamplePlugins.swift
//
// Plugins that only the configuration's tests load.

import QPActors
import QPHooks
import Synchronization

/// Answers rcpt from a table of domains; a line `bad` does not parse.
final class SampleRecipients: Plugin {
    static let name = "rcpt_ok"
    static let manual = "rcpt_ok"

    let table: ConfigTable<[String]>

    init(_ setup: PluginSetup) throws(PluginError) {
        self.table = try setup.table("rcpthosts") { file throws(PluginError) in
            if let line = file.lines.first(where: { $0.text == "bad" }) { throw line.error("no domain") }
            return file.lines.map(\.text) + [file.me]
        }
    }

    func register(on hooks: inout HookTable) {
        hooks.on(.rcpt) { _, _ in .declined }
    }
}

/// Answers queue; refuses any argument `broken`, warns of `odd`.
final class SampleQueue: Plugin {
    static let name = "queue/maildir"
    static let manual = "queue/maildir DIR"

    let first: String?

    init(_ setup: PluginSetup) throws(PluginError) {
        if setup.arguments.contains("broken") { throw .argument("'broken' is no folder") }
        if setup.arguments.contains("odd") { setup.warn("odd folder") }
        self.first = setup.value(of: "maildir_prefix")
    }

    func register(on hooks: inout HookTable) {
        hooks.on(.queue) { _, _ in .declined }
    }
}

/// Answers connect, and asks a constant database.
final class SampleRelay: Plugin {
    static let name = "relay"
    static let manual = "relay"

    let names: any ConstantTable

    init(_ setup: PluginSetup) throws(PluginError) {
        self.names = setup.constantTable("morerelayclients")
    }

    func register(on hooks: inout HookTable) {
        hooks.on(.connect) { _, _ in .declined }
    }
}

/// A child of rcpt_ok, as far as its name goes.
final class SampleMaxRelay: Plugin {
    static let name = "rcpt_ok_maxrelay"
    static let manual = "rcpt_ok_maxrelay"

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.rcpt) { _, _ in .declined }
    }
}

let sampleCatalogue: [String: any Plugin.Type] = [
    "rcpt_ok": SampleRecipients.self, "queue/maildir": SampleQueue.self, "relay": SampleRelay.self,
    "rcpt_ok_maxrelay": SampleMaxRelay.self, "My::Plugin": SampleMaxRelay.self,
]

extension Generation {
    func plugin<Sample: Plugin>(_ index: Int, _ type: Sample.Type) -> Sample? {
        self.plugins.indices.contains(index) ? self.plugins[index].instance as? Sample : nil
    }

    /// The content of every table of domains, in order.
    var domains: [[String]] { self.snapshot.tables.compactMap { ($0 as? TableBox<[String]>)?.value } }
}
