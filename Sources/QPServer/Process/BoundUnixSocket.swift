// BoundUnixSocket.swift
//
// A local socket that listens, whose file is never open to others and never another server's.

import Glibc

/// A listening local socket. A plain value: who takes the descriptor closes it.
package struct BoundUnixSocket: Sendable, Hashable {
    package let descriptor: Int32
    package let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Creates, binds, listens. A socket file that nobody serves any more is replaced; one that is served stays, and so
    /// does any other file. The mode says who may connect; the file is given to the owner, if there is one.
    package init(path: String, mode: UInt32 = 0o600, owner: Privileges? = nil) throws(StartError) {
        guard let name = SocketName(path: path) else { throw StartError("unix:\(path): the path is too long") }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let owned = OwnedDescriptor(socket(AF_UNIX, type, 0))
        // Linux makes the file with the mode of the socket, less the umask: at no moment may others connect. To change
        // the umask instead would concern whatever other threads create.
        guard owned.isOpen, fchmod(owned.number, mode) == 0 else { throw StartError("unix:\(path)", errno: errno) }

        let folder = try Self.lockedFolder(of: path)
        defer { if folder.isOpen { flock(folder.number, LOCK_UN) } }
        if name.with({ bind(owned.number, $0, $1) }) != 0 {
            let number = errno
            guard number == EADDRINUSE, Self.isAbandoned(path, name), Glibc.unlink(path) == 0,
                name.with({ bind(owned.number, $0, $1) }) == 0
            else { throw StartError("cannot listen on unix:\(path)", errno: number) }
        }
        var status = stat()
        let isReady =
            lstat(path, &status) == 0
            && owner.map { lchown(path, $0.uid, $0.gid) == 0 } ?? true
            // What the umask took away.
            && (status.st_mode & 0o777 == mode || chmod(path, mode) == 0)
            && listen(owned.number, 128) == 0
        guard isReady else {
            let number = errno
            _ = Glibc.unlink(path)
            throw StartError("cannot listen on unix:\(path)", errno: number)
        }
        self.path = path
        self.device = status.st_dev
        self.inode = status.st_ino
        self.descriptor = owned.release()
    }

    /// Removes the file if it is still this socket's. Before the descriptor is closed: until then no other file can
    /// have the same number.
    package func unlink() {
        var status = stat()
        guard lstat(self.path, &status) == 0, status.st_dev == self.device, status.st_ino == self.inode else { return }
        _ = Glibc.unlink(self.path)
    }

    package func close() {
        _ = Glibc.close(self.descriptor)
    }

    /// Between one server's binding and listening another would take its socket for abandoned: the folder is locked
    /// meanwhile. A folder that may not be read is not locked.
    private static func lockedFolder(of path: String) throws(StartError) -> OwnedDescriptor {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let folder = OwnedDescriptor(opening: name, O_RDONLY | O_DIRECTORY)
        guard folder.isOpen else { return folder }
        for _ in 0..<200 {
            if SystemCall.retry({ flock(folder.number, LOCK_EX | LOCK_NB) }) == 0 || errno != EWOULDBLOCK {
                return folder
            }
            SystemCall.pause(.milliseconds(10))
        }
        throw StartError("cannot listen on unix:\(path): another process keeps \(name) locked")
    }

    private static func isAbandoned(_ path: String, _ name: SocketName) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
        // A server whose backlog is full would let a blocking probe wait.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let probe = OwnedDescriptor(socket(AF_UNIX, type, 0))
        guard probe.isOpen else { return false }
        return name.with { connect(probe.number, $0, $1) } == -1 && errno == ECONNREFUSED
    }
}
