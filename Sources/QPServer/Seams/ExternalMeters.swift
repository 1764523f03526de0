// ExternalMeters.swift
//
// What the server asks of others: how often, how long, with which result, and what is still open.

import QPHooks
package import QPTelemetry
import Synchronization

/// Counts requests to what is outside, by kind and name. A request has one result at most; one whose caller was
/// cancelled has none: a client that hangs up is no fault of the DNS. It counts as a request, and while it lasts as one
/// in flight, which is how a server that never answers is seen even when every caller gives up first.
package final class ExternalMeters: Sendable {
    /// What is asked.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case dns
        case nextHop = "next_hop"
        case store
        case http

        /// How exporters call it.
        package var label: String { self == .nextHop ? "connect" : self.rawValue }
    }

    /// How it ended.
    enum Result: Sendable, Hashable {
        case ok
        case error(String)
        case timeout(String)
        /// The caller was cancelled.
        case abandoned
    }

    /// A request that was begun.
    struct Ticket: Sendable, Hashable {
        fileprivate let key: Key
        fileprivate let number: UInt64
    }

    /// The two waits that a connection may have at once. A plain request waits to read.
    enum Side: Sendable {
        case reading
        case writing
    }

    fileprivate struct Key: Sendable, Hashable {
        let kind: Kind
        let name: String
    }

    private struct State {
        var backends: [Key: MeteredBackend] = [:]
        var number: UInt64 = 0
    }

    /// Names of a kind that are told apart; the others share one. Names may come from messages.
    static let maxNames = 64
    static let other = "other"

    private let monotonic: @Sendable () -> Int64
    private let wall: @Sendable () -> Int64
    private let state = Mutex(State())

    /// Nothing counted yet.
    /// - Parameters:
    ///   - monotonic: nanoseconds on a clock that never goes back; the system's by default.
    ///   - wall: nanoseconds since 1970.
    package init(monotonic: (@Sendable () -> Int64)? = nil, wall: (@Sendable () -> Int64)? = nil) {
        self.monotonic = monotonic ?? { SystemCall.monotonic }
        self.wall = wall ?? { SystemCall.wall }
    }

    // MARK: Counting

    /// Gives a backend its row before it is asked anything.
    func expect(_ kind: Kind, _ name: String) {
        self.state.withLock { state in
            let key = Self.key(kind, name, state)
            state.backends[key, default: MeteredBackend()].touch()
        }
    }

    /// A request begins, and waits.
    func begin(_ kind: Kind, _ name: String) -> Ticket {
        let now = self.monotonic()
        return self.state.withLock { state in
            state.number &+= 1
            let key = Self.key(kind, name, state)
            state.backends[key, default: MeteredBackend()].begin(state.number, now)
            return Ticket(key: key, number: state.number)
        }
    }

    /// A connection stands: its time is what it took to connect. It is in flight until it ends, and waits for nothing.
    func established(_ ticket: Ticket) {
        let now = self.monotonic()
        self.change(ticket) { $0.established(ticket.number, now) }
    }

    /// Something is awaited from a connection.
    func waits(_ ticket: Ticket, _ side: Side) {
        let now = self.monotonic()
        self.change(ticket) { $0.waits(ticket.number, side, since: now) }
    }

    /// It came, or not: the first failure of a connection is its result.
    func waited(_ ticket: Ticket, _ side: Side, _ result: Result) {
        let wall = self.wall()
        self.change(ticket) { $0.waited(ticket.number, side, result, wall) }
    }

    /// A request is over; once only.
    func end(_ ticket: Ticket, _ result: Result) {
        let (now, wall) = (self.monotonic(), self.wall())
        self.change(ticket) { $0.end(ticket.number, result, now, wall) }
    }

    /// Measures a request; `failure` says what an error is, `success` what a value is, if not always fine.
    func measure<Value, Failure: Error>(
        _ kind: Kind, _ name: String, failure: (Failure) -> Result, success: (Value) -> Result = { _ in .ok },
        _ request: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let ticket = self.begin(kind, name)
        do throws(Failure) {
            let value = try await request()
            self.end(ticket, success(value))
            return value
        } catch {
            self.end(ticket, Task.isCancelled ? .abandoned : failure(error))
            throw error
        }
    }

    private func change(_ ticket: Ticket, _ change: (inout MeteredBackend) -> Void) {
        self.state.withLock { state in
            guard var backend = state.backends.removeValue(forKey: ticket.key) else { return }
            change(&backend)
            state.backends[ticket.key] = backend
        }
    }

    private static func key(_ kind: Kind, _ name: String, _ state: borrowing State) -> Key {
        let key = Key(kind: kind, name: name)
        if state.backends[key] != nil { return key }
        let names = state.backends.keys.count { $0.kind == kind && $0.name != Self.other }
        return names < Self.maxNames ? key : Key(kind: kind, name: Self.other)
    }

    // MARK: Reading

    /// A row for each backend, by kind and name. `now` is in nanoseconds on the meters' clock, or `nil`.
    package func rows(now: Int64? = nil) -> [BackendRow] {
        let now = now ?? self.monotonic()
        let backends = self.state.withLock(\.backends)
        return Kind.allCases.flatMap { kind in
            backends.filter { $0.key.kind == kind }.sorted { $0.key.name < $1.key.name }.map { key, backend in
                backend.row(kind.rawValue, key.name, now)
            }
        }
    }

    /// Requests that ended, by kind (`dns`, `connect`, `store`, `http`) and result (`ok`, `error`, `timeout`): every
    /// pair, also those that never happened.
    package func counts() -> [(kind: String, result: String, count: UInt64)] {
        let backends = self.state.withLock(\.backends)
        return Kind.allCases.flatMap { kind in
            let mine = backends.filter { $0.key.kind == kind }.values
            return [
                (kind.label, "ok", mine.reduce(0) { $0 &+ $1.successes }),
                (kind.label, "error", mine.reduce(0) { $0 &+ $1.errors }),
                (kind.label, "timeout", mine.reduce(0) { $0 &+ $1.timeouts }),
            ]
        }
    }

    /// Requests that are not over, by kind; connections as long as they are open.
    package func inFlight() -> [(kind: String, count: Int)] {
        let backends = self.state.withLock(\.backends)
        return Kind.allCases.map { kind in
            (kind.label, backends.reduce(0) { $0 + ($1.key.kind == kind ? $1.value.inFlight : 0) })
        }
    }
}

extension ExternalMeters.Result {
    /// What an effect's failure means for the one who was asked.
    static func of(_ error: EffectError) -> Self {
        switch error {
        case .timedOut: .timeout(error.description)
        // Nobody was asked.
        case .refusedInShadow: .abandoned
        case .unavailable, .failed, .closed, .tooLong: .error(error.description)
        }
    }
}
