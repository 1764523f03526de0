// MatrixOverTCPTests.swift
//
// Acceptance 3: every hook times every constant, over a real socket.

import QPActors
import QPHooks
import QPTestKit
import Testing

@testable import QPServer

/// One after the other: each row has a server of its own.
@Suite(.serialized)
struct MatrixOverTCPTests {
    /// What a client saw of a row.
    struct Sight: Sendable {
        var codes: [[Int]] = []
        var isClosed = false
        var failure: String?
    }

    @Test(arguments: HookMatrix.rows)
    func row(_ row: HookMatrix.Row) async throws {
        let witness = HookMatrix.Witness()
        try await TestServer.with(HookMatrix.plugins(for: row, witness)) { server in
            let sight = try await server.client { client in Self.play(row, client) }
            #expect(sight.failure == nil)
            #expect(sight.codes == row.exchanges.map(\.codes) + (row.closes ? [] : [[221]]))
            #expect(sight.isClosed)
            await server.expectNothingLeft()
        }
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

    /// A reply too many shows as the wrong answer to QUIT, or instead of the end.
    private static func play(_ row: HookMatrix.Row, _ client: SocketClient) -> Sight {
        var sight = Sight()
        do {
            for exchange in row.exchanges {
                if !exchange.send.isEmpty { try client.send(exchange.send) }
                sight.codes.append(try exchange.codes.map { _ in try client.answer().code })
            }
            if !row.closes { sight.codes.append([try client.say("QUIT").code]) }
            sight.isClosed = try client.isClosed()
        } catch {
            sight.failure = "after \(sight.codes): \(error)"
        }
        return sight
    }
}
