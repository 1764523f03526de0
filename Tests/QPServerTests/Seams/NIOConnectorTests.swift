// NIOConnectorTests.swift
//
// Connections on the loopback.

import Glibc
import NIOPosix
import QPHooks
import Synchronization
import Testing

@testable import QPServer

@Suite struct NIOConnectorTests {
    /// Accepts one connection and hands it to a script, on a thread of its own.
    struct Peer {
        let destination: Destination

        init(_ script: @escaping @Sendable (Int32) -> Void) throws {
            let socket = try BoundSocket(IPAddress(ipv4: 0x7F00_0001), port: 0)
            self.destination = .tcp(host: "127.0.0.1", port: Int(socket.port))
            try Self.serve(socket.descriptor, script)
        }

        init(unix path: String, _ script: @escaping @Sendable (Int32) -> Void) throws {
            self.destination = .unix(path: path)
            try Self.serve(try BoundUnixSocket(path: path).descriptor, script)
        }

        private static func serve(_ listener: Int32, _ script: @escaping @Sendable (Int32) -> Void) throws {
            try WorkerThread.start("peer") {
                var wait = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                _ = poll(&wait, 1, 60_000)
                let peer = accept(listener, nil, nil)
                close(listener)
                script(peer)
                close(peer)
            }
        }

        static func send(_ peer: Int32, _ text: String) {
            _ = Array(text.utf8).withUnsafeBytes { SystemCall.writeAll($0, to: peer) }
        }

        static func receive(_ peer: Int32) -> String {
            var buffer = [UInt8](repeating: 0, count: 1000)
            let count = read(peer, &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
    }

    let connector = NIOConnector(group: MultiThreadedEventLoopGroup.singleton, pool: ThreadPool(threads: 2))

    func connect(_ destination: Destination, _ timeout: Duration = .seconds(30)) async throws -> any ByteStream {
        try await self.connector.connect(to: destination, timeout: timeout, origin: origin())
    }

    func text(_ stream: any ByteStream, _ limit: Int = 1000, _ timeout: Duration = .seconds(30)) async throws -> String
    {
        String(decoding: try await stream.read(atMost: limit, timeout: timeout), as: UTF8.self)
    }

    @Test func talksInBothDirections() async throws {
        let peer = try Peer { peer in
            Peer.send(peer, "220 hello\r\n")
            Peer.send(peer, "got " + Peer.receive(peer))
            // Half closed: we hear the end of the stream, and may still speak.
            Peer.send(peer, Peer.receive(peer).isEmpty ? "bye" : "what?")
        }
        let stream = try await self.connect(peer.destination)
        #expect(try await self.text(stream, 3) == "220")
        #expect(try await self.text(stream) == " hello\r\n")
        try await stream.write(Array("QUIT".utf8), timeout: .seconds(5))
        #expect(try await self.text(stream) == "got QUIT")
        try await stream.closeOutput()
        #expect(try await self.text(stream) == "bye")
        #expect(try await self.text(stream) == "")
        #expect(try await self.text(stream) == "")
        await stream.close()
        await stream.close()
        await #expect(throws: EffectError.self) { try await stream.write([1], timeout: .seconds(1)) }
    }

    @Test func localSockets() async throws {
        let folder = ScratchFolder()
        let peer = try Peer(unix: folder("socket")) { Peer.send($0, "hello") }
        #expect(try await self.text(self.connect(peer.destination)) == "hello")
        for path in [folder("none"), "", String(repeating: "x", count: 200), "a\0b"] {
            await #expect(throws: EffectError.self) { try await self.connect(.unix(path: path)) }
        }
    }

    @Test func readsOnlyWhatIsAskedFor() async throws {
        // Far more than all buffers hold: the peer cannot send it all until it is read.
        let size = 64 << 20
        let sent = Counter()
        let peer = try Peer { peer in
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<64 {
                _ = piece.withUnsafeBytes { SystemCall.writeAll($0, to: peer) }
                sent.count.wrappingAdd(piece.count, ordering: .relaxed)
            }
            // Still open: what follows a close is drained into memory at once.
            _ = Peer.receive(peer)
        }
        let stream = try await self.connect(peer.destination)
        var total = try await stream.read(atMost: 1 << 20, timeout: .seconds(5)).count
        try await Task.sleep(for: .milliseconds(200))
        #expect(sent.count.load(ordering: .relaxed) < size / 2)
        var largest = 0
        while total < size {
            let count = try await stream.read(atMost: 1 << 20, timeout: .seconds(5)).count
            largest = max(largest, count)
            total += count
        }
        #expect(total == size)
        #expect(largest <= 1 << 16)
    }

    final class Counter: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test func writesWaitForThePeer() async throws {
        let peer = try Peer { _ in sleep(10) }
        let stream = try await self.connect(peer.destination)
        await #expect(throws: EffectError.timedOut("connection to \(peer.destination)")) {
            try await stream.write([UInt8](repeating: 0, count: 32 << 20), timeout: .milliseconds(200))
        }
        await #expect(throws: EffectError.self) { try await stream.read(atMost: 1, timeout: .milliseconds(100)) }
    }

    @Test func timeLimitsAndCancellation() async throws {
        let peer = try Peer { peer in
            _ = Peer.receive(peer)
            Peer.send(peer, "late")
            _ = Peer.receive(peer)
        }
        let stream = try await self.connect(peer.destination)
        await #expect(throws: EffectError.timedOut("connection to \(peer.destination)")) {
            try await stream.read(atMost: 10, timeout: .milliseconds(50))
        }
        let task = Task { try await stream.read(atMost: 10, timeout: .seconds(30)) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: EffectError.self) { try await task.value }
        // A read that ended early spoils nothing.
        try await stream.write([1], timeout: .seconds(5))
        #expect(try await self.text(stream) == "late")
    }

    @Test func refusalsAndResets() async throws {
        let free = try BoundSocket(IPAddress(ipv4: 0x7F00_0001), port: 0)
        free.close()
        let error = await #expect(throws: EffectError.self) {
            try await self.connect(.tcp(host: "127.0.0.1", port: Int(free.port)))
        }
        #expect(error?.description.contains("Connection refused") == true, "\(String(describing: error))")
        for (host, port) in [("127.0.0.1", 0), ("127.0.0.1", 65536), ("", 25), ("no such host.invalid", 25)] {
            await #expect(throws: EffectError.self) { try await self.connect(.tcp(host: host, port: port)) }
        }
        let peer = try Peer { peer in
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        await #expect(throws: EffectError.closed("connection to \(peer.destination)")) {
            let stream = try await self.connect(peer.destination)
            while true { _ = try await stream.read(atMost: 10, timeout: .seconds(5)) }
        }
    }

    @Test func triesEveryAddressOfAName() async throws {
        // localhost is ::1 too on most machines; only 127.0.0.1 listens.
        let peer = try Peer { Peer.send($0, "hello") }
        guard case .tcp(_, let port) = peer.destination else { return }
        #expect(try await self.text(self.connect(.tcp(host: "localhost", port: port))) == "hello")
    }

    @Test func silentListenersTimeOut() async throws {
        // A listener whose queue is full does not answer: nobody accepts, and two wait already.
        let loopback = try #require(IPAddress("127.0.0.1"))
        var options = BoundSocket.Options()
        options.backlog = 0
        let listener = try BoundSocket(loopback, port: 0, options: options)
        defer { listener.close() }
        var waiting: [any ByteStream] = []
        for _ in 0..<8 {
            guard
                let stream = try? await self.connect(
                    .tcp(host: "127.0.0.1", port: Int(listener.port)), .milliseconds(200))
            else { break }
            waiting.append(stream)
        }
        #expect(waiting.count < 8)
        await #expect(throws: EffectError.self) {
            try await self.connect(.tcp(host: "127.0.0.1", port: Int(listener.port)), .milliseconds(200))
        }
        for stream in waiting { await stream.close() }
    }
}
