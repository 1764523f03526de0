// FileWork.swift
//
// Files, on a thread that may block.

import Glibc
import QPHooks

/// What the file seam does, synchronously.
enum FileWork {
    /// An error for the log, with a clear text for a full disk.
    static func failed(_ what: String, _ number: Int32) -> EffectError {
        switch number {
        case ENOSPC: .failed("\(what): the disk is full")
        case EDQUOT: .failed("\(what): the disk quota is used up")
        case EEXIST: .failed("\(what): exists already")
        default: .failed("\(what): \(SystemCall.text(number))")
        }
    }

    static func check(_ path: String) throws(EffectError) {
        guard SystemCall.isPath(path) else { throw .failed("file '\(path)': no path") }
    }

    static func makeDirectory(_ path: String, mode: UInt32) throws(EffectError) {
        try self.check(path)
        guard !self.isDirectory(path) else { return }
        var prefix = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            prefix += prefix.isEmpty && part.isEmpty ? "/" : prefix.isEmpty || prefix.hasSuffix("/") ? part : "/" + part
            guard !part.isEmpty, mkdir(prefix, mode) != 0 else { continue }
            let number = errno
            guard self.isDirectory(prefix) else {
                throw self.failed("folder \(prefix)", number == EEXIST ? ENOTDIR : number)
            }
        }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func read(_ path: String, limit: Int) throws(EffectError) -> [UInt8] {
        try self.check(path)
        // Opening a pipe that nobody writes to would wait.
        let file = OwnedDescriptor(opening: path, O_RDONLY | O_NONBLOCK)
        guard file.isOpen else { throw self.failed("file \(path)", errno) }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .failed("file \(path): not a regular file")
        }
        guard limit >= 0, status.st_size <= limit else { throw .tooLong("file \(path)") }
        var content: [UInt8] = []
        content.reserveCapacity(Int(clamping: status.st_size))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = SystemCall.retry { Glibc.read(file.number, buffer.baseAddress, buffer.count) }
            guard count >= 0 else { throw self.failed("file \(path)", errno) }
            guard count > 0 else { return content }
            guard count <= limit - content.count else { throw .tooLong("file \(path)") }
            content.append(contentsOf: buffer[..<count])
        }
    }

    static func append(_ bytes: [UInt8], to path: String, mode: UInt32) throws(EffectError) {
        try self.check(path)
        let file = OwnedDescriptor(
            opening: path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, mode: mode)
        guard file.isOpen else { throw self.failed("file \(path)", errno) }
        let count = SystemCall.retry { write(file.number, bytes, bytes.count) }
        guard count >= 0 else { throw self.failed("file \(path)", errno) }
        guard count == bytes.count else { throw .failed("file \(path): only \(count) of \(bytes.count) octets fitted") }
    }

    static func remove(_ path: String) throws(EffectError) {
        try self.check(path)
        guard unlink(path) == 0 || errno == ENOENT else { throw self.failed("file \(path)", errno) }
    }

    /// Removes a file, or a folder with all it holds, as far as possible. Links are removed, not followed.
    static func removeTree(_ path: String, depth: Int = 0) {
        guard unlink(path) != 0, errno == EISDIR || errno == EPERM, depth < 64 else { return }
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { self.removeTree("\(path)/\(name)", depth: depth + 1) }
            }
            closedir(folder)
        }
        rmdir(path)
    }

    /// The folder that a path stands in.
    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func syncDirectory(_ path: String) throws(EffectError) {
        let folder = OwnedDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
        guard folder.isOpen, SystemCall.retry({ fsync(folder.number) }) == 0 else {
            throw self.failed("folder \(path)", errno)
        }
    }
}
