// NewlineScan.swift
//
// RFC 5321 §2.3.8, RFC 3030 §2

/// Counts CR and LF that stand alone, in text that arrives in pieces.
public struct NewlineScan: Sendable, Hashable {
    /// LF without CR before it; stops at `Int.max`.
    public private(set) var bareLF = 0
    /// CR without LF after it; stops at `Int.max`.
    public private(set) var bareCR = 0
    /// The last octet so far is a CR whose LF may still come.
    private(set) var hasPendingCR = false

    /// Nothing seen.
    public init() {}

    /// Whether neither was found so far.
    public var isClean: Bool {
        self.bareLF == 0 && self.bareCR == 0
    }

    /// Looks at the next piece.
    public mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        self.scan(bytes) { _, _ in }
    }

    /// There is no further piece: a CR at the end has no LF.
    public mutating func finish() {
        guard self.hasPendingCR else { return }
        self.hasPendingCR = false
        self.bareCR = self.bareCR.saturatingSuccessor
    }

    /// `onBare` gets the index before which an octet is missing, and that octet.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, onBare: (Int, WireConstant) -> Void) {
        var index = 0
        while index < bytes.count {
            if index > 0, !self.hasPendingCR {
                let clean = LineEndBlocks.cleanEnd(bytes, from: index, dots: false)
                if clean > index {
                    index = clean
                    self.hasPendingCR = bytes[index - 1] == 0x0D
                    continue
                }
            }
            // A block that needs a closer look is looked at whole, or each of its octets would be compared 16 times.
            let stop = min(bytes.count, index + 16)
            while index < stop {
                self.step(bytes[index], at: index, onBare)
                index += 1
            }
        }
    }

    private mutating func step(_ byte: UInt8, at index: Int, _ onBare: (Int, WireConstant) -> Void) {
        let afterCR = self.hasPendingCR
        self.hasPendingCR = byte == 0x0D
        if afterCR, byte != 0x0A {
            self.bareCR = self.bareCR.saturatingSuccessor
            onBare(index, .lf)
        } else if !afterCR, byte == 0x0A {
            self.bareLF = self.bareLF.saturatingSuccessor
            onBare(index, .cr)
        }
    }
}
