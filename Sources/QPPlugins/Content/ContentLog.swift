// ContentLog.swift
//
// Copies of messages in a file.

public import QPHooks

/// Appends every message to a file.
public struct ContentLog: Plugin {
    public static let name = "content_log"

    public static let manual = """
        content_log

        Appends every message to a file, for a look at what really came in. Two files of the configuration say how:

            content_log_enabled   true, 1 or yes, which is the default; anything else: no
            content_log_file      the path, which may hold times in the notation of strftime and %i for the session's
                                  name; default mail/%Y%m%d, below the server's working folder

        Lines end in LF. Of a larger message the first 1048576 octets are written, then how many are left out. Folders are
        made when needed. A message that cannot be written is accepted nevertheless, and the log says so.
        """

    private static let limit = 1 << 20
    private let isEnabled: ConfigTable<Bool>
    private let path: ConfigTable<TimeFormat>

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.isEmpty else { throw .argument("there are no arguments; see config/content_log_file") }
        self.isEnabled = try setup.table("content_log_enabled", Self.parseSwitch)
        self.path = try setup.table("content_log_file", Self.parsePath)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.dataPost, self.write)
    }

    @Sendable
    func write(_ event: PlainEvent, in session: SessionContext) async throws -> Verdict<Void> {
        guard self.isEnabled.content(in: session), let message = session.transaction.message else { return .declined }
        let clock = session.clock
        let path = self.path.content(in: session).text(clock.wall, zone: clock.zone, session: session.id)
        let bytes = try await Self.text(of: message, in: session)
        do {
            try await Self.append(bytes, to: path, session.files)
            session.log.info("pass, wrote \(bytes.count) octets to \(path)")
        } catch {
            session.log.error("error, \(error)")
        }
        return .declined
    }

    private static func text(of message: Message, in session: SessionContext) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var leftOut = 0
        var cursor = message.cursor(.lf)
        while leftOut == 0, let piece = try await session.read(&cursor) {
            let room = Self.limit - bytes.count
            bytes += piece.prefix(room)
            if piece.count > room { leftOut = message.wireSize - Self.limit }
        }
        if bytes.last != 0x0A { bytes.append(0x0A) }
        if leftOut > 0 { bytes += Array("[about \(leftOut) octets are left out]\n".utf8) }
        return bytes
    }

    /// A new folder is made only when writing fails: the usual message is one effect.
    private static func append(_ bytes: [UInt8], to path: String, _ files: Files) async throws(EffectError) {
        do {
            try await files.append(bytes, to: path)
        } catch .failed {
            guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { throw .failed("file \(path)") }
            try await files.makeDirectory(String(path[..<slash]))
            try await files.append(bytes, to: path)
        }
    }

    @Sendable
    private static func parseSwitch(_ file: ConfigFile) throws(PluginError) -> Bool {
        guard let line = file.lines.first else { return true }
        return ["true", "1", "yes"].contains(line.text.lowercased())
    }

    @Sendable
    private static func parsePath(_ file: ConfigFile) throws(PluginError) -> TimeFormat {
        guard let line = file.lines.first else { return TimeFormat("mail/%Y%m%d") }
        guard file.lines.count == 1 else { throw file.lines[1].error("there is one line: a path") }
        let parts = line.text.split(separator: "/")
        guard !parts.isEmpty, !line.text.hasSuffix("/"), !parts.contains(".."), !line.text.utf8.contains(0) else {
            throw line.error("'\(line.text)' is no path of a file, or has a .. in it")
        }
        return TimeFormat(line.text)
    }
}
