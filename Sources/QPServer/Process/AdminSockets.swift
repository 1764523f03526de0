// AdminSockets.swift
//
// The admin endpoint's sockets, bound before privileges are given up.

import Glibc
import QPHooks
package import QPTelemetry

/// Sockets for the admin endpoint to adopt, and the files of those that are local.
package struct AdminSockets: Sendable {
    package let list: [AdminSocket]
    private let files: [BoundUnixSocket]

    /// Binds everything or nothing. A host name is bound at each of its addresses. Local sockets are for root and the
    /// owner only, who is the user that the server will become.
    package static func bind(
        _ listeners: [AdminListener], owner: Privileges? = nil
    ) throws(StartError) -> AdminSockets {
        var sockets: [AdminSocket] = []
        var files: [BoundUnixSocket] = []
        do throws(StartError) {
            sockets = try Self.bindInternet(listeners)
            for case .unix(let path) in listeners.map(\.address) {
                let socket = try BoundUnixSocket(path: path, mode: 0o600, owner: owner)
                files.append(socket)
                sockets.append(
                    AdminSocket(
                        name: "unix:\(path)", descriptor: socket.descriptor, isUnix: true, isLoopback: false))
            }
        } catch {
            let bound = AdminSockets(list: sockets, files: files)
            bound.unlink()
            bound.close()
            throw error
        }
        return AdminSockets(list: sockets, files: files)
    }

    /// Removes the files of local sockets that are still ours. Before the endpoint closes its sockets.
    package func unlink() {
        for file in self.files { file.unlink() }
    }

    /// Closes all sockets; only where no endpoint has adopted them.
    package func close() {
        for socket in self.list { _ = Glibc.close(socket.descriptor) }
    }

    private static func bindInternet(_ listeners: [AdminListener]) throws(StartError) -> [AdminSocket] {
        var wanted: [(listener: AdminListener, place: (host: String, port: UInt16))] = []
        for listener in listeners {
            if case .tcp(let address) = listener.address { wanted.append((listener, (address.host, address.port))) }
        }
        let groups = try BoundSocket.bindAll(wanted.map(\.place))
        for ((listener, _), group) in zip(wanted, groups) where listener.certificate == nil {
            // A name that only looks like this host's own.
            if let open = group.first(where: { !$0.address.isLoopback }) {
                for socket in groups.joined() { socket.close() }
                throw StartError("\(listener) is \(open), which others reach: that needs tls (config/admin)")
            }
        }
        return zip(wanted, groups).flatMap { wish, group in
            group.map { socket in
                AdminSocket(
                    name: socket.description, descriptor: socket.descriptor, isUnix: false,
                    isLoopback: socket.address.isLoopback, certificate: wish.listener.certificate,
                    privateKey: wish.listener.privateKey)
            }
        }
    }
}
