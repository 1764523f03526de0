// BanListTests.swift
//
// Networks that may not connect: who is hit, what is counted, when it is over.

import QPHooks
import Testing

@testable import QPActors

@Suite struct BanListTests {
    /// A list that expectations can change.
    private final class Bans {
        var list = BanList()

        func add(_ id: String, _ network: String, until end: Int64? = nil, at time: Int64 = 0) -> Bool {
            guard let network = Network(network) else { return false }
            return self.list.add(
                Ban(id: id, network: network, reason: id, by: "test", createdAt: time, expiresAt: end))
        }
        func hits(_ address: String) -> Bool { IPAddress(address).map { self.list.hits($0) } ?? false }
        func holds(_ address: String) -> Bool { IPAddress(address).map { self.list.holds($0) } ?? false }
        func expire(at time: Int64) -> [String] { self.list.expire(at: time).map(\.id) }
        func remove(_ id: String) -> Ban? { self.list.remove(id) }
    }

    static let lookups: [Row<(bans: [String], address: String), Bool>] = [
        Row("nobody is banned", ([], "192.0.2.1"), false),
        Row("the address", (["192.0.2.1"], "192.0.2.1"), true),
        Row("its neighbour", (["192.0.2.1"], "192.0.2.2"), false),
        Row("first of a network", (["192.0.2.0/24"], "192.0.2.0"), true),
        Row("last of a network", (["192.0.2.0/24"], "192.0.2.255"), true),
        Row("beyond a network", (["192.0.2.0/24"], "192.0.3.0"), false),
        Row("the wider of two", (["192.0.2.0/28", "192.0.0.0/16"], "192.0.9.9"), true),
        Row("everybody of IPv4", (["0.0.0.0/0"], "203.0.113.9"), true),
        Row("IPv6 is another family", (["0.0.0.0/0"], "2001:db8::1"), false),
        Row("a network of IPv6", (["2001:db8::/32"], "2001:db8:ffff::1"), true),
        Row("beyond a network of IPv6", (["2001:db8::/32"], "2001:db9::"), false),
        Row("IPv4 in IPv6 clothes", (["192.0.2.1"], "::ffff:192.0.2.1"), true),
    ]

    @Test(arguments: lookups)
    func lookup(_ row: Row<(bans: [String], address: String), Bool>) {
        let bans = Bans()
        for network in row.input.bans { #expect(bans.add(network, network)) }
        #expect(bans.holds(row.input.address) == row.expected)
        #expect(bans.hits(row.input.address) == row.expected)
        #expect(bans.list.hits == (row.expected ? 1 : 0))
    }

    @Test func life() {
        let bans = Bans()
        #expect(bans.list.isEmpty && bans.list.all.isEmpty)
        #expect(bans.add("a", "192.0.2.0/24", until: 10, at: 1))
        #expect(bans.add("b", "198.51.100.0/24", at: 2))
        #expect(bans.add("c", "203.0.113.0/24", until: 20, at: 3))
        #expect(bans.list.all.map(\.id) == ["c", "b", "a"])
        #expect(bans.expire(at: 9) == [])
        #expect(bans.expire(at: 10) == ["a"])
        #expect(!bans.holds("192.0.2.1") && bans.holds("203.0.113.1"))
        #expect(bans.remove("a") == nil)
        #expect(bans.remove("b")?.id == "b")
        #expect(!bans.holds("198.51.100.1"))
        #expect(bans.expire(at: .max) == ["c"])
        #expect(bans.list.isEmpty && bans.list.count == 0)
    }

    /// A ban in the place of another goes on counting.
    @Test func again() {
        let bans = Bans()
        #expect(bans.add("old", "192.0.2.0/24", until: 10))
        #expect(bans.hits("192.0.2.1"))
        #expect(bans.add("new", "192.0.2.77/24", until: 30))
        #expect(bans.list.count == 1)
        #expect(bans.hits("192.0.2.1"))
        #expect(bans.list.all.map(\.hits) == [2])
        #expect(bans.remove("old") == nil)
        #expect(bans.expire(at: 20) == [])
        #expect(bans.remove("new")?.hits == 2)
        #expect(!bans.holds("192.0.2.1"))
    }

    @Test func thereIsALimit() throws {
        let bans = Bans()
        var refused = 0
        for number in 0..<UInt32(BanList.limit) {
            let network = try #require(Network(IPAddress(ipv4: number), prefixLength: 32))
            let ban = Ban(id: "\(number)", network: network, reason: "", by: "", createdAt: 0, expiresAt: nil)
            if !bans.list.add(ban) { refused += 1 }
        }
        #expect(refused == 0)
        #expect(!bans.add("one more", "192.0.2.0/24"))
        #expect(bans.add("again", "0.0.0.9"))
        #expect(bans.list.count == BanList.limit)
    }
}
