// FilePublication.swift
//
// A file that is whole and durable, or not there.

import Glibc
import QPHooks

/// Writes one file the way a Maildir wants it.
struct FilePublication: Sendable {
    private static let piece = 1 << 16

    private let content: FileContent
    private let temporary: String
    private let final: String
    private let mode: UInt32

    init(_ content: FileContent, temporary: String, final: String, mode: UInt32) {
        self.content = content
        self.temporary = temporary
        self.final = final
        self.mode = mode
    }

    /// - Returns: the octets written.
    func run() throws(EffectError) -> Int {
        try FileWork.check(self.temporary)
        try FileWork.check(self.final)
        let file = OwnedDescriptor(
            opening: self.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, mode: self.mode)
        // Somebody else's file of that name stays.
        guard file.isOpen else { throw FileWork.failed("file \(self.temporary)", errno) }
        do throws(EffectError) {
            let size = try self.write(to: file)
            try self.publish()
            return size
        } catch {
            unlink(self.temporary)
            throw error
        }
    }

    private func write(to file: borrowing OwnedDescriptor) throws(EffectError) -> Int {
        var buffer = self.content.prefix
        var size = 0
        let number = file.number
        func flush() throws(EffectError) {
            let error = buffer.withUnsafeBytes { SystemCall.writeAll($0, to: number) }
            guard error == 0 else { throw FileWork.failed("file \(self.temporary)", error) }
            size += buffer.count
            buffer.removeAll(keepingCapacity: true)
        }
        do {
            try self.content.message?.forEachPiece(self.content.form) { piece in
                buffer.append(contentsOf: piece)
                if buffer.count >= Self.piece { try flush() }
            }
            try flush()
        } catch let error as EffectError {
            throw error
        } catch {
            throw .failed("file \(self.temporary): \(error)")
        }
        guard SystemCall.retry({ fsync(number) }) == 0 else {
            throw FileWork.failed("file \(self.temporary)", errno)
        }
        return size
    }

    /// link(2) never replaces a file that is there.
    private func publish() throws(EffectError) {
        guard link(self.temporary, self.final) == 0 else { throw FileWork.failed("file \(self.final)", errno) }
        do throws(EffectError) {
            guard unlink(self.temporary) == 0 else { throw FileWork.failed("file \(self.temporary)", errno) }
            try FileWork.syncDirectory(FileWork.parent(self.final))
        } catch {
            // Not known to be durable: the client will be told to come again, and must not be served twice.
            unlink(self.final)
            throw error
        }
    }
}
