// BoundSocket.swift
//
// Sockets that listen before the server gives its privileges up; SwiftNIO adopts them.

import Glibc
package import QPHooks

/// A listening socket. A plain value: who takes the descriptor closes it.
package struct BoundSocket: Sendable, Hashable, CustomStringConvertible {
    package let descriptor: Int32
    package let address: IPAddress
    /// The port, also when the system chose it.
    package let port: UInt16

    package var description: String {
        self.address.isIPv4 ? "\(self.address):\(self.port)" : "[\(self.address)]:\(self.port)"
    }

    /// How to bind.
    package struct Options: Sendable, Hashable {
        /// Several sockets share the port, and the system spreads clients over them.
        package var reusePort = false
        /// An IPv6 wildcard takes IPv4 clients too.
        package var dualStack = true
        package var backlog: Int32 = 4096

        package init() {}
    }

    /// Creates, binds, listens.
    package init(_ address: IPAddress, port: UInt16, options: Options = Options()) throws(StartError) {
        let text = address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let owned = OwnedDescriptor(socket(address.isIPv4 ? AF_INET : AF_INET6, type, 0))
        guard owned.isOpen else { throw StartError("cannot listen on \(text)", errno: errno) }

        let number = owned.number
        func set(_ level: Int32, _ name: Int32, _ value: Int32) -> Bool {
            var value = value
            return setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
        }
        let isV6Only = !(options.dualStack && address == IPAddress(ipv6High: 0, low: 0))
        // Accepted sockets inherit TCP_NODELAY and the buffer's size: one call for all of them. Replies are small; left
        // to itself the system keeps 4 MB for each client that does not read.
        let isSet =
            set(SOL_SOCKET, SO_REUSEADDR, 1)
            && (!options.reusePort || set(SOL_SOCKET, SO_REUSEPORT, 1))
            && (address.isIPv4 || set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, isV6Only ? 1 : 0))
            && set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            && set(SOL_SOCKET, SO_SNDBUF, 64 << 10)
        guard isSet,
            SocketName(address, port: port).with({ bind(number, $0, $1) }) == 0,
            listen(number, options.backlog) == 0
        else { throw StartError("cannot listen on \(text)", errno: errno) }
        guard let bound = SocketName.bound(owned.number) else {
            throw StartError("cannot listen on \(text)", errno: errno)
        }
        self.address = address
        self.port = bound.port
        self.descriptor = owned.release()
    }

    init(descriptor: Int32, address: IPAddress, port: UInt16) {
        self.descriptor = descriptor
        self.address = address
        self.port = port
    }

    package func close() {
        _ = Glibc.close(self.descriptor)
    }

    /// Binds everything or nothing. A host name is bound at each of its addresses. The IPv6 wildcard serves IPv4 too,
    /// unless the IPv4 wildcard of the same port is in the list. Each address gets `perAddress` sockets, which share the
    /// port when they are several.
    package static func bindAll(
        _ addresses: [(host: String, port: UInt16)], perAddress: Int = 1
    ) throws(StartError) -> [[BoundSocket]] {
        let wildcards = Set(addresses.filter { IPAddress($0.host) == IPAddress(ipv4: 0) }.map(\.port))
        var groups: [[BoundSocket]] = []
        do throws(StartError) {
            for (host, port) in addresses {
                var options = Options()
                options.reusePort = perAddress > 1
                options.dualStack = !wildcards.contains(port)
                groups.append([])
                for address in try SocketName.resolve(host).get() {
                    // Only the first asks for any port; the others share the one it got.
                    var chosen = port
                    for _ in 0..<max(1, perAddress) {
                        let socket = try BoundSocket(address, port: chosen, options: options)
                        chosen = socket.port
                        groups[groups.count - 1].append(socket)
                    }
                }
            }
        } catch {
            for socket in groups.joined() { socket.close() }
            throw error
        }
        return groups
    }
}
