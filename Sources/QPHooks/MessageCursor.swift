// MessageCursor.swift
//
// A message read in pieces by a handler that waits between them.

/// A place in a message in wire form. A value: a copy reads on from the same place.
public struct MessageCursor: Sendable {
    private let storage: MessageStorage
    private let front: [UInt8]
    private var frontOffset = 0
    private var storageOffset: Int

    init(_ message: Message) {
        self.storage = message.storage
        self.front = message.front
        self.storageOffset = message.storageStart
    }

    /// Whether the next piece comes from a file and should be read off the event loop.
    public var readsFile: Bool {
        self.frontOffset == self.front.count && self.storage.file != nil && self.storageOffset < self.storage.size
    }

    /// The next octets, at most `limit`; `nil` at the end.
    /// - Throws: what the spool file's reading throws.
    public mutating func next(atMost limit: Int = 65536) throws(EffectError) -> [UInt8]? {
        let limit = max(limit, 1)
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
    /// The beginning of the message, to be read with `SessionContext.read`.
    public var cursor: MessageCursor { MessageCursor(self) }
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
