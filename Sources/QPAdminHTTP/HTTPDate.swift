// HTTPDate.swift
//
// RFC 9110 §5.6.7 (form), §6.6.1 (Date)

import Glibc

/// The time as a Date field has it.
enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static var now: String { Self.text(time(nil)) }

    /// - Parameter seconds: since 1970; a time that cannot be is the beginning of 1970.
    /// - Returns: `Sun, 06 Nov 1994 08:49:37 GMT`
    static func text(_ seconds: Int) -> String {
        var seconds = max(0, seconds)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return Self.text(0) }
        let (day, month) = (Int(parts.tm_wday), Int(parts.tm_mon))
        guard Self.days.indices.contains(day), Self.months.indices.contains(month) else { return Self.text(0) }
        let date = "\(Self.two(parts.tm_mday)) \(Self.months[month]) \(Int(parts.tm_year) + 1900)"
        let time = "\(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec))"
        return "\(Self.days[day]), \(date) \(time) GMT"
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
