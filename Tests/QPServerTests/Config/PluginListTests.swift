// PluginListTests.swift

import QPActors
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

struct PluginListTests {
    private func entry(_ text: String) throws(ConfigProblem) -> PluginEntry {
        try PluginEntry(ConfigLine(text: text, file: "plugins", number: 1))
    }

    @Test("claim 5: one plugin a line, empty lines and comments left out") func sampleBlock() throws {
        let folder = ConfigFolder([
            "plugins": """
            check_relay
            # a comment
            virus/clamdscan

              spamassassin reject_threshold 7
            my_rcpt_check example.com
            my_rcpt_check:0 example.org
            My::Plugin "a b"  c
            """
        ])
        let list = PluginList(folder.directory.read("plugins"))
        #expect(list.problems.isEmpty)
        #expect(
            list.entries.map { [$0.name] + $0.arguments } == [
                ["check_relay"], ["virus/clamdscan"], ["spamassassin", "reject_threshold", "7"],
                ["my_rcpt_check", "example.com"], ["my_rcpt_check:0", "example.org"],
                ["My::Plugin", "\"a", "b\"", "c"],
            ])
        #expect(list.entries.map(\.line.number) == [1, 3, 5, 6, 7, 8])
        #expect(list.entries.map(\.base)[4] == "my_rcpt_check")
    }

    @Test(arguments: [
        ("rcpt_ok caf\u{e9}", "unsafe characters in config line (only printable ASCII is allowed)"),
        ("rcpt_ok \u{1}", "unsafe characters in config line (only printable ASCII is allowed)"),
        ("My::Plugin:0 x", "'My::Plugin:0': a module cannot have an instance number"),
        (":0", "':0' has no name"),
    ])
    func refusals(_ text: String, _ expected: String) {
        #expect(throws: ConfigProblem.error(expected, file: "plugins", line: 1)) { try self.entry(text) }
    }

    @Test(arguments: [
        ("queue/qmail-queue", "queue::qmail_2dqueue"), ("named:7", "named_3a7"),
        ("9dir/sub-x/4my-plug.in:3", "9dir::sub_2dx::_34my_2dplug_2ein_3a3"), ("My::Plugin", "My::Plugin"),
        ("check_badrcptto", "check_badrcptto"), ("auth/auth_flat_file", "auth::auth_flat_file"), ("", ""),
    ])
    func mangling(_ name: String, _ mangled: String) {
        #expect(PluginNames.mangled(name) == mangled)
        if name != "My::Plugin" { #expect(PluginNames.demangled(mangled) == name) }
        #expect(PluginNames.demangled(name.contains("::") ? "x" : name) == (name.contains("::") ? "x" : name))
    }

    @Test(arguments: [
        ("queue/qmail-queue", "queue::qmail_2dqueue"), ("check_relay", "relay"), ("my:0", "my_3a0"),
        ("check_relay:1", "relay_3a1"), ("My::Plugin", "My::Plugin"),
    ])
    func oneSpelling(_ left: String, _ right: String) {
        #expect(PluginNames.canonical(left) == PluginNames.canonical(right))
    }

    @Test(arguments: [
        ("dnsbl", "dnsbl", 0), ("dnslb", "dnsbl", 1), ("relay", "relays", 1), ("", "abc", 3), ("kitten", "sitting", 3),
        ("abc", "", 3),
    ])
    func distance(_ left: String, _ right: String, _ expected: Int) {
        #expect(EditDistance.between(left, right) == expected)
        #expect(EditDistance.between(right, left) == expected)
    }

    @Test func aliasesLeadToKnownNames() {
        #expect(PluginNames.aliases.values.allSatisfy { UpstreamPlugins.all[$0.name] != nil })
        #expect(PluginNames.aliases.keys.allSatisfy { UpstreamPlugins.all[$0] == nil })
        #expect(UpstreamPlugins.all.count >= 78)
    }

    @Test func policies() {
        let folder = ConfigFolder([
            "plugin_policy": """
            queue::qmail_2dqueue timeout 0.5 on-error declined
            queue/qmail-queue mode shadow
            check_relay breaker 0 loglevel LOGDEBUG
            my timeout 7
            my:1 on-error denysoft
            """
        ])
        let reader = PluginPolicyReader(folder.directory.read("plugin_policy"))
        #expect(reader.problems.isEmpty)
        var queue = PluginPolicy()
        queue.timeout = .milliseconds(500)
        queue.onError = .declined
        queue.mode = .shadow
        #expect(reader.policy(for: "queue/qmail-queue") == queue)
        #expect(reader.policy(for: "relay").breaker == 0)
        #expect(reader.policy(for: "relay").logLevel == .debug)
        #expect(reader.policy(for: "my:0").timeout == .seconds(7))
        #expect(reader.policy(for: "my:1").timeout == PluginPolicy().timeout)
        #expect(reader.policy(for: "other") == PluginPolicy())
        #expect(
            folder.short(reader.unused(loaded: ["queue/qmail-queue", "rely", "my:1"])) == [
                "plugin_policy:3: warning: no plugin 'check_relay' is loaded"
            ])
    }

    @Test(arguments: [
        ("x", "a line is NAME setting value [setting value ...]"),
        ("x mode", "a line is NAME setting value [setting value ...]"),
        ("x mode maybe", "mode: 'maybe' is none of on, shadow, off"),
        ("x timeout 0", "timeout: '0' is no number of seconds (0.001 to 86400)"),
        ("x on-error deny", "on-error: 'deny' is neither declined nor denysoft"),
        ("x breaker -1", "breaker: '-1' is no number of failures (0 to 1000000)"),
        ("x loglevel 8", "loglevel: '8' is no log level (0 to 7, or LOGERROR and so on)"),
        ("x tiemout 1", "there is no setting 'tiemout' (did you mean timeout?)"),
    ])
    func policyRefusals(_ text: String, _ expected: String) {
        let folder = ConfigFolder(["plugin_policy": text])
        let reader = PluginPolicyReader(folder.directory.read("plugin_policy"))
        #expect(folder.short(reader.problems) == ["plugin_policy:1: error: \(expected)"])
    }
}
