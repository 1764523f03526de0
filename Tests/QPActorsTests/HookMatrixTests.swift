// HookMatrixTests.swift
//
// Every hook of a session, seven constants and a handler that throws: code, close, reset, deny and ok.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct HookMatrixTests {
    @Test("claim 43: what each constant means on each hook", arguments: HookMatrix.rows)
    func row(_ row: HookMatrix.Row) {
        let witness = HookMatrix.Witness()
        let harness = EngineHarness(
            HookMatrix.plugins(for: row, witness).map { .init($0.name, $0.plugin) }, seams: testSeams())
        let client = harness.connect()
        for exchange in row.exchanges {
            if !exchange.send.isEmpty { client.send(exchange.send) }
            #expect(client.codes() == exchange.codes, "\(exchange.send)")
        }
        #expect(client.isClosed == row.closes)
        if !client.isClosed {
            client.send("QUIT\r\n")
            #expect(client.codes() == [221])
        }
        #expect(client.isClosed)
        #expect(harness.supervisor.sessions == 0)
        #expect(witness.runs(of: .resetTransaction) == row.resets)
        #expect(witness.runs(of: .disconnect) == row.farewells)
        #expect(witness.runs(of: .postConnection) == row.farewells)
        if let told = row.told {
            #expect(!witness.told.isEmpty)
            #expect(witness.told.allSatisfy { $0 == told }, "\(witness.told)")
        } else {
            #expect(witness.told.isEmpty)
        }
    }

    @Test func theTableIsWhole() {
        let hooks = Set(HookMatrix.rows.map(\.hook))
        let without: Set<HookID> = [
            .logging, .config, .userConfig, .postFork,
        ]
        #expect(hooks == Set(HookID.allCases).subtracting(without))
        #expect(HookMatrix.rows.count == (35 + 5) * 8)
    }
}
