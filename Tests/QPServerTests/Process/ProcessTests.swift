// ProcessTests.swift
//
// What the process asks of its system.

import Glibc
import QPHooks
import Testing

@testable import QPServer

@Suite struct PidFileTests {
    let folder = ScratchFolder()

    @Test func oneServerPerFile() throws {
        let path = self.folder("pid")
        let file = try PidFile(path)
        #expect(self.folder.text("pid") == "\(getpid())\n")
        #expect(throws: StartError("Found an already running qpserver with pid \(getpid()).")) { try PidFile(path) }
        file.remove()
        #expect(self.folder.names() == [])
        file.remove()
        let second = try PidFile(path)
        second.remove()
    }

    @Test(arguments: ["", "999999999", "0", "-5", "not a number", "99999999999999999999", "\(getpid())"])
    func staleFilesAreTaken(_ content: String) throws {
        self.folder.write("pid", content)
        let file = try PidFile(self.folder("pid"))
        #expect(self.folder.text("pid") == "\(getpid())\n")
        file.remove()
    }

    @Test func theLivingAreRespected() throws {
        self.folder.write("pid", "1\n")
        #expect(throws: StartError("Found an already running qpserver with pid 1.")) { try PidFile(self.folder("pid")) }
        #expect(self.folder.text("pid") == "1\n")
    }

    @Test func onlyOursIsRemoved() throws {
        let file = try PidFile(self.folder("pid"))
        unlink(self.folder("pid"))
        self.folder.write("pid", "1\n")
        file.remove()
        #expect(self.folder.text("pid") == "1\n")
    }

    @Test func paths() throws {
        mkfifo(self.folder("pipe"), 0o600)
        symlink(self.folder("target"), self.folder("link"))
        for path in [
            "pid", "", "/tmp/", "/tmp/a b", "/tmp/a\n", "/nonexistent/pid", "/tmp", self.folder("pipe"),
            self.folder("link"),
        ] {
            #expect(throws: StartError.self, "\(path)") { try PidFile(path) }
        }
    }
}

@Suite struct BoundSocketTests {
    let loopback = IPAddress(ipv4: 0x7F00_0001)

    func option(_ socket: BoundSocket, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(4)
        getsockopt(socket.descriptor, level, name, &value, &length)
        return value
    }

    @Test func listens() throws {
        let socket = try BoundSocket(self.loopback, port: 0)
        defer { socket.close() }
        #expect(socket.port > 0)
        #expect(socket.description == "127.0.0.1:\(socket.port)")
        #expect(fcntl(socket.descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(socket.descriptor, F_GETFL) & O_NONBLOCK != 0)
        #expect(self.option(socket, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
        let client = OwnedDescriptor(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        let number = client.number
        #expect(SocketName(self.loopback, port: socket.port).with { connect(number, $0, $1) } == 0)
        var wait = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&wait, 1, 1000)
        let accepted = accept(socket.descriptor, nil, nil)
        #expect(accepted >= 0)
        close(accepted)
        let error = #expect(throws: StartError.self) { try BoundSocket(self.loopback, port: socket.port) }
        #expect(error?.text == "cannot listen on 127.0.0.1:\(socket.port): Address already in use")
    }

    @Test func wildcards() throws {
        let any6 = IPAddress(ipv6High: 0, low: 0)
        let both = try BoundSocket(any6, port: 0)
        #expect(self.option(both, Int32(IPPROTO_IPV6), IPV6_V6ONLY) == 0)
        #expect(both.description == "[::]:\(both.port)")
        both.close()
        let port = both.port
        let groups = try BoundSocket.bindAll([("0.0.0.0", port), ("::", port)])
        #expect(groups.map { $0.map(\.port) } == [[port], [port]])
        #expect(self.option(groups[1][0], Int32(IPPROTO_IPV6), IPV6_V6ONLY) == 1)
        for socket in groups.joined() { socket.close() }
    }

    @Test func severalShareAPort() throws {
        let groups = try BoundSocket.bindAll([("127.0.0.1", 0), ("127.0.0.1", 0)], perAddress: 3)
        #expect(groups.map(\.count) == [3, 3])
        #expect(groups.map { Set($0.map(\.port)).count } == [1, 1])
        #expect(groups[0][0].port != groups[1][0].port)
        for socket in groups.joined() { socket.close() }
    }

    @Test func allOrNothing() throws {
        let taken = try BoundSocket(self.loopback, port: 0)
        defer { taken.close() }
        let free = try BoundSocket(self.loopback, port: 0)
        free.close()
        #expect(throws: StartError.self) {
            try BoundSocket.bindAll([("127.0.0.1", free.port), ("127.0.0.1", taken.port)])
        }
        let again = try BoundSocket(self.loopback, port: free.port)
        again.close()
        let error = #expect(throws: StartError.self) { try BoundSocket.bindAll([("no-such-host.invalid", 25)]) }
        #expect(error?.text.hasPrefix("no-such-host.invalid: ") == true)
    }

    @Test func localSockets() throws {
        let folder = ScratchFolder()
        let socket = try BoundUnixSocket(path: folder("s"), mode: 0o660)
        var status = stat()
        #expect(stat(folder("s"), &status) == 0 && status.st_mode & 0o777 == 0o660)
        #expect(throws: StartError.self) { try BoundUnixSocket(path: folder("s")) }
        close(socket.descriptor)
        let second = try BoundUnixSocket(path: folder("s"))
        close(second.descriptor)
        folder.write("file", "x")
        #expect(throws: StartError.self) { try BoundUnixSocket(path: folder("file")) }
        #expect(folder.text("file") == "x")
        #expect(throws: StartError.self) { try BoundUnixSocket(path: "/" + String(repeating: "x", count: 200)) }
    }
}

@Suite struct SystemdTests {
    /// Receives what systemd would.
    static func receiver(_ path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        let name = try #require(SocketName(path: path))
        #expect(name.with { bind(descriptor, $0, $1) } == 0)
        return descriptor
    }

    @Test(arguments: [false, true])
    func notifies(_ isAbstract: Bool) throws {
        let folder = ScratchFolder()
        let path = isAbstract ? "@qpserver-test-\(getpid())" : folder("notify")
        let receiver = try Self.receiver(path)
        defer { close(receiver) }
        let notify = try #require(
            SystemdNotify(environment: [
                "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(getpid())",
            ]))
        #expect(notify.watchdogInterval == .seconds(30))
        let sent = [
            notify.ready(status: "3 listeners\nREADY=0"), notify.status("busy"), notify.watchdog(), notify.stopping(),
            notify.reloading(),
        ]
        #expect(sent.allSatisfy { $0 })
        var buffer = [UInt8](repeating: 0, count: 1000)
        let texts = (0..<5).map { _ in
            let count = read(receiver, &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        #expect(texts.prefix(4) == ["READY=1\nSTATUS=3 listeners READY=0", "STATUS=busy", "WATCHDOG=1", "STOPPING=1"])
        #expect(texts[4].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    }

    @Test(arguments: [
        [:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"],
        ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)],
    ])
    func withoutAManager(_ environment: [String: String]) {
        #expect(SystemdNotify(environment: environment) == nil)
    }

    @Test func aDeadManagerDoesNoHarm() {
        let notify = SystemdNotify(environment: [
            "NOTIFY_SOCKET": "/nonexistent/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1",
        ])
        #expect(notify?.ready() == false)
        #expect(notify?.watchdogInterval == nil)
    }

    @Test func socketsAreTakenOver() throws {
        let socket = try BoundSocket(IPAddress(ipv4: 0x7F00_0001), port: 0)
        defer { socket.close() }
        let environment = ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "smtp"]
        let taken = try SocketActivation(environment: environment, first: socket.descriptor)
        #expect(taken.entries == [.init(name: "smtp", socket: socket)])
        for change in [["LISTEN_PID": "1"], ["LISTEN_FDS": nil]] as [[String: String?]] {
            let other = environment.merging(change.compactMapValues { $0 }) { $1 }
                .filter { !change.keys.contains($0.key) || change[$0.key] != .some(nil) }
            #expect(try SocketActivation(environment: other, first: socket.descriptor).entries.isEmpty)
        }
        for count in ["-1", "x", "100000"] {
            let other = environment.merging(["LISTEN_FDS": count]) { $1 }
            #expect(throws: StartError.self) { try SocketActivation(environment: other, first: socket.descriptor) }
        }
        let file = OwnedDescriptor(opening: "/dev/null", O_RDONLY)
        let number = file.number
        #expect(throws: StartError.self) { try SocketActivation(environment: environment, first: number) }
    }
}

@Suite struct SystemTests {
    @Test func memoryIsKnown() {
        let memory = ProcessMemory()
        #expect((1_000_000..<100_000_000_000).contains(memory.resident))
        #expect(memory.resident == memory.resident)
    }

    @Test func descriptors() throws {
        #expect(try Descriptors.raiseLimit() >= 64)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(limit.rlim_cur == limit.rlim_max)
        Descriptors.openStandardStreams()
        let reserve = DescriptorReserve(4)
        reserve.release()
        #expect(reserve.refill())
        #expect(reserve.refill())
    }

    @Test func usersAndGroups() throws {
        let root = try Privileges("root")
        #expect(root.uid == 0 && root.gid == 0)
        #expect(try Privileges("0") == root)
        #expect(try Privileges("nobody:root").gid == 0)
        #expect(try Privileges("nobody:12345").gid == 12345)
        for text in [
            "", ":", "no such user", "root:no such group", "4294967295", "root:4294967295", "-1", "+0", "nobody:",
        ] {
            #expect(throws: StartError.self, "\(text)") { try Privileges(text) }
        }
    }

    @Test func daemonsHaveNoThreadsYet() {
        let error = #expect(throws: StartError.self) { try Detach.now() }
        #expect(error?.text.hasPrefix("cannot detach: ") == true)
    }
}
