// ChunkFramer.swift
//
// RFC 3030 §2, §3

/// Takes the octets of one BDAT chunk, whose size is known beforehand (RFC 3030 §2).
public struct ChunkFramer: Sendable {
    /// Octets of the chunk that are still to come.
    public private(set) var remaining: UInt64
    /// Bare line ends so far; give it to the next chunk's framer, since a CRLF may lie across the border.
    public private(set) var newlines: NewlineScan

    private let folds: Bool
    private let binary: Bool

    /// - Parameters:
    ///   - size: octets of the chunk, as BDAT announced them.
    ///   - policy: `fold` turns bare CR and LF into CRLF; the others change no octet.
    ///   - binary: BODY=BINARYMIME was given: CR and LF have no meaning of their own (RFC 3030 §3), none is counted.
    ///   - carry: `newlines` of the chunk before.
    public init(size: UInt64, policy: BareNewlinePolicy, binary: Bool, carry: NewlineScan = .init()) {
        self.remaining = size
        self.newlines = carry
        self.folds = policy == .fold
        self.binary = binary
    }

    /// Takes octets from an offset on until the chunk is complete; a chunk of size 0 is so at once.
    public mutating func consume(
        _ bytes: UnsafeRawBufferPointer,
        from offset: Int,
        _ emit: (UnsafeRawBufferPointer) -> Void
    ) -> DotFramer.Outcome {
        guard offset >= 0, offset <= bytes.count else { return .more }

        let available = bytes.count - offset
        let taken = Int(exactly: self.remaining).map { min($0, available) } ?? available
        let piece = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + taken])
        self.remaining -= UInt64(taken)
        self.pass(piece, emit)
        return self.remaining == 0 ? .end(next: offset + taken) : .more
    }

    /// After the last chunk of a message: settles a CR that its very end left without LF.
    public mutating func finish(_ emit: (UnsafeRawBufferPointer) -> Void) {
        guard self.newlines.hasPendingCR else { return }
        self.newlines.finish()
        if self.folds { WireConstant.emit(.lf, emit) }
    }

    private mutating func pass(_ piece: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Void) {
        guard !piece.isEmpty else { return }
        if self.binary { return emit(piece) }

        var run = Run(bytes: piece, start: 0)
        let folds = self.folds
        self.newlines.scan(piece) { index, missing in
            if folds { run.interject(missing, at: index, emit) }
        }
        run.flush(upTo: piece.count, emit)
    }
}
