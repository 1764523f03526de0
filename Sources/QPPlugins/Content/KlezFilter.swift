// KlezFilter.swift
//
// RFC 2045 §6.8 (base64); RFC 3463 §3.8

public import QPHooks

/// Refuses mail of the Klez worm.
public struct KlezFilter: Plugin {
    public static let name = "virus/klez_filter"

    public static let manual = """
        virus/klez_filter

        Refuses messages that look like those of the Klez worm, without any scanner: at least 60000 octets, and within the
        first 41 lines of the body a part of type audio or application that begins like a Windows program in base64.

        That worm is gone; this costs little, and other worms of its kind look the same.
        """

    private static let leastSize = 60000
    private static let lines = 41
    /// What is looked at: the lines of a body are longer only in messages of another kind.
    private static let octets = 65536

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.isEmpty else { throw .argument("there are no arguments") }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.dataPost, self.check)
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) async throws -> Verdict<Void> {
        guard let message = session.transaction.message else { return .declined }
        guard message.wireSize >= Self.leastSize else {
            session.log.info("skip, \(message.wireSize) octets are too few")
            return .declined
        }
        guard try await self.hasProgram(message, in: session) else {
            session.log.info("pass")
            return .declined
        }
        session.log.info("fail, a program where Klez has one")
        return .deny("Virus found: Klez", .otherMedia)
    }

    private func hasProgram(_ message: Message, in session: SessionContext) async throws -> Bool {
        var skipped = message.wireSize - message.bodySize
        var body: [UInt8] = []
        var cursor = message.cursor
        while body.count < Self.octets, let piece = try await session.read(&cursor) {
            body += piece.dropFirst(skipped).prefix(Self.octets - body.count)
            skipped = max(skipped - piece.count, 0)
        }
        var isSuspicious = false
        for line in body.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(Self.lines) {
            let text = String(decoding: line.prefix(998), as: UTF8.self)
            if isSuspicious, text.hasPrefix("TVqQAAMAA") { return true }
            if Self.isProgramType(text.lowercased()) { isSuspicious = true }
        }
        return false
    }

    private static func isProgramType(_ line: String) -> Bool {
        guard line.hasPrefix("content-type:") else { return false }
        let type = line.dropFirst("content-type:".utf8.count).drop { $0 == " " || $0 == "\t" }
        return type.hasPrefix("audio/") || type.hasPrefix("application/")
    }
}
