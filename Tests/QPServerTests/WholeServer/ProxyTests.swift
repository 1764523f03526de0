// ProxyTests.swift
//
// The PROXY protocol over real sockets.

import QPActors
import QPHooks
import QPTestKit
import Synchronization
import Testing

@testable import QPServer

@Suite(.serialized)
struct ProxyTests {
    struct Row<Input: Sendable, Expected: Sendable>: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let input: Input
        let expected: Expected

        init(_ name: String, _ input: Input, _ expected: Expected) {
            self.testDescription = name
            self.input = input
            self.expected = expected
        }
    }

    private static let header = "PROXY TCP4 198.51.100.7 203.0.113.5 4242 25\r\n"

    private func with(
        proxies: [String] = ["127.0.0.0/8", "::1"], limits: Limits = Limits(), options: ListenerOptions = .proxy,
        plugins: [(name: String, plugin: ScriptedPlugin)] = [], _ body: (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(
            plugins, limits: limits, options: options,
            adjust: { settings in
                for network in proxies.compactMap({ Network($0) }) { settings.proxyNetworks.insert(network) }
            }, body)
    }

    /// Writes down whom a session is with.
    private func seeing(_ seen: Seen) -> (name: String, plugin: ScriptedPlugin) {
        (
            "seeing",
            ScriptedPlugin { hooks in
                hooks.on(.connect) { _, session in
                    let connection = session.connection
                    seen.write(
                        "\(connection.remoteAddress):\(connection.remotePort) \(connection.localAddress):"
                            + "\(connection.localPort) \(connection.isAsserted) \(connection.isLocal)")
                    return .declined
                }
            }
        )
    }

    /// What plugins saw.
    private final class Seen: Sendable {
        private let kept = Mutex<[String]>([])
        var lines: [String] { self.kept.withLock { $0 } }
        func write(_ line: String) { self.kept.withLock { $0.append(line) } }
    }

    private static let signature = Array("\r\n\r\n\0\r\nQUIT\n".utf8)
    private static let endless = "PROXY " + String(repeating: "x", count: 200)
    private static let local: [UInt8] = [0x20, 0, 0, 0]
    private static let version2: [UInt8] = [
        0x21, 0x11, 0, 16, 198, 51, 100, 7, 203, 0, 113, 5, 0x10, 0x92, 0, 25, 4, 0, 1, 0,
    ]

    private static let headers: [Row<[UInt8], String>] = [
        Row("version 1", Array(Self.header.utf8), "198.51.100.7:4242 203.0.113.5:25 true false"),
        Row("version 2", Self.signature + Self.version2, "198.51.100.7:4242 203.0.113.5:25 true false"),
        Row(
            "loopback from the wire", Array("PROXY TCP4 127.0.0.9 127.0.0.1 4242 25\r\n".utf8),
            "127.0.0.9:4242 127.0.0.1:25 true false"),
        Row("LOCAL", Self.signature + Self.local, "127.0.0.1:* 127.0.0.1:* false true"),
        Row("UNKNOWN", Array("PROXY UNKNOWN\r\n".utf8), "127.0.0.1:* 127.0.0.1:* true false"),
    ]

    @Test(arguments: Self.headers)
    func clients(_ row: Row<[UInt8], String>) async throws {
        let seen = Seen()
        try await self.with(plugins: [self.seeing(seen)]) { server in
            let code = try await server.client { client in
                // Octets behind the header are the client's.
                try client.send(row.input + Array("EHLO a.example\r\nQUIT\r\n".utf8))
                return [try client.answer().code, try client.answer().code, try client.answer().code]
            }
            #expect(code == [220, 250, 221])
            await server.expectNothingLeft()
        }
        let shown = seen.lines.map { line in
            row.expected.contains("*") ? line.replacing(/:[0-9]+/, with: ":*") : line
        }
        #expect(shown == [row.expected])
    }

    private static let strangers: [Row<[UInt8], String>] = [
        Row("version 1", Array("PROXY UNKNOWN\r\n".utf8), "true false"),
        Row("UNSPEC", Self.signature + [0x21, 0, 0, 0], "true false"),
        Row("UDP", Self.signature + [0x21, 0x12] + Array(Self.version2.dropFirst(2)), "true false"),
        Row("a client", Array(Self.header.utf8), "false true"),
        Row("LOCAL", Self.signature + [0x20, 0x77, 0, 0], "false true"),
    ]

    /// Whoever is not named gets nothing by the proxy's address; the proxy itself does.
    @Test(arguments: Self.strangers)
    func unnamed(_ row: Row<[UInt8], String>) async throws {
        let seen = Seen()
        let seeing = ScriptedPlugin { hooks in
            hooks.on(.connect) { _, session in
                seen.write("\(session.connection.isUnknown) \(session.connection.mayBeTrusted)")
                return .declined
            }
        }
        try await self.with(plugins: [("seeing", seeing)]) { server in
            let code = try await server.client { client in
                try client.send(row.input)
                return try client.answer().code
            }
            #expect(code == 220)
        }
        #expect(seen.lines == [row.expected])
    }

    @Test func octetByOctet() async throws {
        try await self.with { server in
            let code = try await server.client { client in
                for byte in Self.header.utf8 { try client.send([byte]) }
                return try client.answer().code
            }
            #expect(code == 220)
        }
    }

    @Test(arguments: [
        Row("SMTP", "EHLO a.example\r\n", "no PROXY header"), Row("TLS", "\u{16}\u{3}\u{1}", "no PROXY header"),
        Row("malformed", "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "malformed PROXY line"),
        Row("too long", Self.endless, "PROXY line too long"),
        Row("any address", "PROXY TCP4 0.0.0.0 203.0.113.5 1 2\r\n", "PROXY header for a client at 0.0.0.0"),
        Row("multicast", "PROXY TCP6 ff02::1 2001:db8::1 1 2\r\n", "PROXY header for a client at ff02::1"),
    ])
    func refused(_ row: Row<String, String>) async throws {
        try await self.with { server in
            let isClosed = try await server.client { client in
                try client.send(row.input)
                return (try? client.isClosed()) ?? true
            }
            #expect(isClosed)
            await server.expectNothingLeft()
            #expect(await self.proxyRefusals(of: server) == 1)
            #expect(await self.logs(row.expected, server))
        }
    }

    @Test func untrusted() async throws {
        try await self.with(proxies: ["127.0.0.2"]) { server in
            let isClosed = try await server.client { client in (try? client.isClosed()) ?? true }
            #expect(isClosed)
            #expect(await self.proxyRefusals(of: server) == 1)
            #expect(await self.logs("is not in proxy_networks", server))
        }
    }

    @Test func goneBeforeTheHeader() async throws {
        try await self.with { server in
            try await server.client { client in
                try client.send("PROXY ")
                client.endOutput()
                #expect(try client.isClosed())
            }
            await server.expectNothingLeft()
        }
    }

    /// Closed by the server's clock; the client waits longer than that.
    @Test func silence() async throws {
        try await self.with { server in
            let isClosed = try await server.client { client in try client.isClosed() }
            #expect(isClosed)
            #expect(await self.logs("no PROXY header within 5 s", server))
        }
    }

    /// A quarter of all places may wait; others still come in.
    @Test func manySilent() async throws {
        var limits = Limits()
        limits.maxConnections = 8
        try await self.with(limits: limits) { server in
            try await server.client { first in
                let port = server.ports[0]
                let second = try SocketClient(TestServer.v4, port: port)
                try second.send("PROXY")
                try first.send("PROXY")
                // There is no place for a third one.
                #expect((try? SocketClient(TestServer.v4, port: port).isClosed()) ?? true)
                try first.send(String(Self.header.dropFirst(5)))
                #expect(try first.answer().code == 220)
                let third = try SocketClient(TestServer.v4, port: port)
                try third.send(Self.header)
                #expect(try third.answer().code == 220)
            }
            await server.expectNothingLeft()
        }
    }

    /// The limit of one address counts the client's, not the proxy's.
    @Test func places() async throws {
        var limits = Limits()
        limits.maxConnectionsPerAddress = 1
        try await self.with(limits: limits) { server in
            let codes = try await server.client { first in
                let others = try (0..<2).map { _ in try SocketClient(TestServer.v4, port: server.ports[0]) }
                try first.send(Self.header)
                var codes = [try first.answer().code]
                try others[0].send(Self.header)
                codes.append(try others[0].answer().code)
                try others[1].send("PROXY TCP4 198.51.100.8 203.0.113.5 4242 25\r\n")
                codes.append(try others[1].answer().code)
                return codes
            }
            #expect(codes == [220, 451, 220])
            await server.expectNothingLeft()
        }
    }

    @Test func besideLMTP() async throws {
        try await self.with(options: [.proxy, .lmtp]) { server in
            try await server.client { client in
                try client.send(Self.header)
                #expect(try client.answer().lines == ["mx.test.example LMTP qpserver ready"])
                #expect(try client.say("LHLO a.example").code == 250)
                #expect(try client.say("EHLO a.example").code == 500)
            }
        }
    }

    private func proxyRefusals(of server: TestServer) async -> UInt64 {
        await server.running.loopPorts.ask { port in
            port.listeners.reduce(UInt64(0)) { $0 + $1[.proxy] }
        }.reduce(UInt64(0)) { $0 + ($1 ?? 0) }
    }

    private func logs(_ text: String, _ server: TestServer) async -> Bool {
        await server.eventually { server.folder.text("log")?.contains(text) == true }
    }
}
