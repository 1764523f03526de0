// ConfigFileReader.swift
//
// Files of a configuration directory as octets, and what tells one state of a file from another.

import Glibc

/// What tells one state of a file from another.
package struct ConfigFileStamp: Sendable, Hashable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: [Int]

    init(_ status: stat) {
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
        self.size = Int64(status.st_size)
        // The time of change too: a file put back with its old time and size is a new state.
        self.modified = [
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
        ]
    }

    /// The state of a file now; `nil` if there is none.
    static func now(_ path: String) -> Self? {
        var status = stat()
        return stat(path, &status) == 0 ? Self(status) : nil
    }
}

/// A file that a configuration was made from.
package struct ConfigFileSource: Sendable, Hashable {
    package let path: String
    /// The state it was read in; `nil`: it was looked for and not there.
    package let stamp: ConfigFileStamp?

    var hasChanged: Bool { ConfigFileStamp.now(self.path) != self.stamp }
}

enum ConfigFileReader {
    private enum Failure: Error {
        case missing
        case failed(String)
    }

    enum Outcome {
        case content([UInt8], ConfigFileStamp)
        case missing
        case failed(String)
    }

    /// Octets one file may have.
    static let limit = 64 << 20

    /// Reads a whole regular file.
    static func read(_ path: String, limit: Int = Self.limit) -> Outcome {
        do {
            let (bytes, stamp) = try Self.readOrThrow(path, limit: limit)
            return .content(bytes, stamp)
        } catch {
            switch error {
            case .missing: return .missing
            case .failed(let text): return .failed(text)
            }
        }
    }

    private static func readOrThrow(_ path: String, limit: Int) throws(Failure) -> ([UInt8], ConfigFileStamp) {
        // Without O_NONBLOCK, opening a FIFO somebody left there would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure(errno) }
        defer { close(descriptor) }

        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .failed("not a regular file") }
        guard Int64(status.st_size) <= Int64(limit) else { throw .failed("larger than \(limit >> 20) MB") }
        return (try Self.bytes(descriptor, expected: Int(status.st_size), limit: limit), ConfigFileStamp(status))
    }

    private static func bytes(_ descriptor: CInt, expected: Int, limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(expected + 1)
        var block = [UInt8](repeating: 0, count: min(max(expected + 1, 512), 1 << 20))
        while true {
            let count = block.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure(errno) }
            if count == 0 { return bytes }
            bytes += block[..<count]
            guard bytes.count <= limit else { throw .failed("larger than \(limit >> 20) MB") }
        }
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether every user of the host may read a file, as far as its own mode says.
    static func isReadableByOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IROTH != 0
    }

    /// The regular files of a directory in order of their names' octets, those beginning with a dot left out.
    static func regularFiles(in directory: String) -> [String]? {
        guard let stream = opendir(directory) else { return nil }
        defer { closedir(stream) }

        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard !name.hasPrefix("."), stat("\(directory)/\(name)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFREG { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    static func text(ofError code: CInt) -> String { String(cString: strerror(code)) }

    private static func failure(_ code: CInt) -> Failure {
        code == ENOENT || code == ENOTDIR ? .missing : .failed(Self.text(ofError: code))
    }
}
