// LoopPort.swift
//
// What telemetry has of an event loop: where its sessions and counts are, and how to ask for them.

import QPActors
import QPHooks
import QPTelemetry
import Synchronization

/// One event loop, for observers. Everything but `lag` is asked for on the loop.
final class LoopPort: Sendable {
    let core: LoopCore
    let sessions: LiveSessions
    let journal: LoopJournal
    private let counters = Mutex<[ListenerCounters]>([])
    private let pulse = Mutex(Pulse())

    private struct Pulse {
        var asked: Int64?
        var lag: Int64 = 0
    }

    init(core: LoopCore, sessions: LiveSessions, journal: LoopJournal) {
        self.core = core
        self.sessions = sessions
        self.journal = journal
    }

    /// What its listeners count.
    var listeners: [ListenerCounters] { self.counters.withLock { $0 } }

    func add(_ listener: ListenerCounters) { self.counters.withLock { $0.append(listener) } }

    /// What is counted; on the loop.
    func counts() -> LoopCounts {
        LoopCounts(
            time: SystemCall.monotonic, counters: self.core.serverCounters(), hooks: self.core.hookStatistics(),
            connections: self.listeners.flatMap { listener in
                ListenerCounters.Result.allCases.map { (listener.name, $0.name, listener[$0]) }
            })
    }

    // MARK: Pulse

    /// A loop that has not turned for this long is not waited for.
    static let patience: Int64 = 1_000_000_000

    /// Asks the loop to show that it turns; any thread. `turned` runs on the loop when it does.
    func feel(at now: Int64, turned: @escaping @Sendable (LoopPort) -> Void) {
        let isAsked = self.pulse.withLock { pulse in
            guard pulse.asked == nil else { return true }
            pulse.asked = now
            return false
        }
        guard !isAsked else { return }
        self.core.loop.execute {
            let lag = SystemCall.monotonic - now
            self.pulse.withLock { pulse in
                pulse.asked = nil
                pulse.lag = lag
            }
            turned(self)
        }
    }

    /// How long the loop took to turn when it was asked last, or takes already, in nanoseconds.
    func lag(at now: Int64) -> Int64 {
        self.pulse.withLock { pulse in max(pulse.lag, pulse.asked.map { now - $0 } ?? 0) }
    }

    /// How long it has not turned, if that is too long.
    func stuck(at now: Int64) -> Int64? {
        self.pulse.withLock { pulse in pulse.asked.map { now - $0 } }.flatMap { $0 > Self.patience ? $0 : nil }
    }

    /// How it is.
    func row(at now: Int64) -> LoopRow {
        let lag = Double(self.lag(at: now)) / 1e9
        guard let stuck = self.stuck(at: now) else { return LoopRow(number: self.core.number, lag: lag) }
        let last = self.core.lastRun
        return LoopRow(
            number: self.core.number, lag: lag, stuck: Double(stuck) / 1e9, plugin: last?.plugin,
            hook: last?.hook.name, session: last?.session.description)
    }
}

/// What one loop counted at a time; counts of its sessions come from a look at each of them.
struct LoopCounts: Sendable {
    var time = Int64.min
    var counters = ServerCounters()
    var hooks: [HookStatistics] = []
    var connections: [(listener: String, result: String, count: UInt64)] = []
}

/// The event loops of a server.
struct LoopPorts: Sendable {
    let all: [LoopPort]

    /// How long loops may take to answer.
    private static let limit = Duration.milliseconds(800)
    /// Sessions that are looked at in one turn of a loop.
    private static let slice = 512

    /// Asks every loop; `nil` of those that do not answer in time.
    func ask<Answer: Sendable>(_ question: @escaping @Sendable (LoopPort) -> Answer) async -> [Answer?] {
        await self.collect { port, answer in
            port.core.loop.execute { answer(question(port)) }
        }
    }

    /// Looks at every session, in slices so that the loop's other work goes on; what `look` gives is collected.
    func visit<Found: Sendable>(
        _ look: @escaping @Sendable (isolated Session) -> Found?
    ) async -> [[Found]?] {
        await self.visitPorts { _, session in look(session) }
    }

    /// The same, with the session's loop.
    func visitPorts<Found: Sendable>(
        _ look: @escaping @Sendable (LoopPort, isolated Session) -> Found?
    ) async -> [[Found]?] {
        await self.collect { port, answer in
            port.core.loop.execute { Self.visit(port, from: 0, [], { look(port, $0) }, answer) }
        }
    }

    /// Does something with every session of a loop as soon as it turns; waits for nothing.
    static func later(_ port: LoopPort, _ act: @escaping @Sendable (isolated Session) -> Void) {
        port.core.loop.execute {
            Self.visit(
                port, from: 0, [],
                { session -> Bool? in
                    act(session)
                    return nil
                }
            ) { _ in }
        }
    }

    private static func visit<Found: Sendable>(
        _ port: LoopPort, from start: Int, _ found: [Found], _ look: @escaping @Sendable (isolated Session) -> Found?,
        _ answer: @escaping @Sendable ([Found]) -> Void
    ) {
        var found = found
        let end = port.sessions.visit(from: start, atMost: Self.slice) { session in
            if let one = session.assumeIsolated({ look($0) }) { found.append(one) }
        }
        guard let end else { return answer(found) }
        let soFar = found
        port.core.loop.execute { Self.visit(port, from: end, soFar, look, answer) }
    }

    private func collect<Answer: Sendable>(
        _ ask: (LoopPort, @escaping @Sendable (Answer) -> Void) -> Void
    ) async -> [Answer?] {
        let answers = LoopAnswers<Answer>(self.all.count)
        let now = SystemCall.monotonic
        for (index, port) in self.all.enumerated() {
            if port.stuck(at: now) != nil {
                answers.set(index, nil)
            } else {
                ask(port) { answers.set(index, $0) }
            }
        }
        if let all = answers.complete { return all }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await answers.wait() }
            group.addTask {
                try? await Task.sleep(for: Self.limit)
                answers.giveUp()
            }
            await group.next()
            group.cancelAll()
        }
        return answers.all
    }
}

/// The answers of several loops, as they come.
private final class LoopAnswers<Answer: Sendable>: Sendable {
    private struct State {
        var answers: [Answer?]
        var isAnswered: [Bool]
        var missing: Int
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State>

    init(_ count: Int) {
        self.state = Mutex(
            State(
                answers: Array(repeating: nil, count: count), isAnswered: Array(repeating: false, count: count),
                missing: count))
    }

    func set(_ index: Int, _ answer: Answer?) {
        let waiter = self.state.withLock { state in
            guard !state.isAnswered[index] else { return CheckedContinuation<Void, Never>?.none }
            state.isAnswered[index] = true
            state.answers[index] = answer
            state.missing -= 1
            guard state.missing == 0 else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func giveUp() {
        let waiter = self.state.withLock { state in
            state.missing = 0
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isComplete = self.state.withLock { state in
                if state.missing > 0 { state.waiter = continuation }
                return state.missing <= 0
            }
            if isComplete { continuation.resume() }
        }
    }

    var all: [Answer?] { self.state.withLock { $0.answers } }
    var complete: [Answer?]? { self.state.withLock { $0.missing == 0 ? $0.answers : nil } }
}
