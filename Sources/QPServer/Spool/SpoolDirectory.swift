// SpoolDirectory.swift
//
// The folder of messages that are too large for memory.

import Glibc
package import QPActors
package import QPHooks
import Synchronization

/// The spool.
package final class SpoolDirectory: Spool {
    private struct Space {
        var octets: UInt64 = .max
        var until: Int64 = .min
    }

    /// The folder, with its final slash.
    package let path: String
    /// What is odd about the folder, for the log.
    package let warnings: [String]
    private let space = Mutex(Space())

    /// Makes the folder if it is not there.
    package init(_ path: String, mode: UInt32 = 0o700) throws(StartError) {
        self.path = path.hasSuffix("/") ? path : path + "/"
        var status = stat()
        if stat(path, &status) != 0 {
            do throws(EffectError) {
                try FileWork.makeDirectory(path, mode: mode)
            } catch {
                throw StartError("spool \(error)")
            }
            // The process's mask must not take what the operator asked for.
            chmod(path, mode)
        }
        guard stat(path, &status) == 0 else { throw StartError("spool folder \(path)", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw StartError("spool \(path): not a folder") }
        let permissions = status.st_mode & 0o7777
        let isRight = permissions == mode
        self.warnings =
            isRight
            ? [] : ["Permissions on spool_dir \(path) are not \(Self.octal(mode)) but \(Self.octal(permissions))"]
    }

    /// Makes sure that files can be made; after privileges were dropped.
    package func verify() throws(StartError) {
        guard access(self.path, W_OK | X_OK) == 0 else {
            throw StartError("spool folder \(self.path)", errno: errno)
        }
    }

    package func begin() throws(EffectError) -> any SpoolFileWriter {
        try SpoolWriter(self.path + SpoolName.next())
    }

    /// Removes what processes left behind that are no more. Blocks: at start.
    /// - Returns: how many files and folders went.
    @discardableResult
    package func sweep() -> Int {
        guard let folder = opendir(self.path) else { return 0 }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            // Only names of ours: the folder may be one that others use too.
            guard let process = SpoolName.process(name), process != getpid() else { continue }
            if process <= 0 || kill(process, 0) != 0 && errno == ESRCH { names.append(name) }
        }
        for name in names { FileWork.removeTree(self.path + name) }
        return names.count
    }

    /// Octets that files may still take; at most a second old. All there are if the system does not say.
    package var free: UInt64 {
        let now = SystemCall.monotonic
        return self.space.withLock { space in
            if now >= space.until {
                space.octets = Self.free(self.path)
                space.until = now &+ 1_000_000_000
            }
            return space.octets
        }
    }

    private static func free(_ path: String) -> UInt64 {
        var status = Glibc.statvfs()
        guard statvfs(path, &status) == 0 else { return .max }
        let (octets, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : octets
    }

    private static func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }
}
