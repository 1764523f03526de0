// HopPool.swift
//
// RFC 5321 §4.1.1.5 (RSET): connections to next hops that wait for the next message, and which hop is asked first

import QPHooks
import Synchronization

/// A connection that has been opened and introduced.
struct HopConnection: Sendable {
    var client: SMTPClient
    let hop: NextHop
    let openedAt: MonotonicTime
    var messages = 0

    func quit() async {
        var client = self.client
        await client.quit()
    }
}

/// What a queue plugin keeps between messages.
final class HopPool: Sendable {
    private static let lifetime = Duration.seconds(300), rest = Duration.seconds(30)
    private static let maxIdle = 20

    private struct Waiting {
        var connection: HopConnection
        let since: MonotonicTime
    }

    private struct State {
        var waiting: [Waiting] = []
        var failedAt: [NextHop: MonotonicTime] = [:]
        var turn = 0
    }

    private let hops: [NextHop]
    private let options: ForwardOptions
    private let state = Mutex(State())

    init(_ hops: [NextHop], _ options: ForwardOptions) {
        self.hops = hops
        self.options = options
    }

    /// The hops in the order in which they are to be asked: those that failed lately come last.
    func order(_ now: MonotonicTime) -> [NextHop] {
        self.state.withLock { state in
            var hops = self.hops
            if self.options.isRoundRobin {
                let first = state.turn % hops.count
                state.turn = (first + 1) % hops.count
                hops = Array(hops[first...] + hops[..<first])
            }
            let resting = Set(hops.filter { hop in state.failedAt[hop].map { now.since($0) < Self.rest } ?? false })
            return hops.filter { !resting.contains($0) } + hops.filter(resting.contains)
        }
    }

    func failed(_ hop: NextHop, _ now: MonotonicTime) { self.state.withLock { $0.failedAt[hop] = now } }
    func succeeded(_ hop: NextHop) { self.state.withLock { $0.failedAt[hop] = nil } }

    /// A waiting connection to a hop, the one that waits for the shortest time, and those that are too old.
    func take(
        _ hop: NextHop, atLeast security: SMTPClient.Security, _ now: MonotonicTime
    ) -> (found: HopConnection?, old: [HopConnection]) {
        self.state.withLock { state in
            let old = Self.removeOld(&state, now, self.options.idle)
            let index = state.waiting.lastIndex {
                $0.connection.hop == hop && $0.connection.client.security >= security
            }
            guard let index else { return (nil, old) }
            return (state.waiting.remove(at: index).connection, old)
        }
    }

    /// Keeps a connection for the next message; false if it should be closed.
    func keep(_ connection: HopConnection, _ now: MonotonicTime) -> Bool {
        guard connection.messages < self.options.messages, now.since(connection.openedAt) < Self.lifetime else {
            return false
        }
        return self.state.withLock { state in
            guard state.waiting.count < Self.maxIdle else { return false }
            state.waiting.append(Waiting(connection: connection, since: now))
            return true
        }
    }

    /// The connections that wait for too long; all of them if there is no time.
    func removeOld(_ now: MonotonicTime?) -> [HopConnection] {
        self.state.withLock { state in
            guard let now else {
                defer { state.waiting = [] }
                return state.waiting.map(\.connection)
            }
            return Self.removeOld(&state, now, self.options.idle)
        }
    }

    /// Closes what waits for too long, and in the end everything.
    func sweep(_ clock: any SessionClock) async {
        do {
            while true {
                try await clock.sleep(for: self.options.idle)
                for connection in self.removeOld(clock.now) { await connection.quit() }
            }
        } catch {
            for connection in self.removeOld(nil) { await connection.quit() }
        }
    }

    private static func removeOld(
        _ state: inout State, _ now: MonotonicTime, _ idle: Duration
    ) -> [HopConnection] {
        let isOld = { (waiting: Waiting) in
            now.since(waiting.since) >= idle || now.since(waiting.connection.openedAt) >= Self.lifetime
        }
        let old = state.waiting.filter(isOld).map(\.connection)
        state.waiting.removeAll(where: isOld)
        return old
    }
}
