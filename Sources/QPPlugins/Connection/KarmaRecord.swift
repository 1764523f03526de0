// KarmaRecord.swift
//
// What karma remembers of an address, and what a visit does to it.

import QPHooks

/// The history of an address: `penalty_start:naughty:nice:connects` in the store.
struct KarmaRecord: Sendable, Hashable {
    /// Seconds since 1970; 0 if there is none. Later than now for those who got a penalty beyond the usual one.
    var penaltyStart: Int64 = 0
    var naughty: Int64 = 0
    var nice: Int64 = 0
    var connects: Int64 = 0

    static let secondsPerDay: Int64 = 86400
    private static let lifetime = 90 * Self.secondsPerDay
    /// So that no sum of numbers, wherever they come from, overflows.
    private static let greatest: Int64 = 1 << 40

    init() {}

    /// Reads a stored value; `nil` for what is none.
    init?(_ value: [UInt8]) {
        let fields = String(decoding: value, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
        let numbers = fields.compactMap { Int64($0) }.map { min(max($0, 0), Self.greatest) }
        guard fields.count == 4, numbers.count == 4 else { return nil }
        (self.penaltyStart, self.naughty, self.nice, self.connects) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }

    /// As it is stored.
    var value: [UInt8] { Array("\(self.penaltyStart):\(self.naughty):\(self.nice):\(self.connects)".utf8) }

    var history: Int { Int(self.nice - self.naughty) }

    var summary: String { "\(self.naughty) naughty, \(self.nice) nice, \(self.connects) connects" }

    /// The seconds of the penalty that are left; `nil` if there is none.
    func penaltyLeft(at now: Int64, of length: Int64) -> Int64? {
        guard self.penaltyStart > 0 else { return nil }
        let left = self.penaltyStart + length - now
        return left > 0 ? left : nil
    }

    /// How long the store keeps it: 90 days, or as long as the penalty lasts.
    func lifetime(at now: Int64, penalty length: Int64) -> Duration {
        .seconds(max(Self.lifetime, self.penaltyLeft(at: now, of: length) ?? 0))
    }

    /// Takes a visit's karma into account.
    /// - Returns: what became of it, for the log.
    mutating func visited(karma: Int, at now: Int64, strikes: Int, negative: Int) -> String {
        self.connects += 1
        if karma >= strikes {
            self.nice += 1
            return "positive"
        }
        guard karma <= -strikes else { return "neutral" }

        self.naughty += 1
        let history = self.history
        guard history <= -negative else { return "negative" }
        // Who never sent anything good stays away for as many days as there were bad visits, at most a year.
        let isIncorrigible = self.nice == 0 && history < -5
        self.penaltyStart = now + (isIncorrigible ? Int64(min(-history, 365)) * Self.secondsPerDay : 0)
        return "negative, sent to penalty box" + (isIncorrigible ? " with a bonus" : "")
    }
}
