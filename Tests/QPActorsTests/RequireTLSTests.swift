// RequireTLSTests.swift
//
// RFC 8689 §2: REQUIRETLS

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct RequireTLSTests {
    private func harness(_ backend: BackendCapabilities, isEncrypted: Bool) -> EngineHarness {
        let plugin = ScriptedPlugin { hooks in
            hooks.on(.connect) { _, session in
                if isEncrypted { session.state.tls = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256") }
                return .declined
            }
        }
        var declarations = PluginDeclarations()
        declarations.backend = backend
        var table = HookTable(slot: 0)
        plugin.register(on: &table)
        let loaded = LoadedPlugin(
            name: "p", arguments: [], place: "test:1", hooks: table.hooks,
            runtime: PluginRuntime(name: "p", policy: PluginPolicy()), instance: plugin, declarations: declarations)
        let generation = Generation(
            number: 1, settings: EngineHarness.quietSettings, plugins: [loaded], hookTables: [table], tables: .empty)
        return EngineHarness(generation, seams: testSeams())
    }

    @Test(
        arguments: [
            (true, .all, true), (false, .all, false), (true, [.eightBitMIME], false),
        ] as [(Bool, BackendCapabilities, Bool)])
    func offered(_ isEncrypted: Bool, _ backend: BackendCapabilities, _ isOffered: Bool) {
        let client = self.harness(backend, isEncrypted: isEncrypted).connect()
        client.send("EHLO x\r\n")
        #expect(client.said().contains("250-REQUIRETLS") == isOffered)
        client.send("MAIL FROM:<a@b.example> REQUIRETLS\r\n")
        #expect(client.codes() == [isOffered ? 250 : 555])
        client.send("RSET\r\nMAIL FROM:<a@b.example> REQUIRETLS=yes\r\n")
        #expect(client.codes() == [250, isOffered ? 501 : 555])
    }

    @Test func notAfterHELO() {
        let client = self.harness(.all, isEncrypted: true).connect()
        client.send("HELO x\r\nMAIL FROM:<a@b.example> REQUIRETLS\r\n")
        #expect(client.codes().last == 555)
    }
}
