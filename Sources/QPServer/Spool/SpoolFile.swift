// SpoolFile.swift
//
// One message in the spool: written once, read often, removed when nobody refers to it.

import Glibc
import QPActors
package import QPHooks
import Synchronization

/// A file in the spool that grows. It is removed when it is dropped before it is finished.
package final class SpoolWriter: SpoolFileWriter {
    private struct State {
        var file: SpoolFile?
        var buffer: [UInt8] = []
        var failure: EffectError?
    }

    private static let piece = 1 << 16

    private let path: String
    private let state: Mutex<State>

    init(_ path: String) throws(EffectError) {
        self.path = path
        self.state = Mutex(State(file: try SpoolFile(path)))
    }

    /// Keeps small pieces until 64 kB are there; the page cache takes them without waiting for the disk.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(EffectError) {
        try self.attempt { state throws(EffectError) in
            if state.buffer.isEmpty, bytes.count >= Self.piece {
                try self.write(bytes, state.file)
                return
            }
            if state.buffer.capacity == 0 { state.buffer.reserveCapacity(Self.piece) }
            state.buffer.append(contentsOf: bytes)
            if state.buffer.count >= Self.piece { try self.flush(&state) }
        }
    }

    package func finish() throws(EffectError) -> any SpooledFile {
        var finished: SpoolFile?
        try self.attempt { state throws(EffectError) in
            try self.flush(&state)
            finished = state.file
            state.file = nil
        }
        guard let finished else { throw .failed("spool file \(self.path): finished twice") }
        return finished
    }

    /// After a failure nothing more is written: a message with a hole in it would be worse than none.
    private func attempt(_ body: (inout State) throws(EffectError) -> Void) throws(EffectError) {
        let failure = self.state.withLock { state -> EffectError? in
            if let failure = state.failure { return failure }
            do throws(EffectError) {
                try body(&state)
            } catch {
                state.failure = error
                state.buffer = []
                state.file = nil
            }
            return state.failure
        }
        if let failure { throw failure }
    }

    private func flush(_ state: inout State) throws(EffectError) {
        let file = state.file
        try self.write(state.buffer, file)
        state.buffer.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: [UInt8], _ file: SpoolFile?) throws(EffectError) {
        let error = bytes.withUnsafeBytes { file?.write($0) ?? EBADF }
        guard error == 0 else { throw FileWork.failed("spool file \(self.path)", error) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, _ file: SpoolFile?) throws(EffectError) {
        let error = file?.write(bytes) ?? EBADF
        guard error == 0 else { throw FileWork.failed("spool file \(self.path)", error) }
    }
}

/// A file in the spool; gone with its last reference.
package final class SpoolFile: SpooledFile {
    package let path: String
    private let descriptor: OwnedDescriptor

    init(_ path: String) throws(EffectError) {
        self.path = path
        self.descriptor = OwnedDescriptor(opening: path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        guard self.descriptor.isOpen else { throw FileWork.failed("spool file \(path)", errno) }
    }

    fileprivate func write(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        SystemCall.writeAll(bytes, to: self.descriptor.number)
    }

    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EffectError) -> Int {
        guard offset >= 0 else { throw .failed("spool file \(self.path): no such place") }
        let count = SystemCall.retry { pread(self.descriptor.number, buffer.baseAddress, buffer.count, off_t(offset)) }
        guard count >= 0 else { throw FileWork.failed("spool file \(self.path)", errno) }
        return count
    }

    deinit {
        // A file that could not be opened is somebody else's.
        if self.descriptor.isOpen { unlink(self.path) }
    }
}
