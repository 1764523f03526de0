// Clamped.swift
//
// Numbers that a server says, made safe to calculate with.

extension UInt64 {
    /// A fraction as a count: nothing of what is negative or no number.
    init(clamped value: Double) {
        guard value > 0 else {
            self = 0
            return
        }
        self = value < 1.8e19 ? UInt64(value) : .max
    }

    /// A count that may be negative where it never should be.
    init(clamped value: Int) { self = value > 0 ? UInt64(value) : 0 }
}

extension Double {
    /// Zero instead of what is negative, endless or no number.
    var orZero: Double { self.isFinite && self > 0 ? self : 0 }

    /// A part of a whole (0...1); zero of nothing.
    static func share(_ part: UInt64, of whole: UInt64) -> Double {
        whole > 0 ? min(1, Double(part) / Double(whole)) : 0
    }
}
