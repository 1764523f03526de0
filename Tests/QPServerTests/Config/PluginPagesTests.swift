// PluginPagesTests.swift

import QPHooks
import QPPlugins
import QPTelemetry
import Testing

@testable import QPServer

private struct Sample: Plugin {
    static let name = "queue/maildir"
    static let manual = "queue/maildir DIR [a|b]\n\nDelivers.\n"
    init(_ setup: PluginSetup) throws(PluginError) {}
    func register(on hooks: inout HookTable) {}
}

private struct Other: Plugin {
    static let name = "relay"
    static let manual = "relay"
    init(_ setup: PluginSetup) throws(PluginError) {}
    func register(on hooks: inout HookTable) {}
}

private struct Stranger: Plugin {
    static let name = "ours"
    static let manual = "ours X"
    init(_ setup: PluginSetup) throws(PluginError) {}
    func register(on hooks: inout HookTable) {}
}

struct PluginPagesTests {
    @Test func list() {
        #expect(
            Server.pluginList([Other.self, Sample.self, Stranger.self]) == """
                ours                       ours X
                queue/maildir  mdr  maild  queue/maildir DIR [a|b]
                relay          rly  relay  relay

                """)
        #expect(Server.pluginList([]) == "")
    }

    @Test func pages() {
        let pages = Server.pluginPages([Other.self, Sample.self])
        #expect(pages.keys.sorted() == ["README.md", "queue-maildir.md", "relay.md"])
        #expect(pages["queue-maildir.md"] == "# queue/maildir\n\n```text\nqueue/maildir DIR [a|b]\n\nDelivers.\n```\n")
        #expect(pages["relay.md"]?.contains("check_relay") == true)
        let row = "| [queue/maildir](queue-maildir.md) | mdr, maild | queue/maildir DIR [a\\|b] |\n"
        #expect(pages["README.md"]?.contains(row) == true)
    }

    @Test func bundledPluginsAreInTheRegistry() {
        for plugin in BundledPlugins.all { #expect(PluginRegistry.find(plugin.name)?.name == plugin.name) }
    }

    @Test func theRegistryKnowsWhatTheServerKnows() {
        for name in UpstreamPlugins.all.keys { #expect(PluginRegistry.find(name)?.name == name, "\(name)") }
        #expect(Set(PluginRegistry.all.flatMap(\.aliases)) == Set(PluginNames.aliases.keys))
        for (name, alias) in PluginNames.aliases { #expect(PluginRegistry.find(name)?.name == alias.name) }
    }
}
