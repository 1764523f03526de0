// DNSMatrixTests.swift
//
// A DNS server that is stopped, slow, or lies: every plugin that asks it decides as its manual says, and no session
// waits longer than the plugins' time limits.

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@testable import QPServer

@Suite(.serialized)
struct DNSMatrixTests {
    /// What a DNS server does to all questions.
    struct Behaviour: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Of `DNSTestServer`; `nil`: nobody is there.
        let kind: String?
        let effect: Effect

        init(_ name: String, _ kind: String?, _ effect: Effect) {
            (self.testDescription, self.kind, self.effect) = (name, kind, effect)
        }
    }

    /// What comes of it.
    enum Effect: Sendable {
        case answered
        case noSuchName
        case failed
    }

    /// A plugin, what a client says to it, and the code of the last reply by what came of the question.
    private struct Probe: Sendable {
        let plugins: [String]
        let policy: [String]
        let lines: [String]
        let answered: Int
        let noSuchName: Int
        let failed: Int

        init(
            _ plugins: [String], policy: [String] = [], _ lines: [String], answered: Int, noSuchName: Int, failed: Int
        ) {
            (self.plugins, self.policy, self.lines) = (plugins, policy, lines)
            (self.answered, self.noSuchName, self.failed) = (answered, noSuchName, failed)
        }

        func code(_ effect: Effect) -> Int {
            switch effect {
            case .answered: self.answered
            case .noSuchName: self.noSuchName
            case .failed: self.failed
            }
        }
    }

    private static let mail = ["EHLO host.example", "MAIL FROM:<ann@sender.example>"]

    /// $T is a second where nobody answers, and else enough. `timeout` of plugin_policy stands for limits that a plugin does not let be set.
    private static let probes: [Probe] = [
        Probe(["dnsbl timeout $T"], [], answered: 550, noSuchName: 220, failed: 220),
        Probe(["dnsbl reject_type temp timeout $T"], [], answered: 450, noSuchName: 220, failed: 220),
        // A client of this machine needs no name.
        Probe(["fcrdns timeout $T"], [], answered: 220, noSuchName: 220, failed: 220),
        Probe(
            ["helo policy strict timeout $T"], ["EHLO host.example"], answered: 550, noSuchName: 550, failed: 250),
        Probe(["helo policy lenient"], ["EHLO host.example"], answered: 250, noSuchName: 250, failed: 250),
        Probe(["rhsbl"], policy: ["rhsbl timeout $T"], Self.mail, answered: 550, noSuchName: 250, failed: 250),
        Probe(
            ["resolvable_fromhost reject_type perm"],
            policy: ["resolvable_fromhost timeout $T on-error denysoft"], Self.mail, answered: 250, noSuchName: 550,
            failed: 450),
        // A client that the list recommends is not asked for its sender.
        Probe(
            ["dns_whitelist_soft", "badmailfrom"], policy: ["dns_whitelist_soft timeout $T"], Self.mail, answered: 250,
            noSuchName: 550, failed: 550),
        // The one that fails hides no other.
        Probe(
            ["dnsbl timeout $T", "helo policy strict timeout $T", "rhsbl", "badmailfrom"],
            policy: ["rhsbl timeout $T"], Self.mail, answered: 550, noSuchName: 550, failed: 550),
    ]

    static let behaviours: [Behaviour] = [
        Behaviour("stopped", nil, .failed), Behaviour("silent", "silent", .failed),
        Behaviour("wrong identification", "wrongid", .failed), Behaviour("another question", "forged", .failed),
        Behaviour("half a header", "garbage", .failed), Behaviour("half a record", "short", .failed),
        Behaviour("a name that contains itself", "loop", .failed), Behaviour("SERVFAIL", "servfail", .failed),
        Behaviour("REFUSED", "refused", .failed), Behaviour("slow", "late", .answered),
        Behaviour("truncated, whole over TCP", "trunc", .answered), Behaviour("NXDOMAIN", "nx", .noSuchName),
    ]

    @Test("DNS matrix: policy applies, nothing hangs", arguments: Self.behaviours)
    func matrix(_ behaviour: Behaviour) async throws {
        let dns = try behaviour.kind.map { try DNSTestServer(always: $0) }
        defer { dns?.stop() }
        let address = try dns?.address ?? Self.nobody()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for probe in Self.probes {
                group.addTask { try await Self.check(probe, behaviour, dns: address) }
            }
            try await group.waitForAll()
        }
    }

    /// An address where nobody answers.
    private static func nobody() throws -> String {
        let socket = try BoundSocket(TestServer.v4, port: 0)
        defer { socket.close() }
        return "127.0.0.1:\(socket.port)"
    }

    private static func check(_ probe: Probe, _ behaviour: Behaviour, dns: String) async throws {
        let files = ScratchFolder()
        let content = [
            "me": ["mx.server.example"], "rcpthosts": ["server.example"], "dns_servers": [dns], "reverse_dns": ["1"],
            "plugins": probe.plugins + ["rcpt_ok", "queue/discard"], "plugin_policy": probe.policy,
            "dnsbl_zones": ["one.example", "two.example"], "rhsbl_zones": ["names.example"],
            "whitelist_zones": ["white.example"], "badmailfrom": ["@sender.example"],
        ]
        let limit = behaviour.effect == .failed ? "1" : "10"
        for (name, lines) in content {
            files.write(name, lines.map { $0.replacing("$T", with: limit) + "\n" }.joined())
        }
        try await TestServer.with(files: files, BundledPlugins.all) { server in
            // The client gives up on a reply after 10 seconds.
            let code = try await server.client { client in
                var code = try client.answer().code
                for line in probe.lines where code < 300 { code = try client.say(line).code }
                return code
            }
            #expect(code == probe.code(behaviour.effect), "\(probe.plugins) with \(behaviour.testDescription)")
            await server.expectNothingLeft()
        }
    }
}
