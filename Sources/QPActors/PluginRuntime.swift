// PluginRuntime.swift
//
// What outlives generations of one plugin line (name and arguments): mode, time limit, breaker.

public import QPHooks
import Synchronization

/// The live switches of one plugin, shared by all loops and generations.
public final class PluginRuntime: Sendable {
    /// The name in configuration, with its instance number.
    public let name: String
    /// The first of its cells in every loop's counters.
    let cell: Int
    private let modeByte: Atomic<UInt8>
    private let timeoutNanoseconds: Atomic<Int64>
    private let policyByte: Atomic<UInt8>
    private let logByte: Atomic<UInt8>
    private let breakerState: Mutex<Breaker>
    private let configured: Mutex<PluginPolicy>
    /// 0: closed and without failures, so that the normal path needs no lock.
    private let breakerAlert = Atomic<Bool>(false)
    private let left = Atomic<UInt64>(0)

    /// Makes the switches of a plugin line.
    public init(name: String, policy: PluginPolicy) {
        self.name = name
        self.cell = PluginNumbers.shared.number(of: name) * LoopCounters.hooks
        self.modeByte = Atomic(policy.mode.rawValue)
        self.timeoutNanoseconds = Atomic(policy.timeout.clampedNanoseconds)
        self.policyByte = Atomic(policy.onError.rawValue)
        self.logByte = Atomic(policy.logLevel?.rawValue ?? LogLevel.debug.rawValue)
        self.breakerState = Mutex(Breaker(threshold: policy.breaker))
        self.configured = Mutex(policy)
        self.isUnusual(false, policy.mode != .on)
    }

    /// What the configuration says; setting it switches everything to that.
    public var policy: PluginPolicy {
        get { self.configured.withLock { $0 } }
        set {
            self.configured.withLock { $0 = newValue }
            self.mode = newValue.mode
            self.timeout = newValue.timeout
            self.failurePolicy = newValue.onError
            self.logLevel = newValue.logLevel ?? .debug
        }
    }

    /// How it takes part; may be changed at any time.
    public var mode: PluginMode {
        get { PluginMode(rawValue: self.modeByte.load(ordering: .relaxed)) ?? .on }
        set {
            let before = self.modeByte.exchange(newValue.rawValue, ordering: .relaxed)
            self.isUnusual(before != PluginMode.on.rawValue, newValue != .on)
        }
    }

    /// How long a waiting handler may take.
    public var timeout: Duration {
        get { .nanoseconds(self.timeoutNanoseconds.load(ordering: .relaxed)) }
        set { self.timeoutNanoseconds.store(newValue.clampedNanoseconds, ordering: .relaxed) }
    }

    /// What stands for it when it fails.
    public var failurePolicy: FailurePolicy {
        get { FailurePolicy(rawValue: self.policyByte.load(ordering: .relaxed)) ?? .standard }
        set { self.policyByte.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// The level up to which its lines are logged.
    public var logLevel: LogLevel {
        get { LogLevel(rawValue: self.logByte.load(ordering: .relaxed)) ?? .debug }
        set { self.logByte.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Handlers that went on after their time limit and still run.
    public var stragglers: UInt64 { self.left.load(ordering: .relaxed) }

    /// How many runtimes are off, in shadow, or have failures to count: while none is, chains run without asking each.
    private static let unusualCount = Atomic<Int>(0)

    /// Whether any plugin of the process needs a look before it runs.
    @inline(__always)
    static var anyUnusual: Bool { Self.unusualCount.load(ordering: .relaxed) != 0 }

    private func isUnusual(_ was: Bool, _ now: Bool) {
        if was != now { Self.unusualCount.wrappingAdd(now ? 1 : -1, ordering: .relaxed) }
    }

    deinit {
        if self.mode != .on { Self.unusualCount.wrappingAdd(-1, ordering: .relaxed) }
        if self.breakerAlert.load(ordering: .relaxed) { Self.unusualCount.wrappingAdd(-1, ordering: .relaxed) }
    }

    package func leftBehind() { self.left.wrappingAdd(1, ordering: .relaxed) }
    package func cameBack() { self.left.wrappingSubtract(1, ordering: .relaxed) }

    // MARK: Breaker

    /// What the breaker says.
    public var breaker: Breaker.State { self.breakerState.withLock { $0.state } }

    /// Whether a handler may run now; false: the failure policy answers at once.
    package func mayRun(at now: MonotonicTime) -> Bool {
        guard self.breakerAlert.load(ordering: .relaxed) else { return true }
        return self.breakerState.withLock { $0.mayRun(at: now) }
    }

    /// A handler answered.
    package func succeeded() {
        guard self.breakerAlert.load(ordering: .relaxed) else { return }
        self.breakerState.withLock { breaker in
            breaker.succeeded()
            self.isUnusual(self.breakerAlert.exchange(false, ordering: .relaxed), false)
        }
    }

    /// A handler threw or ran out of time. True when this opened the breaker.
    package func failed(from network: IPAddress, at now: MonotonicTime) -> Bool {
        self.breakerState.withLock { breaker in
            self.isUnusual(self.breakerAlert.exchange(true, ordering: .relaxed), true)
            return breaker.failed(from: network, at: now)
        }
    }
}

/// Opens after a number of failures in a row from at least three networks; half open, it lets one run probe.
public struct Breaker: Sendable, Hashable {
    /// What the breaker says.
    public enum State: String, Sendable, Hashable, Codable {
        /// Handlers run.
        case closed
        /// The failure policy answers at once.
        case open
        /// One handler runs to see whether things are well again.
        case halfOpen
    }

    /// Networks that must have seen a failure.
    static let networks = 3
    /// How long it stays open before a probe.
    static let pause = Duration.seconds(30)

    /// What the breaker says.
    public private(set) var state = State.closed
    private let threshold: Int
    private var failures = 0
    private var sources: Set<IPAddress> = []
    private var probeAt = MonotonicTime(nanoseconds: 0)

    /// Makes a closed breaker; a threshold of 0 never opens.
    public init(threshold: Int) {
        self.threshold = threshold
    }

    mutating func mayRun(at now: MonotonicTime) -> Bool {
        switch self.state {
        case .closed: return true
        case .halfOpen, .open:
            guard now >= self.probeAt else { return false }
            self.state = .halfOpen
            self.probeAt = now.advanced(by: Self.pause)
            return true
        }
    }

    mutating func succeeded() {
        self.state = .closed
        self.failures = 0
        self.sources = []
    }

    mutating func failed(from network: IPAddress, at now: MonotonicTime) -> Bool {
        self.failures = min(self.failures + 1, 1 << 30)
        if self.sources.count < Self.networks { self.sources.insert(network) }
        let isReady = self.failures >= self.threshold && self.sources.count >= Self.networks
        guard self.threshold > 0, self.state == .halfOpen || isReady else { return false }
        let wasOpen = self.state == .open
        self.state = .open
        self.probeAt = now.advanced(by: Self.pause)
        return !wasOpen
    }
}
