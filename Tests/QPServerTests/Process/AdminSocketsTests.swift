// AdminSocketsTests.swift
//
// The admin endpoint's sockets and the descriptors set aside for it.

import Glibc
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct AdminSocketsTests {
    private let folder = ScratchFolder()

    private func mode(_ name: String) -> UInt32? {
        var status = stat()
        return lstat(self.folder(name), &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    private func unix(_ name: String) throws -> AdminListener { try AdminListener(flag: "unix:\(self.folder(name))") }

    @Test func bindsAll() throws {
        let sockets = try AdminSockets.bind([
            try AdminListener(flag: "127.0.0.1:0"), try self.unix("a"), try AdminListener(flag: "localhost:0"),
        ])
        #expect(sockets.list.map(\.isUnix).count { $0 } == 1)
        #expect(sockets.list.allSatisfy { $0.isUnix != $0.isLoopback })
        #expect(sockets.list.first?.name.hasPrefix("127.0.0.1:") == true && sockets.list.first?.name != "127.0.0.1:0")
        #expect(sockets.list.last?.name == "unix:\(self.folder("a"))")
        #expect(self.mode("a") == 0o600)
        for socket in sockets.list { #expect(fcntl(socket.descriptor, F_GETFD) & FD_CLOEXEC != 0) }
        sockets.unlink()
        sockets.close()
        #expect(self.folder.names() == [])
    }

    @Test func allOrNothing() throws {
        let taken = try BoundSocket(IPAddress(ipv4: 0x7F00_0001), port: 0)
        defer { taken.close() }
        #expect(throws: StartError("cannot listen on 127.0.0.1:\(taken.port): Address already in use")) {
            try AdminSockets.bind([try self.unix("a"), try AdminListener(flag: "127.0.0.1:\(taken.port)")])
        }
        self.folder.write("file", "x")
        #expect(throws: StartError.self) { try AdminSockets.bind([try self.unix("a"), try self.unix("file")]) }
        #expect(self.folder.names() == ["file"] && self.folder.text("file") == "x")
    }

    @Test func aSecondServerIsRefused() throws {
        let first = try AdminSockets.bind([try self.unix("a")])
        #expect(throws: StartError("cannot listen on unix:\(self.folder("a")): Address already in use")) {
            try AdminSockets.bind([try self.unix("a")])
        }
        // The first still answers.
        let name = try #require(SocketName(path: self.folder("a")))
        let client = OwnedDescriptor(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        #expect(name.with { connect(client.number, $0, $1) } == 0)

        // It stops listening and leaves its file behind: the next one takes its place.
        for socket in first.list { #expect(shutdown(socket.descriptor, Int32(SHUT_RDWR)) == 0) }
        let second = try AdminSockets.bind([try self.unix("a")])
        #expect(self.mode("a") == 0o600)
        // What ends late leaves the new one's file alone.
        first.unlink()
        first.close()
        #expect(self.folder.names() == ["a"])
        second.unlink()
        second.close()
        #expect(self.folder.names() == [])
    }

    @Test func aFullBacklogIsNoDeath() throws {
        let socket = try BoundUnixSocket(path: self.folder("a"))
        defer { socket.close() }
        #expect(listen(socket.descriptor, 0) == 0)
        let name = try #require(SocketName(path: self.folder("a")))
        var clients: [Int32] = []
        defer { for client in clients { close(client) } }
        while clients.count < 200 {
            let client = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            clients.append(client)
            if name.with({ connect(client, $0, $1) }) != 0 { break }
        }
        #expect(throws: StartError.self) { try BoundUnixSocket(path: self.folder("a")) }
        #expect(self.folder.names() == ["a"])
    }

    @Test func onlyTheOwnFileIsRemoved() throws {
        let socket = try BoundUnixSocket(path: self.folder("a"))
        defer { socket.close() }
        unlink(self.folder("a"))
        self.folder.write("a", "somebody else's")
        socket.unlink()
        #expect(self.folder.text("a") == "somebody else's")
    }

    @Test func filesBelongToWhomTheServerBecomes() throws {
        guard geteuid() == 0 else { return }
        let nobody = try Privileges("nobody")
        let sockets = try AdminSockets.bind([try self.unix("a")], owner: nobody)
        defer { sockets.close() }
        var status = stat()
        #expect(lstat(self.folder("a"), &status) == 0 && status.st_uid == nobody.uid && status.st_mode & 0o777 == 0o600)
    }

    @Test func aNameOfOthersNeedsTLS() throws {
        let line = ConfigLine(text: "0.0.0.0:0", file: "admin", number: 1)
        let open = try AdminListener(line: line, folder: self.folder.path)
        let error = #expect(throws: StartError.self) { try AdminSockets.bind([open]) }
        #expect(error?.text.hasSuffix("which others reach: that needs tls (config/admin)") == true)
    }

    @Test func spareDescriptors() async {
        let spare = SpareDescriptors(3)
        #expect(spare.remaining == 3)
        #expect((0..<4).map { _ in spare.release() } == [true, true, true, false])
        spare.refill()
        #expect(spare.remaining == 3)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<200 {
                        _ = spare.release()
                        spare.refill()
                    }
                }
            }
        }
        #expect(spare.remaining == 3)
        #expect(SpareDescriptors().remaining == 8)
    }
}
