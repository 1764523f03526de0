// LoopCounters.swift
//
// What one loop counts; read by hopping to the loop and copying.

import Glibc
import QPHooks
public import QPTelemetry
import Synchronization

/// Numbers the plugins of the process by name, so that counts go on across reloads.
final class PluginNumbers: Sendable {
    static let shared = PluginNumbers()
    /// Plugins beyond share the last number.
    static let limit = 512
    private let names = Mutex<[String]>([])

    func number(of name: String) -> Int {
        self.names.withLock { names in
            if let index = names.firstIndex(of: name) { return index }
            guard names.count < Self.limit - 1 else { return Self.limit - 1 }
            names.append(name)
            return names.count - 1
        }
    }

    var all: [String] { self.names.withLock { $0 } }
}

/// Counts of one loop. Loop-local, but for reading `ServerCounters` of another loop after its threads are gone.
public final class LoopCounters: @unchecked Sendable {
    // Invariant: touched on the loop only. Raw memory, because a counted class property costs an exclusivity check for
    // every increment; pages that no plugin touches stay unmapped.
    private let verdicts: UnsafeMutablePointer<UInt64>
    private let latencies: UnsafeMutablePointer<UInt32>
    private let replies: UnsafeMutablePointer<UInt64>
    private let tallies: UnsafeMutablePointer<UInt64>
    /// Everything that is not a hook run.
    @exclusivity(unchecked) public var server = ServerCounters()

    static let hooks = HookID.allCases.count
    static let fields = 14
    private static let cells = PluginNumbers.limit * hooks
    private static let replyCodes = 600

    /// Where the tallies of one kind begin.
    enum Tally {
        static let commands = 0
        static let disconnects = 16
        static let sizes = Self.disconnects + 32
        static let durations = Self.sizes + ServerCounters.sizeBuckets
        static let admissions = Self.durations + LatencyScale.count
        static let count = Self.admissions + LatencyScale.count
    }

    init() {
        self.verdicts = Self.zeroed(UInt64.self, Self.cells * Self.fields)
        self.latencies = Self.zeroed(UInt32.self, Self.cells * LatencyScale.count)
        self.replies = Self.zeroed(UInt64.self, Self.replyCodes)
        self.tallies = Self.zeroed(UInt64.self, Tally.count)
    }

    deinit {
        munmap(self.verdicts, Self.cells * Self.fields * 8)
        munmap(self.latencies, Self.cells * LatencyScale.count * 4)
        munmap(self.replies, Self.replyCodes * 8)
        munmap(self.tallies, Tally.count * 8)
    }

    /// Pages that cost nothing until they are touched, and then four kilobytes, not a huge page.
    private static func zeroed<Element: BitwiseCopyable>(
        _ type: Element.Type, _ count: Int
    ) -> UnsafeMutablePointer<Element> {
        let size = count * MemoryLayout<Element>.stride
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else {
            let memory = UnsafeMutablePointer<Element>.allocate(capacity: count)
            memset(memory, 0, size)
            return memory
        }
        madvise(memory, size, MADV_NOHUGEPAGE)
        return memory.bindMemory(to: type, capacity: count)
    }

    /// The fields behind the seven verdicts.
    enum Field: Int {
        case errors = 7, timeouts, shadowRuns, shadowDifferences, brokenOff, stragglers, nanoseconds
    }

    @inline(__always)
    func ran(_ cell: Int, _ verdict: ReturnCode, nanoseconds: UInt64, bucket: UInt8) {
        let base = self.verdicts + cell &* Self.fields
        base[Int(verdict.rawValue)] &+= 1
        base[Field.nanoseconds.rawValue] &+= nanoseconds
        self.latencies[cell &* LatencyScale.count &+ Int(bucket)] &+= 1
    }

    func count(_ cell: Int, _ field: Field) {
        self.verdicts[cell &* Self.fields &+ field.rawValue] &+= 1
    }

    @inline(__always)
    func replied(_ code: Int) {
        guard code >= 0, code < Self.replyCodes else { return }
        self.replies[code] &+= 1
    }

    @inline(__always)
    func heard(_ verb: Verb) { self.tallies[Tally.commands &+ Int(verb.rawValue)] &+= 1 }

    /// A session is over.
    func ended(in phase: SessionPhase, by end: SessionEnd, nanoseconds: UInt64) {
        let place = Int(phase.place) * SessionEnd.allCases.count + Int(end.rawValue)
        self.tallies[Tally.disconnects + place] &+= 1
        self.tallies[Tally.durations + Int(LatencyScale.bucket(of: nanoseconds))] &+= 1
        self.server.durationSum &+= nanoseconds
    }

    /// A client was welcome, after its pre-connection plugins.
    func admitted(nanoseconds: UInt64) {
        self.tallies[Tally.admissions + Int(LatencyScale.bucket(of: nanoseconds))] &+= 1
        self.server.admissionSum &+= nanoseconds
    }

    /// A message was received whole.
    @inline(__always)
    func received(octets: Int) {
        self.server.messageOctets &+= UInt64(truncatingIfNeeded: octets)
        let power = Int.bitWidth &- max(0, octets &- 1).leadingZeroBitCount &- 10
        self.tallies[Tally.sizes &+ min(max(0, power), ServerCounters.sizeBuckets &- 1)] &+= 1
    }

    /// Everything that is not zero.
    func statistics() -> [HookStatistics] {
        var result: [HookStatistics] = []
        for (number, name) in PluginNumbers.shared.all.enumerated() {
            for hook in HookID.allCases {
                let cell = number * Self.hooks + Int(hook.rawValue)
                let base = self.verdicts + cell * Self.fields
                guard (0..<Self.fields).contains(where: { base[$0] != 0 }) else { continue }
                var statistics = HookStatistics(plugin: name, hook: hook.name)
                for index in 0..<7 { statistics.verdicts[index] = base[index] }
                statistics.errors = base[Field.errors.rawValue]
                statistics.timeouts = base[Field.timeouts.rawValue]
                statistics.shadowRuns = base[Field.shadowRuns.rawValue]
                statistics.shadowDifferences = base[Field.shadowDifferences.rawValue]
                statistics.brokenOff = base[Field.brokenOff.rawValue]
                statistics.stragglers = base[Field.stragglers.rawValue]
                statistics.nanoseconds = base[Field.nanoseconds.rawValue]
                for bucket in 0..<LatencyScale.count {
                    statistics.latencies[bucket] = self.latencies[cell * LatencyScale.count + bucket]
                }
                result.append(statistics)
            }
        }
        return result
    }

    /// What rates are made of: connections, refused ones, messages queued, rejected and deferred, recipients accepted and
    /// refused, octets, 4xx and 5xx replies, sessions timed out.
    func rates() -> [UInt64] {
        let server = self.server
        var soft: UInt64 = 0, hard: UInt64 = 0
        for code in 400..<500 { soft &+= self.replies[code] }
        for code in 500..<Self.replyCodes { hard &+= self.replies[code] }
        return [
            server.accepted, server.refused, server.queued, server.rejected, server.deferred,
            server.recipientsAccepted, server.recipientsRejected &+ server.recipientsDeferred, server.receivedOctets,
            soft, hard, server.timedOut,
        ]
    }

    /// Everything beside hook runs.
    func serverCounters() -> ServerCounters {
        var counters = self.server
        for code in 0..<Self.replyCodes where self.replies[code] != 0 { counters.replies[code] = self.replies[code] }
        for verb in Verb.allCases {
            let name = verb == .other ? "other" : verb.name
            counters.commands[name] = self.tallies[Tally.commands + Int(verb.rawValue)]
        }
        for (index, phase) in SessionPhase.allCases.enumerated() {
            for end in SessionEnd.allCases {
                let count = self.tallies[Tally.disconnects + index * SessionEnd.allCases.count + Int(end.rawValue)]
                counters.disconnects["\(phase.rawValue) \(end.name)"] = count
            }
        }
        for index in counters.sizes.indices { counters.sizes[index] = self.tallies[Tally.sizes + index] }
        for index in counters.durations.indices {
            counters.durations[index] = self.tallies[Tally.durations + index]
            counters.admissions[index] = self.tallies[Tally.admissions + index]
        }
        return counters
    }
}
