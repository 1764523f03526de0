// MailDate.swift
//
// RFC 5322 §3.3 (dates), §4.3 (obsolete years and zones), §3.2.2 (comments)

import QPHooks

/// Reads the date of a message: `Mon, 23 Nov 2026 12:00:00 +0100 (CET)`.
enum MailDate {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let zones = [
        "ut": 0, "utc": 0, "gmt": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
        "pst": -480, "pdt": -420,
    ]

    /// Seconds since 1970; `nil` if it is no date.
    static func seconds(of text: String) -> Int64? {
        var words = Self.words(text)[...]
        if let first = words.first, first.utf8.first.map({ !(0x30...0x39).contains($0) }) ?? false {
            words.removeFirst()
        }
        guard words.count >= 4, let day = Self.number(words.removeFirst(), 1...31),
            let month = Self.months.firstIndex(of: words.removeFirst()), let year = Self.year(words.removeFirst()),
            let time = Self.time(words.removeFirst())
        else { return nil }
        guard day <= Self.days(of: month, in: year) else { return nil }
        // RFC 5322 §4.3: a zone that is not known, or none, says nothing: +0000.
        let offset = words.first.map(Self.offset) ?? 0
        return Self.daysSince1970(year, month + 1, day) * 86400 + Int64(time) - Int64(offset) * 60
    }

    /// The words in small letters, comments and the comma behind the day of the week dropped.
    private static func words(_ text: String) -> [String] {
        var depth = 0
        var isEscaped = false
        var plain: [UInt8] = []
        for byte in text.utf8.prefix(1000) {
            if isEscaped {
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth = max(depth - 1, 0)
            default: if depth == 0 { plain.append(byte == UInt8(ascii: ",") || byte == 0x09 ? 0x20 : byte) }
            }
        }
        return plain.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self).lowercased() }
    }

    private static func number(_ text: some StringProtocol, _ range: ClosedRange<Int>) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    /// RFC 5322 §4.3: two digits are 1950 to 2049, three count from 1900.
    private static func year(_ text: String) -> Int? {
        guard let year = Self.number(text, 0...9999) else { return nil }
        switch text.utf8.count {
        case 2: return year < 50 ? 2000 + year : 1900 + year
        case 3: return 1900 + year
        case 4: return year >= 1900 ? year : nil
        default: return nil
        }
    }

    private static func time(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let hour = Self.number(parts[0], 0...23),
            let minute = Self.number(parts[1], 0...59),
            let second = parts.count == 3 ? Self.number(parts[2], 0...60) : 0
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func offset(_ zone: String) -> Int {
        if let known = Self.zones[zone] { return known }
        guard let sign = zone.utf8.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            zone.utf8.count == 5, let digits = Self.number(zone.dropFirst(), 0...9999), digits % 100 < 60
        else { return 0 }
        let minutes = digits / 100 * 60 + digits % 100
        return sign == UInt8(ascii: "-") ? -minutes : minutes
    }

    private static func days(of month: Int, in year: Int) -> Int {
        switch month {
        case 1: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 3, 5, 8, 10: 30
        default: 31
        }
    }

    /// Years that begin in March have their leap day at the end.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return Int64(year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468)
    }
}
