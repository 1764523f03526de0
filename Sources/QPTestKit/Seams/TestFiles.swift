// TestFiles.swift
//
// Files in memory.

public import QPHooks
import Synchronization

/// A file system in memory that writes down what was published.
public final class TestFiles: FileStore {
    /// A file that was published durably.
    public struct Publication: Sendable, Hashable {
        /// Where it was written first.
        public let temporary: String
        /// Where it is.
        public let path: String
        /// Its mode.
        public let mode: UInt32
        /// What it holds.
        public let bytes: [UInt8]
        /// What it holds, as text.
        public var text: String { String(decoding: self.bytes, as: UTF8.self) }
    }

    /// A program that was run while it was given something.
    public struct Feed: Sendable, Hashable {
        /// The path and the arguments.
        public let program: [String]
        /// What it read.
        public let input: [UInt8]
        /// What it read from descriptor 1.
        public let second: [UInt8]?
    }

    private struct State {
        var files: [String: [UInt8]] = [:]
        var folders: [String: UInt32] = ["/": 0o755]
        var publications: [Publication] = []
        var programs: [String: ProgramResult] = [:]
        var feeds: [Feed] = []
        var failures: [String: EffectError] = [:]
        var temporaryNames = 0
        var temporary: [SessionID: [String]] = [:]
    }

    private let state = Mutex(State())

    /// An empty file system: a root folder, no programs.
    public init() {}

    /// All files by path.
    public var files: [String: [UInt8]] { self.state.withLock(\.files) }
    /// All folders by path, with their modes.
    public var folders: [String: UInt32] { self.state.withLock(\.folders) }
    /// What was published, in order, also what was removed since.
    public var publications: [Publication] { self.state.withLock(\.publications) }

    /// Makes a file with its folders.
    public func put(_ text: String, at path: String) {
        self.state.withLock { state in
            Self.addFolders(Self.parent(path), mode: 0o755, &state)
            state.files[path] = Array(text.utf8)
        }
    }

    /// Makes a folder and those above it.
    public func putFolder(_ path: String) { self.state.withLock { Self.addFolders(path, mode: 0o755, &$0) } }

    /// The programs that were given something, in order.
    public var feeds: [Feed] { self.state.withLock(\.feeds) }

    /// What a program answers, by its path; without it the program is not there.
    public func program(_ path: String, _ result: ProgramResult) {
        self.state.withLock { $0.programs[path] = result }
    }

    /// Makes everything at or below a path fail; `nil` ends that.
    public func fail(below path: String, with error: EffectError?) {
        self.state.withLock { $0.failures[path] = error }
    }

    /// Makes a folder and those above it.
    public func makeDirectory(_ path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        try self.change(path) { state throws(EffectError) in
            guard state.files[path] == nil else { throw .failed("\(path) is a file") }
            Self.addFolders(path, mode: mode, &state)
        }
    }

    /// Writes a file; both folders must be there, and neither file.
    public func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) -> Int {
        let message: [UInt8]
        do {
            message = try content.message?.bytes(content.form) ?? []
        } catch {
            throw .failed("message: \(error)")
        }
        return try self.change(final) { state throws(EffectError) in
            for path in [temporary, final] {
                guard state.folders[Self.parent(path)] != nil else { throw .failed("\(path): no such folder") }
                guard state.files[path] == nil else { throw .failed("\(path) is there already") }
            }
            let bytes = content.prefix + message
            state.files[final] = bytes
            state.publications.append(Publication(temporary: temporary, path: final, mode: mode, bytes: bytes))
            return bytes.count
        }
    }

    /// Reads a file.
    public func read(_ path: String, limit: Int, origin: EffectOrigin) async throws(EffectError) -> [UInt8] {
        try self.change(path) { state throws(EffectError) in
            guard let bytes = state.files[path] else { throw .failed("\(path): no such file") }
            guard bytes.count <= limit else { throw .tooLong(path) }
            return bytes
        }
    }

    /// Appends to a file, which is made if needed.
    public func append(
        _ bytes: [UInt8], to path: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) {
        try self.change(path) { state throws(EffectError) in
            guard state.folders[Self.parent(path)] != nil else { throw .failed("\(path): no such folder") }
            state.files[path, default: []] += bytes
        }
    }

    /// Removes a file.
    public func remove(_ path: String, origin: EffectOrigin) async throws(EffectError) {
        try self.change(path) { state throws(EffectError) in state.files[path] = nil }
    }

    /// A name, or a new folder, below `/spool`.
    public func temporaryPath(directory: Bool, origin: EffectOrigin) async throws(EffectError) -> String {
        try self.change("/spool") { state throws(EffectError) in
            state.temporaryNames += 1
            let path = "/spool/\(state.temporaryNames)"
            if let session = origin.session { state.temporary[session, default: []].append(path) }
            Self.addFolders(directory ? path : "/spool", mode: 0o700, &state)
            return path
        }
    }

    /// Removes what a session's mail had in the spool.
    public func transactionEnded(_ session: SessionID) {
        self.state.withLock { state in
            for path in state.temporary.removeValue(forKey: session) ?? [] {
                state.files = state.files.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
                state.folders = state.folders.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
            }
        }
    }

    /// Gives what `program` said.
    public func run(
        _ program: [String], input: [UInt8], limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> ProgramResult {
        let path = program.first ?? ""
        guard let result = self.state.withLock({ $0.programs[path] }) else { throw .failed("\(path): no such program") }
        return ProgramResult(status: result.status, output: Array(result.output.prefix(limit)))
    }

    /// Reads all input, then gives what `program` said.
    public func feed(_ feed: ProgramFeed, origin: EffectOrigin) async throws(EffectError) -> ProgramResult {
        let path = feed.program.first ?? ""
        var input: [UInt8] = []
        var pieces = feed.input
        while let piece = try pieces.next() { input += piece }
        var second: [UInt8]?
        if case .gives(let octets) = feed.output { second = octets }
        let record = Feed(program: feed.program, input: input, second: second)
        return try self.change(path) { state throws(EffectError) in
            guard let result = state.programs[path] else { throw .failed("\(path): no such program") }
            state.feeds.append(record)
            return result
        }
    }

    private func change<Result>(
        _ path: String, _ body: (inout State) throws(EffectError) -> Result
    ) throws(EffectError) -> Result where Result: Sendable {
        try self.state.withLock { state throws(EffectError) in
            let failure = state.failures.first { path == $0.key || path.hasPrefix($0.key + "/") }
            if let failure { throw failure.value }
            return try body(&state)
        }
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    private static func addFolders(_ path: String, mode: UInt32, _ state: inout State) {
        var folder = ""
        for name in path.split(separator: "/") {
            // A relative path stays one.
            folder += folder.isEmpty && !path.hasPrefix("/") ? String(name) : "/" + name
            if state.folders[folder] == nil { state.folders[folder] = mode }
        }
    }
}
