// LogRing.swift
//
// The last lines of the log, for those who watch it.

import QPHooks
import Synchronization

/// The last lines, numbered from 1: bounded, the oldest give way. Whoever appends never waits for a watcher, and does
/// nothing for one but waking it if it waits.
final class LogRing: Sendable {
    package static let maxLines = 4096
    static let maxOctets = 4 << 20

    struct Line: Sendable {
        let event: LoggingEvent
        /// Whether it is there for everybody: it was at the level of the outputs, not only at that of a watcher.
        let isOrdinary: Bool
        fileprivate let octets: Int
    }

    /// Some lines in order.
    struct Slice: Sendable {
        /// The number of the first of these lines.
        let start: UInt64
        let lines: [Line]
        /// What had been overwritten by then, if that is some of what was asked for.
        let overwritten: LogTally?
    }

    /// The ring as a watcher finds it.
    struct Membership: Sendable {
        let id: UInt64
        /// The numbers of the oldest line, and of the line to come.
        let first: UInt64
        let next: UInt64
        let overwritten: LogTally
    }

    private struct State {
        /// Line n is in place n modulo the capacity.
        var places: ContiguousArray<Line?>
        var first: UInt64 = 1
        var next: UInt64 = 1
        var octets = 0
        var overwritten = LogTally()
        /// Watchers, and whether they tell plugins apart; how many do.
        var members: [UInt64: Bool] = [:]
        var pluginMembers = 0
        var lastMember: UInt64 = 0
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Void, Never>)] = []

        func place(_ sequence: UInt64) -> Int { Int(sequence % UInt64(self.places.count)) }
    }

    private let state: Mutex<State>
    private let maxOctets: Int
    /// How often a new line woke a watcher.
    let wakeUps = Atomic<UInt64>(0)

    init(maxLines: Int = LogRing.maxLines, maxOctets: Int = LogRing.maxOctets) {
        self.state = Mutex(State(places: ContiguousArray(repeating: nil, count: max(1, maxLines))))
        self.maxOctets = maxOctets
    }

    /// The numbers of the lines that are there.
    var sequences: Range<UInt64> { self.state.withLock { $0.first..<$0.next } }
    /// What they take.
    var octets: Int { self.state.withLock { $0.octets } }
    /// How many watchers wait now.
    var waiters: Int { self.state.withLock { $0.waiting.count } }

    // MARK: Lines

    /// Takes a line that is `octets` long, and wakes those who wait for one.
    func append(_ event: LoggingEvent, octets: Int, isOrdinary: Bool) {
        guard octets > LoggingEvent.smallOctets else {
            return self.keep(event, octets: octets, isOrdinary: isOrdinary)
        }
        let event = event.cut
        self.keep(event, octets: event.octets, isOrdinary: isOrdinary)
    }

    private func keep(_ event: LoggingEvent, octets: Int, isOrdinary: Bool) {
        let waiting = self.state.withLock { state in
            while state.first < state.next,
                state.next - state.first == UInt64(state.places.count) || state.octets + octets > self.maxOctets
            {
                Self.overwrite(&state)
            }
            state.places[state.place(state.next)] = Line(event: event, isOrdinary: isOrdinary, octets: octets)
            state.next += 1
            state.octets += octets
            guard !state.waiting.isEmpty else { return state.waiting }
            defer { state.waiting = [] }
            return state.waiting
        }
        guard !waiting.isEmpty else { return }
        self.wakeUps.wrappingAdd(UInt64(waiting.count), ordering: .relaxed)
        for waiter in waiting { waiter.continuation.resume() }
    }

    private static func overwrite(_ state: inout State) {
        // Taken, not copied: this is done for every line.
        if let line = state.places[state.place(state.first)].take() {
            state.octets -= line.octets
            state.overwritten.count(
                line.event.level, line.event.plugin, isOrdinary: line.isOrdinary, byPlugin: state.pluginMembers > 0)
        }
        state.first += 1
    }

    /// At most `limit` lines, beginning with the given one, or with the oldest if that is gone.
    func read(from sequence: UInt64, limit: Int) -> Slice {
        self.state.withLock { state in
            let start = max(sequence, state.first)
            var lines: [Line] = []
            if start < state.next, limit > 0 {
                let end = start + min(UInt64(limit), state.next - start)
                lines.reserveCapacity(Int(end - start))
                for number in start..<end {
                    if let line = state.places[state.place(number)] { lines.append(line) }
                }
            }
            return Slice(
                start: start, lines: lines, overwritten: sequence < state.first ? state.overwritten : nil)
        }
    }

    // MARK: Watchers

    /// Lets a watcher wait; it must leave.
    func join(byPlugin: Bool) -> Membership {
        self.state.withLock { state in
            state.lastMember += 1
            state.members[state.lastMember] = byPlugin
            if byPlugin { state.pluginMembers += 1 }
            return Membership(
                id: state.lastMember, first: state.first, next: state.next, overwritten: state.overwritten)
        }
    }

    /// Ends what `join` began; a waiter wakes.
    func leave(_ id: UInt64) {
        self.wake(id) { state in
            guard state.members.removeValue(forKey: id) == true else { return }
            state.pluginMembers -= 1
            if state.pluginMembers == 0 { state.overwritten.forgetPlugins() }
        }
    }

    /// Resumes the continuation as soon as there is the given line.
    /// - Returns: false if it need not wait; then nothing is kept.
    func wait(_ id: UInt64, for sequence: UInt64, _ continuation: CheckedContinuation<Void, Never>) -> Bool {
        self.state.withLock { state in
            guard state.members[id] != nil, sequence >= state.next else { return false }
            state.waiting.append((id, continuation))
            return true
        }
    }

    /// Wakes a watcher if it waits.
    func wake(_ id: UInt64) { self.wake(id) { _ in } }

    private func wake(_ id: UInt64, _ change: (inout State) -> Void) {
        let woken = self.state.withLock { state in
            change(&state)
            let woken = state.waiting.filter { $0.id == id }
            if !woken.isEmpty { state.waiting.removeAll { $0.id == id } }
            return woken
        }
        for waiter in woken { waiter.continuation.resume() }
    }
}

/// Counts lines by level and, while somebody wants that, by plugin.
struct LogTally: Sendable {
    /// By level, ordinary lines first.
    typealias Counts = InlineArray<16, UInt64>
    private static let maxPlugins = 1024

    private var all = Counts(repeating: 0)
    private var plugins: [String: Counts] = [:]

    mutating func count(_ level: LogLevel, _ plugin: String?, isOrdinary: Bool, byPlugin: Bool) {
        let index = Int(level.rawValue) + (isOrdinary ? 0 : 8)
        self.all[index] += 1
        guard byPlugin, let plugin else { return }
        guard self.plugins.count < Self.maxPlugins || self.plugins[plugin] != nil else { return }
        self.plugins[plugin, default: Counts(repeating: 0)][index] += 1
    }

    mutating func forgetPlugins() { self.plugins = [:] }

    /// How many pass a filter. For one that tells plugins apart, only differences mean something: lines that were
    /// counted before it came count as the server's.
    func passing(_ sieve: inout LogSieve) -> UInt64 {
        guard sieve.tellsPluginsApart else { return Self.passing(self.all, nil, &sieve) }
        var sum: UInt64 = 0
        var rest = self.all
        for (plugin, counts) in self.plugins {
            sum += Self.passing(counts, plugin, &sieve)
            for index in counts.indices { rest[index] -= min(rest[index], counts[index]) }
        }
        return sum + Self.passing(rest, nil, &sieve)
    }

    private static func passing(_ counts: Counts, _ plugin: String?, _ sieve: inout LogSieve) -> UInt64 {
        var sum: UInt64 = 0
        for level in LogLevel.allCases {
            let index = Int(level.rawValue)
            if sieve.passes(level, plugin, isOrdinary: true) { sum += counts[index] }
            if sieve.passes(level, plugin, isOrdinary: false) { sum += counts[index + 8] }
        }
        return sum
    }
}
