// DNSLifetime.swift
//
// RFC 1035 §4.1, RFC 2181 §8, RFC 2308 §5

import QPHooks

/// For how long an answer may be remembered. Read here from the message: c-ares tells times of addresses only.
enum DNSLifetime {
    static let longest: UInt32 = 86_400
    static let longestDenial: UInt32 = 3_600
    /// For a denial without the zone's own word on it.
    static let plainDenial: UInt32 = 60
    private static let soa: UInt16 = 6
    private static let maxRecords = 512

    /// Seconds; 0: not at all.
    static func seconds(_ message: UnsafeBufferPointer<UInt8>, _ result: Result<DNSAnswer, DNSError>) -> UInt32 {
        switch result {
        case .success:
            // What cannot be read has no lifetime.
            return min(Self.read(message)?.answers ?? 0, Self.longest)
        case .failure(.noSuchName), .failure(.noData):
            return min(Self.read(message)?.denial ?? Self.plainDenial, Self.longestDenial)
        case .failure(.temporary), .failure(.timedOut):
            return 0
        }
    }

    private struct Lifetimes {
        /// The shortest of the answer's records.
        var answers: UInt32?
        /// RFC 2308 §5: the shorter of the SOA's own lifetime and its last number.
        var denial: UInt32?
    }

    private static func read(_ message: UnsafeBufferPointer<UInt8>) -> Lifetimes? {
        guard let questions = Self.number16(message, 4), let answers = Self.number16(message, 6),
            let authorities = Self.number16(message, 8), Int(answers) + Int(authorities) <= Self.maxRecords
        else { return nil }
        var place = 12
        for _ in 0..<questions {
            guard let end = Self.endOfName(message, place) else { return nil }
            place = end + 4
        }
        var result = Lifetimes()
        for index in 0..<Int(answers) + Int(authorities) {
            guard let start = Self.endOfName(message, place), let type = Self.number16(message, start),
                let lifetime = Self.number32(message, start + 4), let count = Self.number16(message, start + 8)
            else { return nil }
            place = start + 10 + Int(count)
            guard place <= message.count else { return nil }
            // RFC 2181 §8: with the highest bit set it is none.
            let seconds = lifetime >> 31 == 0 ? lifetime : 0
            if index < Int(answers) {
                result.answers = min(result.answers ?? .max, seconds)
            } else if type == Self.soa, count >= 22, let minimum = Self.number32(message, place - 4) {
                result.denial = min(seconds, minimum)
            }
        }
        return result
    }

    /// Where a name ends, itself or its pointer; nil outside the message.
    private static func endOfName(_ message: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int? {
        var place = start
        while place < message.count {
            switch message[place] {
            case 0: return place + 1
            case 0xC0...: return place + 2
            case 1..<0x40: place += 1 + Int(message[place])
            default: return nil
            }
        }
        return nil
    }

    private static func number16(_ message: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt16? {
        guard place >= 0, place + 2 <= message.count else { return nil }
        return UInt16(message[place]) << 8 | UInt16(message[place + 1])
    }

    private static func number32(_ message: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt32? {
        guard let high = Self.number16(message, place), let low = Self.number16(message, place + 2) else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }
}
