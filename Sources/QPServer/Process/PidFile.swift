// PidFile.swift
//
// One server per pid file.

import Glibc

/// A locked file with the process's number.
package final class PidFile: Sendable {
    package let path: String
    private let descriptor: OwnedDescriptor

    /// Takes the file, or says who has it. The lock outlives a fork; `write` again after one.
    package init(_ path: String) throws(StartError) {
        self.path = path
        try Self.check(path)
        self.descriptor = try Self.lock(path)
        if let other = Self.recorded(self.descriptor.number), Self.isAlive(other) {
            throw Self.isRunning(other)
        }
        try self.write()
    }

    /// Writes the number of this process.
    package func write() throws(StartError) {
        let text = Array("\(getpid())\n".utf8)
        let isWritten =
            ftruncate(self.descriptor.number, 0) == 0
            && SystemCall.retry { pwrite(self.descriptor.number, text, text.count, 0) } == text.count
        guard isWritten else { throw StartError("pid file \(self.path)", errno: errno) }
    }

    /// Removes the file if it is still ours: the same file, with our number in it.
    package func remove() {
        var here = stat()
        var there = stat()
        guard fstat(self.descriptor.number, &here) == 0, lstat(self.path, &there) == 0,
            here.st_ino == there.st_ino, here.st_dev == there.st_dev,
            Self.recorded(self.descriptor.number) == getpid()
        else { return }
        // A user who may not write to the folder can at least take the number back.
        if unlink(self.path) != 0 { _ = ftruncate(self.descriptor.number, 0) }
    }

    private static func check(_ path: String) throws(StartError) {
        guard path.hasPrefix("/") else { throw StartError("pid file \(path): must be an absolute path") }
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "_/.-".utf8.contains(byte)
            }
        }
        guard isPlain, !path.hasSuffix("/") else {
            throw StartError("pid file \(path): only letters, digits and _ / . - may stand in its path")
        }
    }

    private static func lock(_ path: String) throws(StartError) -> OwnedDescriptor {
        // Whoever stops removes the file: what was locked may not be what stands there any more.
        for _ in 0..<10 {
            let descriptor = OwnedDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o644)
            guard descriptor.isOpen else { throw StartError("pid file \(path)", errno: errno) }
            var here = stat()
            var there = stat()
            guard fstat(descriptor.number, &here) == 0, here.st_mode & S_IFMT == S_IFREG else {
                throw StartError("pid file \(path): not a regular file")
            }
            guard SystemCall.retry({ flock(descriptor.number, LOCK_EX | LOCK_NB) }) == 0 else {
                guard errno == EWOULDBLOCK else { throw StartError("pid file \(path)", errno: errno) }
                throw Self.isRunning(Self.recorded(descriptor.number))
            }
            if lstat(path, &there) == 0, here.st_ino == there.st_ino, here.st_dev == there.st_dev {
                return descriptor
            }
        }
        throw StartError("pid file \(path): others keep replacing it")
    }

    private static func isRunning(_ process: pid_t?) -> StartError {
        StartError("Found an already running qpserver with pid \(process.map { "\($0)" } ?? "unknown").")
    }

    private static func recorded(_ descriptor: Int32) -> pid_t? {
        let bytes = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            count = max(0, SystemCall.retry { pread(descriptor, buffer.baseAddress, buffer.count, 0) })
        }
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        return pid_t(String(decoding: digits, as: UTF8.self))
    }

    private static func isAlive(_ process: pid_t) -> Bool {
        // A pid file that survived its machine's restart may well hold the number that is ours now.
        guard process > 0, process != getpid() else { return false }
        return kill(process, 0) == 0 || errno == EPERM
    }
}
