// ProgramFeed.swift
//
// Programs that are given a message, as mail systems want it: while it is read, never held as a whole.

/// What a program reads, piece by piece, off the event loops.
public protocol ProgramInput: Sendable {
    /// The next octets, never empty; `nil` at the end.
    mutating func next() throws(EffectError) -> [UInt8]?
}

/// A message for a program.
public struct MessageInput: ProgramInput {
    private var cursor: MessageCursor

    /// The whole message with the line ends of a form.
    public init(_ message: Message, _ form: LineEndForm) {
        self.cursor = message.cursor(form)
    }

    /// The next octets of the message.
    public mutating func next() throws(EffectError) -> [UInt8]? { try self.cursor.next() }
}

/// A program that is to be run, and what it is given.
public struct ProgramFeed: Sendable {
    /// What stands behind the program's standard output.
    public enum Output: Sendable, Hashable {
        /// Standard output and standard error are read together.
        case read(limit: Int)
        /// Nothing is read; the program reads these octets from descriptor 1, as qmail-queue does its envelope.
        case gives([UInt8])
    }

    /// The path and the arguments; no shell.
    public var program: [String]
    /// What it reads from its standard input.
    public var input: any ProgramInput
    /// What its standard output is.
    public var output: Output
    /// When it is ended, with all it started in its process group.
    public var timeout: Duration

    /// Puts together what is to be run.
    public init(_ program: [String], input: any ProgramInput, output: Output, timeout: Duration) {
        self.program = program
        self.input = input
        self.output = output
        self.timeout = timeout
    }
}

extension FileStore {
    /// There are no such programs here.
    public func feed(_ program: ProgramFeed, origin: EffectOrigin) async throws(EffectError) -> ProgramResult {
        throw .unavailable("program \(program.program.first ?? "")")
    }
}

extension Files {
    /// Runs a program that is given a message.
    public func feed(_ program: ProgramFeed) async throws(EffectError) -> ProgramResult {
        try await self.store.feed(program, origin: self.calls.next())
    }
}
