// CaresResolverTests.swift
//
// The DNS, good and bad.

import QPHooks
import Synchronization
import Testing

@testable import QPServer

@Suite final class CaresResolverTests {
    let server: DNSTestServer
    let resolver: CaresResolver

    init() throws {
        self.server = try DNSTestServer()
        self.resolver = try CaresResolver(servers: [self.server.address], firstTimeout: .milliseconds(500), tries: 2)
    }

    deinit {
        self.resolver.stop()
        self.server.stop()
    }

    struct Case: CustomTestStringConvertible {
        let question: DNSQuestion
        let result: Result<DNSAnswer, DNSError>
        var testDescription: String { String("\(self.question)".prefix(60)) }
        init(_ question: DNSQuestion, _ answer: DNSAnswer) {
            (self.question, self.result) = (question, .success(answer))
        }
        init(_ question: DNSQuestion, _ error: DNSError) { (self.question, self.result) = (question, .failure(error)) }
    }

    static let long = String(repeating: "x", count: 63)

    @Test(arguments: [
        Case(.a("ok.example"), .addresses(["192.0.2.1", "192.0.2.2"])),
        Case(.a("OK.Example."), .addresses(["192.0.2.1", "192.0.2.2"])),
        Case(.a("b\u{FC}cher.example"), .addresses(["192.0.2.1", "192.0.2.2"])),
        Case(.a("_dmarc.ok.example"), .addresses(["192.0.2.1", "192.0.2.2"])),
        Case(.aaaa("ok.example"), .addresses(["2001:db8::1"])),
        Case(.a("cname.example"), .addresses(["192.0.2.9"])),
        Case(.ptr("192.0.2.1"), .names(["a.example", "b.example"])),
        Case(.ptr("2001:db8::1"), .names(["a.example", "b.example"])),
        Case(.ptr("::ffff:192.0.2.1"), .names(["a.example", "b.example"])),
        Case(.ptr("192.0.2.9"), .noData),
        Case(.ptr("not an address"), .noSuchName),
        Case(
            .mx("ok.example"),
            .exchanges([
                .init(preference: 10, name: "first.example"), .init(preference: 10, name: "second.example"),
                .init(preference: 20, name: "late.example"),
            ])),
        Case(.mx("nullmx.example"), .exchanges([.init(preference: 0, name: "")])),
        Case(.mx("evil.example"), .exchanges([.init(preference: 2, name: "b.example")])),
        Case(.txt("ok.example"), .texts(["v=spf1 -", "\u{FFFD}A", ""])),
        Case(.txt("nodata.example"), .noData),
        Case(.ns("zone.example"), .names(["ns1.example", "ns2.example"])),
        Case(.ns("nodata.example"), .noData),
        Case(.ns("nx.example"), .noSuchName),
        Case(.a("nx.example"), .noSuchName),
        Case(.mx("nx.example"), .noSuchName),
        Case(.a("trunc.example"), .addresses(["192.0.2.1", "192.0.2.2"])),
        Case(.a("late.example"), .addresses(["192.0.2.1", "192.0.2.2"])),
        Case(.a(""), .noSuchName),
        Case(.a("."), .noSuchName),
        Case(.a("a..b"), .noSuchName),
        Case(.a(".a"), .noSuchName),
        Case(.a("a b.example"), .noSuchName),
        Case(.a("a\\046b.example"), .noSuchName),
        Case(.a("a\0.example"), .noSuchName),
        Case(.a("\(Self.long)x.example"), .noSuchName),
        Case(.a([Self.long, Self.long, Self.long, Self.long].joined(separator: ".")), .noSuchName),
        Case(.a(String(repeating: "a.", count: 1000)), .noSuchName),
    ])
    func answers(_ row: Case) async {
        let result: Result<DNSAnswer, DNSError>
        do {
            result = .success(try await self.resolver.resolve(row.question, timeout: .seconds(5), origin: origin()))
        } catch {
            result = .failure(error)
        }
        #expect(result == row.result)
    }

    @Test(arguments: ["servfail", "refused", "loop", "short"])
    func brokenServersAreTemporary(_ name: String) async {
        let error = await #expect(throws: DNSError.self) {
            try await self.resolver.resolve(.a("\(name).example"), timeout: .seconds(4))
        }
        guard case .temporary? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func answersAreBounded() async throws {
        let answer = try await self.resolver.resolve(.a("many.example"), timeout: .seconds(5))
        guard case .addresses(let addresses) = answer else { return }
        #expect(addresses.count == 64)
    }

    @Test(arguments: ["silent", "wrongid", "forged", "garbage"])
    func silenceEndsAtTheLimit(_ name: String) async {
        await #expect(throws: DNSError.timedOut) {
            try await self.resolver.resolve(.a("\(name).example"), timeout: .milliseconds(200))
        }
    }

    @Test func serversGiveUpBeforeTheLimit() async {
        await #expect(throws: DNSError.timedOut) {
            try await self.resolver.resolve(.a("silent.example"), timeout: .seconds(60))
        }
        #expect(self.server.questions.load(ordering: .relaxed) == 2)
    }

    @Test func cancellationEndsTheWait() async throws {
        let resolver = self.resolver
        let task = Task { try await resolver.resolve(.a("silent.example"), timeout: .seconds(30)) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: DNSError.temporary("cancelled")) { try await task.value }
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await resolver.resolve(.a("silent.example"), timeout: .seconds(30))
        }
        await #expect(throws: DNSError.temporary("cancelled")) { try await early.value }
    }

    @Test func manyAtOnce() async {
        let resolver = self.resolver
        let answered = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<500 {
                group.addTask {
                    (try? await resolver.resolve(.a("n\(index).example"), timeout: .seconds(20))) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 500)
    }

    @Test func stoppingAnswersWhoWaits() async throws {
        let resolver = self.resolver
        let task = Task { try await resolver.resolve(.a("silent.example"), timeout: .seconds(30)) }
        try await Task.sleep(for: .milliseconds(50))
        resolver.stop()
        await #expect(throws: DNSError.temporary("the resolver stops")) { try await task.value }
        await #expect(throws: DNSError.self) { try await resolver.resolve(.a("ok.example"), timeout: .seconds(30)) }
    }

    @Test func wrongServersAreRefused() {
        for server in ["", "nonsense", "1.2.3", "127.0.0.1:port"] {
            #expect(throws: StartError.self, "\(server)") { try CaresResolver(servers: [server]) }
        }
        #expect(throws: Never.self) { try CaresResolver(servers: ["[::1]:5353", "127.0.0.1"]) }
        #expect(throws: Never.self) { try CaresResolver() }
    }
}
