// LineFramer.swift
//
// RFC 5321 §2.3.8, §4.5.3.1.4

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Finds command lines in a buffer that its owner keeps.
public struct LineFramer: Sendable {
    /// What was found.
    public enum Outcome: Sendable, Hashable {
        /// A line: where its content is, without the line end; where the next begins; whether CR was missing.
        ///
        /// RFC 5321 §2.3.8 wants CRLF; that a bare LF ends a command too is the reference's behaviour, harmless where
        /// no message text is read, and reported so that the session may object.
        case line(content: Range<Int>, next: Int, bareLF: Bool)
        /// The end of a line above the limit, all of whose octets are to be forgotten; where the next begins.
        case tooLong(next: Int)
        /// No line end. The owner keeps the octets, unless the framer is discarding: then it has taken all of them.
        case incomplete
    }

    /// Octets of a line with its CRLF, at least 2. RFC 5321 §4.5.3.1.4 asks for 512, and more where extensions lengthen
    /// MAIL and RCPT; RFC 4954 §4.5 for 12288 inside AUTH.
    public var limit: Int {
        didSet { self.limit = max(2, self.limit) }
    }

    /// Whether the framer is inside a line above the limit, whose end has not come yet.
    public private(set) var isDiscarding = false

    /// - Parameter limit: octets of a line with its CRLF.
    public init(limit: Int = 2048) {
        self.limit = max(2, limit)
    }

    /// Looks for a line that begins at an offset.
    public mutating func next(in bytes: UnsafeRawBufferPointer, from offset: Int) -> Outcome {
        guard offset >= 0, offset <= bytes.count else { return .incomplete }

        guard let end = bytes.firstIndex(of: 0x0A, from: offset) else {
            // With its LF the line would be above the limit.
            if bytes.count - offset >= self.limit { self.isDiscarding = true }
            return .incomplete
        }
        let isTooLong = self.isDiscarding || end - offset >= self.limit
        self.isDiscarding = false
        guard !isTooLong else { return .tooLong(next: end + 1) }

        let hasCR = end > offset && bytes[end - 1] == 0x0D
        return .line(content: offset..<(hasCR ? end - 1 : end), next: end + 1, bareLF: !hasCR)
    }
}

extension UnsafeRawBufferPointer {
    /// memchr: the C library looks at 16 or 32 octets at a time.
    func firstIndex(of byte: UInt8, from offset: Int) -> Int? {
        guard offset < self.count, let base = self.baseAddress else { return nil }
        guard let hit = memchr(base + offset, Int32(byte), self.count - offset) else { return nil }
        return UnsafeRawPointer(hit) - base
    }
}
