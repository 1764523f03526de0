// LineEndBlocks.swift
//
// Message text in blocks of vectors: nearly all of it needs no closer look.

/// Questions about message text, asked of 16 octets at a time.
enum LineEndBlocks {
    private typealias Vector = SIMD16<UInt8>

    /// Where the clean blocks end that begin at `start`: in them each CR is followed and each LF preceded by the other,
    /// and, if `dots` says so, no LF is followed by a dot.
    ///
    /// The octet before `start` counts too, so `start` must be at least 1. The last CR of the clean part may still be
    /// without its LF.
    static func cleanEnd(_ bytes: UnsafeRawBufferPointer, from start: Int, dots: Bool) -> Int {
        guard start >= 1, start <= bytes.count, let base = bytes.baseAddress else { return start }
        return dots
            ? self.cleanEnd(base, start, bytes.count, UInt8(ascii: "."))
            // No octet after LF is suspect except a second LF, which is a bare one anyway.
            : self.cleanEnd(base, start, bytes.count, 0x0A)
    }

    @inline(__always)
    private static func cleanEnd(_ base: UnsafeRawPointer, _ start: Int, _ end: Int, _ dot: UInt8) -> Int {
        var index = start
        while end - index >= 64 {
            let suspects =
                self.suspects(base + index, dot) .| self.suspects(base + index + 16, dot)
                .| self.suspects(base + index + 32, dot) .| self.suspects(base + index + 48, dot)
            guard self.isEmpty(suspects) else { break }
            index += 64
        }
        while end - index >= 16, self.isEmpty(self.suspects(base + index, dot)) { index += 16 }
        return index
    }

    @inline(__always)
    private static func suspects(_ pointer: UnsafeRawPointer, _ dot: UInt8) -> SIMDMask<SIMD16<Int8>> {
        let before = (pointer - 1).loadUnaligned(as: Vector.self)
        let here = pointer.loadUnaligned(as: Vector.self)
        let bare = (before .== Vector(repeating: 0x0D)) .^ (here .== Vector(repeating: 0x0A))
        return bare .| ((before .== Vector(repeating: 0x0A)) .& (here .== Vector(repeating: dot)))
    }

    @inline(__always)
    private static func isEmpty(_ mask: SIMDMask<SIMD16<Int8>>) -> Bool {
        let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        return words[0] | words[1] == 0
    }

    /// What a stretch of message text amounts to.
    struct Tally {
        var crlfs = 0
        var has8Bit = false
        var hasNUL = false
    }

    /// Counts LF preceded by CR, beginning with `previous`, the octet before the first.
    static func tally(_ bytes: UnsafeRawBufferPointer, previous: UInt8) -> Tally {
        var tally = Tally()
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return tally }

        tally.look(previous, bytes[0])
        var index = 1
        var high = Vector(repeating: 0)
        var zero = SIMDMask<SIMD16<Int8>>(repeating: false)
        while bytes.count - index >= 16 {
            // A lane counts to 255.
            let stop = index + min((bytes.count - index) / 16, 255) * 16
            var count = Vector(repeating: 0)
            while index < stop {
                let here = (base + index).loadUnaligned(as: Vector.self)
                let before = (base + index - 1).loadUnaligned(as: Vector.self)
                let ends = (before .== Vector(repeating: 0x0D)) .& (here .== Vector(repeating: 0x0A))
                count &-= unsafeBitCast(ends, to: Vector.self)
                high |= here
                zero = zero .| (here .== Vector(repeating: 0))
                index += 16
            }
            for lane in 0..<16 { tally.crlfs += Int(count[lane]) }
        }
        let highWords = unsafeBitCast(high, to: SIMD2<UInt64>.self)
        if (highWords[0] | highWords[1]) & 0x8080_8080_8080_8080 != 0 { tally.has8Bit = true }
        if !self.isEmpty(zero) { tally.hasNUL = true }
        while index < bytes.count {
            tally.look(bytes[index - 1], bytes[index])
            index += 1
        }
        return tally
    }
}

extension LineEndBlocks.Tally {
    @inline(__always)
    fileprivate mutating func look(_ before: UInt8, _ here: UInt8) {
        if before == 0x0D, here == 0x0A { self.crlfs += 1 }
        if here >= 0x80 { self.has8Bit = true }
        if here == 0 { self.hasNUL = true }
    }
}
