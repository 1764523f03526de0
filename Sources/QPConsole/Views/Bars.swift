// Bars.swift
//
// Lengths and heights made of characters.

/// Small pictures of numbers.
enum Bars {
    /// A length: a share (0...1) of so many columns. What is more than nothing is never nothing.
    static func bar(_ share: Double, width: Int, _ glyphs: Glyphs) -> String {
        guard share > 0, width > 0 else { return "" }
        let length = Int((min(share, 1) * Double(width)).rounded())
        return length > 0 ? String(repeating: glyphs.block, count: length) : glyphs.dot
    }

    /// A length beside what it could be: `[####....]`.
    static func gauge(_ share: Double, width: Int, _ glyphs: Glyphs) -> String {
        guard width > 2 else { return "" }
        let filled = Self.bar(share, width: width - 2, glyphs)
        return "[" + filled + String(repeating: " ", count: max(0, width - 2 - filled.count)) + "]"
    }

    /// The last of some numbers as heights, the newest at the right, the largest of them full.
    static func spark(_ values: [Double], width: Int, _ glyphs: Glyphs) -> String {
        guard width > 0 else { return "" }
        let shown = values.suffix(width).map(\.orZero)
        let most = shown.max() ?? 0
        let levels = glyphs.levels
        let marks = shown.map { value in
            guard value > 0 else { return levels[0] }
            return levels[min(max(Int((value / most * Double(levels.count - 1)).rounded()), 1), levels.count - 1)]
        }
        return String(repeating: " ", count: width - marks.count) + marks.joined()
    }
}

extension Style {
    /// A duration in seconds as a colour, by its power of two: nothing up to 0.1 ms, all from 10 s on.
    static func latency(_ seconds: Double?) -> Style {
        guard let seconds, seconds.isFinite, seconds > 0.000_1 else { return .plain }
        return .heat((Self.powerOfTwo(seconds) - Self.powerOfTwo(0.000_1)) / 16.6)
    }

    /// The logarithm, near enough: straight between powers.
    private static func powerOfTwo(_ value: Double) -> Double { Double(value.exponent) + value.significand - 1 }
}
