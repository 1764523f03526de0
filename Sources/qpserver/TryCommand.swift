// TryCommand.swift
//
// A scripted session against a plugin list: no sockets, nothing delivered.

import ArgumentParser
import QPActors
import QPCrypto
import QPHooks
import QPPlugins
import QPServer
import QPTestKit

struct Try: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a scripted session through the plugins, without sockets.",
        discussion: """
            Reads the client's lines from standard input and prints the dialogue, then the trail: hook, plugin, verdict.
            Nothing leaves: files are kept in memory, the DNS knows nothing, no connection is made.
            """)

    @Option(name: .long, help: "The configuration directory.") var config: String?
    @Option(name: .long, help: "Only this plugin, with its arguments, instead of the whole list.") var plugin: String?
    @Option(name: .long, help: "The client's address.") var from = "192.0.2.1"

    func run() throws {
        guard IPAddress(self.from) != nil else { throw ValidationError("'\(self.from)' is no address") }
        let log = CapturingLog()
        let seams = Seams(
            resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(),
            store: TestStore(clock: ManualClock()), files: TestFiles(), random: SeededRandom(),
            offloader: InlineOffloader(), log: log, secrets: SystemSecrets(offloader: InlineOffloader()))
        guard let generation = Server.generation(self.config, only: self.plugin, plugins: BundledPlugins.all) else {
            throw ExitCode(1)
        }
        let harness = EngineHarness(generation, seams: seams)
        let client = harness.connect(from: self.from)
        self.show(client, harness)
        while let line = readLine(strippingNewline: true), !client.isClosed {
            print("C: \(line.logEscaped)")
            client.send(line + "\r\n")
            self.show(client, harness)
        }
        client.finish()
        self.show(client, harness)
        let trail = client.trail
        for record in trail.records {
            let name = generation.names[Int(record.plugin)]
            let text = trail.text(of: record)
            print("\(record.hook.name) \(name): \(record.verdict.name)\(text.isEmpty ? "" : " \(text.logEscaped)")")
        }
    }

    private func show(_ client: TestClient, _ harness: EngineHarness) {
        harness.advance(by: .milliseconds(100))
        for line in client.replies() { print("S: \(line.logEscaped)") }
    }
}
