// FolderLock.swift
//
// One server per state folder.

import Glibc

/// A locked file in a folder. The lock ends with the process at the latest; the file stays.
final class FolderLock: Sendable {
    private let descriptor: OwnedDescriptor

    /// Takes the lock, or says which process has it.
    init(_ path: String) throws(TelemetryStorageError) {
        self.descriptor = OwnedDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
        guard self.descriptor.isOpen else { throw .unusable(path: path, reason: SystemCall.text(errno)) }
        guard SystemCall.retry({ flock(self.descriptor.number, LOCK_EX | LOCK_NB) }) == 0 else {
            guard errno == EWOULDBLOCK else { throw .unusable(path: path, reason: SystemCall.text(errno)) }
            throw .inUse(path: path, process: Self.recorded(self.descriptor.number))
        }
        // Only for whoever comes second and asks: the lock holds without it.
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(self.descriptor.number, 0)
        _ = SystemCall.retry { pwrite(self.descriptor.number, text, text.count, 0) }
    }

    /// Lets others have it.
    func release() {
        _ = SystemCall.retry { flock(self.descriptor.number, LOCK_UN) }
    }

    private static func recorded(_ descriptor: Int32) -> Int32? {
        let bytes = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            count = max(0, SystemCall.retry { pread(descriptor, buffer.baseAddress, buffer.count, 0) })
        }
        return Int32(String(decoding: bytes.prefix { (0x30...0x39).contains($0) }, as: UTF8.self))
    }
}
