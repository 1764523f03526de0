// AuthLedgerTests.swift
//
// RFC 4954 §9

import QPHooks
import Testing

@testable import QPActors

@Suite struct AuthLedgerTests {
    private static let second: Int64 = 1_000_000_000
    private static let address = IPAddress(ipv4: 0xC000_0201)

    private static var limits: Limits {
        var limits = Limits()
        limits.authErrorsPerAddress = 3
        limits.authWindow = .seconds(100)
        limits.authDelay = .seconds(10)
        return limits
    }

    private static func fail(_ ledger: inout AuthLedger, _ times: Int, at now: Int64, _ limits: Limits = Self.limits) {
        for _ in 0..<times { ledger.failed(Self.address, at: now, limits) }
    }

    @Test func waitsGetLonger() {
        var ledger = AuthLedger()
        Self.fail(&ledger, 2, at: 0)
        #expect(!ledger.isBlocked(Self.address, at: 0))
        var now: Int64 = 0
        for wait in [10, 20, 40, 80] as [Int64] {
            Self.fail(&ledger, now == 0 ? 1 : 3, at: now)
            #expect(ledger.isBlocked(Self.address, at: now + wait * Self.second - 1))
            now += wait * Self.second
            #expect(!ledger.isBlocked(Self.address, at: now))
        }
    }

    @Test func theLongestWait() {
        var ledger = AuthLedger()
        var now: Int64 = 0
        for _ in 0..<60 {
            Self.fail(&ledger, 3, at: now)
            while ledger.isBlocked(Self.address, at: now) { now += 60 * Self.second }
            #expect(now < 1000 * 3700 * Self.second)
        }
        Self.fail(&ledger, 3, at: now)
        #expect(ledger.isBlocked(Self.address, at: now + 3599 * Self.second))
        #expect(!ledger.isBlocked(Self.address, at: now + 3600 * Self.second))
    }

    @Test func theWindow() {
        var ledger = AuthLedger()
        Self.fail(&ledger, 2, at: 0)
        Self.fail(&ledger, 2, at: 101 * Self.second)
        #expect(!ledger.isBlocked(Self.address, at: 101 * Self.second))
        Self.fail(&ledger, 1, at: 102 * Self.second)
        #expect(ledger.isBlocked(Self.address, at: 102 * Self.second))
    }

    @Test func successForgets() {
        var ledger = AuthLedger()
        Self.fail(&ledger, 2, at: 0)
        ledger.succeeded(Self.address)
        Self.fail(&ledger, 2, at: 0)
        #expect(!ledger.isBlocked(Self.address, at: 0))
        #expect(ledger.count == 1)
    }

    @Test func networksOfIPv6() throws {
        var ledger = AuthLedger()
        for text in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            ledger.failed(try #require(IPAddress(text)), at: 0, Self.limits)
        }
        #expect(ledger.isBlocked(try #require(IPAddress("2001:db8::4")), at: 0))
        #expect(!ledger.isBlocked(try #require(IPAddress("2001:db8:0:1::4")), at: 0))
    }

    @Test func noLimit() {
        var limits = Self.limits
        limits.authErrorsPerAddress = 0
        var ledger = AuthLedger()
        Self.fail(&ledger, 100, at: 0, limits)
        #expect(ledger.count == 0)
    }

    @Test func itHasABound() {
        var ledger = AuthLedger()
        for number in 0..<(AuthLedger.limit + 100) {
            ledger.failed(IPAddress(ipv4: UInt32(number)), at: Int64(number), Self.limits)
        }
        #expect(ledger.count <= AuthLedger.limit)
        // Those that failed last are still known.
        for _ in 0..<2 { ledger.failed(IPAddress(ipv4: UInt32(AuthLedger.limit + 99)), at: 0, Self.limits) }
        #expect(ledger.isBlocked(IPAddress(ipv4: UInt32(AuthLedger.limit + 99)), at: 1))
    }
}
