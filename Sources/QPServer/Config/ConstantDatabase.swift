// ConstantDatabase.swift
//
// cdb files (rcpthosts and the like), read in place: 256 pointers, records, 256 hash tables, all numbers little-endian.

import Glibc
import QPHooks
import Synchronization

/// A cdb file. Records are read when asked for, so that a large list costs no memory. A replaced file is a new database:
/// this one goes on reading the old content, which lives as long as it is open.
final class ConstantDatabase: ConstantTable {
    /// Octets of one key or value.
    static let recordLimit = 1 << 20
    private static let headerSize: UInt64 = 2048

    private let descriptor: CInt
    private let size: UInt64

    /// Opens a file; `nil` if there is none or it cannot be a database.
    init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_size >= Int(Self.headerSize)
        else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.size = UInt64(status.st_size)
    }

    deinit { close(self.descriptor) }

    /// The first value of a key.
    func value(of key: [UInt8]) -> [UInt8]? {
        let hash = Self.hash(key)
        guard let pointer = self.pair(at: UInt64(hash & 255) * 8), pointer.1 > 0 else { return nil }
        let (table, slots) = (UInt64(pointer.0), UInt64(pointer.1))
        // A table that leaves the file is refused before it can make us walk four thousand million slots.
        guard table + slots * 8 <= self.size else { return nil }
        var slot = UInt64(hash >> 8) % slots
        for _ in 0..<slots {
            guard let entry = self.pair(at: table + slot * 8), entry.1 != 0 else { return nil }
            if entry.0 == hash, let record = self.record(at: UInt64(entry.1)), record.key == key {
                return record.value
            }
            slot = slot + 1 == slots ? 0 : slot + 1
        }
        return nil
    }

    /// Starts with 5381; each octet: times 33, exclusive or.
    static func hash(_ key: [UInt8]) -> UInt32 {
        key.reduce(5381) { ($0 &<< 5 &+ $0) ^ UInt32($1) }
    }

    private func record(at position: UInt64) -> (key: [UInt8], value: [UInt8])? {
        guard let (keySize, valueSize) = self.pair(at: position),
            keySize <= Self.recordLimit, valueSize <= Self.recordLimit,
            let bytes = self.bytes(at: position + 8, count: Int(keySize) + Int(valueSize))
        else { return nil }
        return (Array(bytes[..<Int(keySize)]), Array(bytes[Int(keySize)...]))
    }

    private func pair(at position: UInt64) -> (UInt32, UInt32)? {
        guard let bytes = self.bytes(at: position, count: 8) else { return nil }
        let number = { (start: Int) in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32($1 * 8) }
        }
        return (number(0), number(4))
    }

    private func bytes(at position: UInt64, count: Int) -> [UInt8]? {
        guard position <= self.size, UInt64(count) <= self.size - position else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(self.descriptor, $0.baseAddress.map { $0 + done }, count - done, off_t(position) + off_t(done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }
}

/// A constant database that may be replaced while the server runs; one that is not there holds nothing.
final class LiveConstantTable: ConstantTable {
    private struct State: Sendable {
        var database: ConstantDatabase?
        var sources: [ConfigFileSource]
    }

    private let paths: [String]
    private let state: Mutex<State>

    init(paths: [String]) {
        self.paths = paths
        let (database, sources) = Self.open(paths)
        self.state = Mutex(State(database: database, sources: sources))
    }

    func value(of key: [UInt8]) -> [UInt8]? {
        // Read outside the lock: the file stays open as long as somebody holds the database.
        self.state.withLock { $0.database }?.value(of: key)
    }

    var sources: [ConfigFileSource] { self.state.withLock { $0.sources } }

    /// What is wrong with the file, if it is there.
    var problem: ConfigProblem? {
        self.state.withLock { state in
            guard state.database == nil, let there = state.sources.last, there.stamp != nil else { return nil }
            return .error("cannot be read as a constant database", file: there.path)
        }
    }

    /// Opens the file anew if another has taken its place; one that is no database is told and the former stays.
    func refresh() -> ConfigProblem? {
        guard self.sources.contains(where: \.hasChanged) else { return nil }
        let (database, sources) = Self.open(self.paths)
        return self.state.withLock { state in
            state.sources = sources
            guard database == nil, let there = sources.last, there.stamp != nil else {
                state.database = database
                return nil
            }
            return .warning("cannot be read as a constant database; the former content stays", file: there.path)
        }
    }

    private static func open(_ paths: [String]) -> (ConstantDatabase?, [ConfigFileSource]) {
        var sources: [ConfigFileSource] = []
        for path in paths {
            let stamp = ConfigFileStamp.now(path)
            sources.append(ConfigFileSource(path: path, stamp: stamp))
            if stamp != nil { return (ConstantDatabase(path: path), sources) }
        }
        return (nil, sources)
    }
}
