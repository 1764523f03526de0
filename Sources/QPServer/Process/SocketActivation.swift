// SocketActivation.swift
//
// Listening sockets that a service manager bound before it started the server.

package import Glibc
import QPHooks

/// Sockets handed over at start.
package struct SocketActivation: Sendable {
    /// A socket with the name that its unit gives it.
    package struct Entry: Sendable, Hashable {
        package let name: String
        package let socket: BoundSocket
    }

    package let entries: [Entry]

    /// Takes what LISTEN_FDS promises to this process, close-on-exec and non-blocking from now on; `first` is the number
    /// of the first.
    package init(environment: [String: String], process: pid_t = getpid(), first: Int32 = 3) throws(StartError) {
        guard environment["LISTEN_PID"] == "\(process)", let text = environment["LISTEN_FDS"] else {
            self.entries = []
            return
        }
        guard let count = Int32(text), (0...256).contains(count) else {
            throw StartError("LISTEN_FDS=\(text): not a number of sockets")
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        var entries: [Entry] = []
        for offset in 0..<count {
            let name = Int(offset) < names.count ? String(names[Int(offset)]) : "unknown"
            entries.append(Entry(name: name, socket: try Self.adopt(first + offset, name)))
        }
        self.entries = entries
    }

    private static func adopt(_ descriptor: Int32, _ name: String) throws(StartError) -> BoundSocket {
        let what = "socket \(descriptor) (\(name)) from the service manager"
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw StartError(what, errno: errno) }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw StartError(what, errno: errno)
        }
        guard Self.option(descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            Self.option(descriptor, SO_ACCEPTCONN) == 1, let bound = SocketName.bound(descriptor)
        else { throw StartError("\(what) does not listen for TCP connections") }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        return BoundSocket(descriptor: descriptor, address: bound.address, port: bound.port)
    }

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
