// NumberText.swift
//
// Numbers in few columns.

/// How numbers are written.
struct NumberText: Sendable {
    /// As they are, without rounding.
    var isRaw = false

    /// A count: `0`, `999`, `12.3k`, `4.0M`.
    func count(_ value: UInt64) -> String { self.isRaw ? String(value) : Self.scaled(Double(value), 1000) }

    /// A count.
    func count(_ value: Int) -> String { value < 0 ? "-" + self.count(value.magnitude) : self.count(value.magnitude) }

    private func count(_ value: UInt) -> String { self.count(UInt64(value)) }

    /// Octets, with 1,024 to the k.
    func octets(_ value: UInt64) -> String { self.isRaw ? String(value) : Self.scaled(Double(value), 1024) }

    /// So many a second: `0`, `0.2`, `12`, `3.4k`.
    func rate(_ value: Double) -> String {
        guard value.isFinite, value > 0 else { return "0" }
        if self.isRaw { return Self.fixed(value, 2) }
        return value < 100 ? Self.short(value) : Self.scaled(value, 1000)
    }

    /// A duration in seconds, three figures at most: `850us`, `12ms`, `3.4s`, `5m`, `2h13m`, `4d2h`.
    func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0 else { return "-" }
        if self.isRaw { return Self.fixed(seconds, 6) }
        switch seconds {
        case 0: return "0"
        case ..<0.000_001: return "<1us"
        case ..<0.001: return "\(Int((seconds * 1e6).rounded()))us"
        case ..<0.010: return Self.fixed(seconds * 1e3, 1) + "ms"
        case ..<0.9995: return "\(Int((seconds * 1e3).rounded()))ms"
        case ..<10: return Self.fixed(seconds, 1) + "s"
        case ..<60: return "\(Int(seconds))s"
        case ..<3600: return Self.pair(seconds, 60, "m", 1, "s")
        case ..<86400: return Self.pair(seconds, 3600, "h", 60, "m")
        default: return Self.pair(min(seconds, 1e12), 86400, "d", 3600, "h")
        }
    }

    /// A share (0...1): `0%`, `<1%`, `37%`.
    func share(_ value: Double) -> String {
        guard value.isFinite, value > 0 else { return "0%" }
        if self.isRaw { return Self.fixed(value * 100, 2) + "%" }
        return value < 0.01 ? "<1%" : "\(Int((min(value, 99) * 100).rounded()))%"
    }

    private static func pair(_ seconds: Double, _ large: Int, _ name: String, _ small: Int, _ smallName: String)
        -> String
    {
        let whole = Int(seconds)
        let rest = whole % large / small
        return "\(whole / large)\(name)" + (rest > 0 ? "\(rest)\(smallName)" : "")
    }

    private static func scaled(_ value: Double, _ base: Double) -> String {
        if value < 1000 { return String(Int(value)) }
        // A server may say more than an integer holds.
        var value = min(value, 1e21)
        for unit in ["k", "M", "G", "T", "P"] {
            value /= base
            if value < 999.5 || unit == "P" {
                return (value < 9.95 ? Self.fixed(value, 1) : String(Int(value.rounded()))) + unit
            }
        }
        return ""
    }

    private static func short(_ value: Double) -> String {
        if value < 0.01 { return "<.01" }
        return Self.fixed(value, value < 1 ? 2 : value < 9.95 ? 1 : 0)
    }

    /// With so many digits behind the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        var power = 1.0
        for _ in 0..<digits { power *= 10 }
        let scaled = (abs(value) * power).rounded()
        let whole = Int(scaled / power)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(whole) }
        let rest = String(Int(scaled - Double(whole) * power))
        return sign + "\(whole)." + String(repeating: "0", count: max(0, digits - rest.count)) + rest
    }
}

/// Moments in few columns.
enum TimeText {
    /// `14:03:59` of a moment in seconds since 1970, in the time of the zone so many seconds east of UTC.
    static func clock(_ seconds: Double, zone: Int) -> String {
        guard seconds.isFinite, abs(seconds) < 1e12 else { return "--:--:--" }
        let day = ((Int(seconds) + zone) % 86400 + 86400) % 86400
        return [day / 3600, day / 60 % 60, day % 60].map { ($0 < 10 ? "0" : "") + String($0) }.joined(separator: ":")
    }

    /// `20261128-140359`, for names of files.
    static func stamp(_ seconds: Double, zone: Int) -> String {
        guard seconds.isFinite, abs(seconds) < 1e11 else { return "0" }
        let local = Int(seconds) + zone
        let date = Self.date(days: Int((Double(local) / 86400).rounded(.down)))
        let day = [date.month, date.day].map { ($0 < 10 ? "0" : "") + String($0) }.joined()
        return "\(date.year)\(day)-" + Self.clock(seconds, zone: zone).filter { $0 != ":" }
    }

    /// The day so many days after 1970-01-01, in the Gregorian calendar.
    private static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        // Years begin in March, so that the day of a leap year is their last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        return (
            yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
    }
}
