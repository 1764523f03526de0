// FloodTests.swift
//
// Acceptance 6, what needs plugins of a test's own: more clients than may enter, while a slow plugin looks at them.

import QPActors
import QPHooks
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

@Suite(.serialized)
struct FloodTests {
    private static let support = ScriptedPlugin { hooks in
        hooks.on(.rcpt) { _, _ in .ok }
        hooks.on(.queue) { _, _ in .ok("queued") }
    }

    /// The first codes of clients that connect at once and stay until all have their answer.
    private static func knock(_ server: TestServer, _ count: Int, v6: Bool = false) async throws -> [Int: Int] {
        let (address, port) = v6 ? (TestServer.v6, server.ports[1]) : (TestServer.v4, server.ports[0])
        return try await offPool {
            let clients = try (0..<count).map { _ in try SocketClient(address, port: port) }
            var codes: [Int: Int] = [:]
            for client in clients { codes[try client.answer().code, default: 0] += 1 }
            return codes
        }
    }

    @Test(arguments: [false, true])
    func oneAddressAtOnce(v6: Bool) async throws {
        let slow = ScriptedPlugin { hooks in
            hooks.on(.preConnection) { _, arrival async throws in
                try await arrival.clock.sleep(for: .seconds(2))
                return .declined
            }
        }
        var limits = Limits()
        limits.maxConnectionsPerAddress = 20
        try await TestServer.with([("slow", slow), ("support", Self.support)], loops: 2, limits: limits) { server in
            let codes = try await Self.knock(server, 100, v6: v6)
            #expect(codes == [220: 20, 451: 80])
            await server.expectNothingLeft()
        }
    }

    @Test func moreThanAllTogether() async throws {
        var limits = Limits()
        limits.maxConnections = 30
        limits.maxConnectionsPerAddress = 0
        try await TestServer.with([("support", Self.support)], loops: 2, limits: limits) { server in
            let codes = try await Self.knock(server, 100)
            #expect(codes == [220: 30, 421: 70])
            await server.expectNothingLeft()
            let code = try await server.client { try $0.answer().code }
            #expect(code == 220)
            await server.expectNothingLeft()
        }
    }

    /// Clients that leave while the plugin still looks at them give their places back.
    @Test func leaveBeforeTheGreeting() async throws {
        let slow = ScriptedPlugin { hooks in
            hooks.on(.preConnection) { _, arrival async throws in
                try await arrival.clock.sleep(for: .milliseconds(300))
                return .declined
            }
        }
        var limits = Limits()
        limits.maxConnectionsPerAddress = 20
        try await TestServer.with([("slow", slow), ("support", Self.support)], limits: limits) { server in
            for isReset in [false, true] {
                let port = server.ports[0]
                try await offPool {
                    for _ in 0..<40 {
                        let client = try SocketClient(TestServer.v4, port: port)
                        try client.send("EHLO early.example\r\n")
                        if isReset { client.resetOnClose() }
                    }
                }
                // Nothing may be left yet because the last of them still wait to be accepted: the next client tells.
                var code = 0
                for _ in 0..<10 where code != 220 {
                    await server.expectNothingLeft()
                    code = try await server.client { try $0.answer().code }
                }
                #expect(code == 220)
                await server.expectNothingLeft()
            }
        }
    }
}
