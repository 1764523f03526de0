// DNSCacheTests.swift
//
// What is remembered of the DNS, and for how long.

import QPHooks
import Synchronization
import Testing

@testable import QPServer

/// A resolver of a test server whose memory goes by a clock that tests move.
@Suite final class DNSCacheTests {
    final class Clock: Sendable {
        let nanoseconds = Atomic<Int64>(0)
        func advance(_ seconds: Int64) { self.nanoseconds.wrappingAdd(seconds * second, ordering: .relaxed) }
    }

    let clock = Clock()
    let server: DNSTestServer
    let resolver: CaresResolver

    init() throws {
        let clock = self.clock
        self.server = try DNSTestServer()
        self.resolver = try CaresResolver(
            servers: [self.server.address], firstTimeout: .seconds(30), tries: 2,
            cache: DNSCache { clock.nanoseconds.load(ordering: .relaxed) })
    }

    deinit {
        self.resolver.stop()
        self.server.stop()
    }

    private var asked: Int { self.server.questions.load(ordering: .relaxed) }

    private func ask(_ question: DNSQuestion, _ timeout: Duration = .seconds(20)) async -> Result<DNSAnswer, DNSError> {
        do throws(DNSError) {
            return .success(try await self.resolver.resolve(question, timeout: timeout))
        } catch {
            return .failure(error)
        }
    }

    struct Case: CustomTestStringConvertible {
        let question: DNSQuestion
        /// Seconds.
        let lifetime: Int64
        var testDescription: String { "\(self.question) for \(self.lifetime) s" }
        init(_ question: DNSQuestion, _ lifetime: Int64) { (self.question, self.lifetime) = (question, lifetime) }
    }

    @Test(arguments: [
        Case(.a("ok.example"), 60), Case(.a("ttl.7.example"), 7), Case(.a("ttl.2147483647.example"), 86_400),
        Case(.ns("ttl.7.example"), 7), Case(.aaaa("ok.example"), 60), Case(.mx("ok.example"), 60),
        Case(.txt("ok.example"), 60), Case(.ptr("192.0.2.1"), 60), Case(.a("nx.example"), 60),
        Case(.a("nodata.example"), 60), Case(.a("nxsoa.30.example"), 30), Case(.mx("nodatasoa.30.example"), 30),
        Case(.a("nxsoa.4000000000.example"), 3_000), Case(.a("cname.example"), 60),
    ])
    func answersAreRememberedForTheirTime(_ row: Case) async {
        let answer = await self.ask(row.question)
        #expect(await self.ask(row.question) == answer)
        self.clock.advance(row.lifetime - 1)
        #expect(await self.ask(row.question) == answer)
        #expect(self.asked == 1)
        #expect(self.resolver.remembered(row.question) == answer)
        self.clock.advance(1)
        #expect(self.resolver.remembered(row.question) == nil)
        #expect(await self.ask(row.question) == answer)
        #expect(self.asked == 2)
    }

    @Test(arguments: [
        DNSQuestion.a("ttl.0.example"), .a("ttl.4294967295.example"), .a("nxsoa.0.example"), .a("servfail.example"),
        .a("refused.example"), .a("short.example"), .a("loop.example"),
    ])
    func whatIsNotRemembered(_ question: DNSQuestion) async {
        let answer = await self.ask(question)
        let before = self.asked
        #expect(self.resolver.remembered(question) == nil)
        #expect(await self.ask(question) == answer)
        #expect(self.asked > before)
    }

    @Test(arguments: ["wrongid", "forged", "silent", "garbage"])
    func liesAreNotRemembered(_ name: String) async {
        #expect(await self.ask(.a("\(name).example"), .milliseconds(200)) == .failure(.timedOut))
        #expect(self.resolver.remembered(.a("\(name).example")) == nil)
    }

    @Test func namesAreTheSameInAllLetters() async {
        let answer = await self.ask(.a("OK.Example."))
        #expect(await self.ask(.a("ok.example")) == answer)
        #expect(self.asked == 1)
        #expect(await self.ask(.aaaa("ok.example")) != answer)
        #expect(self.asked == 2)
    }

    @Test func namesThatCannotBeTakeNoPlace() async {
        for index in 0..<10 { #expect(await self.ask(.a("a b\(index)")) == .failure(.noSuchName)) }
        #expect(self.asked == 0)
        #expect(self.resolver.remembered(.a("a b1")) == nil)
    }

    @Test func manyAskOnce() async {
        let resolver = self.resolver
        let answers = await withTaskGroup(of: DNSAnswer?.self) { group in
            for _ in 0..<100 {
                group.addTask { try? await resolver.resolve(.a("late.example"), timeout: .seconds(20)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: .addresses(["192.0.2.1", "192.0.2.2"]), count: 100))
        #expect(self.asked == 1)
    }

    @Test func whoGoesTakesNoAnswerFromOthers() async throws {
        let (resolver, server) = (self.resolver, self.server)
        let first = Task { try await resolver.resolve(.a("held.example"), timeout: .seconds(20)) }
        while server.questions.load(ordering: .relaxed) == 0 { await Task.yield() }
        let second = Task { try await resolver.resolve(.a("held.example"), timeout: .seconds(20)) }
        first.cancel()
        await #expect(throws: DNSError.temporary("cancelled")) { try await first.value }
        server.isReleased.store(true, ordering: .relaxed)
        #expect(try await second.value == .addresses(["192.0.2.1", "192.0.2.2"]))
    }

    @Test func eachKeepsItsOwnLimit() async throws {
        let resolver = self.resolver
        let patient = Task { try await resolver.resolve(.a("held.example"), timeout: .seconds(20)) }
        while self.asked == 0 { await Task.yield() }
        #expect(await self.ask(.a("held.example"), .milliseconds(1)) == .failure(.timedOut))
        self.server.isReleased.store(true, ordering: .relaxed)
        #expect(try await patient.value == .addresses(["192.0.2.1", "192.0.2.2"]))
    }

    @Test func metersCountOnlyWhatWasAsked() async throws {
        let meters = ExternalMeters()
        let metered = MeteredResolver(self.resolver, meters)
        for _ in 0..<5 {
            _ = try await metered.resolve(.a("ok.example"), timeout: .seconds(20), origin: origin())
            await #expect(throws: DNSError.noSuchName) {
                try await metered.resolve(.a("nx.example"), timeout: .seconds(20), origin: origin())
            }
        }
        #expect(meters.counts().first { $0.kind == "dns" && $0.result == "ok" }?.count == 2)
    }

    // MARK: The memory itself

    private static let some = Result<DNSAnswer, DNSError>.success(.addresses(["192.0.2.1"]))

    @Test func entriesAreBoundedAndWhatIsAskedForStays() {
        let cache = DNSCache(maxEntries: 100) { 0 }
        for index in 0..<10_000 {
            cache.keep(Self.some, of: .a("n\(index)"), for: 60)
            if index % 10 == 0 { #expect(cache.answer(to: .a("n0")) == Self.some) }
            #expect(cache.count <= 101)
        }
        #expect(cache.answer(to: .a("n9999")) == Self.some)
        #expect(cache.answer(to: .a("n1")) == nil)
    }

    @Test func octetsAreBounded() {
        let cache = DNSCache(maxOctets: 100_000) { 0 }
        let large = Result<DNSAnswer, DNSError>.success(.texts([String(repeating: "x", count: 10_000)]))
        for index in 0..<100 {
            cache.keep(large, of: .txt("n\(index)"), for: 60)
            #expect(cache.count <= 10)
        }
        #expect(cache.answer(to: .txt("n99")) == large)
        cache.keep(.success(.texts([String(repeating: "x", count: 20_000)])), of: .txt("larger"), for: 60)
        #expect(cache.answer(to: .txt("larger")) == nil)
    }

    @Test func newAnswersTakeThePlaceOfOld() {
        let cache = DNSCache(maxEntries: 4) { 0 }
        cache.keep(Self.some, of: .a("n"), for: 60)
        cache.keep(Self.some, of: .a("other"), for: 60)
        cache.keep(Self.some, of: .a("third"), for: 60)
        cache.keep(.failure(.noSuchName), of: .a("n"), for: 60)
        #expect(cache.answer(to: .a("n")) == .failure(.noSuchName))
        #expect(cache.count == 3)
    }

    @Test func messagesOfNoiseHaveNoLifetime() {
        var noise = SystemNoise(state: 7)
        for count in 0..<600 {
            let octets = (0..<count % 90).map { _ in UInt8(truncatingIfNeeded: noise.next() >> 33) }
            let seconds = octets.withUnsafeBufferPointer { DNSLifetime.seconds($0, Self.some) }
            #expect(seconds <= DNSLifetime.longest)
        }
    }
}

/// Numbers that are the same in every run.
private struct SystemNoise {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return self.state
    }
}
