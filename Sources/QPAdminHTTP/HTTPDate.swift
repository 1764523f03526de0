// HTTPDate.swift
//
// RFC 9110 §5.6.7 (form), §6.6.1 (Date)

import FoundationEssentials

/// The time as a Date field has it.
enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static let calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()

    static var now: String { Self.text(Int(Date.now.timeIntervalSince1970)) }

    /// - Parameter seconds: since 1970.
    /// - Returns: `Sun, 06 Nov 1994 08:49:37 GMT`
    static func text(_ seconds: Int) -> String {
        let date = Date(timeIntervalSince1970: TimeInterval(seconds))
        let parts = Self.calendar.dateComponents([.weekday, .day, .month, .year, .hour, .minute, .second], from: date)
        let (weekday, month) = (Self.name(parts.weekday, Self.days), Self.name(parts.month, Self.months))
        let day = "\(weekday), \(Self.two(parts.day)) \(month) \(parts.year ?? 1970)"
        return "\(day) \(Self.two(parts.hour)):\(Self.two(parts.minute)):\(Self.two(parts.second)) GMT"
    }

    /// Days and months are counted from 1.
    private static func name(_ number: Int?, _ names: [String]) -> String {
        number.flatMap { names.indices.contains($0 - 1) ? names[$0 - 1] : nil } ?? names[0]
    }

    private static func two(_ number: Int?) -> String {
        let text = String(number ?? 0)
        return text.utf8.count < 2 ? "0" + text : text
    }
}
