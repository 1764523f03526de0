// HookTableTests.swift
//
// Order, wrapping, inheriting, groups.

import QPHooks
import QPTestKit
import Testing

/// Answers by a script and writes down that it was asked.
private struct Answering: Plugin {
    static let name = "answering"
    static let manual = "answering"
    static let asked = NoteKey<String>("asked")

    let register: @Sendable (inout HookTable) -> Void

    init(_ setup: PluginSetup) throws(PluginError) { self.register = { _ in } }
    init(_ register: @escaping @Sendable (inout HookTable) -> Void) { self.register = register }

    func register(on hooks: inout HookTable) { self.register(&hooks) }

    static func handler(_ name: String, _ verdict: Verdict<Void> = .declined) -> Handler<RecipientEvent, Void> {
        { _, session in
            session.notes[self.asked] = (session.notes[self.asked] ?? "") + name
            return verdict
        }
    }

    static func waiting(_ name: String, _ verdict: Verdict<Void> = .declined) -> WaitingHandler<RecipientEvent, Void> {
        { _, session in
            await Task.yield()
            session.notes[self.asked] = (session.notes[self.asked] ?? "") + name
            return verdict
        }
    }
}

private final class Host: HookHost {
    func answer(_ request: HostRequest) async throws -> HostAnswer { HostAnswer(trail: []) }
}

private func table(slot: PluginSlot = 3, _ register: (inout HookTable) -> Void) -> HookTable {
    var table = HookTable(slot: slot)
    register(&table)
    return table
}

/// Asks a chain in order; gives the names that were asked and the verdict.
private func run(_ table: HookTable) async throws -> (String, Verdict<Void>) {
    let harness = try PluginHarness(Empty.self)
    let event = try RecipientEvent(testing: "a@b.example")
    var last = Verdict<Void>.declined
    for element in table.session.rcpt.elements {
        switch element.body {
        case .sync(let handler): last = try handler(event, harness.session)
        case .waiting(let handler): last = try await handler(event, harness.session)
        case .group: continue
        }
        if last.code != .declined { break }
    }
    return (harness.session.notes[Answering.asked] ?? "", last)
}

@Suite("hook table")
struct HookTableTests {
    @Test func orderAndFirst() async throws {
        let table = table { hooks in
            hooks.on(.rcpt, Answering.handler("a"))
            hooks.on(.rcpt, Answering.handler("b"))
            hooks.on(.rcpt, first: true, Answering.handler("c"))
        }
        #expect(try await run(table).0 == "cab")
        #expect(table.hooks == [.rcpt])
        #expect(table.session.rcpt.elements.allSatisfy { $0.slot == 3 })
        #expect(!table.session.rcpt.mayWait)
    }

    @Test func methodsChooseTheirOverload() {
        struct Both {
            @Sendable func quick(_ event: PlainEvent, in session: SessionContext) -> Verdict<Void> { .declined }
            @Sendable func slow(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> { .declined }
        }
        let both = Both()
        let table = table { hooks in
            hooks.on(.connect, both.quick)
            hooks.on(.disconnect, both.slow)
        }
        #expect(!table.session.connect.mayWait)
        #expect(table.session.disconnect.mayWait)
    }

    @Test func otherKindsOfHooks() {
        let table = table { hooks in
            hooks.on(.preConnection) { _, _ in .declined }
            hooks.on(.logging) { _ in .declined }
            hooks.on(.config) { _ in .ok(["x"]) }
            hooks.on(.userConfig) { _ in .declined }
        }
        #expect(table.hooks == [.preConnection, .logging, .config, .userConfig])
        #expect(!table.arrival.mayWait)
        #expect(table.server.logging.elements.count == 1)
        #expect(table.server.userConfig.count == 1)
    }

    @Test func inheriting() async throws {
        let parent = Answering { hooks in
            hooks.on(.rcpt, Answering.handler("p"))
            hooks.on(.mail) { _, _ in .ok }
        }
        let table = table(slot: 9) { hooks in
            hooks.on(.rcpt, Answering.handler("c"))
            hooks.inherit(parent)
        }
        #expect(try await run(table).0 == "cp")
        #expect(table.hooks == [.rcpt, .mail])
        #expect(table.session.mail.elements.map(\.slot) == [9])
    }

    @Test func wrapping() async throws {
        let parent = Answering { hooks in
            hooks.on(.rcpt, Answering.handler("1"))
            hooks.on(.rcpt, Answering.handler("2", .deny("no")))
            hooks.on(.rcpt, Answering.handler("3"))
            hooks.on(.mail) { _, _ in .ok }
        }
        let table = table { hooks in
            hooks.wrap(.rcpt, parent) { event, session, next in
                let verdict = try next(event, session)
                return verdict.code == .deny ? .denyDisconnect(verdict.text) : verdict
            }
        }
        let (asked, verdict) = try await run(table)
        #expect(asked == "12")
        #expect(verdict == .denyDisconnect("no"))
        #expect(table.hooks == [.rcpt], "only what is wrapped is taken over")
        #expect(!table.session.rcpt.mayWait)
        #expect(table.problems.isEmpty)
    }

    @Test func wrappingWhatWaits() async throws {
        let parent = Answering { hooks in
            hooks.on(.rcpt, Answering.handler("1"))
            hooks.on(.rcpt, Answering.waiting("2", .ok))
        }
        let waiting = table { hooks in
            hooks.wrap(.rcpt, parent) { event, session, next in try await next(event, session) }
        }
        let (asked, verdict) = try await run(waiting)
        #expect(asked == "12")
        #expect(verdict == .ok)
        #expect(waiting.session.rcpt.mayWait)

        let quick = table { hooks in hooks.wrap(.rcpt, parent) { try $2($0, $1) } }
        #expect(quick.problems == ["the wrapped plugin waits at rcpt: the wrapping handler must be async"])
    }

    @Test func neighboursOfOneHostBecomeOneGroup() {
        let (host, other) = (Host(), Host())
        var chains = SessionChains()
        for (slot, host) in [(0, host), (1, host), (2, other), (3, host)] {
            chains.append(table(slot: PluginSlot(slot)) { $0.contribute(.rcpt, host: host, entry: 10 + slot) }.session)
        }
        chains.append(table(slot: 4) { $0.on(.rcpt, Answering.handler("x")) }.session)
        chains.append(table(slot: 5) { $0.contribute(.rcpt, host: host, entry: 15) }.session)
        let groups = chains.rcpt.elements.map { element -> [Int] in
            if case .group(_, let entries) = element.body { entries.map(\.entry) } else { [] }
        }
        #expect(groups == [[10, 11], [12], [13], [], [15]])
        #expect(chains.rcpt.elements.map(\.slot) == [0, 2, 3, 4, 5])
        #expect(chains.rcpt.mayWait)
        #expect(chains.mail.isEmpty)
    }
}
