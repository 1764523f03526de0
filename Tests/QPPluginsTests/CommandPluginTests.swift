// CommandPluginTests.swift
//
// RFC 5321 §4.1.1.10, §4.2.4

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("count_unrecognized_commands")
struct CountUnrecognizedCommandsTests {
    private let event = UnknownCommandEvent(verb: "foo", argument: nil)

    @Test func closesAtTheLimit() async throws {
        let harness = try PluginHarness(CountUnrecognizedCommands.self, arguments: ["2"])
        #expect(try await harness.run(.unrecognizedCommand, self.event) == .declined)
        for count in 2...4 {
            let verdict = try await harness.run(.unrecognizedCommand, self.event)
            #expect(verdict.code == .denyDisconnect)
            #expect(verdict.text.hasPrefix("Closing connection, \(count) unrecognized commands."))
        }
        #expect(harness.session.notes[NoteKey<Int>("unrec_cmd_count")] == 4)
    }

    @Test func fourIsTheDefault() async throws {
        let harness = try PluginHarness(CountUnrecognizedCommands.self)
        for _ in 1...3 { #expect(try await harness.run(.unrecognizedCommand, self.event) == .declined) }
        #expect(try await harness.run(.unrecognizedCommand, self.event).code == .denyDisconnect)
    }

    @Test(arguments: [["0"], ["-1"], ["many"], ["1", "2"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(CountUnrecognizedCommands.self, arguments: arguments) }
    }
}

@Suite("quit_fortune")
struct QuitFortuneTests {
    private func harness(_ output: String?, status: Int32 = 0) throws -> PluginHarness {
        let harness = try PluginHarness(QuitFortune.self)
        harness.introduce("old.example", extended: false)
        let result = ProgramResult(status: status, output: Array((output ?? "").utf8))
        if output != nil { harness.files.program("/usr/games/fortune", result) }
        return harness
    }

    @Test func oldClientsGetASaying() async throws {
        let harness = try self.harness("Haste\nmakes waste.\n")
        #expect(try await harness.run(.quit, CommandEvent(argument: nil)) == .done)
        #expect(harness.responses.map(\.code) == [221])
        let lines = ["mx.example.org closing connection.", "  / Haste", "  / makes waste."]
        #expect(harness.responses.first?.lines == lines)
    }

    @Test func othersDoNot() async throws {
        let harness = try self.harness("Haste\n")
        harness.introduce("new.example")
        #expect(try await harness.run(.quit, CommandEvent(argument: nil)) == .declined)
        harness.connect()
        #expect(try await harness.run(.quit, CommandEvent(argument: nil)) == .declined)
        #expect(harness.responses.isEmpty)
    }

    @Test func noProgramNoSaying() async throws {
        #expect(try await self.harness(nil).run(.quit, CommandEvent(argument: nil)) == .declined)
        #expect(try await self.harness("x", status: 1).run(.quit, CommandEvent(argument: nil)) == .declined)
        #expect(try await self.harness("").run(.quit, CommandEvent(argument: nil)) == .declined)
    }
}
