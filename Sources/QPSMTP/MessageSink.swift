// MessageSink.swift
//
// RFC 5322 §2.1, RFC 5321 §6.3, RFC 1870 §3

/// What is known of a message while its octets arrive; it keeps none of them.
public struct MessageSink: Sendable {
    private let limit: UInt64?
    private var header: HeaderWatch? = HeaderWatch()
    private var previous: UInt8 = 0

    /// Octets as they came, CRLF as two; stops at `UInt64.max`.
    public private(set) var wireSize: UInt64 = 0
    /// Octets with CRLF as one, the way qpsmtpd counts against `databytes`; stops at `UInt64.max`.
    public private(set) var size: UInt64 = 0
    /// Where the body begins, in wire octets: after the first empty line. Nil while there was none.
    public private(set) var headerEnd: Int?
    /// Received and Delivered-To fields in the header so far; RFC 5321 §6.3 counts them against mail loops.
    public private(set) var hops = 0
    /// An octet of 0x80 or above stands in the header.
    public private(set) var has8BitHeader = false
    /// An octet of 0x80 or above stands in the body.
    public private(set) var has8BitBody = false
    /// A NUL stands anywhere.
    public private(set) var hasNUL = false

    /// - Parameter limit: octets that `size` may have; nil is no limit.
    public init(limit: UInt64?) {
        self.limit = limit
    }

    /// Whether `size` is above the limit; exactly the limit is allowed.
    public var isTooBig: Bool {
        self.limit.map { self.size > $0 } ?? false
    }

    /// Whether an octet of 0x80 or above stands anywhere.
    public var has8Bit: Bool {
        self.has8BitHeader || self.has8BitBody
    }

    /// Takes the next octets of the message, in wire form without stuffed dots.
    public mutating func received(_ run: UnsafeRawBufferPointer) {
        guard let last = run.last else { return }

        var split = 0
        if self.headerEnd == nil, self.header != nil { split = self.watchHeader(run) }
        let inHeader = self.tally(run, 0..<split)
        let inBody = self.tally(run, split..<run.count)
        self.has8BitHeader = self.has8BitHeader || inHeader.has8Bit
        self.has8BitBody = self.has8BitBody || inBody.has8Bit
        self.hasNUL = self.hasNUL || inHeader.hasNUL || inBody.hasNUL
        self.wireSize = self.wireSize.saturatingAdd(UInt64(run.count))
        self.size = self.size.saturatingAdd(UInt64(run.count - inHeader.crlfs - inBody.crlfs))
        // The CR of a CRLF that is cut in two was counted with the piece before; the LF takes its place.
        self.previous = last
    }

    private func tally(_ run: UnsafeRawBufferPointer, _ range: Range<Int>) -> LineEndBlocks.Tally {
        guard !range.isEmpty else { return LineEndBlocks.Tally() }
        let before = range.lowerBound > 0 ? run[range.lowerBound - 1] : self.previous
        return LineEndBlocks.tally(UnsafeRawBufferPointer(rebasing: run[range]), previous: before)
    }

    /// How many of the octets belong to the header, the empty line included.
    private mutating func watchHeader(_ run: UnsafeRawBufferPointer) -> Int {
        guard let used = self.header?.take(run) else { return 0 }
        self.hops = self.header?.hops ?? self.hops
        guard self.header?.isComplete == true else { return run.count }

        self.header = nil
        self.headerEnd = Int(exactly: self.wireSize).flatMap { $0.addingReportingOverflow(used).partialValue }
        return used
    }
}

extension UInt64 {
    func saturatingAdd(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
