// FileStore.swift
//
// Files of plugins: publishing a message durably, appending, reading, running below a folder.

/// What a published file holds.
public struct FileContent: Sendable {
    /// Bytes before the message.
    public var prefix: [UInt8]
    /// The message.
    public var message: Message?
    /// The line ends to write.
    public var form: LineEndForm

    /// Makes content.
    public init(prefix: [UInt8] = [], message: Message? = nil, form: LineEndForm = .lf) {
        self.prefix = prefix
        self.message = message
        self.form = form
    }
}

/// How lines of a message end.
public enum LineEndForm: Sendable, Hashable {
    /// CRLF, as on the wire.
    case wire
    /// LF, as in a Maildir.
    case lf
}

/// Files. All calls work off the event loop.
public protocol FileStore: Sendable {
    /// Makes a folder and those above it; nothing happens if it is there.
    func makeDirectory(_ path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError)
    /// Writes a new file durably: exclusive creation at `temporary`, write, fsync, link to `final`, unlink of
    /// `temporary`, fsync of the folder of `final`. Nothing remains at `final` unless it is whole.
    /// - Returns: the octets written.
    func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) -> Int
    /// Reads a file of at most `limit` octets.
    func read(_ path: String, limit: Int, origin: EffectOrigin) async throws(EffectError) -> [UInt8]
    /// Appends to a file, which is made if needed; one write call, so that lines of several writers stay whole.
    func append(_ bytes: [UInt8], to path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError)
    /// Removes a file; nothing happens if it is not there.
    func remove(_ path: String, origin: EffectOrigin) async throws(EffectError)
    /// Makes a folder or a name for a file in the spool that the server removes at the end of the transaction.
    func temporaryPath(directory: Bool, origin: EffectOrigin) async throws(EffectError) -> String
    /// Removes what `temporaryPath` gave to a session.
    func transactionEnded(_ session: SessionID)
    /// Runs a program with `input` at its standard input, no shell; reads at most `limit` octets of its output.
    func run(
        _ program: [String], input: [UInt8], limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> ProgramResult
    /// Runs a program while giving it what it reads.
    func feed(_ program: ProgramFeed, origin: EffectOrigin) async throws(EffectError) -> ProgramResult
}

extension FileStore {
    /// Nothing temporary was made.
    public func transactionEnded(_ session: SessionID) {}
}

/// What a program left behind.
public struct ProgramResult: Sendable, Hashable, Codable {
    /// Its exit status; 128 and the number of the signal that ended it.
    public let status: Int32
    /// What it wrote to its standard output.
    public let output: [UInt8]
    /// Whether it took all it was given. What it took may still be unread, so its status says more.
    public let tookInput: Bool

    /// Makes a result.
    public init(status: Int32, output: [UInt8], tookInput: Bool = true) {
        self.status = status
        self.output = output
        self.tookInput = tookInput
    }
}

/// Files, as a handler sees them.
public struct Files: Sendable {
    let store: any FileStore
    let calls: CallCounter

    /// Makes a folder and those above it.
    public func makeDirectory(_ path: String, mode: UInt32 = 0o700) async throws(EffectError) {
        try await self.store.makeDirectory(path, mode: mode, origin: self.calls.next())
    }

    /// Writes a new file durably (see `FileStore.publish`).
    /// - Returns: the octets written.
    @discardableResult
    public func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32 = 0o600
    ) async throws(EffectError) -> Int {
        try await self.store.publish(
            content, temporary: temporary, final: final, mode: mode, origin: self.calls.next())
    }

    /// Reads a file of at most `limit` octets.
    public func read(_ path: String, limit: Int = 1 << 20) async throws(EffectError) -> [UInt8] {
        try await self.store.read(path, limit: limit, origin: self.calls.next())
    }

    /// Appends to a file.
    public func append(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) async throws(EffectError) {
        try await self.store.append(bytes, to: path, mode: mode, origin: self.calls.next())
    }

    /// Removes a file.
    public func remove(_ path: String) async throws(EffectError) {
        try await self.store.remove(path, origin: self.calls.next())
    }

    /// A name for a file in the spool, which is removed at the end of the transaction; the file is not made.
    public func temporaryFile() async throws(EffectError) -> String {
        try await self.store.temporaryPath(directory: false, origin: self.calls.nextTemporary())
    }

    /// A folder in the spool, which is removed with all it holds at the end of the transaction.
    public func temporaryDirectory() async throws(EffectError) -> String {
        try await self.store.temporaryPath(directory: true, origin: self.calls.nextTemporary())
    }

    /// Runs a program, no shell.
    public func run(
        _ program: [String], input: [UInt8] = [], limit: Int = 1 << 16, timeout: Duration = .seconds(10)
    ) async throws(EffectError) -> ProgramResult {
        try await self.store.run(
            program, input: input, limit: limit, timeout: timeout, origin: self.calls.next())
    }
}
