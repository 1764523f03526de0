// FailureThrottle.swift
//
// How many wrong tokens a source may try.

import Glibc
import NIOCore
import Synchronization

/// Each source may fail 20 times at once and twice a second from then on. Holds at most 1,024 sources; those beyond share
/// one allowance.
final class FailureThrottle: Sendable {
    private struct Allowance {
        var left: Double
        var at: NIODeadline

        mutating func refill(_ now: NIODeadline) {
            let seconds = Double((now - self.at).nanoseconds) / 1e9
            self.left = min(FailureThrottle.burst, self.left + seconds * FailureThrottle.rate)
            self.at = now
        }
    }

    private static let burst = 20.0
    private static let rate = 2.0
    private static let limit = 1_024
    private let sources = Mutex<[String: Allowance]>([:])

    /// - Returns: whether a token of the source is looked at now.
    func permits(_ source: String, at now: NIODeadline = .now()) -> Bool {
        self.sources.withLock { sources in
            guard var allowance = sources[Self.key(source, sources)] else { return true }
            allowance.refill(now)
            return allowance.left >= 1
        }
    }

    /// A token of the source was wrong.
    func failed(_ source: String, at now: NIODeadline = .now()) {
        self.sources.withLock { sources in
            if sources.count >= Self.limit {
                sources = sources.filter { _, allowance in
                    var allowance = allowance
                    allowance.refill(now)
                    return allowance.left < Self.burst
                }
            }
            let key = Self.key(source, sources)
            var allowance = sources[key] ?? Allowance(left: Self.burst, at: now)
            allowance.refill(now)
            allowance.left = max(0, allowance.left - 1)
            sources[key] = allowance
        }
    }

    /// How many sources it holds.
    var count: Int { self.sources.withLock { $0.count } }

    private static func key(_ source: String, _ sources: [String: Allowance]) -> String {
        sources[source] == nil && sources.count >= Self.limit ? "" : source
    }

    /// One name for all addresses that somebody is likely to have: the first 64 bits of an IPv6 address.
    static func source(of address: String) -> String {
        var octets = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, address, &octets) == 1 else { return address }
        // An IPv4 address as IPv6 is in the last 32 bits.
        let isMapped = octets.prefix(10).allSatisfy { $0 == 0 }
        return octets.prefix(isMapped ? 16 : 8).map { String($0, radix: 16) }.joined(separator: ":")
    }
}
