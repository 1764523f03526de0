// RFC5322Date.swift
//
// RFC 5322 §3.3

/// A moment in the form of mail headers: `Mon, 23 Nov 2026 12:00:00 +0000`. No locale, no clock.
public struct RFC5322Date: Sendable, Hashable, CustomStringConvertible {
    /// Seconds since 1970-01-01 00:00 UTC, within the years 1900 (RFC 5322 §3.3) to 9999.
    public let seconds: Int64
    /// Minutes east of UTC, -5999 to 5999 (RFC 5322 §3.3: four digits).
    public let offsetMinutes: Int

    /// Values outside the bounds become the nearest bound.
    public init(seconds: Int64, offsetMinutes: Int = 0) {
        self.offsetMinutes = min(max(offsetMinutes, -5_999), 5_999)
        // A margin of 5 days at either end keeps the local year in bounds.
        self.seconds = min(max(seconds, -2_208_556_800), 253_401_868_799)
    }

    /// `Mon, 23 Nov 2026 12:00:00 +0000`, 31 octets.
    public var description: String {
        var out: [UInt8] = []
        out.reserveCapacity(31)
        self.append(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Appends `description`.
    public func append(to out: inout [UInt8]) {
        let local = self.seconds + Int64(self.offsetMinutes) * 60
        let second = Int(local.mod(86_400))
        let days = (local - Int64(second)) / 86_400
        let date = Self.civil(Int(days))
        let zone = abs(self.offsetMinutes)

        let start = out.count
        out.append("Thu, 01 Jan 1970 00:00:00 +0000")
        // 1970-01-01 was a Thursday.
        Self.put("ThuFriSatSunMonTueWed", Int(days.mod(7)), in: &out, at: start)
        Self.put(date.day, in: &out, at: start + 5)
        Self.put("JanFebMarAprMayJunJulAugSepOctNovDec", date.month - 1, in: &out, at: start + 8)
        Self.put(date.year / 100, in: &out, at: start + 12)
        Self.put(date.year % 100, in: &out, at: start + 14)
        Self.put(second / 3_600, in: &out, at: start + 17)
        Self.put(second / 60 % 60, in: &out, at: start + 20)
        Self.put(second % 60, in: &out, at: start + 23)
        if self.offsetMinutes < 0 { out[start + 26] = UInt8(ascii: "-") }
        Self.put(zone / 60, in: &out, at: start + 27)
        Self.put(zone % 60, in: &out, at: start + 29)
    }

    /// Proleptic Gregorian calendar; years are counted from March, so that the leap day comes last.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        // 719468 days from 0000-03-01 to 1970-01-01; 146097 days in 400 years.
        let sinceMarch = days + 719_468
        let era = sinceMarch / 146_097
        let dayOfEra = sinceMarch % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func put(_ names: StaticString, _ number: Int, in out: inout [UInt8], at index: Int) {
        names.withUTF8Buffer { octets in
            for letter in 0..<3 { out[index + letter] = octets[number * 3 + letter] }
        }
    }

    private static func put(_ number: Int, in out: inout [UInt8], at index: Int) {
        out[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 10)
        out[index + 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10)
    }
}

extension Int64 {
    /// The remainder that is never negative.
    fileprivate func mod(_ divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
