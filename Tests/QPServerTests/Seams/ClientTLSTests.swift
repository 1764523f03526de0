// ClientTLSTests.swift
//
// RFC 3207 §4, RFC 9525: connections to other servers under TLS

import NIOPosix
import QPHooks
import Testing

@testable import QPServer

@Suite struct ClientTLSTests {
    let connector = NIOConnector(group: MultiThreadedEventLoopGroup.singleton, pool: ThreadPool(threads: 2))

    private func connect(_ destination: Destination) async throws -> any ByteStream {
        try await self.connector.connect(to: destination, timeout: .seconds(10), origin: origin())
    }

    private func read(_ stream: any ByteStream, _ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = try await stream.read(atMost: count - bytes.count, timeout: .seconds(10))
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let name: String
        /// Whether the file of authorities is the peer's; `nil`: the system's list.
        let hasAuthority: Bool?
        let isGood: Bool
    }

    @Test(arguments: [
        Case(testDescription: "a name of the certificate", name: "peer.example", hasAuthority: true, isGood: true),
        Case(testDescription: "another name", name: "other.example", hasAuthority: true, isGood: false),
        Case(testDescription: "the address", name: "127.0.0.1", hasAuthority: true, isGood: true),
        Case(testDescription: "nobody known", name: "peer.example", hasAuthority: nil, isGood: false),
    ])
    func verification(_ test: Case) async throws {
        let folder = ScratchFolder()
        folder.write("ca.pem", TLSPeer.certificate)
        let peer = try await TLSPeer()
        let stream = try await self.connect(peer.destination)
        let tls = ClientTLS(
            serverName: test.name, verification: test.hasAuthority == nil ? .system : .file(folder("ca.pem")))
        if test.isGood {
            try await stream.startTLS(tls, timeout: .seconds(10))
            #expect(try await self.read(stream, 5) == Array("hello".utf8))
        } else {
            await #expect(throws: EffectError.self) { try await stream.startTLS(tls, timeout: .seconds(10)) }
            await #expect(throws: EffectError.self) { try await stream.write([1], timeout: .seconds(1)) }
        }
        await stream.close()
    }

    @Test func octetsInBothDirections() async throws {
        let peer = try await TLSPeer()
        let stream = try await self.connect(peer.destination)
        try await stream.startTLS(ClientTLS(serverName: "other.example", verification: .none), timeout: .seconds(10))
        #expect(try await self.read(stream, 5) == Array("hello".utf8))
        for size in [1, 100, 5000, 300_000] {
            let octets = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) }
            async let echo = self.read(stream, size)
            try await stream.write(octets, timeout: .seconds(10))
            #expect(try await echo == octets)
        }
        await #expect(throws: EffectError.self) {
            try await stream.startTLS(ClientTLS(serverName: "x", verification: .none), timeout: .seconds(1))
        }
        await stream.close()
    }

    /// What came in clear behind the answer to STARTTLS never counts as said under TLS.
    @Test func injection() async throws {
        let peer = try NIOConnectorTests.Peer { peer in
            NIOConnectorTests.Peer.send(peer, "220 go ahead\r\n250 evil\r\n")
            _ = NIOConnectorTests.Peer.receive(peer)
        }
        let stream = try await self.connect(peer.destination)
        #expect(try await self.read(stream, 14) == Array("220 go ahead\r\n".utf8))
        let tls = ClientTLS(serverName: "localhost", verification: .none)
        await #expect(throws: EffectError.self) { try await stream.startTLS(tls, timeout: .seconds(10)) }
        await #expect(throws: EffectError.self) { try await stream.read(atMost: 100, timeout: .seconds(1)) }
    }

    @Test(arguments: ["garbage\r\n", ""])
    func noHandshake(_ answer: String) async throws {
        let peer = try NIOConnectorTests.Peer { peer in
            _ = NIOConnectorTests.Peer.receive(peer)
            NIOConnectorTests.Peer.send(peer, answer)
        }
        let stream = try await self.connect(peer.destination)
        let tls = ClientTLS(serverName: "localhost", verification: .none)
        await #expect(throws: EffectError.self) { try await stream.startTLS(tls, timeout: .seconds(10)) }
    }

    @Test func silence() async throws {
        let peer = try NIOConnectorTests.Peer { peer in
            while !NIOConnectorTests.Peer.receive(peer).isEmpty {}
        }
        let stream = try await self.connect(peer.destination)
        let tls = ClientTLS(serverName: "localhost", verification: .none)
        await #expect(throws: EffectError.self) { try await stream.startTLS(tls, timeout: .milliseconds(100)) }
    }

    @Test func noSuchList() async throws {
        let peer = try await TLSPeer()
        let stream = try await self.connect(peer.destination)
        let tls = ClientTLS(serverName: "peer.example", verification: .file("/nonexistent"))
        await #expect(throws: EffectError.self) { try await stream.startTLS(tls, timeout: .seconds(10)) }
        await stream.close()
    }
}
