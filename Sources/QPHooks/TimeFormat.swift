// TimeFormat.swift
//
// Times as text, in the notation of strftime.

/// A pattern for times: `%Y-%m-%d %H:%M:%S`.
///
/// Known are `%Y %y %C %m %d %e %H %I %M %S %p %j %a %A %b %B %h %u %w %s %z %F %T %D %R %c %n %t %%`, and `%i` for the
/// name of a session. Any other letter stays as it is written.
public struct TimeFormat: Sendable, Hashable {
    /// The pattern.
    public let pattern: String

    /// Takes a pattern.
    public init(_ pattern: String) {
        self.pattern = pattern
    }

    /// A time, in nanoseconds since 1970, as the pattern says; `zone` are the minutes that local time is ahead of UTC.
    public func text(_ wallTime: Int64, zone: Int = 0, session: SessionID? = nil) -> String {
        let time = CivilTime(wallTime, zone: zone)
        return Self.expanded(self.pattern) { letter in
            letter == "i" ? session.map(\.description) ?? "" : time.text(letter)
        }
    }

    /// Replaces each `%x` for which there is a text.
    static func expanded(_ pattern: String, _ text: (Unicode.Scalar) -> String?) -> String {
        var out = ""
        var isEscaped = false
        for scalar in pattern.unicodeScalars {
            if isEscaped {
                isEscaped = false
                if let text = text(scalar) {
                    out += text
                } else {
                    out.unicodeScalars.append("%")
                    out.unicodeScalars.append(scalar)
                }
            } else if scalar == "%" {
                isEscaped = true
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return isEscaped ? out + "%" : out
    }
}

/// A moment as year, month and day, proleptic Gregorian.
struct CivilTime {
    let year: Int64
    let month: Int
    let day: Int
    let weekday: Int
    let dayOfYear: Int
    let hour: Int
    let minute: Int
    let second: Int
    private let zone: Int
    private let epoch: Int64

    init(_ wallTime: Int64, zone: Int) {
        let zone = min(max(zone, -1440), 1440)
        let local = Self.floorDivide(wallTime, 1_000_000_000) + Int64(zone) * 60
        let days = Self.floorDivide(local, 86400)
        let seconds = Int(local - days * 86400)
        self.zone = zone
        self.epoch = local - Int64(zone) * 60
        (self.hour, self.minute, self.second) = (seconds / 3600, seconds / 60 % 60, seconds % 60)
        self.weekday = Int(((days + 4) % 7 + 7) % 7)

        // Years that begin in March have their leap day at the end.
        let shifted = days + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = Int(shifted - era * 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfMarchYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfMarchYear + 2) / 153
        self.day = dayOfMarchYear - (153 * marchMonth + 2) / 5 + 1
        self.month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        self.year = Int64(yearOfEra) + era * 400 + (self.month <= 2 ? 1 : 0)
        let isLeap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
        self.dayOfYear = Self.daysBefore[self.month - 1] + self.day + (isLeap && self.month > 2 ? 1 : 0)
    }

    func text(_ letter: Unicode.Scalar) -> String? {
        switch letter {
        case "Y": String(self.year)
        case "y": Self.padded(Int(self.year % 100))
        case "C": Self.padded(Int(self.year / 100))
        case "m": Self.padded(self.month)
        case "d": Self.padded(self.day)
        case "e": Self.padded(self.day, with: " ")
        case "H": Self.padded(self.hour)
        case "I": Self.padded((self.hour + 11) % 12 + 1)
        case "M": Self.padded(self.minute)
        case "S": Self.padded(self.second)
        case "p": self.hour < 12 ? "AM" : "PM"
        case "j": (self.dayOfYear < 100 ? "0" : "") + Self.padded(self.dayOfYear)
        case "a": String(Self.weekdays[self.weekday].prefix(3))
        case "A": Self.weekdays[self.weekday]
        case "b", "h": String(Self.months[self.month - 1].prefix(3))
        case "B": Self.months[self.month - 1]
        case "u": String(self.weekday == 0 ? 7 : self.weekday)
        case "w": String(self.weekday)
        case "s": String(self.epoch)
        case "z": (self.zone < 0 ? "-" : "+") + Self.padded(abs(self.zone) / 60) + Self.padded(abs(self.zone) % 60)
        case "F": self.joined("Ymd", "-")
        case "T": self.joined("HMS", ":")
        case "D": self.joined("mdy", "/")
        case "R": self.joined("HM", ":")
        case "c": self.joined("abeTY", " ")
        case "n": "\n"
        case "t": "\t"
        case "%": "%"
        default: nil
        }
    }

    private func joined(_ letters: String, _ separator: String) -> String {
        letters.unicodeScalars.map { self.text($0) ?? "" }.joined(separator: separator)
    }

    private static func padded(_ number: Int, with filler: String = "0") -> String {
        (number < 10 ? filler : "") + String(number)
    }

    private static func floorDivide(_ left: Int64, _ right: Int64) -> Int64 {
        left / right - (left % right < 0 ? 1 : 0)
    }

    private static let daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
}
