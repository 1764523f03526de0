// MessageCursor.swift
//
// A message read in pieces by a handler that waits between them.

/// A place in a message. A value: a copy reads on from the same place.
public struct MessageCursor: Sendable {
    private let storage: MessageStorage
    private let front: [UInt8]
    private var writer: PieceWriter
    private var frontOffset = 0
    private var storageOffset: Int

    init(_ message: Message, form: LineEndForm) {
        self.storage = message.storage
        self.front = message.front
        self.writer = PieceWriter(form: form)
        self.storageOffset = message.storageStart
    }

    /// Whether the next piece comes from a file and should be read off the event loop.
    public var readsFile: Bool {
        self.frontOffset == self.front.count && self.storage.file != nil && self.storageOffset < self.storage.size
    }

    /// The next octets, at most `limit` (and a CR that was held back); `nil` at the end.
    /// - Throws: what the spool file's reading throws.
    public mutating func next(atMost limit: Int = 65536) throws(EffectError) -> [UInt8]? {
        while let piece = try self.nextWire(atMost: max(limit, 1)) {
            guard self.writer.form == .lf else { return piece }
            let lines = piece.withUnsafeBytes { self.writer.lines($0) }
            if !lines.isEmpty { return lines }
        }
        return self.writer.takeHeldCR() ? [UInt8(ascii: "\r")] : nil
    }

    private mutating func nextWire(atMost limit: Int) throws(EffectError) -> [UInt8]? {
        if self.frontOffset < self.front.count {
            let end = self.frontOffset + min(limit, self.front.count - self.frontOffset)
            defer { self.frontOffset = end }
            return Array(self.front[self.frontOffset..<end])
        }
        let piece = try self.storage.read(at: self.storageOffset, atMost: limit)
        self.storageOffset += piece.count
        return piece.isEmpty ? nil : piece
    }
}

extension Message {
    /// The beginning of the message in wire form, to be read with `SessionContext.read`.
    public var cursor: MessageCursor { self.cursor(.wire) }

    /// The beginning of the message, to be read with `SessionContext.read`.
    public func cursor(_ form: LineEndForm) -> MessageCursor { MessageCursor(self, form: form) }
}

extension SessionContext {
    /// The next octets of a message, at most 64 kB; `nil` at the end. A file is read off the event loop.
    /// - Throws: what the spool file's reading throws.
    public func read(_ cursor: inout MessageCursor) async throws -> [UInt8]? {
        guard cursor.readsFile else { return try cursor.next() }
        let here = cursor
        let (piece, there) = try await self.offload {
            var moving = here
            let piece = try moving.next()
            return (piece, moving)
        }
        cursor = there
        return piece
    }
}
