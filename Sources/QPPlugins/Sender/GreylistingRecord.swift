// GreylistingRecord.swift
//
// What greylisting remembers of a client, or of a client and an envelope.

import QPHooks

/// An entry of the store: `ts:new:black:white`.
struct GreylistingRecord: Sendable, Hashable {
    /// What an attempt means.
    enum Outcome: Sendable, Hashable {
        /// Never seen, or forgotten.
        case unknown
        /// Seen, but not long enough ago.
        case black(Int64)
        /// It came back when it should: it is trusted from now on.
        case grey
        /// It is trusted.
        case white(Int64)
    }

    /// Seconds since 1970: the first attempt, or for what is trusted, its last use.
    var time: Int64
    var new: Int64 = 1
    var black: Int64 = 0
    var white: Int64 = 0

    /// The days in which a client must have come back: longer than servers keep trying (RFC 5321 §4.5.4.1).
    private static let patience: Int64 = 6 * 86400
    private static let greatest: Int64 = 1 << 40

    init(time: Int64) { self.time = time }

    /// Reads a stored value; `nil` for what is none.
    init?(_ value: [UInt8]) {
        let fields = String(decoding: value, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
        let numbers = fields.compactMap { Int64($0) }.map { min(max($0, 0), Self.greatest) }
        guard fields.count == 4, numbers.count == 4 else { return nil }
        (self.time, self.new, self.black, self.white) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }

    /// As it is stored.
    var value: [UInt8] { Array("\(self.time):\(self.new):\(self.black):\(self.white)".utf8) }

    /// An attempt: what it means, and what is to be remembered.
    static func attempt(
        _ stored: Self?, at now: Int64, options: GreylistingOptions
    ) -> (outcome: Outcome, record: Self) {
        guard var record = stored, now - record.time < options.whiteTimeout else { return (.unknown, Self(time: now)) }
        if record.white == 0, now - record.time < options.blackTimeout {
            record.black += 1
            return (.black(record.black), record)
        }
        record.white += 1
        record.time = now
        return (record.white == 1 ? .grey : .white(record.white), record)
    }

    /// How long the store keeps it: what is trusted from its last use on, the rest from the first attempt on.
    func lifetime(at now: Int64, options: GreylistingOptions) -> Duration {
        guard self.white == 0 else { return .seconds(options.whiteTimeout) }
        let whole = min(options.whiteTimeout, options.blackTimeout + Self.patience)
        return .seconds(max(1, whole - (now - self.time)))
    }
}
