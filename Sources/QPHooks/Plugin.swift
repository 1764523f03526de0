// Plugin.swift
//
// What a plugin is.

/// A plugin: made once for each line of `config/plugins`, asked by every session.
///
/// State lives in `let`s (configuration), in notes (a session), or in an actor that the plugin owns (across sessions).
public protocol Plugin: Sendable {
    /// The name in `config/plugins` (`queue/maildir`).
    static var name: String { get }
    /// The manual: usage in the first line, then what it does. Shown by the command line, the console and the API.
    static var manual: String { get }
    /// Reads arguments and declares data files. Nothing outside is touched: `qpserver check` runs this as well.
    /// - Throws: `PluginError`, which stops the start and names the line.
    init(_ setup: PluginSetup) throws(PluginError)
    /// The table of contents: what the plugin answers.
    func register(on hooks: inout HookTable)
    /// Runs before a configuration with the plugin comes into use, at the start before the first client is let in: here
    /// what the `config` hook will answer is fetched. After 10 s it is cancelled, and the server goes on.
    func prepare(_ background: BackgroundContext) async throws
    /// Work beside the sessions (a cache, a connection): cancelled when the last session that uses the plugin has gone,
    /// and at the end of the server, which waits for it.
    func run(_ background: BackgroundContext) async throws
}

extension Plugin {
    /// Nothing to prepare.
    public func prepare(_ background: BackgroundContext) async throws {}
    /// No work beside the sessions.
    public func run(_ background: BackgroundContext) async throws {}
}

/// What the operator must mend in a plugin's line or files.
public enum PluginError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An argument is wrong.
    case argument(String)
    /// A line of a data file is wrong.
    case file(String, line: Int, String)
    /// Something the plugin needs is not there.
    case missing(String)

    /// What is wrong, with file and line if it is in a data file.
    public var description: String {
        switch self {
        case .argument(let text): text
        case .file(let file, let line, let text): "\(file):\(line): \(text)"
        case .missing(let text): text
        }
    }
}

/// What a queue plugin's backend can keep; EHLO offers what every configured backend can.
public struct BackendCapabilities: OptionSet, Sendable, Hashable {
    /// One bit for each capability.
    public let rawValue: UInt8
    /// Makes a set out of bits; those without a name are kept.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Bodies with octets above 127 (RFC 6152).
    public static let eightBitMIME = Self(rawValue: 1)
    /// Addresses and header fields in UTF-8 (RFC 6531).
    public static let smtputf8 = Self(rawValue: 2)
    /// Bodies that are not lines (RFC 3030).
    public static let binaryMIME = Self(rawValue: 4)
    /// Delivery status requests (RFC 3461).
    public static let dsn = Self(rawValue: 8)
    /// REQUIRETLS (RFC 8689).
    public static let requireTLS = Self(rawValue: 16)
    /// Everything.
    public static let all: Self = [.eightBitMIME, .smtputf8, .binaryMIME, .dsn, .requireTLS]
}
