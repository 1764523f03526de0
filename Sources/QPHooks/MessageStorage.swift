// MessageStorage.swift
//
// A message's octets as received, in memory or in a file.

import Synchronization

/// A file that holds a message; removed when nobody needs it any more.
package protocol SpooledFile: AnyObject, Sendable {
    var path: String { get }
    /// Reads octets at a place; 0 at the end.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EffectError) -> Int
}

/// The octets of a message as received.
package final class MessageStorage: Sendable {
    package let chunks: [[UInt8]]
    package let file: (any SpooledFile)?
    package let size: Int
    package let headerEnd: Int
    package let facts: MessageFacts
    /// The header's octets, blank line included, also when the rest lies in a file.
    package let headerBytes: [UInt8]
    /// Whether the header ends with a blank line; a message without a body need not have one.
    package let hasSeparator: Bool
    /// Whether there is a body and nothing that could be a header, not even a blank line.
    package let isHeaderless: Bool
    private let parsed = Mutex<HeaderSection?>(nil)

    package init(
        chunks: [[UInt8]], file: (any SpooledFile)?, size: Int, headerBytes: [UInt8], facts: MessageFacts
    ) {
        self.chunks = chunks
        self.file = file
        self.size = size
        self.isHeaderless = size > 0 && !Self.beginsAHeader(headerBytes)
        self.headerBytes = self.isHeaderless ? [] : headerBytes
        self.headerEnd = self.headerBytes.count
        self.hasSeparator = Self.endsWithBlankLine(self.headerBytes)
        var facts = facts
        if self.isHeaderless {
            facts.has8BitBody = facts.has8BitBody || facts.has8BitHeader
            facts.has8BitHeader = false
        }
        self.facts = facts
    }

    /// Whether the first line is a field, the blank line behind no field, or the `From ` of a mailbox file. Anything else
    /// would become part of what is written above it.
    private static func beginsAHeader(_ octets: [UInt8]) -> Bool {
        if octets.starts(with: "From ".utf8) || octets.first == UInt8(ascii: "\n") { return true }
        if octets.starts(with: "\r\n".utf8) { return true }
        let name = octets.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
        // RFC 5322 §4.5: blanks before the colon are obsolete, but allowed.
        let rest = octets[name.endIndex...].drop { $0 == 0x20 || $0 == 0x09 }
        return !name.isEmpty && rest.first == UInt8(ascii: ":")
    }

    package var header: HeaderSection {
        self.parsed.withLock { parsed in
            if let parsed { return parsed }
            let header = HeaderSection(self.headerBytes)
            parsed = header
            return header
        }
    }

    private static func endsWithBlankLine(_ header: [UInt8]) -> Bool {
        var rest = header[...]
        guard rest.popLast() == UInt8(ascii: "\n") else { return false }
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        return rest.isEmpty || rest.last == UInt8(ascii: "\n")
    }

    package func forEachPiece(from start: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var offset = start
        guard self.file == nil else {
            while offset < self.size {
                let piece = try self.read(at: offset, atMost: 65536)
                try piece.withUnsafeBytes(body)
                offset += piece.count
            }
            return
        }
        for chunk in self.chunks {
            if offset < chunk.count {
                try chunk.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
            }
            offset = max(offset - chunk.count, 0)
        }
    }

    /// Octets at a place; empty at the end only.
    package func read(at offset: Int, atMost limit: Int) throws(EffectError) -> [UInt8] {
        guard offset >= 0, offset < self.size else { return [] }
        let wanted = min(limit, self.size - offset)
        if let file = self.file {
            var bytes = [UInt8](repeating: 0, count: wanted)
            var failure: EffectError?
            let count = bytes.withUnsafeMutableBytes { buffer in
                do throws(EffectError) {
                    return try file.read(at: offset, into: buffer)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard count > 0 else { throw .failed("spool file \(file.path) is shorter than its message") }
            bytes.removeLast(max(wanted - count, 0))
            return bytes
        }
        var start = offset
        for chunk in self.chunks {
            if start < chunk.count { return Array(chunk[start..<min(start + wanted, chunk.count)]) }
            start -= chunk.count
        }
        throw .failed("message is shorter than its size")
    }
}
