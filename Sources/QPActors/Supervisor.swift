// Supervisor.swift
//
// What spans connections: who may enter, which configuration they get, when the server ends.

package import QPHooks
import Synchronization

/// Whether memory and disk are there for more mail.
public protocol ResourceGauge: Sendable {
    /// Why no mail can be taken now; `nil` if it can.
    func shortage(_ limits: Limits, spoolDirectory: String) -> ResourceShortage?
}

/// What is short.
public enum ResourceShortage: String, Sendable, Hashable {
    case memory, spool, descriptors
}

/// Decides who may enter and owns what changes slowly: the configuration, drain, soft bounce.
public actor Supervisor {
    private let gate: Gate

    /// What admission needs, readable from every loop without waiting.
    private final class Gate: LiveAddresses, Sendable {
        struct State {
            var ledger = ConnectionLedger()
            var generation: Generation
            var isDraining = false
            var waiters: [CheckedContinuation<Void, Never>] = []
            var sequence: UInt64 = 0
            /// What descriptors allow, whatever the configuration says.
            var ceiling: Int
            var bans = BanList()
            var authLedger = AuthLedger()
            /// Connections that have not told yet whom they are for.
            var pending = 0

            /// The limits, with what descriptors allow and what connections to come take away.
            var limits: Limits {
                var limits = self.generation.settings.limits
                limits.maxConnections = min(limits.maxConnections, self.ceiling) - self.pending
                return limits
            }
        }
        let state: Mutex<State>
        let softBounce: Atomic<Bool>

        init(_ generation: Generation, ceiling: Int) {
            self.state = Mutex(State(generation: generation, ceiling: ceiling))
            self.softBounce = Atomic(generation.settings.softBounce)
        }

        func count(of address: IPAddress) -> Int { self.state.withLock { $0.ledger.count(of: address) } }
        func all() -> [IPAddress] { self.state.withLock { $0.ledger.all } }
    }

    /// Starts with a configuration; `ceiling` sessions is all that descriptors allow.
    public init(_ generation: Generation, ceiling: Int = .max) {
        self.gate = Gate(generation, ceiling: ceiling)
    }

    /// A client that may enter.
    package struct Admission: Sendable {
        let generation: Generation
        let number: UInt64
        let live: any LiveAddresses
    }

    /// Takes a place for a client, or says why there is none. Called on a loop, never waits.
    package nonisolated func admit(_ address: IPAddress) -> Result<Admission, ConnectionRefused> {
        self.gate.state.withLock { state in
            if !state.bans.isEmpty, state.bans.hits(address) {
                return .failure(ConnectionRefused(reason: .banned, generation: state.generation))
            }
            if state.isDraining { return .failure(ConnectionRefused(reason: .draining, generation: state.generation)) }
            if let refusal = state.ledger.reserve(address, state.limits) {
                return .failure(ConnectionRefused(reason: refusal, generation: state.generation))
            }
            state.sequence += 1
            let others = OtherClients(of: address, among: self.gate)
            return .success(Admission(generation: state.generation, number: state.sequence, live: others))
        }
    }

    /// Takes a place for a connection whose proxy has not said yet whom it is for; false if there is none. They have a
    /// quarter of all places at most.
    package nonisolated func admitPending() -> Bool {
        self.gate.state.withLock { state in
            let most = min(state.generation.settings.limits.maxConnections, state.ceiling)
            guard !state.isDraining, state.pending < max(1, most / 4), state.ledger.count + state.pending < most else {
                return false
            }
            state.pending += 1
            return true
        }
    }

    /// Gives such a place back.
    package nonisolated func releasePending() {
        self.gate.state.withLock { $0.pending = max(0, $0.pending - 1) }
    }

    /// A session turns out to be somebody else's: its place goes to that address, in any case; says why it should not
    /// have got one.
    package nonisolated func move(_ old: IPAddress, to new: IPAddress) -> ConnectionLedger.Refusal? {
        self.gate.state.withLock { state in
            let isBanned = !state.bans.isEmpty && state.bans.hits(new)
            state.ledger.release(old)
            let refusal = state.ledger.reserve(new, state.limits)
            if refusal != nil { state.ledger.force(new) }
            return isBanned ? .banned : refusal
        }
    }

    /// Who is connected beside a client that has its place already.
    package nonisolated func others(than address: IPAddress) -> any LiveAddresses {
        OtherClients(of: address, among: self.gate)
    }

    /// Gives a client's place back.
    package nonisolated func release(_ address: IPAddress) {
        let waiters = self.gate.state.withLock { state in
            state.ledger.release(address)
            guard state.isDraining, state.ledger.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Reads or changes the bans.
    package nonisolated func bans<Result>(_ body: (inout sending BanList) -> Result) -> Result {
        self.gate.state.withLock { body(&$0.bans) }
    }

    /// Reads or changes who failed to authenticate lately.
    package nonisolated func authLedger<Result>(_ body: (inout sending AuthLedger) -> Result) -> Result {
        self.gate.state.withLock { body(&$0.authLedger) }
    }

    /// The most sessions at once: the configured limit, or what descriptors allow.
    public nonisolated var sessionsLimit: Int {
        self.gate.state.withLock { min($0.generation.settings.limits.maxConnections, $0.ceiling) }
    }

    /// Live sessions.
    public nonisolated var sessions: Int { self.gate.state.withLock { $0.ledger.count } }

    /// The configuration that new sessions get.
    public nonisolated var generation: Generation { self.gate.state.withLock { $0.generation } }

    /// Gives new sessions another configuration.
    public func use(_ generation: Generation) {
        self.gate.state.withLock { $0.generation = generation }
        self.gate.softBounce.store(generation.settings.softBounce, ordering: .relaxed)
    }

    /// Whether new connections are turned away.
    public nonisolated var isDraining: Bool { self.gate.state.withLock { $0.isDraining } }

    /// Turns new connections away, or takes them again.
    public func setDraining(_ isDraining: Bool) { self.gate.state.withLock { $0.isDraining = isDraining } }

    /// Waits until no session is left; `setDraining` first.
    public nonisolated func allGone() async {
        await withCheckedContinuation { continuation in
            let isEmpty = self.gate.state.withLock { state in
                guard state.ledger.count > 0 else { return true }
                state.waiters.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// Lets those who wait in `allGone` go on.
    package nonisolated func forgetWaiters() {
        let waiters = self.gate.state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Whether every 5xx leaves as 4xx; from every loop.
    public nonisolated var isSoftBouncing: Bool { self.gate.softBounce.load(ordering: .relaxed) }

    /// Switches soft bounce.
    public func setSoftBounce(_ isOn: Bool) { self.gate.softBounce.store(isOn, ordering: .relaxed) }
}

/// A client that may not enter, and why.
package struct ConnectionRefused: Error, Sendable {
    package let reason: ConnectionLedger.Refusal
    package let generation: Generation

    /// What the client is told (RFC 5321 §3.1, §3.8).
    package var reply: Reply {
        switch self.reason {
        case .total: Reply(421, .congestion, "too many connections, try again later")
        case .address: Reply(451, .securityPolicy, "too many connections from your address, try again later")
        case .draining: Reply(421, .systemNotAccepting, "service shutting down, try again later")
        case .resources: Reply(421, .systemNotAccepting, "out of resources, try again later")
        case .banned: Reply(554, .notAuthorized, "access denied")
        }
    }
}

/// Who is connected beside a client that has just come and has its place already.
private struct OtherClients: LiveAddresses {
    let address: IPAddress
    let clients: any LiveAddresses

    init(of address: IPAddress, among clients: any LiveAddresses) {
        self.address = address
        self.clients = clients
    }

    func count(of address: IPAddress) -> Int {
        let count = self.clients.count(of: address)
        return address.accountingPrefix == self.address.accountingPrefix ? max(count - 1, 0) : count
    }

    func all() -> [IPAddress] {
        var all = self.clients.all()
        if let own = all.firstIndex(of: self.address.accountingPrefix) { all.remove(at: own) }
        return all
    }
}
