// LoadingClaimTests.swift
//
// What qpsmtpd's manual promises of loading plugins, one claim a test.

import QPActors
import QPHooks
import QPPlugins
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

/// Refuses senders with the words of its line, and counts how often it did.
private final class Refuser: Plugin {
    static let name = "refuser"
    static let manual = "refuser WORDS\n\nFor tests."
    private let words: [String]
    private let count = Mutex(0)

    init(_ setup: PluginSetup) throws(PluginError) { self.words = setup.arguments }

    func register(on hooks: inout HookTable) {
        hooks.on(.mail) { event, _ in
            guard event.sender.address.hasPrefix(self.words.first ?? "") else { return .declined }
            let number = self.count.withLock { count in
                count += 1
                return count
            }
            return .deny("\(self.words.joined(separator: "|")) \(number)")
        }
    }
}

@Suite struct LoadingClaimTests {
    private static var seams: Seams {
        Seams(
            resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(),
            store: TestStore(clock: ManualClock()), files: TestFiles(), random: SeededRandom(),
            offloader: InlineOffloader(), log: CapturingLog())
    }

    private func load(_ plugins: String) throws -> Generation {
        let folder = ConfigFolder(["plugins": plugins])
        return try ConfigStore(directory: folder.directory, catalogue: ["refuser": Refuser.self]).load().get()
    }

    private func replies(_ generation: Generation, _ senders: [String]) -> [String] {
        let client = EngineHarness(generation, seams: Self.seams).connect()
        client.say("EHLO a.example")
        return senders.map { client.say("MAIL FROM:<\($0)@b.example>").first ?? "" }
    }

    @Test("claim 2: plugins load at the start and say then which hooks they answer") func hooksBeforeTheFirstClient()
        throws
    {
        let generation = try self.load("refuser a\n")
        #expect(generation.plugins.map(\.hooks) == [[.mail]])
        #expect(HookID(name: "no_such_hook") == nil)
        let folder = ConfigFolder(["plugins": "refuser a\nrefusor b\n"])
        let store = ConfigStore(directory: folder.directory, catalogue: ["refuser": Refuser.self])
        switch store.load() {
        case .success: Issue.record("an unknown plugin was loaded")
        case .failure(let problems): #expect(problems.list.contains { $0.description.contains("'refusor'") })
        }
    }

    @Test("claim 4: the manual's names for the plugins about relaying and senders' hosts load those of today")
    func formerNamesOfTheManual() throws {
        let folder = ConfigFolder(["plugins": "check_relay\nrequire_resolvable_fromhost\n"])
        let store = ConfigStore(directory: folder.directory, catalogue: Server.catalogue(BundledPlugins.all))
        let types = try store.load().get().plugins.map { type(of: $0.instance).name }
        #expect(types == ["relay", "resolvable_fromhost"])
    }

    @Test("claim 4: every former name works, or the error says today's", arguments: PluginNames.aliases.keys.sorted())
    func formerNames(_ former: String) throws {
        let alias = try #require(PluginNames.aliases[former])
        let catalogue = Server.catalogue(BundledPlugins.all)
        let folder = ConfigFolder(["plugins": "\(former)\n"])
        let store = ConfigStore(directory: folder.directory, catalogue: catalogue)
        switch store.load() {
        case .success(let generation):
            #expect(generation.plugins.map { type(of: $0.instance).name } == [alias.name])
            #expect(generation.plugins.first?.arguments == alias.arguments)
            #expect(store.warnings.contains { $0.description.contains("'\(former)' is called '\(alias.name)") })
        case .failure(let problems):
            #expect(catalogue[alias.name] == nil)
            #expect(UpstreamPlugins.all[alias.name] == .planned)
            #expect(problems.list.contains { $0.description.contains("'\(former)' (now '\(alias.name)')") })
        }
    }

    @Test(
        "claim 6: swapping two lines swaps their hooks",
        arguments: [
            ("refuser a one\nrefuser:0 a two", "a|one 1"), ("refuser:0 a two\nrefuser a one", "a|two 1"),
        ])
    func order(_ plugins: String, _ text: String) throws {
        #expect(self.replies(try self.load(plugins), ["ann"]).first?.contains(text) == true)
    }

    @Test("claim 9: arguments are the words after the name, without any quoting") func arguments() throws {
        let generation = try self.load("refuser  ann \"two words\"\tlast#one\n")
        #expect(self.replies(generation, ["ann"]).first?.contains("ann|\"two|words\"|last#one 1") == true)
    }

    @Test("claim 10: another instance has its own arguments, state and name") func instances() throws {
        let generation = try self.load("refuser ann\nrefuser:0 bob\n")
        let replies = self.replies(generation, ["ann", "ann", "bob", "eve"])
        #expect(replies[0].contains("ann 1") && replies[1].contains("ann 2") && replies[2].contains("bob 1"))
        #expect(replies[3].hasPrefix("250 "))
        #expect(generation.plugins.map(\.name) == ["refuser", "refuser:0"])
        #expect(PluginNames.mangled("refuser:0") == "refuser_3a0")
    }

    @Test(
        "claim 110: check warns of rcpt_ok_maxrelay beside rcpt_ok and before others that look at recipients",
        arguments: [
            ("badrcptto\nrcpt_ok_maxrelay 3\n", []),
            (
                "rcpt_ok\nrcpt_ok_maxrelay\n",
                ["plugins:2: warning: rcpt_ok and rcpt_ok_maxrelay are both loaded; the second contains the first"]
            ),
            (
                "rcpt_ok_maxrelay\nrcpt_ok\n",
                ["plugins:2: warning: rcpt_ok and rcpt_ok_maxrelay are both loaded; the second contains the first"]
            ),
            (
                "rcpt_ok_maxrelay\nbadrcptto\n",
                ["plugins:2: warning: badrcptto comes after rcpt_ok_maxrelay and is asked about no recipient"]
            ),
        ])
    func onlyAndLast(_ plugins: String, _ warnings: [String]) {
        let folder = ConfigFolder(["plugins": plugins + "queue/discard\n"])
        let report = CheckReport(folder.directory, catalogue: Server.catalogue(BundledPlugins.all))
        #expect(folder.short(report.problems) == warnings)
        #expect(RcptOKMaxRelay.manual.contains("do not load both"))
    }

    @Test("claim 86: post-fork runs once for each worker") func workers() async throws {
        let started = Mutex<[Int]>([])
        let plugin = ScriptedPlugin { hooks in
            hooks.on(.postFork) { event in
                started.withLock { $0.append(event.worker) }
                return .denyDisconnect("ignored")
            }
        }
        try await TestServer.with([("watches", plugin)], loops: 2) { server in
            let code = try await server.client { client in try client.answer().code }
            #expect(code == 220)
        }
        #expect(started.withLock { $0.sorted() } == [0, 1])
    }
}
