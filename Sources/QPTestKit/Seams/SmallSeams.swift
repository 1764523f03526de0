// SmallSeams.swift
//
// Chance, heavy work, the log and its files, without anything outside.

public import QPHooks
import Synchronization

/// Random bits that are the same in every run.
public final class SeededRandom: RandomSource {
    private let state: Mutex<UInt64>

    /// Begins at a seed.
    public init(seed: UInt64 = 1) {
        self.state = Mutex(seed)
    }

    /// The next bits (SplitMix64).
    public func next(origin: EffectOrigin) -> UInt64 {
        self.state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var bits = state
            bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
            return bits ^ bits >> 31
        }
    }
}

/// Does heavy work at once, where it is asked for.
public final class InlineOffloader: Offloader {
    private let count = Mutex(0)

    /// Makes one.
    public init() {}

    /// How often work was given away.
    public var runs: Int { self.count.withLock { $0 } }

    /// Does the work.
    /// - Throws: what the work throws.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        self.count.withLock { $0 += 1 }
        return try work()
    }
}

/// Keeps every log line.
public final class CapturingLog: LogSink {
    private let kept = Mutex<[LoggingEvent]>([])

    /// An empty log.
    public init() {}

    /// Every line, in order.
    public var events: [LoggingEvent] { self.kept.withLock { $0 } }
    /// Every line as `LEVEL TEXT`, escaped: `LOGINFO pass, relay client`.
    public var lines: [String] { self.events.map { "\($0.level.name) \($0.text.logEscaped)" } }

    /// Everything is taken.
    public func accepts(_ level: LogLevel, plugin: String?) -> Bool { true }

    /// Keeps a line.
    public func log(_ event: LoggingEvent) { self.kept.withLock { $0.append(event) } }
}

/// Keeps what logging plugins write.
public final class CapturingOutput: LineOutput {
    private let kept = Mutex<[(line: String, level: LogLevel)]>([])
    /// Minutes that local time is ahead of UTC.
    public let zone: Int

    /// Nothing written.
    public init(zone: Int = 0) {
        self.zone = zone
    }

    /// Every line, in order.
    public var lines: [String] { self.kept.withLock { $0.map(\.line) } }
    /// The level of every line, in order.
    public var levels: [LogLevel] { self.kept.withLock { $0.map(\.level) } }

    /// Keeps a line.
    public func write(_ line: String, for event: LoggingEvent) {
        self.kept.withLock { $0.append((line, event.level)) }
    }
}

/// Live sessions as a test wants them.
public struct FakeLiveAddresses: LiveAddresses {
    private let addresses: [IPAddress]

    /// One session for each address; texts that are none are left out.
    public init(_ addresses: [String] = []) {
        self.addresses = addresses.compactMap { IPAddress($0) }
    }

    /// The number of sessions; IPv6 addresses count by /64.
    public func count(of address: IPAddress) -> Int {
        self.addresses.count { $0.accountingPrefix == address.accountingPrefix }
    }

    /// All of them.
    public func all() -> [IPAddress] { self.addresses }
}
